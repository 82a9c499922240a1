"""Which segments are still to be sealed, and doing that a step at a time."""

import threading
from collections import deque
from contextlib import suppress

from store.errors import DiskFull
from store.format.index_file import index_path
from store.index.active import SegmentIndex
from store.index.build import Revisions, Steps, seal
from store.index.stored import SealedIndex
from store.reading.segment_reader import Segment


class Sealer:
    """Writes the index files of segments that are complete, then lets go of their indexes in memory.

    Safe to run in a thread next to readers.

    Args:
        sync: whether index files are made durable.
    """

    def __init__(self, *, sync: bool) -> None:
        self._sync = sync
        self._lock = threading.Lock()
        self._waiting: deque[tuple[Segment, Revisions]] = deque()
        self._postponed: list[tuple[Segment, Revisions]] = []
        self._work: Steps | None = None

    @property
    def pending(self) -> bool:
        """Whether there is anything to do."""
        return self._work is not None or bool(self._waiting)

    def add(self, segment: Segment, revisions: Revisions) -> None:
        """Have a segment sealed whose last frame is settled, with the last revision of each stream in it, by id."""
        self._waiting.append((segment, revisions))

    def retry(self) -> None:
        """Have what a full disk left undone tried once more."""
        with self._lock:
            self._waiting.extendleft(reversed(self._postponed))
            self._postponed.clear()

    def step(self) -> bool:
        """Do about a millisecond of work, if there is any; say whether there is more.

        On a full disk the segment keeps its index in memory until `retry`, or until the next opening.

        Raises:
            SyncFailed: the disk did not confirm.
        """
        with self._lock:
            if self._work is None and self._waiting:
                self._work = self._sealed_or_postponed(*self._waiting.popleft())
            work, self._work = self._work, None
            if work is not None:
                with suppress(StopIteration):
                    next(work)
                    self._work = work
        return self.pending

    def _sealed_or_postponed(self, segment: Segment, revisions: Revisions) -> Steps:
        try:
            yield from sealing(segment, revisions, sync=self._sync)
        except DiskFull:
            self._postponed.append((segment, revisions))

    def stop(self) -> None:
        """Leave undone what is not done: the next opening does it."""
        with self._lock:
            self._waiting.clear()
            self._postponed.clear()
            if self._work is not None:
                self._work.close()
                self._work = None


def sealing(segment: Segment, revisions: Revisions, *, sync: bool) -> Steps:
    """Seal a segment in steps; with the last one its index in memory gives way to the one in the file.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    index = segment.index
    assert isinstance(index, SegmentIndex), "only what is in memory can be sealed"
    header = yield from seal(segment.path, segment.header, index, revisions, sync=sync)
    segment.index = SealedIndex(index_path(segment.path), header)
