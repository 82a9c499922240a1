"""Races between the supervisor's own work and what others ask of it, each once a bug."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import Actor, ActorError, Ask, ChildSpec, Supervisor, running
from actors.kernel.messages.mailbox import Envelope


class Ping(Ask[int], frozen=True):
    n: int


class Plain(Actor):
    accepts = Ping

    async def handle(self, message, reply):
        return 1


class StopsSlowly(Plain):
    async def on_stop(self):
        await trio.sleep(2)


class StartsSlowlyAgain(Plain):
    starts = 0

    async def on_start(self):
        StartsSlowlyAgain.starts += 1
        if StartsSlowlyAgain.starts > 1:
            await trio.sleep(1)


class Steps(trio.abc.Instrument):
    count = 0

    def before_task_step(self, task):
        self.count += 1


def crash(system, name):
    system.mailboxes[name].put_nowait(Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", ""))


async def gone(supervisor, name):
    """Wait until a child has ended, but not until its supervisor has noticed."""
    while name in supervisor.children():
        await trio.lowlevel.checkpoint()


async def test_a_restart_by_hand_right_after_a_crash_leaves_the_supervisor_alive(autojump_clock):
    for _ in range(40):  # who comes first, the restart or the crash, is Trio's choice
        supervisor = Supervisor([ChildSpec("a", Plain)])
        async with running(supervisor) as system:
            crash(system, "a")
            await gone(supervisor, "a")
            await supervisor.restart_child("a")
            await trio.sleep(30)
            assert supervisor.children() == ["a"]


async def test_a_restart_by_hand_while_the_supervisor_stops_siblings_waits_for_it(autojump_clock):
    supervisor = Supervisor([ChildSpec("a", Plain), ChildSpec("b", StopsSlowly)], strategy="rest_for_one")
    async with running(supervisor) as system:
        crash(system, "a")
        await trio.sleep(0.5)
        await supervisor.restart_child("a")
        await trio.sleep(30)
        assert sorted(supervisor.children()) == ["a", "b"]


async def test_a_child_stopped_right_after_its_crash_stays_forgotten_and_the_supervisor_rests():
    for _ in range(20):  # who comes first, the stop or the crash, is Trio's choice
        supervisor = Supervisor([ChildSpec("a", Plain)])
        async with running(supervisor) as system:
            crash(system, "a")
            await gone(supervisor, "a")
            await supervisor.stop_child("a")
            await trio.sleep(0.02)
            steps = Steps()
            trio.lowlevel.add_instrument(steps)
            await trio.sleep(0.03)
            trio.lowlevel.remove_instrument(steps)
            assert steps.count < 50


async def test_a_stop_during_a_restart_really_stops_the_child(autojump_clock):
    StartsSlowlyAgain.starts = 0
    supervisor = Supervisor([ChildSpec("a", StartsSlowlyAgain)])
    async with running(supervisor) as system:
        crash(system, "a")
        await trio.sleep(0.5)
        await supervisor.stop_child("a")
        await trio.sleep(5)
        assert supervisor.children() == []
        assert "a" not in system.mailboxes


async def test_a_start_that_fails_raises_its_own_error_not_a_group_of_one(autojump_clock):
    class Fails(Plain):
        async def on_start(self):
            raise ActorError("no")

    supervisor = Supervisor(strategy="dynamic")
    async with running(supervisor):
        with pytest.raises(ActorError, match="no"):
            await supervisor.start_child(ChildSpec("x", Fails))
        assert supervisor.children() == []
        await supervisor.start_child(ChildSpec("x", Plain))
