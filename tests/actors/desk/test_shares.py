"""What one principal may have at once over all its connections: it leaves the others served, and admins always."""

import itertools

import pytest
import trio
import trio.testing

from actors.desk.gate import Call, Caller, Refusal
from actors.desk.shares import WAITS, Bounds, Share
from actors.session.messages import Principal
from store import Append, NewEvent, Query

UNDECIDED = Call("deploy", {"to": "production"}, "/home/dev/project")
NEVER = Query(types=("never",))
connections = itertools.count(1)


def caller(name, role="agent"):
    """Return a caller on a connection of its own."""
    return Caller(Principal(name, role), next(connections))


async def poll(world, who):
    await world.gate.query_events(who, NEVER, 3000.0)


async def undecided(world, who):
    await world.gate.validate(who, [UNDECIDED], 3000.0)


async def refusal_of(call):
    with pytest.raises(Refusal) as caught:
        await call
    return caught.value


@pytest.mark.parametrize("wait", [poll, undecided])
async def test_an_agent_that_waits_as_often_as_it_may_over_many_connections_keeps_nobody_else_waiting(
    autojump_clock, world, wait
):
    async with trio.open_nursery() as nursery:
        for _ in range(WAITS.each):
            nursery.start_soon(wait, world, caller("greedy"))
        await trio.testing.wait_all_tasks_blocked()
        refused = await refusal_of(wait(world, caller("greedy")))
        assert refused.code == "rate_limited"
        assert refused.detail["retry_after_s"] > 0
        assert (
            len((await world.gate.query_events(caller("greedy"), Query())).events) > 0
        )  # what need not wait is served
        for who in (caller("other"), caller("root", "admin")):
            page = await world.gate.query_events(who, NEVER, 1.0)
            assert page.events == []
        nursery.cancel_scope.cancel()


async def test_agents_that_wait_as_often_as_they_all_may_keep_no_admin_from_waiting(autojump_clock, world):
    async with trio.open_nursery() as nursery:
        for n in range(WAITS.together):
            nursery.start_soon(poll, world, caller(f"agent-{n % 8}"))
        await trio.testing.wait_all_tasks_blocked()
        assert (await refusal_of(poll(world, caller("another")))).code == "unavailable"
        pages = []

        async def admin():
            pages.append(await world.gate.query_events(caller("root", "admin"), Query(types=("note",)), 60.0))

        nursery.start_soon(admin)
        await trio.testing.wait_all_tasks_blocked()
        append = Append(events=[NewEvent(type="note")], agent="root")
        await world.gate.append_events(caller("root", "admin"), append)
        await trio.testing.wait_all_tasks_blocked()
        assert [len(page.events) for page in pages] == [1]
        nursery.cancel_scope.cancel()


async def test_places_are_given_back_by_whoever_is_answered_times_out_or_gives_up(autojump_clock, world):
    who = caller("scout").principal
    with trio.move_on_after(1.0):
        await poll(world, caller("scout"))
    await world.gate.query_events(caller("scout"), NEVER, 1.0)
    await world.gate.validate(caller("scout"), [UNDECIDED], 1.0)
    share = world.gate.shares.waits
    for _ in range(WAITS.each):
        share.take(who)
    with pytest.raises(Refusal):
        share.take(who)


def test_each_principal_has_its_bound_all_agents_have_one_and_admins_have_their_own():
    share = Share("things", Bounds(2, 3))
    one, two, three = (Principal(name, "agent") for name in "abc")
    admin = Principal("root", "admin")
    share.take(one)
    share.take(one)
    with pytest.raises(Refusal, match="2 things of 'a'"):
        share.take(one)
    share.take(two)
    with pytest.raises(Refusal, match="3 things of all agents"):
        share.take(three)
    share.take(admin)
    share.take(admin)
    with pytest.raises(Refusal, match="'root'"):
        share.take(admin)
    share.give_back(admin)
    share.take(admin)
    share.give_back(one)
    share.take(three)
    for each in (one, two, three):
        share.give_back(each)
    assert not share._held.keys() - {admin}
    assert share._count == 0
