"""MCP over HTTP: the same tools, identity from the token, sessions that are their owner's, appends in order."""

import h11
import msgspec
import pytest
import trio
import trio.testing

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


def append(number):
    return {"events": [{"type": "note", "data": {"n": number}}], "stream": "s"}


async def test_a_session_calls_tools_as_the_owner_of_its_token(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect()
        session = await hall.session(wire)
        me = await session.call(1, "whoami", {}, wire)
        assert me["result"]["structuredContent"]["agent"] == "scout"
        appended = await session.call(2, "append_events", append(1), wire)
        assert appended["result"]["structuredContent"]["revisions"] == {"s": 1}


async def test_without_a_session_a_request_says_all_itself(serve_http, autojump_clock):
    async with serve_http() as hall:
        params = {"name": "whoami", "arguments": {}, "_meta": META}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        headers = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": "whoami"}
        reply = await hall.connect().post("/mcp", message, **headers)
        assert reply.status == 200
        assert "mcp-session-id" not in reply.headers
        assert reply.json["result"]["structuredContent"]["agent"] == "scout"


async def test_a_session_is_its_owners_alone(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        other = hall.connect(hall.tokens.add("other"))
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        assert (await other.post("/mcp", message, **session.headers)).status == 404
        assert (await hall.connect().post("/mcp", message, **session.headers)).status == 200


@pytest.mark.parametrize(
    ("body", "code", "request_id"),
    [
        (b"{", -32700, None),
        (b"\xff", -32700, None),
        (b"[]", -32600, None),
        (b'{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":1,"a":2}}', -32600, 7),
        (b'{"jsonrpc":"2.0","id":7,"method":"ping","params":{"a":18446744073709551616}}', -32600, 7),
    ],
)
async def test_the_edge_refuses_what_it_refuses_on_a_websocket(serve_http, autojump_clock, body, code, request_id):
    async with serve_http() as hall:
        reply = await hall.connect().request("POST", "/mcp", body, content_type="application/json")
        assert reply.status == 400
        assert (reply.json["error"]["code"], reply.json["id"]) == (code, request_id)


async def test_appends_of_a_session_keep_the_order_in_which_they_came(serve_http, autojump_clock):
    async with serve_http() as hall, trio.open_nursery() as nursery:
        session = await hall.session()
        first_may_go = trio.Event()

        async def hold_the_first(_operation, what):
            if what.events[0].data == {"n": 0}:
                await first_may_go.wait()
            await trio.lowlevel.checkpoint()

        hall.gate.before = hold_the_first
        for number in range(8):
            nursery.start_soon(session.call, number, "append_events", append(number))
            await trio.testing.wait_all_tasks_blocked()
        assert hall.gate.log.query(stream="s").events == []
        first_may_go.set()
        await trio.testing.wait_all_tasks_blocked()
        assert [event.data["n"] for event in hall.gate.log.query(stream="s").events] == list(range(8))


async def test_sessions_do_not_wait_for_each_other(serve_http, autojump_clock):
    async with serve_http() as hall, trio.open_nursery() as nursery:
        one, two = await hall.session(), await hall.session()

        async def hold_zero(_operation, what):
            if what.events[0].data == {"n": 0}:
                await trio.sleep_forever()
            await trio.lowlevel.checkpoint()

        hall.gate.before = hold_zero
        nursery.start_soon(one.call, 1, "append_events", append(0))
        await trio.testing.wait_all_tasks_blocked()
        assert (await two.call(1, "append_events", append(1)))["result"]["isError"] is False
        nursery.cancel_scope.cancel()


async def test_whoever_leaves_while_waiting_for_a_turn_blocks_nobody(serve_http, autojump_clock):
    async with serve_http() as hall, trio.open_nursery() as nursery:
        session = await hall.session()
        first_may_go = trio.Event()

        async def hold_the_first(_operation, what):
            if what.events[0].data == {"n": 0}:
                await first_may_go.wait()
            await trio.lowlevel.checkpoint()

        hall.gate.before = hold_the_first
        leaving = hall.connect()
        nursery.start_soon(session.call, 0, "append_events", append(0))
        await trio.testing.wait_all_tasks_blocked()
        with trio.move_on_after(1):
            await session.call(1, "append_events", append(1), leaving)
        await leaving.stream.aclose()
        nursery.start_soon(session.call, 2, "append_events", append(2))
        await trio.testing.wait_all_tasks_blocked()
        first_may_go.set()
        await trio.testing.wait_all_tasks_blocked()
        # In this lifecycle a request goes on without its client, in its turn.
        assert [event.data["n"] for event in hall.gate.log.query(stream="s").events] == [0, 1, 2]


async def test_an_append_that_mcp_refuses_gives_up_its_turn(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        params = {"name": "append_events", "arguments": append(0)}
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
        body = msgspec.json.encode(message)
        refused = await hall.connect().request("POST", "/mcp", body, accept="text/html", **session.headers)
        assert refused.status in {400, 406}
        assert (await session.call(2, "append_events", append(1)))["result"]["isError"] is False


async def test_a_stream_of_notifications_ends_when_the_server_stops(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        wire = hall.connect()
        await wire.begin("GET", "/mcp", accept="text/event-stream", **session.headers)
        assert (await wire.event()).status_code == 200
        hall.stop()
        assert await wire.ended()


async def test_a_deleted_session_is_gone(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        assert (await hall.connect().request("DELETE", "/mcp", **session.headers)).status == 200
        reply = await hall.connect().post("/mcp", {"jsonrpc": "2.0", "id": 1, "method": "ping"}, **session.headers)
        assert reply.status == 404


async def heard(wire) -> str:
    """Return the method of the next message of an event stream; empty if it ends, or nothing comes."""
    with trio.move_on_after(5):
        while isinstance(event := await wire.event(), h11.Data):
            for line in event.data.decode().splitlines():
                if line.startswith("data: "):
                    return msgspec.json.decode(line.removeprefix("data: "))["method"]
    return ""


async def test_a_session_is_told_of_changed_resources_whichever_connection_it_subscribed_on(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        stream = hall.connect()
        await stream.begin("GET", "/mcp", accept="text/event-stream", **session.headers)
        await stream.event()
        await session.ask("resources/subscribe", uri="policy://active")
        hall.gate.views.policy = "p2"
        assert await heard(stream) == "notifications/resources/updated"
        await session.ask("resources/unsubscribe", uri="policy://active")
        hall.gate.views.policy = "p3"
        assert await heard(stream) == ""


async def test_a_session_that_has_ended_is_forgotten(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        await session.ask("resources/subscribe", uri="policy://active")
        assert len(hall.updates._subscribed) == 1
        await hall.connect().request("DELETE", "/mcp", **session.headers)
        assert hall.updates._subscribed == {}
        hall.gate.views.policy = "p2"
        await trio.sleep(1)
        assert hall.crashes == []


async def test_a_session_nobody_uses_ends_and_is_forgotten(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        await session.ask("resources/subscribe", uri="policy://active")
        told = len(hall.gate.disconnections)
        await trio.sleep(3600)
        assert hall.updates._subscribed == {}
        assert len(hall.gate.disconnections) > told


async def test_a_session_is_one_caller_whatever_connections_it_uses(serve_http, autojump_clock):
    async with serve_http() as hall:
        callers = []

        async def note(_operation, what):
            callers.append(what.connection)
            await trio.lowlevel.checkpoint()

        hall.gate.before = note
        one, two = await hall.session(), await hall.session()
        for session in (one, one, two):
            await session.call(1, "whoami", {})
        assert callers[0] == callers[1] != callers[2]
