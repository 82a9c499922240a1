"""What an MCP session over HTTP may use, and how many sessions a principal may have."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest
import trio
import trio.testing

from transport.http.connection import HttpLimits

from fake_front import hold

READ = {"tool": "Read", "input": {"file_path": "/tmp/x"}}


class Session(NamedTuple):
    """A session that was begun by hand."""

    headers: dict[str, str]


def called(tool: str, arguments: dict[str, Any], request_id: Any = 1) -> dict[str, Any]:
    params = {"name": tool, "arguments": arguments}
    return {"jsonrpc": "2.0", "id": request_id, "method": "tools/call", "params": params}


async def begin(hall: Any, session: Any, message: dict[str, Any]) -> Any:
    """Send a request on a connection of its own and leave it there."""
    wire = hall.connect()
    accept, text = "application/json, text/event-stream", msgspec.json.encode(message)
    await wire.begin("POST", "/mcp", text, content_type="application/json", accept=accept, **session.headers)
    await trio.testing.wait_all_tasks_blocked()
    return wire


@pytest.mark.parametrize("tool", ["whoami", "query_events"])  # by the SDK, and in the fast lane
async def test_over_the_cap_a_request_is_refused_at_once_and_later_served(
    serve_http: Any, autojump_clock: Any, tool: str
):
    async with serve_http(HttpLimits(in_flight=2)) as hall:
        session, other = await hall.session(), await hall.session()
        go_on = hold(hall.gate)
        waiting = [await begin(hall, session, called(tool, {}, number)) for number in range(2)]
        refused = await hall.connect().post("/mcp", called("health", {}, 7), **session.headers)
        assert (refused.status, refused.headers["retry-after"]) == (429, "2")
        assert (refused.json["id"], refused.json["error"]["code"]) == (7, -32005)
        assert refused.json["error"]["data"]["error"]["code"] == "rate_limited"
        assert (await hall.connect().post("/mcp", called("health", {}, 7), **other.headers)).status == 200
        go_on.set()
        for wire in waiting:
            assert (await wire.reply()).message["result"]["isError"] is False
        assert (await session.call(7, "health", {}))["result"]["isError"] is False


async def test_a_session_whose_initialize_failed_has_the_limits_of_any(serve_http: Any, autojump_clock: Any):
    async with serve_http(HttpLimits(in_flight=1)) as hall:
        wire = hall.connect()
        begun = await wire.post("/mcp", {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": {}})
        assert "error" in begun.message
        session = Session({"mcp_session_id": begun.headers["mcp-session-id"], "mcp_protocol_version": "2025-11-25"})
        done = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        assert (await wire.post("/mcp", done, **session.headers)).status == 202
        go_on = hold(hall.gate)
        waiting = await begin(hall, session, called("whoami", {}, 1))
        assert (await hall.connect().post("/mcp", called("whoami", {}, 2), **session.headers)).status == 429
        go_on.set()
        assert (await waiting.reply()).message["result"]["isError"] is False


@pytest.mark.parametrize("tool", ["whoami", "query_events"])
async def test_requests_whose_clients_have_gone_count_until_they_are_done(
    serve_http: Any, autojump_clock: Any, tool: str
):
    async with serve_http(HttpLimits(in_flight=2)) as hall:
        session = await hall.session()
        go_on = hold(hall.gate)
        for number in range(2):
            wire = await begin(hall, session, called(tool, {}, number))
            await wire.stream.aclose()
            await trio.testing.wait_all_tasks_blocked()
        assert (await hall.connect().post("/mcp", called("health", {}, 7), **session.headers)).status == 429
        go_on.set()
        await trio.testing.wait_all_tasks_blocked()
        assert (await hall.connect().post("/mcp", called("health", {}, 7), **session.headers)).status == 200


async def test_large_requests_under_way_are_bounded_together(serve_http: Any, autojump_clock: Any):
    async with serve_http(HttpLimits(in_flight_bytes=3000)) as hall:
        session = await hall.session()
        go_on = hold(hall.gate)
        large = {"events": [{"type": "note", "data": "x" * 2000}]}
        waiting = await begin(hall, session, called("append_events", large, 1))
        refused = await hall.connect().post("/mcp", called("append_events", large, 2), **session.headers)
        assert refused.status == 429
        go_on.set()
        assert (await waiting.reply()).message["result"]["isError"] is False
        assert (await session.call(2, "append_events", large))["result"]["isError"] is False


@pytest.mark.parametrize("again", [7, "7"])
async def test_an_id_that_is_under_way_in_a_session_is_refused(serve_http: Any, autojump_clock: Any, again: Any):
    async with serve_http() as hall:
        session = await hall.session()
        go_on = hold(hall.gate)
        first = await begin(hall, session, called("whoami", {}, 7))
        refused = await hall.connect().post("/mcp", called("whoami", {}, again), **session.headers)
        assert (refused.status, refused.json["id"], refused.json["error"]["code"]) == (400, again, -32600)
        go_on.set()
        assert (await first.reply()).message["result"]["structuredContent"]["agent"] == "scout"
        assert (await session.call(7, "whoami", {}))["result"]["isError"] is False


async def test_what_no_session_of_the_hall_admits_is_limited_and_keeps_nobody_from_the_rest(
    serve_http: Any, autojump_clock: Any
):
    async with serve_http(HttpLimits(sessionless_per_s=1.0, sessionless_burst=3)) as hall:
        session = await hall.session()
        wire = hall.connect()
        for message in (called("health", {}), {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}) * 2:
            reply = await wire.post("/mcp", message, **session.headers)
        assert reply.status == 429
        assert reply.json["error"]["data"]["error"]["retry_after_s"] <= 1
        assert (await session.call(2, "validate", READ))["result"]["isError"] is False
        await trio.sleep(1)
        assert (await session.call(3, "health", {}))["result"]["isError"] is False


async def test_one_session_too_many_ends_the_one_that_is_unused_for_the_longest(serve_http: Any, autojump_clock: Any):
    async with serve_http(HttpLimits(sessions=3), http_sessions="strict") as hall:
        listening = await hall.session()
        stream = hall.connect()
        await stream.begin("GET", "/mcp", accept="text/event-stream", **listening.headers)
        await stream.event()
        used, unused = await hall.session(), await hall.session()
        await used.call(1, "health", {})
        hall.token, mine = hall.tokens.add("other"), hall.token
        await hall.session()  # another principal's counts not
        hall.token = mine
        newest = await hall.session()
        found = [
            (await hall.connect().post("/mcp", called("health", {}), **session.headers)).status
            for session in (listening, unused, used, newest)
        ]
        assert found == [200, 404, 200, 200]


async def test_many_requests_on_one_connection_are_served_one_by_one(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        wire = hall.connect()
        go_on = hold(hall.gate)
        body = msgspec.json.encode(READ)
        head = f"POST /v1/validate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {hall.token}\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        asked = 0

        async def count(*_: Any) -> None:
            nonlocal asked
            asked += 1
            await go_on.wait()

        hall.gate.before = count
        await wire.stream.send_all(request * 100)
        await trio.testing.wait_all_tasks_blocked()
        assert asked == 1
        go_on.set()
        await trio.testing.wait_all_tasks_blocked()
        assert asked == 100


async def test_a_principals_large_bodies_are_bounded_over_all_its_connections(serve_http: Any, autojump_clock: Any):
    async with serve_http(HttpLimits(principal_bytes=3000)) as hall:
        slow = hall.connect()
        await slow.head("/v1/validate", "Content-Length: 2500")
        await slow.stream.send_all(b" " * 2400)
        await trio.testing.wait_all_tasks_blocked()
        large = {**READ, "input": {"text": "x" * 1000}}
        refused = await hall.connect().post("/v1/validate", large)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert (await hall.connect().post("/v1/validate", READ)).status == 200
        other = hall.connect(hall.tokens.add("other"))
        assert (await other.post("/v1/validate", large)).status == 200
        assert (await slow.reply()).status == 408
        for _ in range(5):
            assert (await hall.connect().post("/v1/validate", large)).status == 200
        alone = {**READ, "input": {"text": "x" * 5000}}
        assert (await hall.connect().post("/v1/validate", alone)).status == 200


async def test_what_a_client_sent_before_it_went_is_not_served(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        asked = 0

        async def count(*_: Any) -> None:
            nonlocal asked
            asked += 1
            await trio.sleep(1)

        hall.gate.before = count
        ours, theirs = trio.testing.memory_stream_pair()
        hall.listener.connect(theirs)
        body = msgspec.json.encode(READ)
        head = f"POST /v1/validate HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {hall.token}\r\n"
        await ours.send_all((f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body) * 100)
        await trio.testing.wait_all_tasks_blocked()
        ours.receive_stream.close()  # as one that resets: it can be written to no more, but what it sent is still there
        await trio.sleep(200)
        assert asked == 1
        assert hall.crashes == []
