"""Many long reads at once: nobody else waits for more than a slice, and some are answered before all have begun."""

from collections import Counter

import pytest
import trio

from actors.event_store.actor import READING
from actors.event_store.conditions import SLICE
from store import Append, MemoryLog, NewEvent, Query

READS = 40
EVENTS = 3000


class Rounds(trio.abc.Instrument):
    """Counts the rounds of the loop."""

    def __init__(self) -> None:
        self.count = 0

    def before_io_wait(self, timeout: float) -> None:
        self.count += 1


class Watched(MemoryLog):
    """Notes which slices of long reads are read in which round of the loop, and whose."""

    def __init__(self) -> None:
        super().__init__()
        self.rounds = Rounds()
        self.slices: Counter[int] = Counter()
        self.begun: set[int | None] = set()

    def query(self, query=None, *, max_scan=None, onto=None, **filters):
        if onto is not None and max_scan == SLICE:
            self.slices[self.rounds.count] += 1
            self.begun.add(query.before)
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
            pages.append(await world.gate.query(scout, Query(limit=1000)))

        log.slices.clear()
        trio.lowlevel.add_instrument(log.rounds)
        async with trio.open_nursery() as nursery:
            for _ in range(READS):
                nursery.start_soon(read)
        assert [len(page.events) for page in pages] == [1000] * READS
        assert set(log.slices.values()) == {1}


async def test_the_first_of_many_long_reads_are_answered_before_the_last_begin(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        begun = []

        async def search(before):
            await world.gate.query(scout, Query(types=("never",), before=before))
            begun.append(len(log.begun))

        log.begun.clear()
        async with trio.open_nursery() as nursery:
            for number in range(READS):
                nursery.start_soon(search, EVENTS - number)
        assert begun[0] <= 2 * READING
        assert begun[-1] == READS


async def test_a_short_read_waits_for_no_long_one(autojump_clock, make_world, scout, log):
    async with make_world(log=log).open() as world:
        answered = []

        async def read(limit):
            await world.gate.query(scout, Query(limit=limit))
            answered.append(limit)

        async with trio.open_nursery() as nursery:
            for limit in [1000] * READS + [20]:
                nursery.start_soon(read, limit)
        assert answered[0] == 20
