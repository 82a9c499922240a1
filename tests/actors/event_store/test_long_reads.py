"""Many long reads at once: nobody else waits for more than a slice, agents take turns, and some reads are finished."""

from collections import Counter

import pytest
import trio
import trio.lowlevel
from loop_rounds import Rounds

from actors.desk.gate import Caller
from actors.event_store.actor import FIRST_LOOK
from actors.event_store.sliced_reads import FIRST_TURN
from actors.kernel import ActorDied
from actors.session.messages import Principal
from store import Append, EventLog, MemoryLog, NewEvent, Query

READS = 40
EVENTS = 3000


class Watched(MemoryLog):
    """Notes which slices of long reads are read in which round of the loop, and whose."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = Rounds()
        self.slices: Counter[int] = Counter()
        self.first_looks = 0
        self.looked: Counter[int | None] = Counter()

    def query(self, query=None, *, max_scan=None, onto=None, **filters):
        if onto is not None:
            self.slices[self.rounds.count] += 1
            self.looked[query.before] += 1
        elif max_scan == FIRST_LOOK:
            self.first_looks += 1
        return super().query(query, max_scan=max_scan, onto=onto, **filters)


@pytest.fixture
def log():
    log = Watched()
    log.commit([Append(events=[NewEvent(type="note", data=n) for n in range(1000)], agent="scout")] * (EVENTS // 1000))
    return log


async def test_however_many_read_the_loop_looks_at_one_slice_at_a_time(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        pages = []

        async def read():
            pages.append(await world.gate.query_events(scout, Query(limit=1000)))

        log.slices.clear()
        trio.lowlevel.add_instrument(log.rounds)
        async with trio.open_nursery() as nursery:
            for _ in range(READS):
                nursery.start_soon(read)
        assert [len(page.events) for page in pages] == [1000] * READS
        assert set(log.slices.values()) == {1}


async def test_the_first_of_many_long_reads_are_answered_before_the_last_are_half_read(
    autojump_clock, make_world, scout, log
):
    log.commit([Append(events=[NewEvent(type="note")] * 1000, agent="scout")] * 9)
    async with make_world(log=log).open() as world:
        half_read = []

        async def search(before):
            await world.gate.query_events(scout, Query(types=("never",), before=before))
            half_read.append(sum(looks > 1 + FIRST_TURN for looks in log.looked.values()))

        log.looked.clear()
        async with trio.open_nursery() as nursery:
            for number in range(READS):
                nursery.start_soon(search, 4 * EVENTS - number)
        assert half_read[0] <= 16
        assert half_read[-1] == READS


async def test_a_short_read_waits_for_no_long_one(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        answered = []

        async def read(limit):
            await world.gate.query_events(scout, Query(limit=limit))
            answered.append(limit)

        async with trio.open_nursery() as nursery:
            for limit in [1000] * READS + [20]:
                nursery.start_soon(read, limit)
        assert answered[0] == 20


async def test_agents_take_turns_and_so_do_an_agents_connections(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        answered = []

        async def read(caller):
            await world.gate.query_events(caller, Query(limit=1000))
            answered.append(caller.connection)

        other = Caller(Principal("other", "agent"), 3)
        callers = [scout, scout._replace(connection=2), other]
        for caller in callers:  # their sessions know them
            await world.gate.query_events(caller, Query(limit=1))
        async with trio.open_nursery() as nursery:
            for caller in callers:
                for _ in range(10):
                    nursery.start_soon(read, caller)
        first = Counter(answered[:12])
        assert {connection: round(count / 3) for connection, count in first.items()} == {1: 1, 2: 1, 3: 2}


async def test_many_searches_of_one_agent_hold_up_no_other_agents_page(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        other, answered = Caller(Principal("other", "agent"), 77), []

        async def read(caller, query):
            await world.gate.query_events(caller, query)
            answered.append(caller)

        for caller in (scout, other):  # their sessions know them
            await world.gate.query_events(caller, Query(limit=1))
        async with trio.open_nursery() as nursery:
            for _ in range(READS):
                nursery.start_soon(read, scout, Query(types=("never",)))
            await trio.lowlevel.checkpoint()
            nursery.start_soon(read, other, Query(limit=1000))
        assert answered.index(other) <= 2


async def test_who_asks_for_a_few_events_waits_for_one_large_page_at_most(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        answered = []

        async def read(query):
            await world.gate.query_events(scout, query)
            answered.append(query.limit)

        await world.gate.query_events(scout, Query(limit=1))
        async with trio.open_nursery() as nursery:
            for _ in range(READS):
                nursery.start_soon(read, Query(limit=1000))
            await trio.lowlevel.checkpoint()
            nursery.start_soon(read, Query(limit=50, order="desc"))
        assert answered.index(50) <= 1


async def test_a_few_events_are_found_within_their_message_although_most_that_came_last_are_hidden(
    autojump_clock, make_world, scout, log
):
    secret = [NewEvent(type="secret", stream="moothall/audit")] * 2
    log.commit([Append(events=[*secret, NewEvent(type="note")], agent="scout")] * 40)
    async with make_world(log=log).open() as world:
        await world.gate.query_events(scout, Query(limit=1))
        log.looked.clear()
        page = await world.gate.query_events(scout, Query(limit=20, order="desc"))
        assert len(page.events) == 20
        assert not log.looked


async def test_a_connections_reads_are_answered_in_their_order(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        answered = []

        async def read(number):
            await world.gate.query_events(scout, Query(limit=1000))
            answered.append(number)

        await world.gate.query_events(scout, Query(limit=1))
        async with trio.open_nursery() as nursery:
            for number in range(READS):
                nursery.start_soon(read, number)
                await trio.lowlevel.checkpoint()
        assert answered == [*range(READS)]


async def test_a_page_that_nobody_waits_for_any_more_is_not_read(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        await world.gate.query_events(scout, Query(limit=1))
        log.first_looks = 0
        async with trio.open_nursery() as nursery:
            for _ in range(READS):
                nursery.start_soon(world.gate.query_events, scout, Query(limit=1000))
            while log.first_looks < READS:
                await trio.lowlevel.checkpoint()
            nursery.cancel_scope.cancel()
        read = log.looked.total()
        await trio.sleep(1)
        assert log.looked.total() <= read + 1


@pytest.mark.parametrize("limit", [1, 100, 1000])
async def test_of_large_pages_one_is_given_out_in_a_round(autojump_clock, make_world, scout, make_memory, limit):
    log, rounds, given = make_memory(), Rounds(), Counter()
    log.commit([Append(events=[NewEvent(type="note", data="x" * 100_000)], agent="scout")])
    trio.lowlevel.add_instrument(rounds)
    async with make_world(log=log).open() as world:

        async def read():
            page = await world.gate.query_events(scout, Query(types=["note"], limit=limit))
            assert len(page.events) == 1
            given[rounds.count] += 1

        async with trio.open_nursery() as nursery:
            for _ in range(READS):
                nursery.start_soon(read)
    trio.lowlevel.remove_instrument(rounds)
    assert given.total() == READS
    assert max(given.values()) == 1


async def test_a_stop_while_many_read_closes_the_log_under_none_of_them(autojump_clock, make_world, scout, tmp_path):
    async def for_a_while(function):
        await trio.lowlevel.checkpoint()
        result = function()
        for _ in range(READS):
            await trio.lowlevel.checkpoint()
        return result

    log = EventLog.open(tmp_path, fsync="never")
    log.commit([Append(events=[NewEvent(type="note", data=n) for n in range(1000)], agent="scout")] * 100)
    world, gave_up = make_world(log=log, run_sync=for_a_while), []

    async def search():
        with pytest.raises(ActorDied) as death:
            await world.gate.query_events(scout, Query(where={"never": True}))
        gave_up.append(death.value)

    async with trio.open_nursery() as nursery, world.open():
        await world.gate.query_events(scout, Query(limit=1))
        for _ in range(READS):
            nursery.start_soon(search)
        for _ in range(10):
            await trio.lowlevel.checkpoint()
    assert len(gave_up) == READS
    assert world.crashes == []
