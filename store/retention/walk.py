"""Letting go of what retention names, a segment at a time, while the log goes on.

Each step has three parts, for two threads: what takes long is done beside the appends, and only the moment in which
readers stop seeing the segment belongs to them.
"""

import sys
from pathlib import Path

from store.assembly import Parts
from store.format.retention_record import NOTHING
from store.index.active import SegmentIndex
from store.retention.retire import Retention, Retired, remove_gone, retire


class LettingGo:
    """One walk over a log's oldest segments; use `EventLog.letting_go`.

    Args:
        parts: the log.
        retention: what may stay.
        archive: where a packed copy of each segment goes; None means nowhere.

    Attributes:
        retired: what has left so far.

    Example:
        walk = log.letting_go(Retention(max_age_ns=age_ns))
        while walk.prepare():  # in a thread
            walk.forget()  # where the log is read
            walk.remove()  # in a thread
    """

    def __init__(self, parts: Parts, retention: Retention, archive: Path | None) -> None:
        self._parts = parts
        self._retention = retention
        self._archive = archive
        self._gone = NOTHING
        self._bytes = 0
        self.retired = Retired(segments=0, events=0, bytes=0, first_sequence=parts.committed.gone + 1)

    def prepare(self) -> bool:
        """Archive the next segment and record it as gone; say whether there is one. Blocking, safe in a thread.

        Raises:
            what `retire` raises.
        """
        parts, writer = self._parts, self._parts.writer
        parts.sealer.retry()
        while parts.sealer.pending:
            writer.guarded(parts.sealer.step)
        writer.trim()
        writer.sync()
        self._gone, retired = retire(
            parts.directory,
            self._retention,
            archive=self._archive,
            now_ns=parts.ports.clock_ns(),
            durable=min(writer.durable, self._last_with_index_file()),
            commands=parts.limits.commands,
            seal=parts.seal,
            most=1,
        )
        self._bytes = retired.bytes
        self.retired = Retired(
            segments=self.retired.segments + retired.segments,
            events=self.retired.events + retired.events,
            bytes=self.retired.bytes + retired.bytes,
            first_sequence=retired.first_sequence,
        )
        return retired.segments > 0

    def forget(self) -> None:
        """Let readers no longer see the segment; in the thread that stages, settles and reads."""
        self._parts.committed.forget(self._gone)

    def remove(self) -> None:
        """Remove the segment's files; blocking, safe in a thread.

        Raises:
            SyncFailed: the disk did not confirm; what is gone will be known when the log is opened again.
        """
        remove_gone(self._parts.directory, self._gone)
        self._parts.writer.shrink(self._bytes)

    def _last_with_index_file(self) -> int:
        """Return up to where no index file is still to be written: one must not appear after its segment has left."""
        waiting = (each for each in list(self._parts.committed.segments) if isinstance(each.index, SegmentIndex))
        return next((segment.first_sequence - 1 for segment in waiting), sys.maxsize)
