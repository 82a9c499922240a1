"""The inbox: order, bounds, turns for others, and both ways to end."""

from __future__ import annotations

import pytest
import trio

from transport.websocket.receive_buffer import CHARACTERS, MESSAGES, TURN_S, Inbox


async def test_messages_come_out_in_the_order_in_which_they_went_in():
    inbox = Inbox()
    await inbox.put("a")
    await inbox.put(b"b")
    assert [await inbox.receive(), await inbox.receive()] == ["a", b"b"]


async def test_whoever_waits_gets_the_next_message(autojump_clock):
    inbox, got = Inbox(), list[str | bytes]()

    async def take() -> None:
        got.append(await inbox.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        await inbox.put("late")
    assert got == ["late"]


@pytest.mark.parametrize(("size", "fit"), [(1, MESSAGES), (CHARACTERS // 4, 5), (CHARACTERS, 2), (10 * CHARACTERS, 1)])
async def test_the_reader_waits_where_there_is_no_room_and_goes_on_when_there_is(autojump_clock, size: int, fit: int):
    inbox, read = Inbox(), list[int]()

    async def reader() -> None:
        for number in range(MESSAGES + 1):
            await inbox.put("x" * size)
            read.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        assert len(read) == fit
        await inbox.receive()
        await trio.testing.wait_all_tasks_blocked()
        assert len(read) == fit + 1
        nursery.cancel_scope.cancel()


async def test_others_get_a_turn_while_messages_never_end(autojump_clock):
    inbox, turns = Inbox(), list[int]()

    async def reader() -> None:
        while True:
            await inbox.put("x")

    async def other() -> None:
        while True:
            turns.append(0)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        nursery.start_soon(other)
        for _ in range(10 * MESSAGES):
            await inbox.receive()
        assert len(turns) >= 9
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("each_s", "turns"), [(0.0, 0), (2 * TURN_S, 10), (0.6 * TURN_S, 5)])
async def test_others_get_a_turn_where_what_is_done_with_messages_takes_long(autojump_clock, each_s: float, turns: int):
    inbox, had = Inbox(), list[int]()

    async def other() -> None:
        while True:
            await trio.lowlevel.checkpoint()
            had.append(0)

    async def take_all() -> None:
        await inbox.receive()
        before = len(had)
        for _ in range(10):
            autojump_clock.jump(each_s)  # as if it had been at work so long
            await inbox.receive()
        assert turns - 1 <= len(had) - before <= (turns and turns + 1)  # who runs first in a pass is left to chance
        nursery.cancel_scope.cancel()

    autojump_clock.jump(60.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_all)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(11):
            await inbox.put(str(number))
        nursery.start_soon(other)


async def test_who_is_cancelled_takes_no_more(autojump_clock):
    inbox = Inbox()
    await inbox.put("x")
    with trio.CancelScope() as scope:
        scope.cancel()
        await inbox.receive()
    assert scope.cancelled_caught
    assert await inbox.receive() == "x"


async def test_after_the_end_what_is_there_is_taken_and_then_no_more(autojump_clock):
    inbox = Inbox()
    await inbox.put("last")
    inbox.end()
    assert await inbox.receive() == "last"
    with pytest.raises(trio.EndOfChannel):
        await inbox.receive()


async def test_whoever_waits_is_told_of_the_end(autojump_clock):
    inbox = Inbox()
    async with trio.open_nursery() as nursery:

        async def take() -> None:
            with pytest.raises(trio.EndOfChannel):
                await inbox.receive()

        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        inbox.end()


async def test_a_closed_inbox_drops_what_is_there_and_lets_the_reader_go(autojump_clock):
    inbox = Inbox()

    async def reader() -> None:
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await inbox.put("x")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        await inbox.aclose()
    with pytest.raises(trio.EndOfChannel):
        await inbox.receive()
