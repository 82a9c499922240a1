"""Many that wait for events: a commit costs what it has stored, and those that it may answer take turns."""

import itertools
import random
from collections import Counter

import trio
import trio.testing

from actors.event_store.long_polls import TURN, LongPolls
from actors.event_store.messages import AppendEvents, QueryEvents
from actors.event_store.waiter_index import Waiter, Waiters
from actors.kernel import Ref
from store import Append, MemoryLog, NewEvent, Page, Query
from store.model.matching import matcher

POLLS = 4000
BUSY = "plans"


class Watched(MemoryLog):
    """Notes who is looked for, and how often in each round of the loop."""

    def __init__(self):
        super().__init__()
        self.round = 0
        self.looks = Counter()
        self.looked_for = []

    def query(self, query=None, **options):
        self.looks[self.round] += 1
        self.looked_for.append(query)
        return super().query(query, **options)


class Rounds(trio.abc.Instrument):
    """Tells a log in which round of the loop it is."""

    def __init__(self, log):
        self.log = log

    def before_io_wait(self, timeout):
        self.log.round += 1


def waits(query, agent="greedy"):
    return QueryEvents(query, 3000.0, agent)


def one(**options):
    return AppendEvents(Append(events=[NewEvent(type="note", data={"n": 1})], agent="scout", stream=BUSY), **options)


async def looks_of_a_commit(world, queries, agent="greedy"):
    """Return how often the log is asked for waiters because of one commit that answers none of them."""
    store = Ref(world.system, "event_store")
    async with trio.open_nursery() as nursery:
        for query in queries:
            nursery.start_soon(lambda query=query: store.ask(waits(query, agent), timeout_s=3000.0))
        await trio.testing.wait_all_tasks_blocked()
        world.log.looks.clear()
        await store.ask(one())
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()
    return world.log.looks.total()


NEVER = {
    "an agent": lambda n: Query(agents=(f"nobody-{n}",)),
    "the same agent": lambda n: Query(agents=("nobody",)),
    "a correlation id": lambda n: Query(correlation_id=f"c{n % 7}"),
    "another stream": lambda n: Query(stream=f"s{n}"),
    "the same stream and another type": lambda n: Query(stream=BUSY, types=("rare",)),
    "the same type and another agent": lambda n: Query(types=("note", "rare"), agents=("nobody", "none")),
    "the same stream, type and agent, and a correlation id": lambda n: Query(
        stream=BUSY, types=("note",), agents=("scout",), correlation_id="c"
    ),
    "a hidden stream": lambda n: Query(types=("note",), hidden=(BUSY,)),
}


async def test_a_commit_looks_at_none_of_4000_polls_that_wait_for_something_else(autojump_clock, make_world):
    async with make_world(log=Watched()).open() as world:
        alone = await looks_of_a_commit(world, [])
        polls = [query(n) for query in NEVER.values() for n in range(POLLS // len(NEVER))]
        assert len(polls) == POLLS
        assert await looks_of_a_commit(world, polls) == alone == 0


async def test_an_append_is_answered_before_any_of_4000_polls_that_it_may_answer_is_looked_at(
    autojump_clock, make_world
):
    async with make_world(log=Watched()).open() as world, trio.open_nursery() as nursery:
        store = Ref(world.system, "event_store")
        for n in range(POLLS):
            query = Query(stream=BUSY, where={"n": -n})
            nursery.start_soon(lambda query=query: store.ask(waits(query), timeout_s=3000.0))
        await trio.testing.wait_all_tasks_blocked()
        world.log.looks.clear()
        await store.ask(one())
        assert world.log.looks.total() == 0
        trio.lowlevel.add_instrument(Rounds(world.log))
        await trio.testing.wait_all_tasks_blocked()
        assert world.log.looks.total() == POLLS
        assert max(world.log.looks.values()) <= TURN
        nursery.cancel_scope.cancel()


async def test_agents_whose_polls_a_commit_may_answer_take_turns(autojump_clock, make_world):
    async with make_world(log=Watched()).open() as world, trio.open_nursery() as nursery:
        store, agents = Ref(world.system, "event_store"), ("greedy", "one", "two")
        for agent, polls in zip(agents, (POLLS, 10, 10), strict=True):
            for _ in range(polls):
                asked = waits(Query(stream=BUSY, where={"n": agent}), agent)
                nursery.start_soon(lambda asked=asked: store.ask(asked, timeout_s=3000.0))
            await trio.testing.wait_all_tasks_blocked()
        world.log.looked_for.clear()
        await store.ask(one())
        await trio.testing.wait_all_tasks_blocked()
        first = Counter(query.where["n"] for query in world.log.looked_for[:30])
        assert first == dict.fromkeys(agents, 10)
        nursery.cancel_scope.cancel()


class Asker:
    """Stands for the way back to who asks."""

    def __init__(self):
        self.answers = []
        self.give_up = None

    def __call__(self, found):
        self.answers.append(found.page.events)

    def on_abandoned(self, call):
        self.give_up = call


NOTHING = Page(events=[], next=0, has_more=False)


async def test_a_poll_that_waits_for_its_turn_has_one_place_however_many_commits_may_answer_it():
    log, polls = MemoryLog(), LongPolls(trio.Lock())
    async with trio.open_nursery() as nursery:
        polls.answer(waits(Query(stream=BUSY, where={"n": -1})), NOTHING, Asker(), nursery)
        for _ in range(50):
            append = one().append
            polls.touched(zip([append], log.commit([append]), strict=True))
            polls._take_touched()
        assert [len(waiters) for waiters in polls._due.values()] == [1]
        nursery.cancel_scope.cancel()


async def test_a_poll_that_is_answered_given_up_or_too_late_holds_no_place_and_is_answered_once(autojump_clock):
    log, polls = MemoryLog(), LongPolls(trio.Lock())
    answered, gone, late = Asker(), Asker(), Asker()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(polls.run, log, nursery)
        polls.answer(waits(Query(stream=BUSY)), NOTHING, answered, nursery)
        polls.answer(waits(Query(stream=BUSY)), NOTHING, gone, nursery)
        polls.answer(QueryEvents(Query(stream="other"), 5.0, "greedy"), NOTHING, late, nursery)
        await trio.testing.wait_all_tasks_blocked()
        gone.give_up()
        for _ in range(2):
            append = one().append
            polls.touched(zip([append], log.commit([append]), strict=True))
            await trio.testing.wait_all_tasks_blocked()
        assert len(polls._waiters) == 1
        await trio.sleep(6.0)
        assert (len(polls._waiters), len(polls._due)) == (0, 0)
        assert [len(asker.answers) for asker in (answered, gone, late)] == [1, 0, 1]
        assert [len(events) for events in (answered.answers[0], late.answers[0])] == [1, 0]
        nursery.cancel_scope.cancel()


def test_whoever_a_commit_answers_is_found_and_nobody_whom_its_names_rule_out():
    names, chance = ("a", "b", "c"), random.Random(1)

    def some(most):
        return tuple(chance.sample(names, chance.randint(0, most)))

    waiters = Waiters()
    asked = []
    for _ in range(400):
        query = Query(
            stream=chance.choice((None, *names)),
            types=some(3),
            agents=some(2),
            correlation_id=chance.choice((None, None, *names)),
            hidden=some(1),
        )
        asked.append(Waiter(query, "greedy", None))
        waiters.add(asked[-1])
    log = MemoryLog()
    for stream, kind, agent, correlation in itertools.product(names, names, names, (None, *names)):
        append = Append(events=[NewEvent(type=kind, correlation_id=correlation)], agent=agent, stream=stream)
        commit = list(zip([append], log.commit([append]), strict=True))
        (event,) = log.query(after=log.head - 1).events
        found = {waiter for bucket in waiters.touched_by(commit) for waiter in bucket}
        assert found == {waiter for waiter in asked if matcher(waiter.query)(event)}
    for waiter in asked:
        waiters.discard(waiter)
    assert (len(waiters), waiters._tables) == (0, {})
