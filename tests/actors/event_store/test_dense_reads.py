"""Reading dense events, of nothing but small values, holds the loop no longer than reading usual ones."""

from collections import Counter

import trio
import trio.lowlevel
from loop_rounds import Rounds

from actors.event_store.actor import FIRST_LOOK_BYTES
from actors.event_store.distant_conditions import SLICE
from store import Append, Limits, NewEvent, Query

DENSE = [[]] * 45_000
READS = 64


async def test_however_many_search_dense_events_few_bytes_are_decoded_between_two_turns_of_the_loop(
    autojump_clock, make_world, make_memory, scout
):
    log, rounds, looked = make_memory(), Rounds(), Counter()
    for _ in range(20):
        log.commit([Append(events=[NewEvent(type="note", data=DENSE)], agent="scout")])
    query = log.query

    def counting(*asked, **options):
        page = query(*asked, **options)
        looked[rounds.count] += page.looked
        return page

    log.query = counting
    trio.lowlevel.add_instrument(rounds)
    async with make_world(log=log).open() as world, trio.open_nursery() as nursery:
        for _ in range(READS):
            nursery.start_soon(world.gate.query_events, scout, Query(where={"never": True}))
    trio.lowlevel.remove_instrument(rounds)
    assert looked.total() >= READS * 20 * len(DENSE)
    an_event = 2 * len(DENSE)
    assert max(looked.values()) <= FIRST_LOOK_BYTES + SLICE * Limits().look_bytes + 2 * an_event
