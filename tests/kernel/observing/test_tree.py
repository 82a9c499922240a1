"""one_for_all, dynamic children, restarts by hand, and the picture of a tree."""

from __future__ import annotations

import random

import pytest
import trio

from actors.kernel import Actor, ActorNotFound, Ask, ChildSpec, Ref, Supervisor, System, Tell, running
from actors.kernel.observing.tree import render


class Ping(Ask[int], frozen=True):
    pass


class Boom(Tell, frozen=True):
    pass


class Worker(Actor):
    accepts = Ping | Boom

    def __init__(self, story=None, label=""):
        self.story = story if story is not None else []
        self.label = label

    async def on_start(self):
        self.story.append(f"start {self.label}")

    async def handle(self, message, reply):
        if isinstance(message, Boom):
            raise RuntimeError("boom")
        return self.story.count(f"start {self.label}")

    async def on_stop(self):
        self.story.append(f"stop {self.label}")


class Slow(Worker):
    async def on_stop(self):
        await trio.sleep(1.0)


def specs(story, *labels, **options):
    return [ChildSpec(label, lambda label=label: Worker(story, label), **options) for label in labels]


async def test_one_for_all_stops_all_in_reverse_and_starts_all_in_order(autojump_clock):
    story = []
    async with running(
        Supervisor(specs(story, "a", "b", "c"), strategy="one_for_all"), system=System(random.Random(1))
    ) as system:
        before = len(story)
        Ref(system, "b").tell(Boom())
        await trio.sleep(1.0)
        assert story[before:] == ["stop c", "stop a", "start a", "start b", "start c"]


async def test_one_for_all_does_not_bring_temporary_children_back(autojump_clock):
    story = []
    children = [*specs(story, "a"), *specs(story, "guest", restart="temporary")]
    async with running(Supervisor(children, strategy="one_for_all"), system=System(random.Random(1))) as system:
        Ref(system, "a").tell(Boom())
        await trio.sleep(1.0)
        assert "guest" not in system.mailboxes
        assert "a" in system.mailboxes


async def test_a_dynamic_supervisor_stops_its_children_at_the_same_time(autojump_clock):
    supervisor = Supervisor(strategy="dynamic")
    async with running(supervisor):
        for n in range(100):
            await supervisor.start_child(ChildSpec(f"w{n}", Slow))
    assert trio.current_time() == pytest.approx(1.0)


async def test_a_static_supervisor_stops_one_after_the_other(autojump_clock):
    async with running(Supervisor([ChildSpec(f"w{n}", Slow) for n in range(3)])):
        pass
    assert trio.current_time() == pytest.approx(3.0)


async def test_a_restart_by_hand_is_a_stop_and_a_start_and_does_not_count(autojump_clock):
    story = []
    supervisor = Supervisor(specs(story, "a", "b"))
    async with running(supervisor) as system:
        for _ in range(20):
            await supervisor.restart_child("a")
        assert await Ref(system, "a").ask(Ping()) == 21
        assert await Ref(system, "b").ask(Ping()) == 1


async def test_a_restart_by_hand_brings_a_stopped_child_back_at_once_even_during_its_backoff(autojump_clock):
    story = []
    supervisor = Supervisor(specs(story, "a"))
    async with running(supervisor, system=System(random.Random(1))) as system:
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


async def test_the_tree_can_be_drawn_while_it_runs(autojump_clock):
    inner = ChildSpec("inner", lambda: Supervisor(specs([], "c", restart="temporary"), strategy="dynamic"))
    root = Supervisor([*specs([], "a"), inner], strategy="rest_for_one")
    async with running(root, system=System(random.Random(1))) as system:
        await Ref(system, "a").ask(Ping())
        lines = render(root.tree()).splitlines()
        assert lines[0] == "root  supervisor, rest_for_one"
        assert lines[1].startswith("├─ a  Worker, permanent, 1 handled, 0 waiting")
        assert lines[2] == "└─ inner  supervisor, dynamic, permanent"
        assert lines[3].startswith("   └─ c  Worker, temporary")
        Ref(system, "a").tell(Boom())
        await trio.testing.wait_all_tasks_blocked()
        assert "a  permanent, restarting" in render(root.tree())


async def test_every_handled_message_can_be_traced_with_its_wait_and_its_service_time(autojump_clock):
    class Napper(Worker):
        async def handle(self, message, reply):
            await trio.sleep(2.0)
            return 1

    traced = []
    async with running(Supervisor([ChildSpec("napper", Napper)])) as system, trio.open_nursery() as nursery:
        system.trace = traced.append
        for trace_id in ("t1", "t2"):
            nursery.start_soon(lambda trace_id=trace_id: Ref(system, "napper").ask(Ping(), trace_id=trace_id))
            await trio.testing.wait_all_tasks_blocked()
    assert [
        (each.message, each.trace_id, each.asked, round(each.wait_s), round(each.service_s)) for each in traced
    ] == [
        ("Ping", "t1", True, 0, 2),
        ("Ping", "t2", True, 2, 2),
    ]
