"""Which complete segments still need their index file, and writing it a step at a time; other such work behind that."""

import threading
from collections import deque
from collections.abc import Callable

from store.errors import DiskFull
from store.format.index_file import index_path
from store.index.active_index import SegmentIndex
from store.index.interface import IndexedSegment
from store.index.stored_index import StoredIndex
from store.index.write_index_file import Revisions, Steps, write_index_file

_DONE = object()


class IndexFileQueue:
    """Writes the index files of segments that are complete, then lets go of their indexes in memory.

    Safe to run in a thread next to readers.

    Args:
        sync: whether index files are made durable.

    Attributes:
        sync: the same.
    """

    def __init__(self, *, sync: bool) -> None:
        self.sync = sync
        self._lock = threading.Lock()
        self._waiting: deque[tuple[IndexedSegment, Revisions]] = deque()
        self._postponed: list[tuple[IndexedSegment, Revisions]] = []
        self._more: deque[Steps] = deque()
        self._work: Steps | None = None
        self._more_next = False
        self._current: tuple[IndexedSegment, Revisions] | None = None

    @property
    def pending(self) -> bool:
        """Whether there is anything to do."""
        return self._work is not None or bool(self._waiting) or bool(self._more)

    @property
    def waiting(self) -> int:
        """How many segments wait behind the one whose index file is being written."""
        return len(self._waiting)

    def add(self, segment: IndexedSegment, revisions: Revisions) -> None:
        """Take a complete segment, all of it settled, with the last revision of each stream in it, by id."""
        self._waiting.append((segment, revisions))

    def add_steps(self, steps: Steps) -> None:
        """Take other work, which is done by turns with index files."""
        self._more.append(steps)

    def retry(self) -> None:
        """Have what a full disk left undone tried once more."""
        with self._lock:
            self._waiting.extendleft(reversed(self._postponed))
            self._postponed.clear()

    def change(self, segment: IndexedSegment, change: Callable[[], None]) -> None:
        """Change the index of a segment, from whose index in memory the file is made: what was begun begins anew."""
        with self._lock:
            if self._work is not None and self._current is not None and self._current[0] is segment:
                self._work.close()
                self._work = None
                self._waiting.appendleft(self._current)
            change()

    def step(self) -> bool:
        """Do about a millisecond of work, if there is any; say whether there is more.

        On a full disk the segment keeps its index in memory until `retry`, or until the next opening.

        Raises:
            SyncFailed: the disk did not confirm.
        """
        with self._lock:
            if self._work is None and self._waiting:
                self._current = self._waiting.popleft()
                self._work = self._built_or_postponed(*self._current)
            self._more_next = not self._more_next and bool(self._more)
            if self._more_next or self._work is None:
                if self._more and next(self._more[0], _DONE) is _DONE:
                    self._more.popleft()
            else:
                work, self._work = self._work, None
                if next(work, _DONE) is not _DONE:
                    self._work = work
        return self.pending

    def _built_or_postponed(self, segment: IndexedSegment, revisions: Revisions) -> Steps:
        try:
            yield from index_steps(segment, revisions, sync=self.sync)
        except DiskFull:
            self._postponed.append((segment, revisions))

    def stop(self) -> None:
        """Leave undone what is not done: the next opening does it."""
        with self._lock:
            self._waiting.clear()
            while self._more:
                self._more.popleft().close()
            self._postponed.clear()
            if self._work is not None:
                self._work.close()
                self._work = None


def index_steps(segment: IndexedSegment, revisions: Revisions, *, sync: bool) -> Steps:
    """Write a segment's index file in steps; with the last one, it takes the place of the index in memory.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    index = segment.index
    assert isinstance(index, SegmentIndex), "only an index in memory can be written"
    header = yield from write_index_file(segment.path, segment.header, index, revisions, sync=sync)
    segment.index = StoredIndex(index_path(segment.path), header)
