"""Cancellation at every step of an ask, a start, a restart and a stop: all of them are walked, none is sampled.

The walk: an instrument counts the moments at which one task is parked and at which it goes on, and cancels its scope at
moment k. With k = 1, 2, 3, ... until the task ends without having been cancelled, every moment at which a cancellation
can arrive has been tried: while the task waits, and between what it waited for and its next step.
"""

from __future__ import annotations

import random

import trio
import trio.testing

from actors.kernel import Actor, ActorError, Ask, ChildSpec, Ref, Supervisor, System, Tell, running
from actors.testing import no_leaks


class Ping(Ask[int], frozen=True):
    pass


class Boom(Tell, frozen=True):
    pass


class Worker(Actor):
    accepts = Ping | Boom

    async def on_start(self):
        await trio.sleep(0.1)

    async def handle(self, message, reply):
        if isinstance(message, Boom):
            raise RuntimeError("boom")
        await trio.sleep(0.1)
        return 1

    async def on_stop(self):
        await trio.sleep(0.1)


class CancelAt(trio.abc.Instrument):
    """Cancels a task's scope at moment k of its life."""

    def __init__(self, k):
        self.left = k
        self.task = None
        self.scope = trio.CancelScope()
        self.fired = False

    def before_task_step(self, task):
        self._count(task)

    def after_task_step(self, task):
        self._count(task)

    def _count(self, task):
        if task is self.task:
            self.left -= 1
            if self.left == 0:
                self.fired = True
                self.scope.cancel()


async def victim(act, instrument, task_status):
    with instrument.scope:
        instrument.task = trio.lowlevel.current_task()
        task_status.started()
        await act()
    instrument.task = None


async def once(k, act):
    """Run `act` in a tree of three, cancelled at its step k, then check that the tree is whole."""
    instrument = CancelAt(k)
    system = System(random.Random(3))
    supervisor = Supervisor([ChildSpec(name, Worker) for name in "abc"], strategy="rest_for_one")
    async with no_leaks(), running(supervisor, system=system):
        trio.lowlevel.add_instrument(instrument)
        async with trio.open_nursery() as nursery:
            await nursery.start(victim, lambda: act(system, supervisor), instrument)
        trio.lowlevel.remove_instrument(instrument)
        await trio.sleep(10.0)
        for name in supervisor.children():
            assert await Ref(system, name).ask(Ping()) == 1
        assert set(supervisor.children()) == set(system.mailboxes)
        assert not system.waiting._for
        assert not any(system.deadlines._buckets.get(key) for key in system.deadlines._buckets)
        assert all(not mailbox._unanswered for mailbox in system.mailboxes.values())
    assert not system.mailboxes
    assert not system.supervisors
    return instrument.fired, set(supervisor.children())


def walk(act):
    """Cancel `act` at its first step, then its second, and so on; return at how many it could be cancelled."""
    k = 1
    while True:
        clock = trio.testing.MockClock(autojump_threshold=0)
        fired, _ = trio.run(once, k, act, clock=clock)
        if not fired:
            return k - 1
        k += 1


async def ask(system, supervisor):
    await Ref(system, "b").ask(Ping())


async def send_and_wait(system, supervisor):
    asked = Ref(system, "b").send(Ping())
    await asked.answer()


async def ask_during_a_crash(system, supervisor):
    Ref(system, "b").tell(Boom())
    try:
        await Ref(system, "b").ask(Ping())
    except ActorError:
        await trio.sleep(0.3)


async def start_child(system, supervisor):
    await supervisor.start_child(ChildSpec("d", Worker))


async def stop_child(system, supervisor):
    await supervisor.stop_child("b")


async def restart_child(system, supervisor):
    await supervisor.restart_child("b")


def test_an_ask_can_be_cancelled_at_every_step():
    assert walk(ask) >= 2


def test_an_ask_that_was_sent_can_be_cancelled_at_every_step():
    assert walk(send_and_wait) >= 2


def test_an_ask_of_an_actor_that_crashes_can_be_cancelled_at_every_step():
    assert walk(ask_during_a_crash) >= 2


def test_a_start_can_be_cancelled_at_every_step():
    assert walk(start_child) >= 2


def test_a_stop_can_be_cancelled_at_every_step():
    assert walk(stop_child) >= 2


def test_a_restart_by_hand_can_be_cancelled_at_every_step():
    assert walk(restart_child) >= 3


def test_a_whole_tree_can_be_cancelled_at_every_step_of_its_supervisor():
    """The supervisor's own task: through start, a crash, a restart and an ordered stop."""

    async def life(k):
        system = System(random.Random(3))
        supervisor = Supervisor([ChildSpec(name, Worker) for name in "abc"], strategy="one_for_all")
        instrument = CancelAt(k)
        supervisor.attach("root", system)

        async def root(task_status):
            with instrument.scope:
                instrument.task = trio.lowlevel.current_task()
                await supervisor.run(task_status)
            instrument.task = None

        async def use():
            await trio.sleep(1.0)
            Ref(system, "b").tell_or_lose(Boom())
            await trio.sleep(1.0)
            supervisor.request_stop()

        async with no_leaks():
            trio.lowlevel.add_instrument(instrument)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(root, trio.TASK_STATUS_IGNORED)
                nursery.start_soon(use)
            trio.lowlevel.remove_instrument(instrument)
        assert not system.mailboxes
        assert not system.supervisors
        return instrument.fired

    k = 1
    while trio.run(life, k, clock=trio.testing.MockClock(autojump_threshold=0)):
        k += 1
    assert k > 10
