"""One connection: what it lets in, how it ends, and that its faults stay its own."""

import logging
from typing import Any

import pytest
import trio
import trio.testing
from trio.testing import lockstep_stream_pair, memory_stream_pair
from wsproto.events import AcceptConnection, BytesMessage, CloseConnection, Ping, Pong, RejectConnection, TextMessage

from transport.access.bytes_per_principal import PIECES_AT_ONCE, PIECES_PER_S
from transport.websocket.connection import ConnectionLimits
from transport.websocket.incoming_messages import TOO_MANY_REQUESTS
from transport.websocket.message_size import EVENTS, FRAGMENTS

UPGRADE = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)
HEALTH = '{"jsonrpc":"2.0","id":"again","method":"tools/call","params":{"name":"health"}}'


async def works(raw: Any) -> bool:
    await raw.text(HEALTH)
    message = await raw.message()
    return bool(message["id"] == "again" and message["result"]["structuredContent"]["status"] == "ok")


async def test_the_subprotocol_is_echoed_only_when_it_was_offered(front, raw_client, autojump_clock):
    async with front() as running:
        for offered, expected in ((["mcp"], "mcp"), (["chat", "mcp"], "mcp"), (["chat"], None), ([], None)):
            answer = await raw_client(running.listener.connect()).open(running.token, subprotocols=offered)
            assert isinstance(answer, AcceptConnection)
            assert answer.subprotocol == expected


@pytest.mark.parametrize(
    ("options", "status"),
    [
        ({"target": "/other"}, 404),
        ({"host": "evil.example"}, 421),
        ({"headers": [(b"Origin", b"https://evil.example")]}, 403),
        ({}, 401),
        ({"token": "wrong"}, 401),
        ({"target": "/mcp?access_token=wrong"}, 401),
    ],
)
async def test_who_may_not_come_in_gets_an_http_status_and_a_reason(
    front, raw_client, autojump_clock, options: dict[str, Any], status: int
):
    async with front() as running:
        raw = raw_client(running.listener.connect())
        answer = await raw.open(**options)
        assert isinstance(answer, RejectConnection)
        assert answer.status_code == status
        assert (await raw.event()).data
        assert await raw.stream.receive_some(1) == b""


async def test_a_token_in_the_query_is_as_good_as_a_header(front, raw_client, autojump_clock):
    async with front() as running:
        answer = await raw_client(running.listener.connect()).open(target=f"/mcp?access_token={running.token}")
        assert isinstance(answer, AcceptConnection)


async def test_a_binary_frame_closes_with_1003(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        await raw.send(BytesMessage(data=b"{}"))
        assert await raw.close_code() == 1003


@pytest.mark.parametrize("text", ["x" * 1001, "é" * 501, "x" * 100_000])
async def test_a_message_over_the_limit_in_bytes_closes_with_1009(front, autojump_clock, text: str):
    async with front(limits=ConnectionLimits(message_bytes=1000)) as running:
        raw = await running.raw()
        await raw.text(text)
        assert await raw.close_code() == 1009


async def test_a_message_of_exactly_the_limit_passes(front, autojump_clock):
    async with front(limits=ConnectionLimits(message_bytes=1000)) as running:
        raw = await running.raw()
        await raw.text(HEALTH + " " * (1000 - len(HEALTH)))
        assert (await raw.message())["id"] == "again"


ANSWER_BYTES = 500
"""About as much as an answer to `health` has."""


async def test_many_bad_messages_leave_few_lines_in_the_log(front, autojump_clock, caplog):
    with caplog.at_level(logging.INFO, "transport"):
        async with front() as running:
            raw = await running.raw()
            for _ in range(100):
                await raw.text("{")
                assert (await raw.message())["error"]["code"] == -32700
    assert caplog.messages.count("message.refused") == 7  # the 1st, 2nd, 4th, 8th, ...


EMPTY = bytes([0x00, 0x80, 0, 0, 0, 0])
"""A fragment in the middle of a message, with nothing in it."""


async def test_a_message_in_very_many_pieces_closes_with_1009_however_little_they_hold(front, autojump_clock):
    async with front() as running, running.client() as neighbour:
        raw = await running.raw()
        await raw.send(TextMessage(data="{", message_finished=False))
        await raw.stream.send_all(EMPTY * FRAGMENTS)
        assert await raw.close_code() == 1009
        assert (await neighbour.health()).status == "ok"


async def test_what_all_connections_of_an_agent_leave_unfinished_is_bounded_together(
    front, autojump_clock, monkeypatch
):
    monkeypatch.setattr("transport.websocket.message_size.UNFINISHED", 10_000)

    async def begin(size: int) -> Any:
        raw = await running.raw()
        await raw.send(TextMessage(data='"' + "x" * (size - 1), message_finished=False))
        await trio.testing.wait_all_tasks_blocked()
        return raw

    async with front() as running:
        whole = await running.raw()
        await whole.text(HEALTH + " " * 9_000)  # is finished, and counts no more
        assert (await whole.message())["id"] == "again"
        first, second = await begin(6_000), await begin(3_000)
        third = await begin(3_000)
        assert await third.close_code() == 1009
        await first.send(TextMessage(data='"'))
        assert (await first.message())["error"]["code"] == -32600
        fourth = await begin(6_000)
        await trio.aclose_forcefully(fourth.stream)
        token, running.token = running.token, running.tokens.add("another")
        others, running.token = await begin(9_000), token
        fifth = await begin(6_000)
        for raw in (second, others, fifth):
            await raw.send(TextMessage(data='"'))
            assert (await raw.message())["error"]["code"] == -32600


@pytest.mark.parametrize("nothing", [EMPTY, bytes([0x8A, 0x80, 0, 0, 0, 0])], ids=["fragments", "pongs"])
async def test_others_have_their_turn_between_frames_that_hold_nothing(front, autojump_clock, nothing: bytes):
    turns = 0

    async def take_turns() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with front() as running:
        raw = await running.raw()
        first, rest = HEALTH[:10], HEALTH[10:]
        async with trio.open_nursery() as nursery:
            await raw.send(TextMessage(data=first, message_finished=False))
            await raw.stream.send_all(nothing * PIECES_AT_ONCE)  # more of them would wait
            await raw.send(TextMessage(data=rest))
            nursery.start_soon(take_turns)
            assert (await raw.message())["id"] == "again"
            nursery.cancel_scope.cancel()
        assert turns > PIECES_AT_ONCE / EVENTS


@pytest.mark.parametrize("piece", [EMPTY, bytes([0x00, 0x81, 0, 0, 0, 0, 0x20]), bytes([0x8A, 0x80, 0, 0, 0, 0])])
async def test_whoever_sends_more_pieces_than_are_read_in_a_second_waits_alone_on_all_connections(
    front, autojump_clock, piece: bytes
):
    async with front() as running:
        raw = await running.raw()
        began = trio.current_time()
        await raw.send(TextMessage(data=HEALTH[:-1], message_finished=False))
        await raw.stream.send_all(piece * (PIECES_AT_ONCE + PIECES_PER_S // 2))
        await trio.testing.wait_all_tasks_blocked()
        async with running.client(running.tokens.add("neighbour")) as neighbour:
            await neighbour.health()
        assert trio.current_time() - began < 0.1
        await raw.send(TextMessage(data=HEALTH[-1:]))
        assert (await raw.message())["id"] == "again"
        assert 0.4 < trio.current_time() - began < 0.6
        await raw.stream.aclose()
        again = await running.raw()
        await again.send(TextMessage(data=HEALTH[:-1], message_finished=False))
        await again.stream.send_all(piece * PIECES_AT_ONCE)
        await again.send(TextMessage(data=HEALTH[-1:]))
        assert (await again.message())["id"] == "again"
        assert trio.current_time() - began > 0.8


async def test_behind_a_refused_message_nothing_is_read_until_its_sender_has_paid(front, autojump_clock, monkeypatch):
    async with front() as running:

        async def owing(_principal: Any) -> None:
            await trio.sleep(3)

        monkeypatch.setattr(running.gate, "wait_until_paid", owing)
        raw = await running.raw()
        began = trio.current_time()
        for text in ("x", HEALTH):
            await raw.send(TextMessage(data=text))
        assert (await raw.message())["error"]["code"] == -32700
        assert trio.current_time() - began < 0.1
        assert (await raw.message())["id"] == "again"
        assert 2.9 < trio.current_time() - began < 3.1


@pytest.mark.parametrize(
    ("text", "code", "request_id"),
    [
        ("{", -32700, None),
        ("[" * 100_000, -32600, None),
        ("[]", -32600, None),
        ('{"jsonrpc":"2.0","id":null,"method":"ping"}', -32600, None),
        ('{"jsonrpc":"2.0","id":5,"method":"ping","params":{"a":1,"a":2}}', -32600, 5),
        ('{"jsonrpc":"2.0","id":5,"method":"ping","params":{"a":123456789012345678901}}', -32600, 5),
        ('{"jsonrpc":"2.0","id":5,"method":"ping","params":{"a":NaN}}', -32600, 5),
        ('{"jsonrpc":"2.0","id":5,"method":"nonsense"}', -32601, 5),
        ('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":"nonsense"}}', -32602, 5),
        ('{"jsonrpc":"2.0","id":5,"method":"tools/call","params":{"name":7}}', -32602, 5),
        ('{"jsonrpc":"2.0","id":5,"result":7}', -32600, None),
    ],
)
async def test_a_bad_message_is_answered_and_the_connection_goes_on(
    front, autojump_clock, text: str, code: int, request_id: int | None
):
    async with front() as running:
        raw = await running.raw()
        await raw.text(text)
        answer = await raw.message()
        assert (answer["error"]["code"], answer["id"]) == (code, request_id)
        assert await works(raw)


async def test_a_bad_message_is_logged_once_and_a_token_never(front, autojump_clock, raw_client, caplog):
    with caplog.at_level(logging.DEBUG, "transport"):
        async with front() as running:
            raw = raw_client(running.listener.connect())
            await raw.open(target=f"/mcp?access_token={running.token}")
            await raw.text("{")
            await raw.message()
            await raw_client(running.listener.connect()).open(target="/mcp?access_token=not-a-token")
    assert caplog.messages.count("message.refused") == 1
    assert caplog.messages.count("connection.rejected") == 1
    said = str([(record.getMessage(), record.fields) for record in caplog.records])
    assert running.token not in said
    assert "not-a-token" not in said


async def test_over_the_in_flight_cap_a_request_is_answered_at_once(front, autojump_clock):
    async with front(limits=ConnectionLimits(in_flight=3)) as running:
        raw, gate = await running.raw(), trio.Event()
        running.gate.before = lambda *_: gate.wait()
        for number in range(4):
            await raw.call(number, "whoami")
        refused = await raw.message()
        assert (refused["id"], refused["error"]["code"]) == (3, TOO_MANY_REQUESTS)
        gate.set()
        assert {(await raw.message())["id"] for _ in range(3)} == {0, 1, 2}
        await raw.call(3, "whoami")
        assert "result" in await raw.message()


async def test_over_the_cap_of_bytes_in_flight_a_request_is_answered_at_once(front, autojump_clock):
    async with front(limits=ConnectionLimits(in_flight_bytes=10_000)) as running:
        raw = await running.raw()
        running.gate.stall()
        for request_id in range(3):
            await raw.call(request_id, "append_events", {"events": [{"type": "t", "data": "x" * 4000}]})
        refused = await raw.message()
        assert (refused["id"], refused["error"]["code"]) == (2, -32005)
        running.gate.resume()
        await raw.text('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}')
        await raw.text('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
        await trio.sleep(1)
        await raw.call(3, "append_events", {"events": [{"type": "t", "data": "x" * 50_000}]})
        assert "result" in await raw.message()


async def test_health_pings_and_lists_have_a_limit_of_their_own_on_each_connection(front, autojump_clock):
    few = ConnectionLimits(sessionless_per_s=10.0, sessionless_burst=4)
    async with front(limits=few) as running:
        raw, other = await running.raw(), await running.raw()
        answers = []
        for number, method in enumerate(["ping", "tools/list", "health", "health", "prompts/list"]):
            await (raw.call(number, method) if method == "health" else raw.request(number, method))
            answers.append(await raw.message())
        refused = [answer["error"] for answer in answers if "error" in answer]
        assert {error["code"] for error in refused} == {TOO_MANY_REQUESTS}
        told = refused[-1]["data"]["error"]
        assert (told["code"], 0.0 < told["retry_after_s"] <= 0.1) == ("rate_limited", True)
        await raw.call(10, "whoami")  # what the session admits goes on
        assert "result" in await raw.message()
        await other.call(1, "health")
        assert "result" in await other.message()
        await trio.sleep(told["retry_after_s"] + 0.001)
        await raw.call(11, "health")
        assert "result" in await raw.message()


async def test_an_id_that_is_under_way_cannot_be_used_again_until_it_is_answered(front, autojump_clock):
    async with front() as running:
        raw, gate = await running.raw(), trio.Event()
        running.gate.before = lambda *_: gate.wait()
        await raw.call(1, "whoami")
        await raw.call(1, "whoami")
        assert (await raw.message())["error"]["code"] == -32600
        gate.set()
        assert "result" in await raw.message()
        await raw.call(1, "whoami")
        assert "result" in await raw.message()


async def test_a_cancelled_request_is_never_answered_and_gives_its_place_back(front, autojump_clock):
    async with front(limits=ConnectionLimits(in_flight=1)) as running:
        raw = await running.raw()
        running.gate.stall()
        await raw.call(1, "append_events", {"events": [{"type": "a"}]})
        await raw.text('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
        await trio.testing.wait_all_tasks_blocked()
        running.gate.resume()
        await raw.call(2, "append_events", {"events": [{"type": "b"}]})
        assert (await raw.message())["id"] == 2


async def test_appends_of_one_connection_keep_their_order_however_long_each_takes(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()

        async def slower_first(_operation: str, append: Any) -> None:
            await trio.sleep(10 - append.events[0].data["n"])

        running.gate.before = slower_first
        for number in range(10):
            await raw.call(number, "append_events", {"events": [{"type": "t", "data": {"n": number}}]})
        for _ in range(10):
            await raw.message()
        assert [event.data["n"] for event in running.gate.log.query().events] == list(range(10))


async def test_appends_of_two_connections_do_not_wait_for_each_other(front, autojump_clock):
    async with front() as running:
        stuck, free = await running.raw(), await running.raw()

        async def first_is_stuck(_operation: str, append: Any) -> None:
            if append.events[0].type == "stuck":
                await trio.sleep_forever()

        running.gate.before = first_is_stuck
        await stuck.call(1, "append_events", {"events": [{"type": "stuck"}]})
        await free.call(1, "append_events", {"events": [{"type": "free"}]})
        assert "result" in await free.message()


async def test_who_does_not_read_is_closed_with_1013(front, autojump_clock):
    async with front(limits=ConnectionLimits(queue_messages=5)) as running:
        raw = await running.raw(running.over(lockstep_stream_pair()))
        for number in range(7):  # one is being written, five wait, and one is too many
            await raw.call(number, "health")
        await trio.testing.wait_all_tasks_blocked()
        assert (await raw.message())["id"] == 0
        assert await raw.close_code() == 1013


async def test_what_waits_for_all_connections_of_an_agent_is_bounded_together(front, autojump_clock, monkeypatch):
    monkeypatch.setattr("transport.websocket.outgoing_messages.MOST_QUEUED_BYTES", 7 * ANSWER_BYTES)

    async def who_does_not_read(running: Any, asks: int) -> Any:
        raw = await running.raw(running.over(lockstep_stream_pair()))
        for number in range(asks):
            await raw.call(number, "health")
            await trio.testing.wait_all_tasks_blocked()
        return raw

    async with front() as running:
        first, second = [await who_does_not_read(running, 6) for _ in range(2)]
        assert (await second.message())["id"] == 0
        assert await second.close_code() == 1013
        token, running.token = running.token, running.tokens.add("another")
        another = await who_does_not_read(running, 6)
        running.token = token
        third = await who_does_not_read(running, 2)
        for raw, asked in ((first, 6), (another, 6), (third, 2)):
            assert [(await raw.message())["id"] for _ in range(asked)] == [*range(asked)]


async def test_who_never_reads_again_is_dropped_in_bounded_time(front, autojump_clock):
    limits = ConnectionLimits(write_s=30.0)
    async with front(limits=limits) as running:
        raw = await running.raw(running.over(lockstep_stream_pair()))
        await raw.call(1, "health")
        await trio.sleep(limits.write_s + limits.close_s)
        assert running.gate.views.connections == 0


async def test_a_stop_closes_with_1001_after_what_is_under_way_was_answered(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()

        async def a_moment(*_: object) -> None:
            await trio.sleep(0.2)

        running.gate.before = a_moment
        await raw.call(1, "whoami")
        await trio.testing.wait_all_tasks_blocked()
        running.system.supervisors.find("root").request_stop()
        assert "result" in await raw.message()
        assert await raw.close_code() == 1001


async def test_a_stop_does_not_wait_for_requests_that_take_long(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        running.gate.stall()
        await raw.call(1, "whoami")
        await trio.testing.wait_all_tasks_blocked()
        running.system.supervisors.find("root").request_stop()
        answer = await raw.message()
        assert (answer["id"], "error" in answer) == (1, True)
        assert await raw.close_code() == 1001


async def test_a_stop_takes_bounded_time_whatever_the_clients_do(front, autojump_clock):
    limits = ConnectionLimits()
    async with front(limits=limits) as running:
        await running.raw()  # never answers the close
        silent = running.listener.connect()  # never says anything
        unread = await running.raw(running.over(lockstep_stream_pair()))  # never reads
        await unread.call(1, "health")
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
    assert trio.current_time() - began <= limits.drain_s + 2 * limits.close_s
    assert await silent.receive_some(1) == b""


@pytest.mark.parametrize("drip", [b"", b"GET /mcp HTTP/1.1\r\n" + b"x" * 1000])
async def test_a_handshake_has_its_time(front, autojump_clock, drip: bytes):
    async with front(limits=ConnectionLimits(handshake_s=10.0)) as running:
        stream = running.listener.connect()
        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_one_byte_a_second, stream, drip)
            assert await stream.receive_some(1) == b""
            nursery.cancel_scope.cancel()
        assert trio.current_time() - began == pytest.approx(10.0)


async def _one_byte_a_second(stream: trio.abc.SendStream, data: bytes) -> None:
    for byte in data:
        await stream.send_all(bytes([byte]))
        await trio.sleep(1.0)


async def test_who_leaves_during_the_handshake_is_forgotten_at_once(front, autojump_clock):
    async with front() as running:
        connections = running.system.supervisors.find("gateway:connections")
        stream = running.listener.connect()
        await trio.testing.wait_all_tasks_blocked()
        assert len(connections.children()) == 1
        await stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert connections.children() == []
        assert trio.current_time() < 1.0


async def misbehave(kind: str, raw: Any) -> None:
    frame = raw.protocol.send(TextMessage(data=HEALTH))
    match kind:
        case "pings after its close":
            ping = raw.protocol.send(Ping(payload=b"x"))
            await raw.stream.send_all(raw.protocol.send(CloseConnection(code=1000)) + ping)
        case "breaks off mid-frame":
            await raw.stream.send_all(frame[:10])
            await raw.stream.aclose()
        case "sends garbage":
            await raw.stream.send_all(b"\xff" * 100)
        case "sends text that is not UTF-8":
            masked = bytes([0x81, 0x82, 0, 0, 0, 0, 0xFF, 0xFE])
            await raw.stream.send_all(masked)
        case "does not mask":
            await raw.stream.send_all(bytes([0x81, 0x02]) + b"{}")
        case "vanishes":
            await trio.aclose_forcefully(raw.stream)
        case "calls and vanishes":
            await raw.stream.send_all(frame)
            await trio.aclose_forcefully(raw.stream)


@pytest.mark.parametrize(
    "kind",
    [
        "pings after its close",
        "breaks off mid-frame",
        "sends garbage",
        "sends text that is not UTF-8",
        "does not mask",
        "vanishes",
        "calls and vanishes",
    ],
)
async def test_who_misbehaves_harms_only_itself(front, autojump_clock, kind: str):
    async with front() as running:
        good, bad = await running.raw(), await running.raw()
        await misbehave(kind, bad)
        await trio.sleep(30)
        assert running.gate.views.connections == 1
        assert running.crashes == []
        assert await works(good)


async def test_who_does_not_answer_a_ping_is_closed_with_1011_and_who_does_stays(front, autojump_clock):
    limits = ConnectionLimits()
    async with front(limits=limits) as running:
        dead, alive = await running.raw(), await running.raw()
        dead.answers_pings = False
        codes: list[int | None] = []

        async def listen() -> None:
            codes.append(await dead.close_code())

        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            nursery.start_soon(alive.event)
            await trio.sleep(limits.ping_s + limits.pong_s - 1)
            assert codes == []
            await trio.sleep(2 + limits.close_s)
            assert codes == [1011]
            await trio.sleep(10 * (limits.ping_s + limits.pong_s))
            assert running.gate.views.connections == 1
            nursery.cancel_scope.cancel()
        assert await works(alive)


async def test_who_vanishes_without_a_word_is_found_out(front, autojump_clock):
    limits = ConnectionLimits()
    async with front(limits=limits) as running:
        await running.raw(running.over(lockstep_stream_pair()), initialized=False)
        await trio.sleep(limits.ping_s + limits.pong_s + 3 * limits.close_s)
        assert running.gate.views.connections == 0
        assert running.crashes == []


async def test_a_ping_is_answered(front, autojump_clock):
    async with front() as running:
        raw = await running.raw()
        await raw.send(Ping(payload=b"are you there"))
        assert await raw.event() == Pong(payload=b"are you there")


@pytest.mark.parametrize(
    "head",
    [
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200,
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET //[ HTTP/1.1\r\nHost: localhost\r\n" + UPGRADE + b"\r\n",
        b"GET /mcp HTTP/1.1\r\nHost: [\r\n" + UPGRADE + b"\r\n",
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nOrigin: http://[\r\n" + UPGRADE + b"\r\n",
        b"GET /mcp?access_token=%ff%00&&=& HTTP/1.1\r\nHost: localhost\r\n" + UPGRADE + b"\r\n",
        b"GET /mcp HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\xfe\r\n" + UPGRADE + b"\r\n",
        b"GET /mcp HTTP/1.1\r\nHost: xn--\r\n" + UPGRADE + b"\r\n",
    ],
)
async def test_what_is_no_upgrade_ends_and_harms_nobody(front, autojump_clock, head: bytes):
    async with front() as running:
        stream = running.listener.connect()
        await stream.send_all(head)
        while await stream.receive_some(65536):
            pass
        assert running.crashes == []
        assert await works(await running.raw())


class Wrapped(trio.abc.HalfCloseableStream):
    """A stream that passes everything on."""

    def __init__(self, inner: trio.abc.HalfCloseableStream) -> None:
        self.inner = inner

    async def send_all(self, data: Any) -> None:
        await self.inner.send_all(data)

    async def wait_send_all_might_not_block(self) -> None:
        await self.inner.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> Any:
        return await self.inner.receive_some(max_bytes)

    async def send_eof(self) -> None:
        await self.inner.send_eof()

    async def aclose(self) -> None:
        await self.inner.aclose()


class Counted(Wrapped):
    """A stream that counts what is written to it, and can break as no stream should."""

    writes = 0
    broken = False

    async def send_all(self, data: Any) -> None:
        self.writes += 1
        await super().send_all(data)

    async def receive_some(self, max_bytes: int | None = None) -> Any:
        data = await super().receive_some(max_bytes)
        if self.broken:
            raise OSError("no error that a stream should raise")
        return data


class Cursed(Wrapped):
    """A stream that crashes the program where it writes, once it is cursed."""

    cursed = False

    async def send_all(self, data: Any) -> None:
        if self.cursed:
            raise RuntimeError("a fault of the program")
        await super().send_all(data)


async def test_requests_of_one_packet_are_answered_in_order_and_in_one_write(front, autojump_clock):
    async with front() as running:
        mine, theirs = memory_stream_pair()
        counted = Counted(theirs)
        raw = await running.raw(running.over((mine, counted)))
        await trio.testing.wait_all_tasks_blocked()
        before = counted.writes
        calls = [
            f'{{"jsonrpc":"2.0","id":{number},"method":"tools/call","params":{{"name":"health"}}}}'
            for number in range(10)
        ]
        await mine.send_all(b"".join(raw.protocol.send(TextMessage(data=call)) for call in calls))
        assert [(await raw.message())["id"] for _ in calls] == list(range(10))
        assert counted.writes == before + 1


async def test_a_reader_that_dies_ends_its_connection(front, autojump_clock):
    async with front() as running:
        mine, theirs = memory_stream_pair()
        counted = Counted(theirs)
        raw = await running.raw(running.over((mine, counted)))
        counted.broken = True
        await raw.text(HEALTH)
        await trio.sleep(ConnectionLimits().close_s + 1.0)
        assert running.gate.views.connections == 0


async def test_a_ping_between_answers_that_leave_together_tears_no_frame(front, autojump_clock):
    async with front() as running:
        raw = await running.raw(running.over(lockstep_stream_pair()))
        for number in range(5):
            await raw.call(number, "health")
        await trio.testing.wait_all_tasks_blocked()
        await raw.send(Ping(payload=b"still there?"))
        heard = list[Any]()
        while len(heard) < 6:
            event = await raw.message()
            heard.append(event.payload if isinstance(event, Pong) else event["id"])
        assert sorted(heard, key=str) == [0, 1, 2, 3, 4, b"still there?"]


async def test_a_cancelled_request_never_tears_a_frame(front, autojump_clock):
    async with front() as running:
        raw = await running.raw(running.over(lockstep_stream_pair()))
        await raw.request(1, "tools/list")
        await trio.testing.wait_all_tasks_blocked()
        head = await raw.stream.receive_some(100)
        await raw.text('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}')
        raw.protocol.receive_data(bytes(head))
        assert {tool["name"] for tool in (await raw.message())["result"]["tools"]} >= {"validate"}
        assert await works(raw)


async def test_a_crash_of_one_connection_leaves_the_others(front, autojump_clock):
    async with front() as running:
        good = await running.raw()
        mine, theirs = memory_stream_pair()
        cursed = Cursed(theirs)
        bad = await running.raw(running.over((mine, cursed)))
        cursed.cursed = True
        await bad.call(1, "health")
        assert await bad.event() is None
        await trio.testing.wait_all_tasks_blocked()
        assert running.crashes == ["connection:2"]
        assert running.gate.disconnections == [2]
        assert await works(good)
