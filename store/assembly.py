"""How a log in files is put together, from what its directory holds."""

from functools import partial
from pathlib import Path

from store.disk.lock import DirectoryLock
from store.disk.ports import LogPorts
from store.format.clean_stop import make_reserve
from store.format.durable_mark import DurableMark
from store.format.retention_record import read_record
from store.format.segment import EPOCH_BYTES
from store.index.active_index import SegmentIndex
from store.index.index_file_queue import IndexFileQueue
from store.interface import LogStats
from store.model.limits import Limits
from store.reading.committed import Committed
from store.recovery.load_segments import Progress
from store.recovery.open_directory import open_segments
from store.tamper.check_seals import seal_to_go_on
from store.writing.command_window import CommandMemory
from store.writing.fsync_policy import FsyncPolicy
from store.writing.log_parts import LogParts
from store.writing.staging import Stager
from store.writing.tail import Tail
from store.writing.writer import Writer


def assemble(  # noqa: PLR0917 - what `EventLog.open` was told
    directory: Path,
    lock: DirectoryLock,
    policy: FsyncPolicy,
    limits: Limits,
    ports: LogPorts,
    progress: Progress,
    seal_key: bytes | None,
) -> LogParts:
    """Open a directory's segments and put the log together around them.

    Raises:
        Invalid: the log was sealed with another key.
        LogDamaged: something that had been durable is unreadable; nothing was changed.
        DiskFull: an unclean stop needs space for a copy of the tail.
        SyncFailed: the disk did not confirm that copy.
    """
    record = read_record(directory)
    segments, table, unindexed, lost = open_segments(directory, ports, progress)
    make_reserve(directory, limits.reserve_bytes)
    epoch = segments[-1].header.epoch if segments else ports.random_bytes(EPOCH_BYTES)
    index_file_queue = IndexFileQueue(sync=policy.kind != "never")
    for segment, revisions in unindexed:
        index_file_queue.add(segment, revisions)
    committed = Committed(segments, table, index_file_queue, record)
    commands = CommandMemory(limits.commands, committed.history(limits.commands))
    seal = None
    if seal_key is not None:
        seal = committed.with_indexes(lambda: seal_to_go_on(seal_key, segments[-1] if segments else None))
    mark = DurableMark(directory)
    mark.move(committed.head)
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
    )


def figures(parts: LogParts, commits: int) -> LogStats:
    """Return a log in figures, `commits` of them settled groups."""
    committed, writer = parts.committed, parts.writer
    return LogStats(
        first_sequence=committed.last_retired + 1,
        head=committed.head,
        durable=writer.durable,
        streams=len(parts.table.streams),
        segments=len(committed.segments),
        bytes=writer.total_bytes,
        commits=commits,
        syncs=writer.syncs,
        commands=len(parts.commands),
        fsync=str(writer.policy),
        epoch=parts.epoch.hex(),
        lost=parts.lost,
    )
