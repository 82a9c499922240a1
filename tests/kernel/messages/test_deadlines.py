"""A caller's deadline covers all that is asked on its behalf."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import Actor, Ask, AskTimeout, ChildSpec, DeadlinePassed, Ref, Supervisor, running


class Relay(Ask[str], frozen=True):
    hops: int
    nap_s: float


class Hop(Actor):
    """Asks the next one with a generous timeout of its own; the last one naps."""

    accepts = Relay

    def __init__(self, seen):
        self.seen = seen

    async def handle(self, message, reply):
        self.seen.append((self.name, round(reply.deadline, 1)))
        if not message.hops:
            await trio.sleep(message.nap_s)
            return "done"
        onwards = self.ref(f"hop-{message.hops - 1}")
        return await onwards.ask(Relay(message.hops - 1, message.nap_s), timeout_s=1000.0)


def chain(seen):
    return Supervisor([ChildSpec(f"hop-{n}", lambda: Hop(seen)) for n in range(3)])


async def test_the_deadline_of_the_first_asker_travels_with_every_message(autojump_clock):
    seen = []
    async with running(chain(seen)) as system:
        assert await Ref(system, "hop-2").ask(Relay(2, 0.5), timeout_s=3.0) == "done"
    assert seen == [("hop-2", 3.0), ("hop-1", 3.0), ("hop-0", 3.0)]


async def test_handlers_on_the_way_give_up_with_their_asker_and_do_not_crash(autojump_clock):
    async with running(chain([])) as system:
        with pytest.raises(AskTimeout):
            await Ref(system, "hop-2").ask(Relay(2, 60.0), timeout_s=3.0)
        await trio.sleep(1.0)
        figures = system.statistics()
        assert (figures["hop-2"].expired, figures["hop-1"].expired) == (1, 1)
        assert sum(each.failed for each in figures.values()) == 0
        await trio.sleep(60.0)
        assert await Ref(system, "hop-2").ask(Relay(2, 0.0)) == "done"


async def test_a_handler_may_catch_it_and_tidy_up(autojump_clock):
    tidied = []

    class Tidy(Hop):
        async def handle(self, message, reply):
            try:
                return await super().handle(message, reply)
            except DeadlinePassed:
                tidied.append(self.name)
                raise

    async with running(Supervisor([ChildSpec(f"hop-{n}", lambda: Tidy([])) for n in range(2)])) as system:
        with pytest.raises(AskTimeout):
            await Ref(system, "hop-1").ask(Relay(1, 60.0), timeout_s=1.0)
        await trio.sleep(1.0)
    assert tidied == ["hop-1"]


async def test_a_timeout_of_its_own_that_a_handler_does_not_catch_is_a_crash(autojump_clock):
    class Hasty(Hop):
        async def handle(self, message, reply):
            return await self.ref("hop-0").ask(Relay(0, 60.0), timeout_s=0.5)

    children = [ChildSpec("hop-0", lambda: Hop([])), ChildSpec("hasty", lambda: Hasty([]))]
    async with running(Supervisor(children)) as system:
        with pytest.raises(Exception, match="ended before it answered"):
            await Ref(system, "hasty").ask(Relay(0, 0.0), timeout_s=30.0)
        assert system.statistics()["hasty"].failed == 1


async def test_a_cancelled_asker_releases_all_that_is_asked_on_its_behalf(autojump_clock):
    async with running(chain([])) as system:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: Ref(system, "hop-2").ask(Relay(2, 60.0), timeout_s=1000.0))
                await trio.sleep(3.0)
                scope.cancel()
        await trio.sleep(0.1)
        figures = system.statistics()
        assert (figures["hop-2"].expired, figures["hop-1"].expired) == (1, 1)
        assert sum(each.failed for each in figures.values()) == 0
        assert not system.waiting._for


async def test_a_cancel_scope_with_a_deadline_covers_the_whole_chain(autojump_clock):
    async with running(chain([])) as system:
        with trio.move_on_after(2.0) as scope:
            await Ref(system, "hop-2").ask(Relay(2, 60.0), timeout_s=1000.0)
        assert scope.cancelled_caught
        await trio.sleep(0.1)
        assert system.statistics()["hop-2"].expired == 1
