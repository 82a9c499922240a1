"""Supervisors: they start children in order, take and give up children at run time, and stop them in reverse."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import (
    Actor,
    ActorError,
    ActorNotFound,
    ChildSpec,
    NameTaken,
    Ref,
    Supervisor,
    System,
    contains,
    running,
)

from workers import Ping, SlowToStop, Worker, specs


async def test_children_start_in_order_and_stop_in_reverse():
    story = []
    async with running(Supervisor(specs(story, "a", "b", "c"))):
        assert story == ["start a", "start b", "start c"]
        story.clear()
    assert story == ["stop c", "exit c", "stop b", "exit b", "stop a", "exit a"]


async def test_a_dynamic_supervisor_stops_its_children_at_the_same_time(autojump_clock):
    supervisor = Supervisor(strategy="dynamic")
    async with running(supervisor):
        for n in range(100):
            await supervisor.start_child(ChildSpec(f"w{n}", lambda: SlowToStop([], "slow")))
    assert trio.current_time() == pytest.approx(1.0)


async def test_a_static_supervisor_stops_one_after_the_other(autojump_clock):
    async with running(Supervisor([ChildSpec(f"w{n}", lambda: SlowToStop([], "slow")) for n in range(3)])):
        pass
    assert trio.current_time() == pytest.approx(3.0)


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


async def test_a_supervisor_is_found_by_its_name_while_it_runs():
    supervisor = Supervisor()
    async with running(supervisor, name="crew") as system:
        assert Supervisor.find(system, "crew") is supervisor
        with pytest.raises(ActorNotFound, match="'ghost'"):
            Supervisor.find(system, "ghost")
    with pytest.raises(ActorNotFound):
        Supervisor.find(system, "crew")


@pytest.mark.parametrize("restart", ["temporary", "permanent"])
async def test_a_second_child_of_a_name_is_refused_before_it_is_made(restart):
    made = []

    def make():
        made.append(Worker([], "a"))
        return made[-1]

    supervisor = Supervisor()
    async with running(supervisor) as system:
        await supervisor.start_child(ChildSpec("a", make, restart=restart))
        with pytest.raises(NameTaken):
            await supervisor.start_child(ChildSpec("a", make, restart=restart))
        assert len(made) == 1
        assert await Ref(system, "a").ask(Ping()) == 1
