"""The parts of the HTTP listener, each by itself: headers, when a request was answered, bodies, the bounded stream."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from transport.access.bytes_per_principal import HeldBytes
from transport.http.answer_headers import Answer, is_preflight
from transport.http.answered_requests import watched_for_answer
from transport.http.body import Body
from transport.http.bounded_stream import BoundedStream


class Sent:
    """Keeps what is sent."""

    def __init__(self):
        self.messages = []

    async def __call__(self, message):
        await trio.lowlevel.checkpoint()
        self.messages.append(message)


async def answered(status, headers, *, accepting=True, origin=None):
    sent = Sent()
    answer = Answer(sent, lambda: accepting)
    answer.origin = origin
    assert not answer.begun
    await answer({"type": "http.response.start", "status": status, "headers": headers})
    assert answer.begun
    (message,) = sent.messages
    return message["status"], list(message["headers"])


JSON, STREAM = (b"content-type", b"application/json"), (b"content-type", b"text/event-stream; charset=utf-8")
NOSNIFF = (b"x-content-type-options", b"nosniff")


@pytest.mark.parametrize(
    ("own", "kept", "cache"),
    [
        ([JSON], [JSON], b"no-store"),
        ([STREAM], [STREAM], b"no-store, no-transform"),
        ([(b"x-other", b"text/event-stream"), JSON], [(b"x-other", b"text/event-stream"), JSON], b"no-store"),
        ([(b"cache-control", b"max-age=9"), JSON], [JSON], b"no-store"),
        ([], [], b"no-store"),
    ],
)
async def test_nobody_keeps_an_answer_or_guesses_its_type(own, kept, cache):
    assert await answered(200, own) == (200, [NOSNIFF, *kept, (b"cache-control", cache)])


async def test_a_page_reads_what_names_its_origin_and_nothing_names_one_that_is_none():
    _, headers = await answered(200, [JSON], origin=b"https://page.example")
    assert (b"access-control-allow-origin", b"https://page.example") in headers
    assert (b"vary", b"Origin") in headers
    assert not [name for name, _ in (await answered(200, [JSON]))[1] if name.startswith((b"access", b"vary"))]


@pytest.mark.parametrize(
    ("status", "accepting", "told"), [(500, True, 500), (500, False, 503), (200, False, 200), (400, False, 400)]
)
async def test_what_fails_while_the_server_stops_was_cut_off_and_may_come_back(status, accepting, told):
    found, headers = await answered(status, [], accepting=accepting)
    assert (found, (b"retry-after", b"1") in headers, (b"connection", b"close") in headers) == (
        told,
        *[told == 503] * 2,
    )


async def test_a_preflight_is_answered_and_only_a_preflight_is_one():
    sent = Sent()
    await Answer(sent, lambda: True).allow()
    assert [message["type"] for message in sent.messages] == ["http.response.start", "http.response.body"]
    asks = [(b"origin", b"x"), (b"access-control-request-method", b"POST")]
    assert is_preflight("OPTIONS", asks)
    assert not is_preflight("POST", asks)
    assert not any(is_preflight("OPTIONS", [each]) for each in asks)


ANSWER = b'{"jsonrpc":"2.0","id":7,"result":{}}'


@pytest.mark.parametrize(
    ("kind", "body", "expected"),
    [
        ("http.response.body", ANSWER, 1),
        ("http.response.body", b"event: message\r\ndata: " + ANSWER + b"\r\n\r\n", 1),
        ("http.response.body", b'data: {"method":"notifications/progress"}\n\ndata: ' + ANSWER + b"\n\n", 1),
        ("http.response.body", b'{"id":8,"result":{}}', 0),
        ("http.response.body", b'{"id":"7","result":{}}', 0),
        ("http.response.body", b'{"id":7,"method":"sampling/createMessage"}', 0),
        ("http.response.body", b"data: {\n: " + ANSWER, 0),
        ("http.response.body", b"", 0),
        ("http.response.start", ANSWER, 0),
    ],
)
async def test_a_request_is_answered_when_its_answer_is_sent_and_by_nothing_else(kind, body, expected):
    sent, told = Sent(), []
    watched = watched_for_answer(7, sent, lambda: told.append(len(sent.messages)))
    await watched({"type": kind, "body": body})
    assert told == [0] * expected  # before it goes there
    assert sent.messages == [{"type": kind, "body": body}]


def test_a_body_counts_its_pieces_and_bytes_and_leaves_room_for_one_that_is_alone():
    held = HeldBytes()
    first, second = Body(10), Body(10)
    first.held = second.held = held
    assert first.grow(b"x" * 8)
    assert first.grow(b"x" * 8)  # more than all may have, but nobody else has any
    assert (first.pieces, len(first.data), held.bytes) == (2, 16, 16)
    assert not second.grow(b"y")
    assert (second.pieces, held.bytes) == (1, 16)
    first.release()
    first.release()
    assert (held.bytes, second.grow(b"y" * 6), first.grow(b"x" * 4), first.grow(b"x")) == (0, True, True, False)
    assert held.bytes == 10


class Peer:
    """Both ends of a stream in memory, of which ours is bounded."""

    def __init__(self, stream=None, write_s=10.0):
        ours, self.theirs = trio.testing.memory_stream_pair()
        self.told = []
        self.stream = BoundedStream(
            ours if stream is None else stream, write_s, gone=self._gone, stuck=lambda: self.told.append("stuck")
        )

    async def _gone(self):
        self.told.append("gone")


class NeverWrites(trio.abc.SendStream):
    """A stream to a peer that does not read."""

    def __init__(self):
        self.closed = False

    async def send_all(self, data):
        await trio.sleep_forever()

    async def wait_send_all_might_not_block(self):
        await trio.lowlevel.checkpoint()

    async def aclose(self):
        self.closed = True
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("hurries_at", "hurry_to", "ends"), [(None, 0.0, 10.0), (0.0, 3.0, 3.0), (4.0, 6.0, 6.0), (0.0, 30.0, 10.0)]
)
async def test_a_write_that_the_peer_does_not_read_ends_in_time_and_sooner_where_there_is_hurry(
    autojump_clock, hurries_at, hurry_to, ends
):
    beneath = NeverWrites()
    peer, began = Peer(beneath), trio.current_time()
    async with trio.open_nursery() as nursery:

        async def hurry():
            await trio.sleep(hurries_at)
            peer.stream.hurry(began + hurry_to)

        if hurries_at == 0.0:
            peer.stream.hurry(began + hurry_to)
        elif hurries_at is not None:
            nursery.start_soon(hurry)
        with pytest.raises(trio.BrokenResourceError, match="does not read"):
            await peer.stream.send_all(b"x")
    assert trio.current_time() - began == pytest.approx(ends)
    assert (peer.told, beneath.closed) == (["stuck"], True)


async def test_a_write_to_a_peer_that_has_gone_fails_and_says_so_once():
    peer = Peer()
    await peer.theirs.aclose()
    with pytest.raises(trio.BrokenResourceError):
        await peer.stream.send_all(b"x")
    assert peer.told == ["stuck"]


async def test_what_comes_is_passed_on_and_the_end_is_told(autojump_clock):
    peer = Peer()
    await peer.stream.send_all(b"out")
    assert await peer.theirs.receive_some(9) == b"out"
    await peer.theirs.send_all(b"in")
    assert (await peer.stream.receive_some(9), peer.told) == (b"in", [])
    await peer.theirs.send_eof()
    assert (await peer.stream.receive_some(9), peer.told) == (b"", ["gone"])
    await peer.stream.send_eof()
    assert await peer.theirs.receive_some(9) == b""
    await peer.stream.aclose()


@pytest.mark.parametrize(("takes_s", "usable"), [(1.0, True), (9.0, False)])
async def test_a_handshake_has_so_long_and_no_longer(autojump_clock, takes_s, usable):
    beneath = NeverWrites()

    async def do_handshake():
        await trio.sleep(takes_s)

    beneath.do_handshake = do_handshake
    began = trio.current_time()
    assert await Peer(beneath).stream.shake_hands(5.0) == usable
    assert trio.current_time() - began == pytest.approx(min(takes_s, 5.0))
    assert await Peer().stream.shake_hands(5.0)
