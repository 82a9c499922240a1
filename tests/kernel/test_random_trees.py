"""Random trees, random crashes, restarts, stops and deadlines under virtual time, held against the invariants.

No orphan: when a supervisor has ended, so has everything below it. Intensity: no supervisor restarts more often within
its period than it may. Order: children start in order and stop in reverse. Asks: every ask ends exactly once, with a
reply or a typed error.
"""

from __future__ import annotations

import random
from contextlib import suppress

import trio
import trio.testing
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.kernel import (
    LATER,
    Actor,
    ActorError,
    Ask,
    ChildSpec,
    Intensity,
    Ref,
    RestartIntensityExceeded,
    Supervisor,
    System,
    Tell,
    contains,
    running,
)

INTENSITY = Intensity(restarts=3, period_s=5.0, backoff_s=0.05, backoff_max_s=0.5)


class Echo(Ask[int], frozen=True):
    n: int
    nap_s: float = 0.0


class Owe(Ask[int], frozen=True):
    """Never answered."""


class Boom(Tell, frozen=True):
    pass


class Leaf(Actor):
    accepts = Echo | Owe | Boom

    def __init__(self, world):
        self.world = world

    async def on_start(self):
        self.world.started(self)

    async def handle(self, message, reply):
        match message:
            case Echo(n, nap_s):
                if nap_s:
                    await trio.sleep(nap_s)
                return n
            case Owe():
                return LATER
        raise RuntimeError("boom")

    def on_exit(self):
        self.world.ended(self)


class World:
    """What lives now, as the actors themselves tell it, in the order of their start."""

    def __init__(self):
        self.living = []
        self.order_of_ends = []

    def started(self, leaf):
        assert all(other.name != leaf.name for other in self.living), f"two incarnations of {leaf.name} at once"
        self.living.append(leaf)

    def ended(self, leaf):
        if leaf in self.living:
            self.living.remove(leaf)
            self.order_of_ends.append(leaf.name)


strategies = st.sampled_from(["one_for_one", "one_for_all", "rest_for_one", "dynamic"])
restarts = st.sampled_from(["permanent", "permanent", "transient", "temporary"])
leaves = st.builds(lambda restart: ("leaf", restart), restarts)
trees = st.recursive(
    leaves,
    lambda inner: st.builds(
        lambda strategy, children, restart: (strategy, restart, children),
        strategies,
        st.lists(inner, min_size=1, max_size=4),
        restarts,
    ),
    max_leaves=8,
)
naps = st.sampled_from([0.0, 0.3, 3.0])
actions = st.lists(
    st.one_of(
        st.tuples(st.just("boom"), st.integers(0, 30)),
        st.tuples(
            st.just("ask"), st.integers(0, 30), st.sampled_from([0.0, 0.3, 3.0]), st.sampled_from([0.1, 1.0, 10.0])
        ),
        st.tuples(st.just("owe"), st.integers(0, 30), st.sampled_from([0.1, 1.0])),
        st.tuples(st.just("cancelled ask"), st.integers(0, 30), st.sampled_from([0.0, 0.2])),
        st.tuples(st.just("stop child"), st.integers(0, 30)),
        st.tuples(st.just("restart child"), st.integers(0, 30)),
        st.tuples(st.just("sleep"), st.sampled_from([0.01, 0.1, 1.0, 7.0])),
    ),
    max_size=40,
)


def build(tree, world, path="t"):
    kind, restart, *rest = tree
    if kind == "leaf":
        return ChildSpec(path, lambda: Leaf(world), restart=restart, shutdown_s=1.0)
    specs = [build(child, world, f"{path}.{n}") for n, child in enumerate(rest[0])]
    return ChildSpec(
        path, lambda: Supervisor(specs, strategy=kind, intensity=INTENSITY), restart=restart, shutdown_s=60.0
    )


class Asks:
    """Every ask that was made, and how often each ended."""

    def __init__(self):
        self.made = 0
        self.ends = []

    async def ask(self, ref, message, timeout_s, cancel_after=None):
        number, self.made = self.made, self.made + 1
        began = trio.current_time()
        with trio.CancelScope() as scope:
            if cancel_after is not None:
                scope.deadline = began + cancel_after
            try:
                reply = await ref.ask(message, timeout_s=timeout_s)
                assert reply == message.n
            except ActorError:
                self.ends.append(number)
            else:
                self.ends.append(number)
        if scope.cancelled_caught:
            self.ends.append(number)
        assert trio.current_time() - began <= timeout_s + 0.02


async def perform(action, system, asks, nursery):
    kind, *rest = action
    if kind == "sleep":
        await trio.sleep(rest[0])
        return
    names = sorted(system.mailboxes)
    if not names:
        return
    name = names[rest[0] % len(names)]
    ref = Ref(system, name)
    match kind:
        case "boom":
            ref.tell_or_lose(Boom())
        case "ask":
            nursery.start_soon(asks.ask, ref, Echo(rest[0], rest[1]), rest[2])
        case "owe":
            nursery.start_soon(asks.ask, ref, Owe(), rest[1])
        case "cancelled ask":
            nursery.start_soon(asks.ask, ref, Echo(rest[0], 1.0), 10.0, rest[1])
        case "stop child" | "restart child":
            parents = [each for each in system.supervisors.values() if name in each.children()]
            method = parents[0].stop_child if kind == "stop child" else parents[0].restart_child
            with trio.move_on_after(10.0):
                with suppress(ActorError):
                    await method(name)
    await trio.lowlevel.checkpoint()


async def scenario(tree, todo):
    world, asks, system = World(), Asks(), System(random.Random(5))
    root = Supervisor([build(tree, world)], intensity=INTENSITY)
    try:
        async with trio.open_nursery() as nursery:
            try:
                async with running(root, system=system):
                    for action in todo:
                        await perform(action, system, asks, nursery)
                        registered = set(system.mailboxes)
                        assert registered <= {leaf.name for leaf in world.living}
                    world.order_of_ends.clear()
                    at_stop = [leaf.name for leaf in world.living]
            except* RestartIntensityExceeded as group:
                at_stop = None
                assert contains(group, RestartIntensityExceeded)
    finally:
        await trio.testing.wait_all_tasks_blocked()
        assert world.living == [], "orphans"
    assert not system.mailboxes
    assert not system.supervisors
    assert not system.waiting._for
    assert sorted(asks.ends) == list(range(asks.made))
    for name, figures in system.statistics().items():
        known = figures.handled + figures.expired + figures.dropped + figures.lost
        assert figures.received == known, (name, figures)
    return at_stop


@settings(max_examples=200, deadline=None)
@given(trees, actions)
def test_whatever_happens_to_a_random_tree_the_invariants_hold(tree, todo):
    trio.run(scenario, tree, todo, clock=trio.testing.MockClock(autojump_threshold=0))
