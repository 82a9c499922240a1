"""Connections that say nothing: how many are kept, which one goes, and what the log says of it."""

from __future__ import annotations

import logging
import socket

import pytest
import trio

from transport.access.silent_connections import SilentConnections, has_hung_up


@pytest.fixture
def pairs():
    made = []

    def pair():
        ours, theirs = socket.socketpair()
        made.append(theirs)
        theirs.setblocking(False)
        return trio.SocketStream(trio.socket.from_stdlib_socket(ours)), theirs

    yield pair
    for each in made:
        each.close()


def has_ended(theirs):
    try:
        return theirs.recv(1) == b""
    except BlockingIOError:
        return False


async def test_where_there_is_one_too_many_the_oldest_goes_and_the_log_counts_them_ever_more_rarely(pairs, caplog):
    silent, others = SilentConnections(2, 10.0), []
    with caplog.at_level(logging.INFO, "transport"):
        for _ in range(7):
            stream, theirs = pairs()
            assert silent.keep(stream)
            others.append(theirs)
    assert [has_ended(each) for each in others] == [True] * 5 + [False] * 2
    assert len(silent) == 2
    assert [record.fields["connections"] for record in caplog.records] == [1, 2, 4]
    with trio.move_on_after(0):
        await silent.run(lambda _stream: None)
    assert all(map(has_ended, others[5:]))


async def test_one_that_speaks_is_handed_on_with_its_first_bytes_and_one_that_is_silent_for_too_long_is_closed(
    pairs, autojump_clock
):
    silent, heard = SilentConnections(9, 10.0), []
    (speaks, other), (says_nothing, left) = pairs(), pairs()
    assert silent.keep(speaks)
    assert silent.keep(says_nothing)
    other.send(b"x")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(silent.run, heard.append)
        await trio.sleep(9.9)
        assert (heard, has_ended(left), len(silent)) == ([speaks], False, 1)
        await trio.sleep(0.2)
        assert (has_ended(left), len(silent)) == (True, 0)
        nursery.cancel_scope.cancel()
    assert not await has_hung_up(speaks)
    assert await speaks.receive_some(9) == b"x"
    other.close()
    assert await has_hung_up(speaks)
    await speaks.aclose()
