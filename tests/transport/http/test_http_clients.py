"""MCP over HTTP as clients are, not as the protocol would have them: old ids, one media type, ids that come again."""

from __future__ import annotations

from typing import Any

import h11
import msgspec
import pytest
import trio
import trio.testing

from fake_front import hold

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}}
HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
OLD = {"mcp_session_id": "0123456789abcdef0123456789abcdef", "mcp_protocol_version": "2025-11-25"}
READ = {"name": "validate", "arguments": {"tool": "Read", "input": {"file_path": "/tmp/x"}}}


def agent(reply: Any) -> str:
    assert reply.status == 200, reply.body
    return reply.message["result"]["structuredContent"]["agent"]


async def test_a_session_of_before_a_restart_goes_on_under_its_id(serve_http: Any, autojump_clock: Any):
    async with serve_http() as before:
        session = await before.session()
    async with serve_http(directory=before.tokens._path.parent / "..") as hall:
        for _ in range(2):
            reply = await hall.connect().post("/mcp", CALL, **session.headers)
            assert agent(reply) == "scout"
            assert reply.headers["mcp-session-id"] == session.headers["mcp_session_id"]
        assert hall.crashes == []


@pytest.mark.parametrize("params", [CALL["params"], READ])  # by the SDK, and in the fast lane
async def test_requests_that_come_at_once_for_a_session_that_is_not_known_are_all_served(
    serve_http: Any, autojump_clock: Any, params: Any
):
    async with serve_http() as hall:
        served = []

        async def ask(number: int) -> None:
            reply = await hall.connect().post("/mcp", {**CALL, "id": number, "params": params}, **OLD)
            assert reply.status == 200, reply.body
            served.append((reply.message["id"], "result" in reply.message))

        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(ask, number)
        assert sorted(served) == [(number, True) for number in range(8)]


async def test_a_stream_of_notifications_can_be_opened_for_a_session_that_is_not_known(
    serve_http: Any, autojump_clock: Any
):
    async with serve_http() as hall:
        wire = hall.connect()
        await wire.begin("GET", "/mcp", accept="text/event-stream", **OLD)
        assert (await wire.event()).status_code == 200
        done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert (await hall.connect().post("/mcp", done, **OLD)).status == 202


async def test_an_initialize_that_carries_an_old_id_begins_a_session_of_its_own(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
        begun = await hall.connect().post("/mcp", hello, **OLD)
        assert begun.status == 200
        assert begun.headers["mcp-session-id"] != OLD["mcp_session_id"]


async def test_strictly_a_session_that_is_not_known_is_404(serve_http: Any, autojump_clock: Any):
    async with serve_http(http_sessions="strict") as hall:
        hello = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO}
        for message in (CALL, hello, {"jsonrpc": "2.0", "method": "notifications/initialized"}):
            assert (await hall.connect().post("/mcp", message, **OLD)).status == 404


@pytest.mark.parametrize("known", [True, False])
async def test_a_session_that_its_client_has_ended_is_never_begun_again(
    serve_http: Any, autojump_clock: Any, known: bool
):
    async with serve_http() as hall:
        headers = (await hall.session()).headers if known else OLD
        assert (await hall.connect().request("DELETE", "/mcp", **headers)).status == (200 if known else 404)
        assert (await hall.connect().post("/mcp", CALL, **headers)).status == 404
        assert (await hall.connect().request("GET", "/mcp", accept="text/event-stream", **headers)).status == 404


async def test_nobody_takes_over_anothers_session_or_ends_it_by_its_id(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        session, other = await hall.session(), hall.tokens.add("other")
        assert (await hall.connect(other).post("/mcp", CALL, **session.headers)).status == 404
        assert (await hall.connect(other).request("DELETE", "/mcp", **session.headers)).status == 404
        assert agent(await hall.connect().post("/mcp", CALL, **session.headers)) == "scout"
        assert (await hall.connect(other).request("DELETE", "/mcp", **OLD)).status == 404
        assert agent(await hall.connect().post("/mcp", CALL, **OLD)) == "scout"  # the other has ended its own alone


@pytest.mark.parametrize("token", [None, "wrong"])
async def test_without_a_good_token_no_id_begins_a_session(serve_http: Any, autojump_clock: Any, token: str | None):
    async with serve_http() as hall:
        assert (await hall.connect(token).post("/mcp", CALL, **OLD)).status == 401


@pytest.mark.parametrize("strange", ["x", "0" * 31, "0" * 33, "A" * 32, "../" + "0" * 29])
async def test_an_id_that_no_hall_gives_out_is_404(serve_http: Any, autojump_clock: Any, strange: str):
    async with serve_http() as hall:
        assert (await hall.connect().post("/mcp", CALL, **{**OLD, "mcp_session_id": strange})).status == 404


async def test_what_is_malformed_begins_no_session(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        reply = await hall.connect().request("POST", "/mcp", b"{", content_type="application/json", **OLD)
        assert (reply.status, reply.json["error"]["code"]) == (400, -32700)
        assert hall.gate.disconnections == []


async def test_an_event_id_of_before_is_no_reason_to_fail(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        session = await hall.session()
        wire = hall.connect()
        await wire.begin("GET", "/mcp", accept="text/event-stream", last_event_id="7", **session.headers)
        head = await wire.event()
        assert head.status_code == 200
        await session.ask("resources/subscribe", uri="policy://active")
        hall.gate.views.policy = "p2"
        data = await wire.event()
        assert isinstance(data, h11.Data)
        assert b"notifications/resources/updated" in data.data


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/*", "application/json"),
        ("text/event-stream", "text/event-stream"),
        ("application/json, text/event-stream", "text/event-stream"),
    ],
)
async def test_who_accepts_one_of_the_two_types_is_served_in_it(
    serve_http: Any, autojump_clock: Any, accept: str, kind: str
):
    async with serve_http() as hall:
        session = await hall.session()
        for params in (CALL["params"], READ):
            body = msgspec.json.encode({**CALL, "params": params})
            reply = await hall.connect().request(
                "POST", "/mcp", body, content_type="application/json", accept=accept, **session.headers
            )
            assert reply.status == 200
            assert reply.headers["content-type"].startswith(kind)
            assert reply.message["result"]["isError"] is False


async def test_a_session_can_be_begun_in_json_alone(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        hello = msgspec.json.encode({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO})
        wire = hall.connect()
        begun = await wire.request("POST", "/mcp", hello, content_type="application/json", accept="application/json")
        assert begun.json["result"]["serverInfo"]["name"] == "moothall"
        headers = {"mcp_session_id": begun.headers["mcp-session-id"], "mcp_protocol_version": "2025-11-25"}
        assert agent(await wire.post("/mcp", CALL, **headers)) == "scout"


@pytest.mark.parametrize("kind", ["application/json", "text/event-stream"])
@pytest.mark.parametrize("tool", ["whoami", "health"])
async def test_who_accepts_one_of_the_two_types_is_served_without_a_session_too(
    serve_http: Any, autojump_clock: Any, kind: str, tool: str
):
    async with serve_http() as hall:
        meta = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        message = msgspec.json.encode({**CALL, "params": {"name": tool, "_meta": meta}})
        headers = {"mcp_protocol_version": "2026-07-28", "mcp_method": "tools/call", "mcp_name": tool}
        reply = await hall.connect().request(
            "POST", "/mcp", message, content_type="application/json", accept=kind, **headers
        )
        assert reply.status == 200
        assert reply.headers["content-type"].startswith(kind)
        assert reply.message["result"]["isError"] is False


async def test_a_session_can_be_begun_in_an_event_stream_alone(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        hello = msgspec.json.encode({"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": HELLO})
        begun = await hall.connect().request(
            "POST", "/mcp", hello, content_type="application/json", accept="text/event-stream"
        )
        assert begun.message["result"]["serverInfo"]["name"] == "moothall"


async def test_who_accepts_neither_type_is_told_so(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        session = await hall.session()
        body = msgspec.json.encode(CALL)
        reply = await hall.connect().request("POST", "/mcp", body, accept="text/html", **session.headers)
        assert reply.status in {400, 406}


@pytest.mark.parametrize("version", ["2030-01-01", "2024-01-01", "nonsense"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
async def test_a_protocol_version_that_is_not_known_is_named(
    serve_http: Any, autojump_clock: Any, version: str, method: str
):
    async with serve_http() as hall:
        headers = {**(await hall.session()).headers, "mcp_protocol_version": version}
        body = msgspec.json.encode(CALL) if method == "POST" else b""
        reply = await hall.connect().request(method, "/mcp", body, accept="text/event-stream", **headers)
        assert reply.status == 400
        error = reply.json["error"]
        assert (error["code"], error["data"]["requested"]) == (-32022, version)
        assert {"2025-11-25", "2026-07-28"} <= {*error["data"]["supported"]}
        assert version in error["message"]


async def read_one_answer(wire: Any) -> Any:
    """Read an answer and no more: the end of its stream may still be on its way."""
    while True:
        event = await wire.event()
        if isinstance(event, h11.Data):
            for line in event.data.splitlines():
                if line.startswith(b"data: "):
                    return msgspec.json.decode(line.removeprefix(b"data: "))


async def test_an_id_may_be_used_again_as_soon_as_its_answer_was_read(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall, trio.open_nursery() as nursery:
        session, wire = await hall.session(), hall.connect()
        wire.stream, theirs = trio.testing.lockstep_stream_pair()  # what is sent waits until it is read
        hall.listener.connect(theirs)
        body, both = msgspec.json.encode(CALL), "application/json, text/event-stream"
        await wire.begin("POST", "/mcp", body, content_type="application/json", accept=both, **session.headers)
        assert (await read_one_answer(wire))["result"]["isError"] is False

        async def again() -> None:
            assert agent(await hall.connect().post("/mcp", CALL, **session.headers)) == "scout"

        nursery.start_soon(again)
        await trio.sleep(0.1)
        await wire.stream.receive_some()  # the end of the first answer
        await wire.stream.aclose()


async def test_an_id_whose_answer_was_sent_is_waited_for_and_one_that_runs_is_not(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        session = await hall.session()
        go_on = hold(hall.gate)
        first = hall.connect()
        both = "application/json, text/event-stream"
        body = msgspec.json.encode(CALL)
        await first.begin("POST", "/mcp", body, content_type="application/json", accept=both, **session.headers)
        await trio.testing.wait_all_tasks_blocked()
        assert (await hall.connect().post("/mcp", CALL, **session.headers)).status == 400
        go_on.set()
        assert "result" in await read_one_answer(first)
        assert (await hall.connect().post("/mcp", CALL, **session.headers)).status == 200


async def test_on_a_websocket_too_an_id_may_be_used_again_as_soon_as_its_answer_was_read(
    front: Any, autojump_clock: Any
):
    async with front() as running:
        raw = await running.raw()
        for tool in ("whoami", "health", "query_events") * 20:
            await raw.call(1, tool)
            assert (await raw.message())["result"]["isError"] is False
