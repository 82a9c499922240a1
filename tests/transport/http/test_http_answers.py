"""What every answer says besides its content: to caches, to browsers' pages, and while the server stops."""

import msgspec
import pytest
import trio
import trio.testing

from transport.http.connection import HttpLimits

ASK = {"tool": "Read", "input": {"file_path": "/tmp/x"}}
PAGE = "https://page.example"
PING = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


async def test_no_answer_may_be_kept_or_taken_for_another_type(serve_http, autojump_clock):
    async with serve_http() as hall:
        session = await hall.session()
        answers = [
            await hall.connect(token=None).request("GET", "/healthz"),
            await hall.connect(token=None).request("GET", "/nowhere"),
            await hall.connect().request("GET", "/nowhere"),
            await hall.connect(token="wrong").request("GET", "/mcp"),
            await hall.connect().post("/v1/validate", ASK),
            await hall.connect().post("/mcp", PING, **session.headers),
            await hall.connect().post(
                "/mcp", {**PING, "method": "tools/call", "params": {"name": "health"}}, **session.headers
            ),
            await hall.connect().request("DELETE", "/mcp", **session.headers),
        ]
        assert {reply.status for reply in answers} == {200, 401, 404}
        for reply in answers:
            assert reply.headers["x-content-type-options"] == "nosniff"
            assert reply.headers["cache-control"].startswith("no-store")


async def test_a_websocket_that_is_refused_is_told_so_with_the_same_headers(front, raw_client, autojump_clock):
    async with front() as running:
        refused = await raw_client(running.listener.connect()).open("wrong")
        headers = {name.lower(): value for name, value in refused.headers}
        assert (headers[b"x-content-type-options"], headers[b"cache-control"]) == (b"nosniff", b"no-store")


async def test_a_page_of_an_allowed_origin_may_ask_and_read_the_answers(serve_http, autojump_clock):
    async with serve_http(origins=(PAGE,)) as hall:
        wanted = {"access_control_request_method": "POST", "access_control_request_headers": "authorization"}
        for target in ("/mcp", "/v1/validate"):
            preflight = await hall.connect(token=None).request("OPTIONS", target, origin=PAGE, **wanted)
            assert preflight.status == 204
            assert preflight.headers["access-control-allow-origin"] == PAGE
            allowed = preflight.headers["access-control-allow-headers"].lower().split(", ")
            assert {"authorization", "content-type", "mcp-session-id", "mcp-protocol-version"} <= {*allowed}
            assert {"GET", "POST", "DELETE"} == {*preflight.headers["access-control-allow-methods"].split(", ")}
        client = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        begun = await hall.connect().post(
            "/mcp", {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": client}, origin=PAGE
        )
        answers = [
            begun,
            await hall.connect().post("/v1/validate", ASK, origin=PAGE),
            await hall.connect(token="wrong").post("/v1/validate", ASK, origin=PAGE),
            await hall.connect(token=None).request("GET", "/healthz", origin=PAGE),
        ]
        assert [reply.status for reply in answers] == [200, 200, 401, 200]
        for reply in answers:
            assert reply.headers["access-control-allow-origin"] == PAGE
            assert reply.headers["vary"] == "Origin"
            assert "mcp-session-id" in reply.headers["access-control-expose-headers"].lower()
        assert begun.headers["mcp-session-id"]


async def test_a_page_of_another_origin_is_told_nothing_and_who_is_no_page_needs_no_such_headers(
    serve_http, autojump_clock
):
    async with serve_http(origins=(PAGE,)) as hall:
        wanted = {"access_control_request_method": "POST"}
        for origin in ("https://evil.example", "null", f"{PAGE}.evil.example"):
            refused = await hall.connect(token=None).request("OPTIONS", "/mcp", origin=origin, **wanted)
            assert refused.status == 403
            assert (await hall.connect().post("/v1/validate", ASK, origin=origin)).status == 403
            assert not [name for name in refused.headers if name.startswith("access-control")]
        plain = await hall.connect().post("/v1/validate", ASK)
        assert not [name for name in plain.headers if name.startswith("access-control")]


async def test_an_options_request_that_is_no_preflight_needs_a_token(serve_http, autojump_clock):
    async with serve_http(origins=(PAGE,)) as hall:
        assert (await hall.connect(token=None).request("OPTIONS", "/mcp", origin=PAGE)).status == 401


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("token", [None, "wrong", "own"])
async def test_nobody_is_invited_to_get_a_token_from_a_well_known_place(serve_http, autojump_clock, method, token):
    async with serve_http() as hall:
        for place in ("oauth-protected-resource", "oauth-protected-resource/mcp", "openid-configuration"):
            reply = await hall.connect(token=token).request(method, f"/.well-known/{place}")
            assert reply.status == 404
            assert "www-authenticate" not in reply.headers


@pytest.mark.parametrize("stateless", [False, True])
async def test_a_request_on_a_connection_that_outlives_the_stop_is_answered_503_and_not_500(
    serve_http, autojump_clock, caplog, stateless
):
    async with serve_http() as hall:
        session, wire = await hall.session(), hall.connect()
        headers = {"mcp_protocol_version": "2026-07-28"} if stateless else session.headers
        body = msgspec.json.encode(PING)
        lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        own = ["Content-Type: application/json", "Accept: application/json, text/event-stream"]
        await wire.head("/mcp", *lines, *own, f"Content-Length: {len(body)}")
        await trio.testing.wait_all_tasks_blocked()
        hall.stop()
        await trio.sleep(1)  # longer than a stop waits for requests, shorter than it waits for connections
        await wire.stream.send_all(body)
        answer = b""
        while more := await wire.stream.receive_some():
            answer += more
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close" in answer.lower()
        assert b"the server stops" in answer
        assert not [record for record in caplog.records if record.exc_info]


async def test_a_stop_lets_a_request_that_is_under_way_be_answered_first(serve_http, autojump_clock):
    async with serve_http(HttpLimits(drain_s=2.0)) as hall:
        session, wire = await hall.session(), hall.connect()
        released = trio.Event()

        async def until_released(*_):
            await released.wait()

        hall.gate.before = until_released
        body = msgspec.json.encode({**PING, "method": "tools/call", "params": {"name": "whoami"}})
        kind = "application/json"
        await wire.begin("POST", "/mcp", body, content_type=kind, accept=kind, **session.headers)
        await trio.testing.wait_all_tasks_blocked()
        hall.stop()
        await trio.sleep(1.5)
        released.set()
        answer = bytes(await wire.stream.receive_some())
        assert answer.startswith(b"HTTP/1.1 200 ")


async def test_a_stop_waits_for_nothing_where_no_request_is_under_way(serve_http, autojump_clock):
    async with serve_http(HttpLimits(drain_s=2.0)) as hall:
        wire = hall.connect()
        for _ in range(2):
            await wire.post("/v1/nothing", {})
        began = trio.current_time()
        hall.stop()
        assert await wire.ended()
        assert trio.current_time() - began < 1.0


async def test_a_request_that_a_stop_cuts_off_is_answered_503_and_not_500(serve_http, autojump_clock, caplog):
    async with serve_http() as hall:
        session, wire = await hall.session(), hall.connect()
        hall.gate.stall()
        body = msgspec.json.encode({**PING, "method": "tools/call", "params": {"name": "whoami"}})
        kind = "application/json"
        await wire.begin("POST", "/mcp", body, content_type=kind, accept=kind, **session.headers)
        await trio.testing.wait_all_tasks_blocked()
        hall.stop()
        answer = bytes(await wire.stream.receive_some())
        assert answer.startswith(b"HTTP/1.1 503 ")
        assert b"connection: close" in answer.lower()
        assert await wire.ended()
        assert not [record for record in caplog.records if record.exc_info]
