"""Restarts: which children, how often, how soon, and by hand."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
import trio

from actors.kernel import (
    ActorDied,
    ActorError,
    ActorNotFound,
    ChildSpec,
    Intensity,
    Ref,
    RestartIntensityExceeded,
    Supervisor,
    Unrecoverable,
    contains,
    encode,
    running,
)
from actors.kernel.lifecycle.restart_intensity import RestartHistory
from actors.kernel.messages.mailbox import Envelope

from workers import Boom, Doom, Ping, SlowToStop, Worker, specs


async def test_one_for_one_restarts_only_the_child_that_crashed(autojump_clock, seeded):
    story = []
    async with running(Supervisor(specs(story, "a", "b", "c")), system=seeded) as system:
        Ref(system, "b").tell(Boom())
        await trio.sleep(1.0)
        assert [await Ref(system, each).ask(Ping()) for each in "abc"] == [1, 2, 1]


async def test_rest_for_one_restarts_what_was_started_after_it_in_order(autojump_clock, seeded):
    story = []
    async with running(Supervisor(specs(story, "a", "b", "c"), strategy="rest_for_one"), system=seeded) as system:
        before = len(story)
        Ref(system, "b").tell(Boom())
        await trio.sleep(1.0)
        assert [await Ref(system, each).ask(Ping()) for each in "abc"] == [1, 2, 2]
        assert story[before:] == ["exit b", "stop c", "exit c", "start b", "start c"]


async def test_one_for_all_stops_all_in_reverse_and_starts_all_in_order(autojump_clock, seeded):
    story = []
    async with running(Supervisor(specs(story, "a", "b", "c"), strategy="one_for_all"), system=seeded) as system:
        before = len(story)
        Ref(system, "b").tell(Boom())
        await trio.sleep(1.0)
        assert story[before:] == ["exit b", "stop c", "exit c", "stop a", "exit a", "start a", "start b", "start c"]


async def test_one_for_all_does_not_bring_temporary_children_back(autojump_clock, seeded):
    story = []
    children = [*specs(story, "a"), *specs(story, "guest", restart="temporary")]
    async with running(Supervisor(children, strategy="one_for_all"), system=seeded) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(1.0)
        assert "guest" not in system.mailboxes
        assert "a" in system.mailboxes


async def test_a_crash_is_reported_once_and_counted(autojump_clock, seeded):
    crashes = []
    supervisor = Supervisor(specs([], "a"), on_crash=lambda name, error: crashes.append((name, error)))
    async with running(supervisor, system=seeded) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(1.0)
        assert [(name, contains(error, RuntimeError)) for name, error in crashes] == [("a", True)]
        assert system.statistics()["a"].failed == 1


async def test_a_temporary_child_is_not_restarted_and_never_counts(autojump_clock, seeded):
    story = []
    children = [*specs(story, "keeper"), *specs(story, "guest", restart="temporary")]
    async with running(Supervisor(children, intensity=Intensity(restarts=0)), system=seeded) as system:
        Ref(system, "guest").tell(Boom())
        await trio.sleep(60.0)
        assert await Ref(system, "keeper").ask(Ping()) == 1
        assert "guest" not in system.mailboxes


async def test_a_transient_child_that_ends_by_itself_stays_ended(autojump_clock, seeded):
    story = []
    async with running(Supervisor(specs(story, "a", restart="transient")), system=seeded) as system:
        system.mailboxes["a"].close()
        await trio.sleep(60.0)
        assert story.count("start a") == 1


async def test_a_permanent_child_that_ends_by_itself_is_restarted(autojump_clock, seeded):
    story = []
    async with running(Supervisor(specs(story, "a")), system=seeded) as system:
        system.mailboxes["a"].close()
        await trio.sleep(60.0)
        assert story.count("start a") == 2


async def test_a_permanent_child_added_at_run_time_is_restarted_too(autojump_clock, seeded):
    supervisor = Supervisor()
    async with running(supervisor, system=seeded) as system:
        await supervisor.start_child(specs([], "a")[0])
        Ref(system, "a").tell(Boom())
        await trio.sleep(1.0)
        assert "a" in system.mailboxes


async def test_too_many_crashes_end_the_supervisor_and_everything_below_it_in_order(autojump_clock, seeded):
    story = []
    supervisor = Supervisor(specs(story, "a", "b"), intensity=Intensity(restarts=2, period_s=100.0))
    with pytest.raises(ExceptionGroup) as caught:
        async with running(supervisor, system=seeded) as system:
            while True:
                if "b" in system.mailboxes:
                    Ref(system, "b").tell(Boom())
                await trio.sleep(1.0)
    assert contains(caught.value, RestartIntensityExceeded)
    assert story.count("start b") == 3
    assert story[-2:] == ["stop a", "exit a"]


async def test_crashes_further_apart_than_the_period_are_borne_for_ever(autojump_clock, seeded):
    story = []
    supervisor = Supervisor(specs(story, "a"), intensity=Intensity(restarts=1, period_s=10.0))
    async with running(supervisor, system=seeded) as system:
        for _ in range(20):
            Ref(system, "a").tell(Boom())
            await trio.sleep(11.0)
        assert await Ref(system, "a").ask(Ping()) == 21


async def test_a_supervisor_that_gives_up_is_restarted_by_its_own(autojump_clock, seeded):
    story = []

    def inner():
        return Supervisor(specs(story, "a"), intensity=Intensity(restarts=0))

    async with running(Supervisor([ChildSpec("inner", inner)]), system=seeded) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(5.0)
        assert await Ref(system, "a").ask(Ping()) == 2


async def test_a_supervisor_that_gives_up_starts_no_more_children_while_it_stops_the_others(autojump_clock):
    inner = Supervisor(
        [ChildSpec("slow", lambda: SlowToStop([], "slow")), *specs([], "b")], intensity=Intensity(restarts=0)
    )
    async with running(Supervisor([ChildSpec("inner", lambda: inner, restart="temporary")])) as system:
        Ref(system, "b").tell(Boom())
        await trio.sleep(0.5)
        with pytest.raises(ActorError, match="is stopping"):
            await inner.start_child(specs([], "late")[0])


async def test_a_start_that_fails_at_first_is_tried_again_with_backoff(autojump_clock, seeded):
    story = []
    child = ChildSpec("a", lambda: Worker(story, "a", fail_starts={2, 3}))
    async with running(Supervisor([child]), system=seeded) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(5.0)
        assert await Ref(system, "a").ask(Ping()) == 4


def test_the_backoff_doubles_up_to_its_ceiling_and_begins_anew_after_a_healthy_run():
    history = RestartHistory(Intensity(backoff_s=1.0, backoff_max_s=10.0, healthy_s=60.0), random.Random(1))
    for ceiling in (1.0, 2.0, 4.0, 8.0, 10.0, 10.0):
        assert ceiling / 2 <= history.delay_s("a", lived_s=0.1) <= ceiling
    assert history.delay_s("b", lived_s=0.1) <= 1.0
    assert history.delay_s("a", lived_s=61.0) <= 1.0


async def test_an_unrecoverable_error_ends_the_whole_tree_without_a_restart(autojump_clock):
    story = []
    inner = ChildSpec("inner", lambda: Supervisor(specs(story, "b")))
    with pytest.raises(ExceptionGroup) as caught:
        async with running(Supervisor([*specs(story, "a"), inner])) as system:
            Ref(system, "b").tell(Doom())
            await trio.sleep_forever()
    assert contains(caught.value, Unrecoverable)
    assert story.count("start b") == 1


async def test_an_actor_whose_last_act_fails_still_lets_go_of_its_name_and_its_askers(autojump_clock, seeded):
    class Clumsy(Worker):
        def on_exit(self):
            raise OSError("cannot let go")

    story = []
    async with running(Supervisor([ChildSpec("a", lambda: Clumsy(story, "a"))]), system=seeded) as system:
        Ref(system, "a").tell(Boom())
        with pytest.raises(ActorDied):
            await Ref(system, "a").ask(Ping(), timeout_s=1000.0)
        await trio.sleep(1.0)
        assert await Ref(system, "a").ask(Ping()) == 2
        system.mailboxes["a"].put_nowait(Envelope(encode(Boom()), None, float("inf"), 0.0, "", ""))
        await trio.sleep(5.0)
        assert await Ref(system, "a").ask(Ping()) == 3
        Clumsy.on_exit = Worker.on_exit


async def test_asks_across_a_restart_fail_or_answer_but_never_hang(autojump_clock, seeded):
    outcomes = []
    async with running(Supervisor(specs([], "a")), system=seeded) as system:
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


async def test_a_restart_by_hand_is_a_stop_and_a_start_and_does_not_count(autojump_clock):
    story = []
    supervisor = Supervisor(specs(story, "a", "b"))
    async with running(supervisor) as system:
        for _ in range(20):
            await supervisor.restart_child("a")
        assert await Ref(system, "a").ask(Ping()) == 21
        assert await Ref(system, "b").ask(Ping()) == 1


async def test_a_restart_by_hand_brings_a_stopped_child_back_at_once_even_during_its_backoff(autojump_clock, seeded):
    story = []
    supervisor = Supervisor(specs(story, "a"))
    async with running(supervisor, system=seeded) as system:
        Ref(system, "a").tell(Boom())
        await trio.testing.wait_all_tasks_blocked()
        await supervisor.restart_child("a")
        assert await Ref(system, "a").ask(Ping()) == 2
        await trio.sleep(60.0)
        assert await Ref(system, "a").ask(Ping()) == 2


async def test_restarting_an_unknown_child_says_so():
    async with running(Supervisor()) as system:
        with pytest.raises(ActorNotFound):
            await system.supervisors["root"].restart_child("ghost")


def test_a_restart_counts_for_the_period_and_no_longer():
    history = RestartHistory(Intensity(restarts=1, period_s=10.0), random.Random(1))
    assert [history.allows(now) for now in (0.0, 10.0, 20.0, 29.9)] == [True, True, True, False]


async def test_a_child_that_crashes_at_once_waits_longer_each_time_however_late_it_began_to(autojump_clock, seeded):
    starts = []

    class Crashing(Worker):
        async def on_start(self):
            starts.append(trio.current_time())
            self.nursery.start_soon(self.crash)

        async def crash(self):
            raise RuntimeError("boom")

    await trio.sleep(1000.0)
    intensity = Intensity(restarts=100, backoff_s=1.0, backoff_max_s=1000.0, healthy_s=10.0)
    supervisor = Supervisor([ChildSpec("a", lambda: Crashing([], "a"))], intensity=intensity)
    async with running(supervisor, system=seeded):
        await trio.sleep(30.0)
    waits = [after - before for before, after in pairwise(starts)]
    assert [low <= wait <= 2 * low for low, wait in zip((0.5, 1.0, 2.0, 4.0), waits, strict=False)] == [True] * 4


async def test_a_restart_that_fails_is_tried_again_before_those_behind_it_however_soon(autojump_clock, seeded):
    story = []
    children = [ChildSpec("a", lambda: Worker(story, "a", fail_starts={2})), *specs(story, "b", "c")]
    supervisor = Supervisor(children, strategy="one_for_all", intensity=Intensity(backoff_s=0.0))
    async with running(supervisor, system=seeded) as system:
        Ref(system, "b").tell(Boom())
        await trio.sleep(1.0)
        starts = [each for each in story if "start" in each]
        assert starts == ["start a", "start b", "start c", "no start a", "start a", "start b", "start c"]
