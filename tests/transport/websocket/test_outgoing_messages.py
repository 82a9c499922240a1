"""What waits to be written counts for its connection and its principal until it is written, given up or lost."""

from __future__ import annotations

import anyio
import pytest
import trio
import trio.testing
from trio_websocket import ConnectionClosed

from transport.access.bytes_per_principal import HeldBytes
from transport.mcp.in_flight import InFlight, InFlightHold
from transport.mcp.protocol_era import Era
from transport.websocket.message_size import Fragments
from transport.websocket.outgoing_messages import Outbound
from transport.websocket.receive_buffer import CHARACTERS, ReceiveBuffer


class Peer:
    """Takes what is written, waits with it, or is gone."""

    def __init__(self):
        self.taken = []
        self.reads = trio.Event()
        self.reads.set()
        self.gone = False
        self.told = []

    async def write(self, texts):
        await self.reads.wait()
        if self.gone:
            raise ConnectionClosed(None)
        self.taken += texts


def outbound(peer, held, **limits):
    given = {"messages": 16, "queued_bytes": 100, "write_s": 30.0, **limits}
    return Outbound(
        peer.write,
        InFlight(8, 1000),
        Era({}),
        held=held,
        overflow=lambda: peer.told.append("overflow"),
        stuck=lambda: peer.told.append("stuck"),
        **given,
    )


@pytest.fixture
def peer():
    return Peer()


async def test_what_was_written_counts_no_longer(autojump_clock, peer):
    held = HeldBytes()
    out = outbound(peer, held)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.write_all)
        for _ in range(20):
            out.put("x" * 40)
            await trio.testing.wait_all_tasks_blocked()
            assert held.bytes == 0
        await out.aclose()
    assert (len(peer.taken), peer.told) == (20, [])


async def test_the_queue_of_a_connection_that_died_counts_no_longer_for_its_principal(autojump_clock, peer):
    held = HeldBytes()
    out = outbound(peer, held)
    peer.reads = trio.Event()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.write_all)
        out.put("x" * 40)
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(2):
            out.put("x" * 40)
        assert held.bytes == 80
        peer.gone = True
        peer.reads.set()
    assert held.bytes == 0
    with pytest.raises(anyio.ClosedResourceError):
        out.put("x")


async def test_a_queue_that_is_given_up_counts_no_longer_at_once(autojump_clock, peer):
    held = HeldBytes()
    out = outbound(peer, held)
    for _ in range(2):
        out.put("x" * 40)
    assert held.bytes == 80
    with pytest.raises(anyio.ClosedResourceError):
        out.put("x" * 40)
    assert (held.bytes, peer.told) == (0, ["overflow"])


async def test_a_write_that_takes_too_long_is_told_and_counts_no_longer(autojump_clock, peer):
    held = HeldBytes()
    out = outbound(peer, held, write_s=5.0)
    peer.reads = trio.Event()
    out.put("x" * 40)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(out.write_all)
        await trio.sleep(1.0)
        out.put("x" * 40)
        await out.written.wait()
    assert (trio.current_time(), held.bytes, peer.told) == (pytest.approx(5.0), 0, ["stuck"])


def test_what_a_connection_has_begun_and_not_finished_counts_no_longer_when_it_ends():
    ended, goes_on = Fragments(), Fragments()
    ended.unfinished = goes_on.unfinished = HeldBytes()
    ended._hold(40)
    goes_on._hold(30)
    ended.end()
    assert goes_on.unfinished.bytes == 30


def test_requests_that_were_answered_leave_room_for_others():
    in_flight = InFlight(2, 100)
    for number in range(10):
        assert in_flight.has_room(90)
        in_flight.begin(number, size=90, ordered=False)
        assert not in_flight.has_room(20)
        in_flight.settle(number)
        assert (len(in_flight), in_flight.size) == (0, 0)
    in_flight.settle("unknown")
    assert in_flight.size == 0


def test_a_request_is_under_way_until_the_last_who_works_on_it_has_left():
    in_flight = InFlight(2, 100)
    hold = InFlightHold(in_flight, 1, 90)
    with hold:
        with hold:
            assert len(in_flight) == 1
        assert len(in_flight) == 1
    assert (len(in_flight), in_flight.size) == (0, 0)


async def test_a_reader_goes_on_however_much_was_taken_before(autojump_clock):
    buffer = ReceiveBuffer()
    for _ in range(10):
        with trio.fail_after(1.0):
            await buffer.put("x" * CHARACTERS)
            await buffer.put("y")
            assert len(await buffer.receive()) == CHARACTERS
            assert await buffer.receive() == "y"
