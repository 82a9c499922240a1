"""An index without what erased events had: their correlation ids and tags. All else in it stays, as in their records.

What comes out is what indexing the segment anew would make, without reading the segment.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import TypeVar, cast

import msgspec

from store.format.index_file import SECTIONS, IndexHeader, Section
from store.index.active_index import SegmentIndex
from store.index.byte_planes import PLANES, GrowingPlanes
from store.index.group_positions import Pace, grouped_hashes, one_after_the_other
from store.index.interface import Numbers
from store.index.stored_index import StoredIndex
from store.index.tag_positions import TagPositions
from store.index.write_index_file import Column, Sections, draft_index_file

T = TypeVar("T")


def forget(index: SegmentIndex, positions: Sequence[int], tags: Sequence[int]) -> None:
    """Take from an index in memory the correlation ids and tags of some events.

    Args:
        index: the index.
        positions: where the events are.
        tags: the hashes of all tags that they have.
    """
    _clear(index.correlations, positions, index.frame_firsts, len(index))
    index.by_tag.forget(positions, tags)


def draft_without(
    stored: StoredIndex, positions: Sequence[int], draft: Path
) -> Generator[None, None, IndexHeader | None]:
    """Write an index file anew, without the correlation ids and tags of the events at positions, in bounded steps.

    Args:
        stored: the index.
        positions: where the events are.
        draft: where; the caller gives it its name.

    Returns:
        What the new file says of itself; None if the index knows nothing of these events that it must forget, and then
        nothing was written.

    Raises:
        IndexUnusable: the segment must be indexed again first.
        DiskFull: there is no space; nothing of the file is left.
        SyncFailed: the disk did not confirm.
    """
    correlations, tags, pace = GrowingPlanes(), TagPositions(), Pace()
    correlations.thaw(stored.correlations)
    tags.thaw(stored.by_tag)
    if not any(correlations[position] for position in positions) and not tags.holds(positions):
        return None
    _clear(correlations, positions, stored.frame_firsts, len(stored))
    tags.forget(positions, list(tags.groups))
    by_correlation = yield from grouped_hashes(correlations, pace)
    by_tag = yield from one_after_the_other([dict(tags.groups)], pace)
    anew: dict[int, Column] = {
        **{Section.CORRELATIONS + number: correlations.planes[number] for number in range(PLANES)},
        **{Section.CORRELATION_BUCKETS + number: column for number, column in enumerate(by_correlation)},
        **{Section.TAG_HASHES + number: column for number, column in enumerate(by_tag)},
    }
    contents = [anew[number] if number in anew else stored.section(number) for number in range(SECTIONS)]

    def described(sections: Sections) -> IndexHeader:
        return msgspec.structs.replace(stored.header, sections=sections)

    return (yield from draft_index_file(draft, contents, described, sync=True))


def finished(steps: Generator[None, None, T]) -> T:
    """Take all steps of a work at once; return what comes of it."""
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return cast("T", stop.value)


def _clear(column: GrowingPlanes, positions: Sequence[int], frame_firsts: Numbers, events: int) -> None:
    """Take hashes from a column, and leave it as long as it would be without them.

    It ends with the last frame that has any: what later ones would add are zeros, and is left out.
    """
    end = column.clear(positions)
    number = bisect_left(frame_firsts, end)
    column.end_at((frame_firsts[number] if number < len(frame_firsts) else events) if end else 0)
