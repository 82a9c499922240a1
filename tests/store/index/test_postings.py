"""Postings find and count what is in a column, in both directions and between any bounds, also by shared buckets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import EventLog, NewEvent
from store.index.byte_planes import GrowingPlanes
from store.index.group_positions import BATCH, Pace, grouped, grouped_agents, grouped_hashes
from store.index.postings import BUCKET_MASK, HashPostings, Postings
from store.index.tag_positions import TagPositions


def column_of(numbers):
    column = GrowingPlanes()
    column.extend(numbers, 0)
    return column


def done(steps):
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return map(memoryview, stop.value)


def postings_of(numbers, kind):
    column = column_of(numbers)
    return (
        HashPostings(column, *done(grouped_hashes(column, Pace())))
        if kind is HashPostings
        else Postings(*done(grouped(column, Pace())))
    )


SHARING = [0, 1, 2, 7 << 16, 7 << 16 | 1, 8 << 16 | 1, 9 << 16 | 5]
"""Numbers of which some share their lowest 16 bits, and one is none."""


@pytest.mark.parametrize("kind", [Postings, HashPostings])
@given(
    numbers=st.lists(st.sampled_from(SHARING), min_size=1, max_size=60),
    wanted=st.sets(st.sampled_from([*SHARING, 3, 3 << 16]), min_size=1, max_size=3),
    bounds=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    descending=st.booleans(),
)
def test_postings_find_what_a_look_at_each_number_finds(kind, numbers, wanted, bounds, descending):
    low, high = min(bounds), min(max(bounds), len(numbers))
    expected = [position for position in range(low, high) if numbers[position] in wanted]
    postings = postings_of(numbers, kind)
    assert list(postings.walk(wanted, low, high, descending=descending)) == (expected[::-1] if descending else expected)
    counted = postings.count(wanted, low, high) if low < high else len(expected)
    if kind is HashPostings:  # whatever shares a bucket counts, and of none whatever there is
        shared = {value & BUCKET_MASK for value in wanted if value}
        buckets = [number & BUCKET_MASK for number in numbers[low:high] if number]
        of_none = len(range(low, high)) if 0 in wanted else 0
        assert len(expected) <= counted <= sum(bucket in shared for bucket in buckets) * len(wanted) + of_none
    else:
        assert counted == len(expected)


def test_groups_lie_in_the_order_of_their_keys_however_many_there_are():
    numbers = [(n * 7919) % 10_007 for n in range(20_014)]
    keys, starts, positions = done(grouped(column_of(numbers), Pace()))
    assert list(keys) == list(range(10_007))
    assert list(starts) == list(range(0, 20_015, 2))
    assert [numbers[position] for position in positions] == [key for key in range(10_007) for _ in range(2)]


def test_events_without_a_correlation_id_take_no_postings():
    _, _, positions = done(grouped_hashes(column_of([0, 5, 0, 0, BUCKET_MASK + 1]), Pace()))
    assert list(positions) == [4, 1]


@pytest.mark.parametrize("frequent", [1, 300, 70_000])
def test_planes_tell_a_frequent_number_from_a_rare_one_without_a_look_at_all_of_them(frequent):
    numbers = [frequent if n % 2 else n for n in range(300_000)]
    numbers[1] = rare = 1 << 24
    column = column_of(numbers)
    assert column.count({rare}, 0, 300_000) < 3_000
    assert 30_000 < column.count({frequent}, 0, 300_000) < 160_000
    assert column.count({frequent, rare}, 5, 5) == 0
    assert column_of([0, 0, 3]).count({0}, 0, 3) == 2


def test_frames_of_many_events_are_no_longer_steps(tmp_path):
    with EventLog.open(tmp_path, "never") as log:
        for _ in range(64):
            log.append([NewEvent(type="t")] * 1000)
        (segment,) = log._committed.segments
        steps = list(grouped_agents(segment.index, Pace()))
    assert len(steps) > 64 * 1000 // (8 * BATCH)


def test_tags_are_counted_between_bounds_as_they_are_found():
    tags = TagPositions()
    tags.extend([{7}, {8}, {7, 8}, set(), {7}], 0)
    for low, high in ((0, 5), (1, 5), (2, 4), (3, 3), (3, 4)):
        for wanted in ((7,), (7, 8), (9,)):
            found = list(tags.walk(wanted, low, high, descending=False))
            assert tags.count(wanted, low, high) == len(found)
    assert (tags.count((7,), 1, 5), tags.count((8,), 2, 5)) == (2, 1)
