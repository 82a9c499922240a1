"""The HTTP listener: who is let in, what a request may be, how connections and the server end."""

import contextlib
import socket

import msgspec
import pytest
import trio
import trio.testing

from actors.monitor.messages import Component, Health
from transport.access.bytes_per_principal import PIECES_AT_ONCE, PIECES_PER_S
from transport.access.seats import MOST_UNAUTHENTICATED
from transport.http.connection import HttpLimits
from transport.http.request_checks import LINGER_PIECES, LINGER_S

ONE_BYTE = b"1\r\n \r\n"
ASK = {"tool": "Read", "input": {"file_path": "/tmp/x"}}


async def test_health_and_readiness_are_told_without_a_token(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect(token=None)
        health = await wire.request("GET", "/healthz")
        assert (health.status, health.json["status"], health.json["version"]) == (200, "ok", "0.0.0-test")
        assert set(health.json) == {"status", "version", "uptime_s"}
        ready = await wire.request("GET", "/readyz")
        assert (ready.status, ready.json) == (200, {"ready": True})


@pytest.mark.parametrize(("status", "code"), [("ok", 200), ("degraded", 200), ("failing", 503)])
async def test_health_is_the_halls_published_health(serve_http, autojump_clock, status, code):
    async with serve_http() as hall:
        hall.gate.views.health = Health(status, "1", 1.0, 0, 0, 0, {"log": Component(status, "secret place")})
        for target in ("/healthz", "/readyz"):
            reply = await hall.connect(token=None).request("GET", target)
            assert reply.status == code
            assert b"secret" not in reply.body


async def test_a_server_that_stops_is_not_ready_but_answers_what_is_under_way(serve_http, autojump_clock):
    go_on = trio.Event()

    async def wait(*_):
        await go_on.wait()

    async with serve_http() as hall:
        busy, idle = hall.connect(), hall.connect()
        await idle.request("GET", "/healthz")
        hall.gate.before = wait
        await busy.begin("POST", "/v1/validate", msgspec.json.encode(ASK))
        await trio.testing.wait_all_tasks_blocked()
        hall.stop()
        await trio.testing.wait_all_tasks_blocked()
        assert await idle.ended()
        with pytest.raises(trio.BrokenResourceError):
            hall.connect()
        go_on.set()
        assert (await busy.reply()).json["verdict"] == "allow"


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        ("/mcp", {"authorization": "Bearer wrong"}, 401),
        ("/v1/validate", {"authorization": "Basic c2NvdXQ6"}, 401),
        ("/nowhere", {"authorization": "Bearer wrong"}, 401),
        ("/nowhere", {}, 404),
        ("/mcp/", {}, 404),
        ("/healthz", {"host": "evil.example"}, 421),
        ("/mcp", {"host": "evil.example"}, 421),
        ("/readyz", {"origin": "https://evil.example"}, 403),
        ("/mcp", {"origin": "https://evil.example", "authorization": "Bearer wrong"}, 403),
        ("/v1/validate", {}, 405),
    ],
)
async def test_a_request_is_judged_by_its_names_then_its_token_then_its_target(
    serve_http, autojump_clock, target, headers, status
):
    async with serve_http() as hall:
        assert (await hall.connect().request("GET", target, **headers)).status == status


async def test_a_401_says_how_to_show_a_token(serve_http, autojump_clock):
    async with serve_http() as hall:
        reply = await hall.connect(token=None).request("POST", "/mcp", b"{}")
        assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer")
        assert b"Authorization: Bearer" in reply.body


async def test_a_token_in_the_target_is_not_taken(serve_http, autojump_clock):
    async with serve_http() as hall:
        assert (await hall.connect(token=None).request("GET", f"/mcp?access_token={hall.token}")).status == 401


async def test_who_is_refused_gets_the_answer_however_much_they_send(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect(token="wrong")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_send_and_be_cut, wire, b"x" * (8 << 20))
            reply = await wire.reply()
            assert (reply.status, reply.headers["connection"]) == (401, "close")


async def _send_and_be_cut(wire, body):
    with contextlib.suppress(trio.BrokenResourceError):
        await wire.begin("POST", "/mcp", body)


@pytest.mark.parametrize("target", ["/mcp", "/v1/validate"])
async def test_a_body_over_the_limit_is_refused_before_it_is_read(serve_http, autojump_clock, target):
    async with serve_http(HttpLimits(message_bytes=100)) as hall:
        assert (await hall.connect().request("POST", target, b"x" * 101)).status == 413
        wire = hall.connect()
        await wire.head(target, "Content-Length: 101")
        assert (await wire.reply()).status == 413


async def test_a_body_of_unknown_length_is_refused_once_it_is_too_long(serve_http, autojump_clock):
    async with serve_http(HttpLimits(message_bytes=100)) as hall:
        wire = hall.connect()
        await wire.begin("POST", "/v1/validate", b"x" * 200, transfer_encoding="chunked")
        assert (await wire.reply()).status == 413


async def test_whoever_sends_a_body_in_very_many_pieces_waits_alone(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect()
        began = trio.current_time()
        await wire.head("/v1/validate", "Content-Type: application/json", "Transfer-Encoding: chunked")
        await wire.stream.send_all(ONE_BYTE * (PIECES_AT_ONCE + PIECES_PER_S // 2) + b"2\r\n{}\r\n0\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        assert (await hall.connect(hall.tokens.add("neighbour")).post("/v1/validate", ASK)).status == 200
        assert trio.current_time() - began < 0.1
        assert (await wire.event()).status_code == 400
        assert 0.4 < trio.current_time() - began < 0.6


async def test_of_a_refused_request_few_pieces_are_read_and_thrown_away(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect("nobody's")
        began = trio.current_time()
        await wire.head("/v1/validate", "Transfer-Encoding: chunked")
        await wire.stream.send_all(ONE_BYTE * (2 * LINGER_PIECES))
        assert await wire.ended()
        assert trio.current_time() - began < LINGER_S / 2


@pytest.mark.parametrize("target", ["/healthz", "/v1/validate"])
async def test_a_request_with_two_lengths_is_refused_and_what_is_behind_it_is_never_read(
    serve_http, autojump_clock, target
):
    async with serve_http() as hall:
        wire = hall.connect()
        token = f"authorization: Bearer {wire.token}"
        head = ["host: localhost", token, "content-length: 50", "transfer-encoding: chunked"]
        await wire.head_as_it_is(target, head, b"0\r\n\r\n")
        assert (await wire.reply()).status == 400
        wire = hall.connect()
        await wire.head_as_it_is(target, head, b"0\r\n\r\nGET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n")
        answered = b""
        while more := await wire.stream.receive_some():
            answered += more
        assert b" 200 " not in answered  # the refusal itself may be lost, as the connection ends behind it


async def test_health_takes_no_body(serve_http, autojump_clock):
    async with serve_http() as hall:
        assert (await hall.connect(token=None).request("GET", "/healthz", b"x")).status == 413


async def test_a_body_that_does_not_arrive_is_answered_408(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect()
        began = trio.current_time()
        await wire.head("/mcp", "Content-Length: 9")
        assert (await wire.reply()).status == 408
        assert await wire.ended()
        assert trio.current_time() - began <= 32


async def test_a_head_that_does_not_arrive_and_an_idle_connection_are_closed(serve_http, autojump_clock):
    async with serve_http() as hall:
        slow, idle = hall.connect(), hall.connect()
        await slow.stream.send_all(b"GET /healthz HT")
        await idle.request("GET", "/healthz")
        began = trio.current_time()
        assert await slow.ended()
        assert await idle.ended()
        assert trio.current_time() - began <= 31


async def test_what_is_no_http_is_answered_400_and_harms_nobody_else(serve_http, autojump_clock):
    async with serve_http() as hall:
        good, bad = hall.connect(), hall.connect()
        await bad.stream.send_all(b"\x00\x01\x02\r\n\r\n")
        assert (await bad.stream.receive_some(100)).startswith(b"HTTP/1.1 400 ")
        assert (await good.request("GET", "/healthz")).status == 200
        assert hall.crashes == []


async def test_a_websocket_is_turned_away_from_the_http_port(serve_http, raw_client, autojump_clock):
    async with serve_http() as hall:
        refused = await raw_client(hall.listener.connect()).open(hall.token)
        assert refused.status_code == 403


async def test_connections_are_counted_and_who_asked_is_told_of_their_end(serve_http, autojump_clock):
    async with serve_http() as hall:
        first, second = hall.connect(), hall.connect(token=None)
        await first.post("/v1/validate", ASK)
        await second.request("GET", "/healthz")
        assert hall.gate.views.connections == 2
        await first.stream.aclose()
        await second.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert hall.gate.views.connections == 0
        assert len(hall.gate.disconnections) == 1


async def test_an_idle_peer_that_goes_is_noticed_at_once(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect()
        await wire.request("GET", "/healthz")
        began = trio.current_time()
        await wire.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (hall.gate.views.connections, trio.current_time()) == (0, began)


async def test_over_the_cap_a_connection_is_answered_503_and_health_is_still_told(serve_http, autojump_clock):
    async with serve_http(max_connections=1) as hall:
        known = hall.connect()
        assert (await known.post("/v1/validate", ASK)).status == 200
        refused = await hall.connect().post("/v1/validate", ASK)
        assert (refused.status, refused.headers["connection"]) == (503, "close")
        assert (await hall.connect(token=None).request("GET", "/healthz")).status == 200
        assert (await known.post("/v1/validate", ASK)).status == 200
        await known.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert (await hall.connect().post("/v1/validate", ASK)).status == 200


async def test_an_agent_with_all_seats_keeps_no_other_agent_out(serve_http, autojump_clock):
    async with serve_http(max_connections=5) as hall:
        greedy = [hall.connect() for _ in range(5)]
        for each in greedy:
            assert (await each.post("/v1/validate", ASK)).status == 200
        token = hall.tokens.add("modest")
        modest = [hall.connect(token) for _ in range(2)]
        for each in modest:
            assert (await each.post("/v1/validate", ASK)).status == 200
        other = hall.connect(token)
        assert (await other.post("/v1/validate", ASK)).status == 503  # three would be as many as the first has
        assert [await each.ended() for each in greedy[3:]] == [True, True]
        for each in (*greedy[:3], *modest):
            assert (await each.post("/v1/validate", ASK)).status == 200
        assert hall.crashes == []


async def test_a_revoked_token_ends_what_waits_within_a_second(serve_http, autojump_clock):
    async with serve_http() as hall:
        hall.gate.stall()
        wire = hall.connect()
        await wire.begin("POST", "/v1/validate", msgspec.json.encode(ASK))
        await trio.testing.wait_all_tasks_blocked()
        revoked_at = trio.current_time()
        hall.tokens.revoke("scout")
        assert await wire.ended()
        assert trio.current_time() - revoked_at <= 1.0
        assert (await hall.connect().post("/v1/validate", ASK)).status == 401


async def test_tokens_that_cannot_be_read_let_nobody_in(serve_http, autojump_clock, tmp_path):
    async with serve_http() as hall:
        (tmp_path / "tokens.json").write_text("{")
        assert (await hall.connect().post("/v1/validate", ASK)).status == 503
        assert (await hall.connect(token=None).request("GET", "/healthz")).status == 200


async def test_a_route_that_crashes_is_answered_500_and_the_next_request_is_served(
    serve_http, autojump_clock, monkeypatch
):
    async with serve_http() as hall:
        wire = hall.connect(token=None)
        monkeypatch.setattr(hall.gate, "health", lambda: 1 / 0)
        assert (await wire.request("GET", "/healthz")).status == 500
        monkeypatch.undo()
        assert (await wire.request("GET", "/healthz")).status == 200


async def test_a_peer_that_does_not_read_is_cut_when_the_server_stops(serve_http, autojump_clock):
    async with serve_http() as hall:
        one, two = trio.testing.lockstep_stream_pair()  # a write waits until it is read
        hall.listener.connect(two)
        await one.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
    assert trio.current_time() - began <= 5


async def test_a_peer_that_does_not_read_is_cut_after_a_time(serve_http, autojump_clock):
    async with serve_http() as hall:
        one, two = trio.testing.lockstep_stream_pair()
        hall.listener.connect(two)
        await one.send_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await trio.sleep(31)
        assert hall.gate.views.connections == 0


GOOD = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    "sent",
    [
        GOOD + b"Upgrade: h2c\r\nConnection: Upgrade\r\nHTTP2-Settings: AAA\r\n\r\n",
        GOOD + b"Upgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    ],
)
async def test_a_wish_for_http_2_is_ignored(serve_http, autojump_clock, sent):
    async with serve_http() as hall:
        wire = hall.connect()
        await wire.stream.send_all(sent)
        assert (await wire.stream.receive_some(100)).startswith(b"HTTP/1.1 200 ")
    assert hall.crashes == []


async def test_http_2_without_asking_is_refused(serve_http, autojump_clock):
    async with serve_http() as hall:
        wire = hall.connect()
        await wire.stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        answer = await wire.stream.receive_some(100)  # the preface's second half may end the connection first
        assert answer.startswith(b"HTTP/1.1 4") or not answer
        assert await wire.ended()
    assert hall.crashes == []


@pytest.mark.parametrize("waits", [False, True])
async def test_nonsense_behind_a_good_request_harms_nobody(serve_http, autojump_clock, waits):
    async with serve_http() as hall:
        for target in (b"/healthz", b"/mcp", b"/v1/validate"):
            wire = hall.connect()
            good = GOOD.replace(b"/healthz", target) + b"\r\n"
            await wire.stream.send_all(good if waits else good + b"\x00nonsense\r\n\r\n")
            if waits:
                await wire.stream.send_all(b"\x00nonsense\r\n\r\n")
            assert await wire.ended()
        assert (await hall.connect().request("GET", "/healthz")).status == 200
    assert hall.crashes == []


async def test_a_flood_of_connections_without_a_request_keeps_nobody_out(serve_http, autojump_clock):
    async with serve_http(max_connections=10) as hall:
        known = hall.connect()
        assert (await known.post("/v1/validate", ASK)).status == 200
        flood = [hall.connect() for _ in range(1000)]
        assert (await hall.connect().post("/v1/validate", ASK)).status == 200
        assert (await known.post("/v1/validate", ASK)).status == 200
        assert len(flood) == 1000
        assert hall.crashes == []


async def test_a_flood_of_silent_connections_between_a_clients_connection_and_its_request_does_not_keep_it_out(
    serve_http, wire
):
    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listener.socket.getsockname()[1]
    with trio.fail_after(60):
        async with serve_http(listener=listener) as hall:
            newcomer = wire(await trio.open_tcp_stream("127.0.0.1", port), hall.token)
            flood = []
            for _ in range(3 * MOST_UNAUTHENTICATED):
                silent = socket.socket()
                silent.setblocking(False)
                silent.connect_ex(("127.0.0.1", port))
                flood.append(silent)
                await trio.lowlevel.checkpoint()
            assert (await newcomer.post("/v1/validate", ASK)).status == 200
            assert hall.gate.views.connections == 1
            await newcomer.stream.aclose()
            for silent in flood:
                silent.close()
