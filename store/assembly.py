"""How a log in files is put together, from what its directory holds."""

import os
from functools import partial
from pathlib import Path

from store.disk.lock import DirectoryLock
from store.disk.ports import LogPorts
from store.erasing.in_files import FileErasure
from store.format.clean_stop import make_reserve
from store.format.durable_mark import DurableMark, read_durable_mark
from store.format.erasure_record import UnderWay, read_erasure_record
from store.format.retention_record import RetentionRecord, read_record
from store.format.segment import EPOCH_BYTES
from store.index.active_index import SegmentIndex
from store.index.index_file_queue import IndexFileQueue
from store.model.limits import Limits
from store.model.log_stats import LogStats
from store.reading.committed import Committed
from store.reading.follower import Follower
from store.reading.segment_reader import Segment
from store.recovery.load_segments import Progress
from store.recovery.open_directory import open_segments, read_segments
from store.retention.policy import Retention, check_retention
from store.retention.retirement_steps import Retirement
from store.streams.stream_table import StreamTable
from store.tamper.check_seals import seal_to_go_on
from store.writing.command_window import CommandMemory
from store.writing.commit_steps import FileCommitSteps
from store.writing.fsync_policy import FsyncPolicy
from store.writing.log_parts import LogParts
from store.writing.staging import Stager
from store.writing.tail import Tail
from store.writing.writer import Writer


class EventLogSteps(FileCommitSteps):
    """The steps of a log in files, and those of its retirements."""

    def retirement(self, retention: Retention, *, archive: str | os.PathLike[str] | None = None) -> Retirement:
        """Begin to retire the oldest segments, one at a time, while the log goes on.

        Raises:
            Invalid: the policy says nothing, or the log is sealed and was opened without its key.
        """
        self.refuse_if_unusable()
        self.refuse_changes()
        check_retention(retention)
        return Retirement(self._parts, retention, None if archive is None else Path(archive))

    def erasing(self, stream: str, *, agent: str) -> FileErasure:
        """Begin to erase a stream, a step at a time, while the log goes on; see `Log.erasing`."""
        self.refuse_if_unusable()
        self.refuse_changes()
        return FileErasure(self._parts, stream, agent)

    def cut_off(self) -> UnderWay | None:
        """Return the erasing that a stop has cut off, None if there is none that can be gone on with here."""
        if self._parts.lock is None or (self._parts.seal is None and self._committed.sealed):
            return None
        return read_erasure_record(self._parts.directory).under_way


def assemble(  # noqa: PLR0917 - what `EventLog.open` was told
    directory: Path,
    lock: DirectoryLock | None,
    policy: FsyncPolicy,
    limits: Limits,
    ports: LogPorts,
    progress: Progress,
    seal_key: bytes | None,
) -> LogParts:
    """Open a directory's segments and put the log together around them; without a lock, only to read them.

    Raises:
        Invalid: the log was sealed with another key.
        LogDamaged: something that had been durable is unreadable; nothing was changed.
        DiskFull: an unclean stop needs space for a copy of the tail.
        SyncFailed: the disk did not confirm that copy.
    """
    if lock is None:
        (segments, table, unindexed, lost), record = read_segments(directory, progress)
        unindexed, seal_key = [], None
    else:
        record = read_record(directory)
        segments, table, unindexed, lost = open_segments(directory, ports, progress)
        make_reserve(directory, limits.reserve_bytes)
    table.streams.in_memory = limits.streams_in_memory
    epoch = segments[-1].header.epoch if segments else ports.random_bytes(EPOCH_BYTES)
    index_file_queue = IndexFileQueue(sync=policy.kind != "never")
    for segment, revisions in unindexed:
        index_file_queue.add(segment, revisions)
    committed = Committed(directory, segments, table, index_file_queue, record)
    commands = CommandMemory(limits.commands, committed.history(limits.commands))
    seal = None
    if seal_key is not None:
        seal = committed.with_indexes(lambda: seal_to_go_on(seal_key, segments[-1] if segments else None))
    mark = None
    if lock is not None:
        mark = DurableMark(directory)
        mark.move(committed.head)

    def again() -> tuple[list[Segment], StreamTable, RetentionRecord]:
        loaded, now_retired = read_segments(directory, progress)
        return loaded.segments, loaded.table, now_retired

    tail = Tail(
        directory,
        policy,
        limits,
        ports,
        epoch=epoch,
        segments=segments,
        new_index=partial(SegmentIndex, table),
        last=committed.head,
        seal=seal,
        mark=mark,
    )
    return LogParts(
        directory=directory,
        lock=lock,
        limits=limits,
        ports=ports,
        epoch=epoch,
        lost=lost,
        table=table,
        commands=commands,
        index_file_queue=index_file_queue,
        committed=committed,
        stager=Stager(table, commands, committed, limits),
        seal=seal,
        mark=mark,
        writer=Writer(tail),
        follower=Follower(directory, committed, table, again) if lock is None else None,
    )


def figures(parts: LogParts, commits: int) -> LogStats:
    """Return a log in figures, `commits` of them settled groups."""
    committed, writer, read_only = parts.committed, parts.writer, parts.follower is not None
    return LogStats(
        first_sequence=committed.last_retired + 1,
        head=committed.head,
        durable=min(read_durable_mark(parts.directory), committed.head) if read_only else writer.durable,
        streams=len(parts.table.streams),
        segments=len(committed.segments),
        bytes=sum(segment.index.end for segment in committed.segments) if read_only else writer.total_bytes,
        commits=commits,
        syncs=writer.syncs,
        commands=len(parts.commands),
        fsync="none" if read_only else str(writer.policy),
        epoch=parts.epoch_now.hex(),
        lost=parts.lost,
    )
