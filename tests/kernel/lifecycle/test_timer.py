"""Timers: once, again and again, and never after the end."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import Actor, Tell
from actors.testing import under_test


class Tick(Tell, frozen=True):
    pass


class Clock(Actor):
    accepts = Tick
    capacity = 2

    def __init__(self):
        self.ticks = []
        self.nap_s = 0.0

    async def handle(self, message, reply):
        self.ticks.append(trio.current_time())
        await trio.sleep(self.nap_s)


async def test_a_message_sent_later_comes_once_at_its_time(autojump_clock):
    async with under_test(Clock) as subject:
        (clock,) = subject.incarnations
        clock.send_after(3.0, Tick())
        await trio.sleep(10.0)
        assert clock.ticks == [pytest.approx(3.0)]


async def test_a_beat_keeps_its_rhythm_while_handlers_take_their_time(autojump_clock):
    async with under_test(Clock) as subject:
        (clock,) = subject.incarnations
        clock.nap_s = 0.4
        clock.send_every(1.0, Tick())
        await trio.sleep(5.5)
        assert clock.ticks == [pytest.approx(n) for n in (1.0, 2.0, 3.0, 4.0, 5.0)]


async def test_a_cancelled_timer_sends_nothing_more(autojump_clock):
    async with under_test(Clock) as subject:
        (clock,) = subject.incarnations
        beat = clock.send_every(1.0, Tick())
        once = clock.send_after(2.5, Tick())
        await trio.sleep(2.2)
        beat.cancel()
        once.cancel()
        await trio.sleep(10.0)
        assert len(clock.ticks) == 2


async def test_beats_that_a_full_mailbox_misses_are_dead_letters(autojump_clock):
    async with under_test(Clock) as subject:
        (clock,) = subject.incarnations
        clock.nap_s = 100.0
        clock.send_every(1.0, Tick())
        await trio.sleep(10.5)
        assert len(clock.ticks) == 1
        assert subject.system.dead_letters["subject"] == 7


async def test_beats_of_a_stalled_loop_are_left_out_not_sent_in_a_burst():
    clock = trio.testing.MockClock()

    async def main():
        async with under_test(Clock) as subject:
            (actor,) = subject.incarnations
            actor.send_every(1.0, Tick())
            await trio.testing.wait_all_tasks_blocked()
            for jump in (1.0, 7.5, 0.5):
                clock.jump(jump)
                for _ in range(5):
                    await trio.testing.wait_all_tasks_blocked()
            assert actor.ticks == [1.0, 8.5, 9.0]

    await _in_another_run(main, clock)


async def _in_another_run(main, clock):
    await trio.to_thread.run_sync(lambda: trio.run(main, clock=clock))


async def test_timers_end_with_their_actor(autojump_clock):
    async with under_test(Clock) as subject:
        subject.incarnations[0].send_every(1.0, Tick())
        subject.incarnations[0].send_after(2.0, Tick())
        subject.system.mailboxes["subject"].close()
        await trio.sleep(10.0)
        assert len(subject.incarnations) == 2
        assert [actor.ticks for actor in subject.incarnations] == [[], []]
