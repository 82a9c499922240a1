"""Chains find what is in a column, in both directions and between any bounds, also where numbers share a bucket."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.index.byte_planes import GrowingPlanes
from store.index.posting_chains import ALL_BITS, Chain
from store.index.write_index_file import _chained


def chain_of(numbers, mask):
    column = GrowingPlanes()
    column.extend(numbers, 0)
    steps = _chained(column, mask)
    while True:
        try:
            next(steps)
        except StopIteration as done:
            before, buckets, links = done.value
            return Chain(column, memoryview(before), memoryview(buckets), memoryview(links), mask)


@pytest.mark.parametrize("mask", [0x3, 0xFF, ALL_BITS])
@given(
    numbers=st.lists(st.integers(0, 9), min_size=1, max_size=60),
    wanted=st.sets(st.integers(0, 12), min_size=1, max_size=3),
    bounds=st.tuples(st.integers(0, 60), st.integers(0, 60)),
    descending=st.booleans(),
)
def test_a_chain_finds_what_a_look_at_each_number_finds(mask, numbers, wanted, bounds, descending):
    low, high = min(bounds), min(max(bounds), len(numbers))
    expected = [position for position in range(low, high) if numbers[position] in wanted]
    found = list(chain_of(numbers, mask).walk(wanted, low, high, descending=descending))
    assert found == (expected[::-1] if descending else expected)


def test_a_rare_number_among_many_that_share_its_bucket_is_found_by_the_chain():
    numbers = [4] * 9_000
    numbers[10] = numbers[8_990] = 8
    chain = chain_of(numbers, 0x3)
    assert list(chain.walk({8}, 0, 9_000, descending=False)) == [10, 8_990]
    assert list(chain.walk({8}, 11, 8_990, descending=True)) == []
