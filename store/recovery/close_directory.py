"""What a log leaves behind when it stops, so that the next start need not read it again."""

from collections import deque
from contextlib import suppress

from store.errors import DiskFull, Invalid
from store.format.clean_stop import write_clean_stop
from store.index.active_index import SegmentIndex
from store.index.index_file_queue import index_steps
from store.index.rebuild import numbering
from store.recovery.saved_table import save_table
from store.writing.log_parts import LogParts


def close_cleanly(parts: LogParts) -> None:
    """Sync a log and leave the note of a clean stop, unless it is empty or broken.

    Raises:
        DiskFull: the note did not fit; nothing is lost.
        SyncFailed: the disk did not confirm.
    """
    writer = parts.writer
    if writer.broken or not parts.committed.segments:
        return
    writer.trim()
    writer.sync()
    writer.guarded(lambda: _save_derived(parts))
    write_clean_stop(parts.directory, writer.clean_stop())


def _save_derived(parts: LogParts) -> None:
    """Save the indexes and the table of streams.

    A full disk is no reason not to stop, nor is an index whose making was interrupted: the next opening makes it.
    """
    last = parts.committed.segments[-1]
    with suppress(DiskFull, Invalid):
        while parts.index_file_queue.step():
            pass
        if isinstance(last.index, SegmentIndex):
            deque(index_steps(last, parts.table.settled(), sync=False), maxlen=0)
            parts.table.index = numbering(last.index)
        save_table(parts.directory, parts.table)
