"""What the event store counts while it is under way is given back; of two who wait, neither takes the other with it."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from actors.desk.gate import Refusal
from actors.event_store import distant_conditions
from actors.event_store.long_polls import LongPolls
from actors.event_store.messages import AppendEvents, QueryEvents
from actors.event_store.waiter_index import Waiter, Waiters
from actors.kernel import LATER, Ref
from store import Append, FailIf, MemoryLog, NewEvent, Query


class Answers:
    """The way back to an asker who waits for ever."""

    def __init__(self, answers):
        self._answers = answers

    def __call__(self, answer):
        self._answers.append(answer)

    def on_abandoned(self, call):
        pass


def one(size=0, kind="note", **options):
    return Append(events=[NewEvent(type=kind, data={"text": "x" * size})], agent="scout", **options)


async def test_the_bytes_of_an_append_count_until_it_is_committed_and_no_longer(
    autojump_clock, world, scout, monkeypatch
):
    monkeypatch.setattr("actors.event_store.actor.PENDING_BYTES", 10_000)
    monkeypatch.setattr("actors.event_store.actor.METERED_BYTES", 7_500)
    for _ in range(30):
        await world.gate.append_events(scout, one(2_000))
    assert [event.stream for event in world.log.read()].count("agent/scout") == 30


async def test_appends_that_were_held_for_their_condition_count_no_longer_and_a_stop_ends(
    autojump_clock, make_world, scout, monkeypatch
):
    monkeypatch.setattr("actors.event_store.actor.PENDING", 4)
    async with make_world().open() as world:
        world.log.append([NewEvent(type="note", data={"n": n}) for n in range(900)], agent="scout")
        for _ in range(12):
            never = FailIf(query=Query(types=("never",)), after=0)
            await world.gate.append_events(scout, one(kind="other", fail_if=never))
        with trio.fail_after(60.0):
            await world.gate.append_events(scout, one())
    assert world.crashes == []


@pytest.mark.parametrize("query", [Query(types=("rare",)), Query(stream="agent/scout"), Query(types=("rare", "never"))])
async def test_of_two_who_wait_for_the_same_one_leaves_and_the_other_is_woken(
    autojump_clock, world, scout, rover, query
):
    told, woken = [], trio.Event()

    async def wait(caller):
        told.append(await world.gate.query_events(caller, query, 600.0))
        woken.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait, scout)
        async with trio.open_nursery() as leaving:
            leaving.start_soon(wait, rover)
            await trio.testing.wait_all_tasks_blocked()
            leaving.cancel_scope.cancel()
        await trio.testing.wait_all_tasks_blocked()
        await world.gate.append_events(scout, one(kind="rare"))
        with trio.move_on_after(1.0) as waiting:
            await woken.wait()
        nursery.cancel_scope.cancel()
    assert not waiting.cancelled_caught
    assert [[event.type for event in page.events] for page in told] == [["rare"]]


async def test_long_polls_that_have_ended_leave_room_for_others(autojump_clock, world, scout, monkeypatch):
    monkeypatch.setattr("actors.event_store.long_polls.WAITING", 2)
    for _ in range(6):
        assert (await world.gate.query_events(scout, Query(types=("never",)), 1.0)).events == []
    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(world.gate.query_events, scout, Query(types=("never",)), 60.0)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Refusal, match="queries wait already"):
            await world.gate.query_events(scout, Query(types=("never",)), 1.0)
        nursery.cancel_scope.cancel()


async def test_who_waits_is_searched_for_once_at_a_time_and_answered_once(autojump_clock):
    log, turn, answers = MemoryLog(), trio.Lock(), []
    polls = LongPolls(turn)
    async with trio.open_nursery() as nursery:
        asked = QueryEvents(Query(where={"n": -1}), 60.0, "scout")
        assert polls.answer(asked, log.query(asked.query), Answers(answers), nursery) is LATER
        nursery.start_soon(polls.run, log, nursery)
        for n in (*range(1700), -1):
            append = Append(events=[NewEvent(type="note", data={"n": n})], agent="rover")
            (outcome,) = log.commit([append])
        searches, query = [], log.query

        def counting(*given, onto=None, **options):
            searches.append(onto)
            return query(*given, onto=onto, **options)

        log.query = counting
        for _ in range(8):
            polls.touched([(append, outcome)])
            await trio.lowlevel.checkpoint()
        await trio.testing.wait_all_tasks_blocked()
        assert searches.count(None) == 1
        assert [event.data["n"] for found in answers for event in found.page.events] == [-1]
        nursery.cancel_scope.cancel()


async def outcome_of(world, append, told):
    told.append(await Ref(world.system, "event_store").ask(AppendEvents(append)))


async def test_a_stop_in_the_middle_of_a_commit_closes_the_log_behind_it(autojump_clock, make_world):
    slow = []  # the commit alone: a close that took as long would come behind it by itself

    async def disk(function):
        if slow:
            await trio.sleep(slow.pop())
        return function()

    told = []
    async with trio.open_nursery() as nursery, make_world(run_sync=disk).open() as world:
        slow.append(1.0)
        nursery.start_soon(outcome_of, world, one(), told)
        await trio.sleep(0.5)
        assert slow == []
    assert [stored.refused for stored in told] == [None]
    assert world.crashes == []


async def test_a_stop_waits_for_appends_whose_conditions_are_being_looked_at(autojump_clock, make_world, monkeypatch):
    look = distant_conditions.look_ahead

    async def slow(*given):
        await trio.sleep(2.0)
        return await look(*given)

    monkeypatch.setattr(distant_conditions, "look_ahead", slow)
    told = []
    async with trio.open_nursery() as nursery, make_world().open() as world:
        world.log.append([NewEvent(type="note")] * 900, agent="scout")
        never = FailIf(query=Query(where={"n": -1}), after=0)
        nursery.start_soon(outcome_of, world, one(kind="other", fail_if=never), told)
        await trio.sleep(0.5)
    assert [stored.refused for stored in told] == [None]
    assert world.crashes == []


def test_nothing_is_kept_of_those_who_waited_and_left():
    waiters = Waiters()
    queries = [Query(), Query(stream="a"), Query(types=("x", "y")), Query(types=("x",)), Query(agents=("scout",))]
    waiting = [Waiter(query, "scout", Answers([])) for query in queries * 2]
    for waiter in waiting:
        waiters.add(waiter)
    for waiter in waiting[:5]:
        waiters.discard(waiter)
    for query, waiter in zip(queries, waiting[5:], strict=True):
        append = Append(events=[NewEvent(type="x")], agent="scout", stream="a")
        (outcome,) = MemoryLog().commit([append])
        assert any(waiter in bucket for bucket in waiters.touched_by([(append, outcome)])), query
        waiters.discard(waiter)
    assert (len(waiters), waiters._tables) == (0, {})


def test_what_was_refused_or_stored_before_wakes_nobody():
    log, waiters = MemoryLog(), Waiters()
    waiters.add(Waiter(Query(), "scout", Answers([])))
    append = one(command_id="c")
    refused = one(expected_revision=9)
    (stored,), (again,), (conflict,) = log.commit([append]), log.commit([append]), log.commit([refused])
    assert waiters.touched_by([(append, again), (refused, conflict)]) == []
    assert len(waiters.touched_by([(append, stored)])) == 1
