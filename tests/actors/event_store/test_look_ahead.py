"""What looking ahead of a condition finds out: up to where it is known that nothing matches."""

from types import SimpleNamespace

import pytest

from actors.event_store.distant_conditions import SLICE, look_ahead
from store import Append, FailIf, MemoryLog, NewEvent, Query

WANTED = SimpleNamespace(wanted=True)


@pytest.mark.parametrize(
    ("queries", "known"),
    [
        ((Query(types=("claimed",)),), 2 * SLICE),
        ((Query(types=("claimed",), after=2 * SLICE + 1),), 2 * SLICE + 3),
        ((Query(types=("never",)),), 2 * SLICE + 3),
        ((Query(types=("never",)), Query(types=("claimed",))), 2 * SLICE),
    ],
)
async def test_it_is_the_event_before_the_first_match_or_the_last_one_of_all(queries, known):
    log = MemoryLog()
    for kind, count in (("note", 2 * SLICE), ("claimed", 1), ("note", 2)):
        for _ in range(count):
            log.append([NewEvent(type=kind)])
    append = Append(events=[NewEvent(type="claimed")], agent="scout", fail_if=FailIf(queries=queries))
    assert await look_ahead(log, append, WANTED, 0) == known
