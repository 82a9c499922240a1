"""Supervision: starts in order, restarts as drawn, stops in reverse."""

from __future__ import annotations

import random

import pytest
import trio

from actors.kernel import (
    Actor,
    ActorDied,
    ActorError,
    Ask,
    ChildSpec,
    Intensity,
    NameTaken,
    Ref,
    RestartIntensityExceeded,
    Supervisor,
    System,
    Tell,
    Unrecoverable,
    contains,
    encode,
    running,
)
from actors.kernel.lifecycle.restart_intensity import RestartHistory
from actors.kernel.messages.mailbox import Envelope


class Ping(Ask[int]):
    """Answered with the incarnation's number."""


class Boom(Tell):
    """Crashes whoever gets it."""


class Doom(Tell):
    """Raises Unrecoverable."""


class Worker(Actor):
    accepts = Ping | Boom | Doom

    def __init__(self, story, label, fail_starts=()):
        self.story = story
        self.label = label
        self.number = story.count(f"start {label}") + story.count(f"no start {label}") + 1
        self.fail_starts = fail_starts

    async def on_start(self):
        if self.number in self.fail_starts:
            self.story.append(f"no start {self.label}")
            raise OSError("cannot start")
        self.story.append(f"start {self.label}")

    async def handle(self, message, reply):
        if isinstance(message, Boom):
            raise RuntimeError("boom")
        if isinstance(message, Doom):
            raise Unrecoverable("the disk is gone")
        return self.number

    async def on_stop(self):
        self.story.append(f"stop {self.label}")

    def on_exit(self):
        self.story.append(f"exit {self.label}")


def specs(story, *labels, **options):
    return [ChildSpec(label, lambda label=label: Worker(story, label), **options) for label in labels]


def seeded() -> System:
    return System(random.Random(7))


async def test_children_start_in_order_and_stop_in_reverse():
    story = []
    async with running(Supervisor(specs(story, "a", "b", "c"))):
        assert story == ["start a", "start b", "start c"]
        story.clear()
    assert story == ["stop c", "exit c", "stop b", "exit b", "stop a", "exit a"]


async def test_one_for_one_restarts_only_the_child_that_crashed(autojump_clock):
    story = []
    async with running(Supervisor(specs(story, "a", "b", "c")), system=seeded()) as system:
        Ref(system, "b").tell(Boom())
        await trio.sleep(1.0)
        assert [await Ref(system, each).ask(Ping()) for each in "abc"] == [1, 2, 1]


async def test_rest_for_one_restarts_what_was_started_after_it_in_order(autojump_clock):
    story = []
    async with running(Supervisor(specs(story, "a", "b", "c"), strategy="rest_for_one"), system=seeded()) as system:
        before = len(story)
        Ref(system, "b").tell(Boom())
        await trio.sleep(1.0)
        assert [await Ref(system, each).ask(Ping()) for each in "abc"] == [1, 2, 2]
        assert story[before:] == ["exit b", "stop c", "exit c", "start b", "start c"]


async def test_a_crash_is_reported_once_and_counted(autojump_clock):
    crashes = []
    supervisor = Supervisor(specs([], "a"), on_crash=lambda name, error: crashes.append((name, error)))
    async with running(supervisor, system=seeded()) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(1.0)
        assert [(name, contains(error, RuntimeError)) for name, error in crashes] == [("a", True)]
        assert system.statistics()["a"].failed == 1


async def test_a_temporary_child_is_not_restarted_and_never_counts(autojump_clock):
    story = []
    children = [*specs(story, "keeper"), *specs(story, "guest", restart="temporary")]
    async with running(Supervisor(children, intensity=Intensity(restarts=0)), system=seeded()) as system:
        Ref(system, "guest").tell(Boom())
        await trio.sleep(60.0)
        assert await Ref(system, "keeper").ask(Ping()) == 1
        assert "guest" not in system.mailboxes


async def test_a_transient_child_that_ends_by_itself_stays_ended(autojump_clock):
    story = []
    async with running(Supervisor(specs(story, "a", restart="transient")), system=seeded()) as system:
        system.mailboxes["a"].close()
        await trio.sleep(60.0)
        assert story.count("start a") == 1


async def test_a_permanent_child_that_ends_by_itself_is_restarted(autojump_clock):
    story = []
    async with running(Supervisor(specs(story, "a")), system=seeded()) as system:
        system.mailboxes["a"].close()
        await trio.sleep(60.0)
        assert story.count("start a") == 2


async def test_too_many_crashes_end_the_supervisor_and_everything_below_it_in_order(autojump_clock):
    story = []
    supervisor = Supervisor(specs(story, "a", "b"), intensity=Intensity(restarts=2, period_s=100.0))
    with pytest.raises(ExceptionGroup) as caught:
        async with running(supervisor, system=seeded()) as system:
            while True:
                if "b" in system.mailboxes:
                    Ref(system, "b").tell(Boom())
                await trio.sleep(1.0)
    assert contains(caught.value, RestartIntensityExceeded)
    assert story.count("start b") == 3
    assert story[-2:] == ["stop a", "exit a"]


async def test_crashes_further_apart_than_the_period_are_borne_for_ever(autojump_clock):
    story = []
    supervisor = Supervisor(specs(story, "a"), intensity=Intensity(restarts=1, period_s=10.0))
    async with running(supervisor, system=seeded()) as system:
        for _ in range(20):
            Ref(system, "a").tell(Boom())
            await trio.sleep(11.0)
        assert await Ref(system, "a").ask(Ping()) == 21


async def test_a_supervisor_that_gives_up_is_restarted_by_its_own(autojump_clock):
    story = []

    def inner():
        return Supervisor(specs(story, "a"), intensity=Intensity(restarts=0))

    async with running(Supervisor([ChildSpec("inner", inner)]), system=seeded()) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(5.0)
        assert await Ref(system, "a").ask(Ping()) == 2


async def test_a_start_that_fails_at_first_is_tried_again_with_backoff(autojump_clock):
    story = []
    child = ChildSpec("a", lambda: Worker(story, "a", fail_starts={2, 3}))
    async with running(Supervisor([child]), system=seeded()) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(5.0)
        assert await Ref(system, "a").ask(Ping()) == 4


async def test_the_first_start_that_fails_ends_the_tree_with_its_cause():
    story = []
    children = [*specs(story, "a"), ChildSpec("b", lambda: Worker(story, "b", fail_starts={1}))]
    with pytest.raises(ExceptionGroup) as caught:
        async with running(Supervisor(children)):
            pytest.fail("the tree must not start")
    assert contains(caught.value, OSError)
    assert story[-2:] == ["stop a", "exit a"]


async def test_a_start_that_takes_too_long_fails(autojump_clock):
    class Slow(Actor):
        accepts = Ping

        async def on_start(self):
            await trio.sleep(100)

    with pytest.raises(ExceptionGroup) as caught:
        async with running(Supervisor([ChildSpec("slow", Slow, start_timeout_s=2.0)])):
            pytest.fail("the tree must not start")
    assert contains(caught.value, trio.TooSlowError)
    assert trio.current_time() == pytest.approx(2.0)


async def test_a_child_that_does_not_stop_in_time_is_cancelled(autojump_clock):
    class Stubborn(Actor):
        accepts = Ping

        async def on_stop(self):
            await trio.sleep_forever()

    async with running(Supervisor([ChildSpec("stubborn", Stubborn, shutdown_s=3.0)])):
        pass
    assert trio.current_time() == pytest.approx(3.0)


async def test_an_unrecoverable_error_ends_the_whole_tree_without_a_restart(autojump_clock):
    story = []
    inner = ChildSpec("inner", lambda: Supervisor(specs(story, "b")))
    with pytest.raises(ExceptionGroup) as caught:
        async with running(Supervisor([*specs(story, "a"), inner])) as system:
            Ref(system, "b").tell(Doom())
            await trio.sleep_forever()
    assert contains(caught.value, Unrecoverable)
    assert story.count("start b") == 1


async def test_children_come_and_go_at_run_time(autojump_clock):
    story = []
    supervisor = Supervisor()
    async with running(supervisor) as system:
        await supervisor.start_child(specs(story, "a")[0])
        assert supervisor.children() == ["a"]
        with pytest.raises(NameTaken, match="'a' is in use"):
            await supervisor.start_child(specs(story, "a")[0])
        await supervisor.stop_child("a")
        assert supervisor.children() == []
        await trio.sleep(60)
        assert story == ["start a", "stop a", "exit a"]
        assert "a" not in system.mailboxes


async def test_a_permanent_child_added_at_run_time_is_restarted_too(autojump_clock):
    supervisor = Supervisor()
    async with running(supervisor, system=seeded()) as system:
        await supervisor.start_child(specs([], "a")[0])
        Ref(system, "a").tell(Boom())
        await trio.sleep(1.0)
        assert "a" in system.mailboxes


async def test_a_dynamic_start_that_fails_raises_in_its_caller_alone():
    story = []
    supervisor = Supervisor(specs(story, "a"))
    async with running(supervisor) as system:
        with pytest.raises(Exception) as caught:  # noqa: PT011 - a group or the error itself, as trio has it
            await supervisor.start_child(ChildSpec("b", lambda: Worker(story, "b", fail_starts={1})))
        assert contains(caught.value, OSError)
        assert await Ref(system, "a").ask(Ping()) == 1


async def test_a_stopping_supervisor_starts_no_more_children():
    supervisor = Supervisor()
    async with running(supervisor):
        supervisor.request_stop()
        with pytest.raises(ActorError, match="is stopping"):
            await supervisor.start_child(specs([], "a")[0])


async def test_a_cancelled_tree_still_stops_its_children_and_leaks_nothing():
    story = []
    system = System()
    with trio.CancelScope() as scope:
        async with running(Supervisor(specs(story, "a", "b")), system=system):
            scope.cancel()
            await trio.sleep_forever()
    assert sorted(each for each in story if each.startswith("exit")) == ["exit a", "exit b"]
    assert not system.mailboxes
    assert not system.supervisors


async def test_an_actor_whose_last_act_fails_still_lets_go_of_its_name_and_its_askers(autojump_clock):
    class Clumsy(Worker):
        def on_exit(self):
            raise OSError("cannot let go")

    story = []
    async with running(Supervisor([ChildSpec("a", lambda: Clumsy(story, "a"))]), system=seeded()) as system:
        Ref(system, "a").tell(Boom())
        with pytest.raises(ActorDied):
            await Ref(system, "a").ask(Ping(), timeout_s=1000.0)
        await trio.sleep(1.0)
        assert await Ref(system, "a").ask(Ping()) == 2
        system.mailboxes["a"].put_nowait(Envelope(encode(Boom()), None, float("inf"), 0.0, "", ""))
        await trio.sleep(5.0)
        assert await Ref(system, "a").ask(Ping()) == 3
        Clumsy.on_exit = Worker.on_exit


async def test_asks_across_a_restart_fail_or_answer_but_never_hang(autojump_clock):
    outcomes = []
    async with running(Supervisor(specs([], "a")), system=seeded()) as system:
        for n in range(30):
            if n % 7 == 3:
                Ref(system, "a").tell_or_lose(Boom())
            try:
                outcomes.append(await Ref(system, "a").ask(Ping()))
            except ActorError as error:
                outcomes.append(type(error))
                await trio.sleep(0.05)
    assert ActorDied in outcomes
    assert isinstance(outcomes[-1], int)


async def test_a_supervisor_that_gives_up_starts_no_more_children_while_it_stops_the_others(autojump_clock):
    class Slow(Worker):
        async def on_stop(self):
            await trio.sleep(1.0)

    inner = Supervisor([ChildSpec("slow", lambda: Slow([], "slow")), *specs([], "b")], intensity=Intensity(restarts=0))
    async with running(Supervisor([ChildSpec("inner", lambda: inner, restart="temporary")])) as system:
        Ref(system, "b").tell(Boom())
        await trio.sleep(0.5)
        with pytest.raises(ActorError, match="is stopping"):
            await inner.start_child(specs([], "late")[0])


def test_the_backoff_doubles_up_to_its_ceiling_and_begins_anew_after_a_healthy_run():
    history = RestartHistory(Intensity(backoff_s=1.0, backoff_max_s=10.0, healthy_s=60.0), random.Random(1))
    for ceiling in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        assert ceiling / 2 <= history.delay_s("a", lived_s=0.1) <= ceiling
    assert history.delay_s("b", lived_s=0.1) <= 1.0
    assert history.delay_s("a", lived_s=61.0) <= 1.0
