"""What would wait for ever is refused: cycles of asks, and waiting for room in a mailbox that waits for yours."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import (
    LATER,
    Actor,
    ActorDied,
    Ask,
    AskCycle,
    ChildSpec,
    Ref,
    Supervisor,
    Tell,
    WouldDeadlock,
    contains,
    running,
)


class Route(Ask[str], frozen=True):
    """Is asked onwards along the names, each by the one before."""

    path: list[str]


class Item(Tell, frozen=True):
    n: int


class Go(Ask[int], frozen=True):
    count: int


class Router(Actor):
    accepts = Route

    async def handle(self, message, reply):
        if not message.path:
            return "arrived"
        return await self.ref(message.path[0]).ask(Route(message.path[1:]))


class Polite(Router):
    """Asks onwards from a task of its own, so that its mailbox stays open."""

    async def handle(self, message, reply):
        async def onwards():
            reply(await self.ref(message.path[0]).ask(Route(message.path[1:])) if message.path else "arrived")

        self.nursery.start_soon(onwards)
        return LATER


def routers(on_crash=None, **kinds):
    children = [ChildSpec(name, kind, restart="temporary") for name, kind in kinds.items()]
    return Supervisor(children, on_crash=on_crash)


async def test_a_chain_of_asks_that_is_no_cycle_arrives(autojump_clock):
    async with running(routers(a=Router, b=Router, c=Router)) as system:
        assert await Ref(system, "a").ask(Route(["b", "c"])) == "arrived"
        assert await Ref(system, "c").ask(Route(["b", "a"])) == "arrived"


@pytest.mark.parametrize("path", [["a"], ["b", "a"], ["b", "c", "a"], ["b", "c", "b"]])
async def test_a_cycle_of_asks_raises_at_once_and_names_the_chain(autojump_clock, path):
    crashes = []
    tree = routers(lambda name, error: crashes.append(error), a=Router, b=Router, c=Router)
    async with running(tree) as system:
        with pytest.raises(ActorDied):
            await Ref(system, "a").ask(Route(path))
        assert trio.current_time() < 1.0
    cycles = [error for error in crashes if contains(error, AskCycle)]
    assert len(cycles) == 1
    assert f"{path[-1]} -> " in str(cycles[0].exceptions[0])


async def test_a_chain_through_an_actor_that_answers_later_is_no_cycle(autojump_clock):
    async with running(routers(a=Polite, b=Router)) as system:
        assert await Ref(system, "a").ask(Route(["b", "a"])) == "arrived"


async def test_two_askers_of_each_other_in_turn_are_no_cycle(autojump_clock):
    async with running(routers(a=Router, b=Router)) as system:
        for _ in range(3):
            assert await Ref(system, "a").ask(Route(["b"])) == "arrived"
            assert await Ref(system, "b").ask(Route(["a"])) == "arrived"
        assert not system.waiting._for


class Sink(Actor):
    accepts = Item
    capacity = 2

    def __init__(self):
        self.items = []

    async def handle(self, message, reply):
        await trio.sleep(1.0)
        self.items.append(message.n)


class Source(Actor):
    accepts = Go
    blocks_on = ("sink",)

    async def handle(self, message, reply):
        for n in range(message.count):
            await self.ref("sink").tell_patiently(Item(n))
        return message.count


async def test_a_patient_tell_waits_for_room_and_loses_nothing(autojump_clock):
    sink = Sink()
    async with running(Supervisor([ChildSpec("sink", lambda: sink), ChildSpec("source", Source)])) as system:
        assert await Ref(system, "source").ask(Go(10), timeout_s=60.0) == 10
        await trio.sleep(10.0)
        assert sink.items == list(range(10))


async def test_an_actor_that_would_wait_for_one_that_starts_later_is_refused_when_the_tree_is_built():
    with pytest.raises(ExceptionGroup) as caught:
        async with running(Supervisor([ChildSpec("source", Source), ChildSpec("sink", Sink)])):
            pytest.fail("the tree must not be built")
    assert contains(caught.value, WouldDeadlock)


async def test_two_actors_that_would_wait_for_each_other_cannot_be_built():
    class Ping(Source):
        blocks_on = ("pong",)

    class Pong(Source):
        blocks_on = ("ping",)

    with pytest.raises(ExceptionGroup) as caught:
        async with running(Supervisor([ChildSpec("ping", Ping), ChildSpec("pong", Pong)])):
            pytest.fail("the tree must not be built")
    assert contains(caught.value, WouldDeadlock)


async def test_whoever_waits_for_room_is_told_when_the_actor_stops(autojump_clock):
    children = [ChildSpec("sink", Sink, restart="temporary"), ChildSpec("source", Source)]
    async with running(Supervisor(children)) as system, trio.open_nursery() as nursery:

        async def ask():
            with pytest.raises(ActorDied):
                await Ref(system, "source").ask(Go(10))

        nursery.start_soon(ask)
        await trio.sleep(0.5)
        system.mailboxes["sink"].close()


async def test_every_sender_that_waits_for_room_gets_it(autojump_clock):
    sink = Sink()
    async with running(Supervisor([ChildSpec("sink", lambda: sink)])) as system:
        with trio.fail_after(60):
            async with trio.open_nursery() as nursery:
                for n in range(5):
                    nursery.start_soon(Ref(system, "sink").tell_patiently, Item(n))
    assert sorted(sink.items) == [0, 1, 2, 3, 4]
