"""The buffer: order, bounds, turns for others, and both ways to end."""

from __future__ import annotations

import pytest
import trio

from transport.websocket.receive_buffer import CHARACTERS, MESSAGES, TURN_S, ReceiveBuffer


async def test_messages_come_out_in_the_order_in_which_they_went_in():
    buffer = ReceiveBuffer()
    await buffer.put("a")
    await buffer.put(b"b")
    assert [await buffer.receive(), await buffer.receive()] == ["a", b"b"]


async def test_whoever_waits_gets_the_next_message(autojump_clock):
    buffer, got = ReceiveBuffer(), list[str | bytes]()

    async def take() -> None:
        got.append(await buffer.receive())

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        await buffer.put("late")
    assert got == ["late"]


@pytest.mark.parametrize(("size", "fit"), [(1, MESSAGES), (CHARACTERS // 4, 5), (CHARACTERS, 2), (10 * CHARACTERS, 1)])
async def test_the_reader_waits_where_there_is_no_room_and_goes_on_when_there_is(autojump_clock, size: int, fit: int):
    buffer, read = ReceiveBuffer(), list[int]()

    async def reader() -> None:
        for number in range(MESSAGES + 1):
            await buffer.put("x" * size)
            read.append(number)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        assert len(read) == fit
        await buffer.receive()
        await trio.testing.wait_all_tasks_blocked()
        assert len(read) == fit + 1
        nursery.cancel_scope.cancel()


async def test_others_get_a_turn_while_messages_never_end(autojump_clock):
    buffer, turns = ReceiveBuffer(), list[int]()

    async def reader() -> None:
        while True:
            await buffer.put("x")

    async def other() -> None:
        while True:
            turns.append(0)
            await trio.lowlevel.checkpoint()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        nursery.start_soon(other)
        for _ in range(10 * MESSAGES):
            await buffer.receive()
        assert len(turns) >= 9
        nursery.cancel_scope.cancel()


@pytest.mark.parametrize(("each_s", "turns"), [(0.0, 0), (2 * TURN_S, 10), (0.6 * TURN_S, 5)])
async def test_others_get_a_turn_where_what_is_done_with_messages_takes_long(autojump_clock, each_s: float, turns: int):
    buffer, had = ReceiveBuffer(), list[int]()

    async def other() -> None:
        while True:
            await trio.lowlevel.checkpoint()
            had.append(0)

    async def take_all() -> None:
        await buffer.receive()
        before = len(had)
        for _ in range(10):
            autojump_clock.jump(each_s)  # as if it had been at work so long
            await buffer.receive()
        assert turns - 1 <= len(had) - before <= (turns and turns + 1)  # who runs first in a pass is left to chance
        nursery.cancel_scope.cancel()

    autojump_clock.jump(60.0)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_all)
        await trio.testing.wait_all_tasks_blocked()
        for number in range(11):
            await buffer.put(str(number))
        nursery.start_soon(other)


async def test_who_is_cancelled_takes_no_more(autojump_clock):
    buffer = ReceiveBuffer()
    await buffer.put("x")
    with trio.CancelScope() as scope:
        scope.cancel()
        await buffer.receive()
    assert scope.cancelled_caught
    assert await buffer.receive() == "x"


async def test_after_the_end_what_is_there_is_taken_and_then_no_more(autojump_clock):
    buffer = ReceiveBuffer()
    await buffer.put("last")
    buffer.end()
    assert await buffer.receive() == "last"
    with pytest.raises(trio.EndOfChannel):
        await buffer.receive()


async def test_whoever_waits_is_told_of_the_end(autojump_clock):
    buffer = ReceiveBuffer()
    async with trio.open_nursery() as nursery:

        async def take() -> None:
            with pytest.raises(trio.EndOfChannel):
                await buffer.receive()

        nursery.start_soon(take)
        await trio.testing.wait_all_tasks_blocked()
        buffer.end()


async def test_a_closed_inbox_drops_what_is_there_and_lets_the_reader_go(autojump_clock):
    buffer = ReceiveBuffer()

    async def reader() -> None:
        with pytest.raises(trio.BrokenResourceError):
            while True:
                await buffer.put("x")

    async with trio.open_nursery() as nursery:
        nursery.start_soon(reader)
        await trio.testing.wait_all_tasks_blocked()
        await buffer.aclose()
    with pytest.raises(trio.EndOfChannel):
        await buffer.receive()
