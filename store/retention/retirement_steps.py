"""A retirement: the oldest segments leave one at a time, while the log goes on.

Each step has three parts, for two threads: what takes long is done beside the appends, and only the moment in which
readers stop seeing the segment belongs to them.
"""

import sys
from pathlib import Path

from store.format.retention_record import NOTHING_RETIRED
from store.retention.policy import Retention, Retired
from store.retention.retire import remove_retired, retire
from store.writing.log_parts import LogParts


class Retirement:
    """One walk over a log's oldest segments; use `EventLog.steps.retirement`.

    Args:
        parts: the log.
        retention: what may stay.
        archive: where a packed copy of each segment goes; None means nowhere.

    Attributes:
        retired: what has left so far.

    Example:
        retirement = log.steps.retirement(Retention(max_age_ns=age_ns))
        while retirement.prepare():  # in a thread
            retirement.hide()  # where the log is read
            retirement.remove()  # in a thread
    """

    def __init__(self, parts: LogParts, retention: Retention, archive: Path | None) -> None:
        self._parts = parts
        self._retention = retention
        self._archive = archive
        self._record = NOTHING_RETIRED
        self._bytes = 0
        self.retired = Retired(segments=0, events=0, bytes=0, first_sequence=parts.committed.last_retired + 1)

    def prepare(self) -> bool:
        """Archive the next segment and record it as retired; say whether there is one. Blocking, safe in a thread.

        Raises:
            what `retire` raises.
        """
        parts, writer = self._parts, self._parts.writer
        parts.index_file_queue.retry()
        while parts.index_file_queue.pending:
            writer.guarded(parts.index_file_queue.step)
        writer.trim()
        writer.sync()
        self._record, retired = retire(
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

    def hide(self) -> None:
        """Let readers no longer see the segment; in the thread that stages, settles and reads."""
        self._parts.committed.hide_retired(self._record)

    def remove(self) -> None:
        """Remove the segment's files; blocking, safe in a thread.

        Raises:
            SyncFailed: the disk did not confirm; what has left will be known when the log is opened again.
        """
        remove_retired(self._parts.directory, self._record)
        self._parts.writer.shrink(self._bytes)

    def _last_with_index_file(self) -> int:
        """Return up to where no index file is still to be written: one must not appear after its segment has left."""
        waiting = (each for each in list(self._parts.committed.segments) if each.grows)
        return next((segment.first_sequence - 1 for segment in waiting), sys.maxsize)
