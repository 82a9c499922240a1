"""What a log in files is made of, and how that is put together."""

from functools import partial
from pathlib import Path
from typing import NamedTuple

from store.disk.lock import DirectoryLock
from store.disk.ports import Ports
from store.format.clean_stop import make_reserve
from store.format.durable_mark import DurableMark
from store.format.retention_record import read_gone
from store.format.segment import EPOCH_BYTES
from store.index.active import SegmentIndex
from store.index.build_queue import Sealer
from store.index.stream_table import Heads
from store.interface import LogStats
from store.model.limits import Limits
from store.reading.committed import Committed
from store.recovery.load_segments import Progress
from store.recovery.open_directory import open_segments
from store.tamper.seal import Seal
from store.writing.command_window import CommandMemory
from store.writing.fsync_policy import FsyncPolicy
from store.writing.staging import Stager
from store.writing.tail import Tail
from store.writing.writer import Writer


class Parts(NamedTuple):
    """An open log: the writing side, the reading side, and what they share.

    Attributes:
        directory: the log's.
        lock: says that this process writes there.
        limits: sizes.
        ports: the clock, randomness and the disk.
        epoch: the log epoch.
        lost: how many acknowledged events were unreadable when it was opened.
        heads: where the streams are.
        commands: which commands were carried out.
        sealer: makes index files of the segments that are complete.
        committed: what readers see.
        stager: prepares groups of appends.
        seal: the log's seal; None if it is not sealed, or only read.
        mark: says up to where the log is durable.
        writer: puts groups on the disk.
    """

    directory: Path
    lock: DirectoryLock
    limits: Limits
    ports: Ports
    epoch: bytes
    lost: int
    heads: Heads
    commands: CommandMemory
    sealer: Sealer
    committed: Committed
    stager: Stager
    seal: Seal | None
    mark: DurableMark
    writer: Writer


def put_together(  # noqa: PLR0917 - what `EventLog.open` was told
    directory: Path,
    lock: DirectoryLock,
    policy: FsyncPolicy,
    limits: Limits,
    ports: Ports,
    progress: Progress,
    seal_key: bytes | None,
) -> Parts:
    """Open a directory's segments and put the log together around them.

    Raises:
        Invalid: the log was sealed with another key.
        LogDamaged: something that had been durable is unreadable; nothing was changed.
        DiskFull: an unclean stop needs space for a copy of the tail.
        SyncFailed: the disk did not confirm that copy.
    """
    gone = read_gone(directory)
    segments, heads, unsealed, lost = open_segments(directory, ports, progress)
    make_reserve(directory, limits.reserve_bytes)
    epoch = segments[-1].header.epoch if segments else ports.random_bytes(EPOCH_BYTES)
    sealer = Sealer(sync=policy.kind != "never")
    for segment, revisions in unsealed:
        sealer.add(segment, revisions)
    committed = Committed(segments, heads, sealer, gone)
    commands = CommandMemory(limits.commands, committed.history(limits.commands))
    seal = committed.seal(seal_key) if seal_key is not None else None
    mark = DurableMark(directory)
    mark.move(committed.head)
    tail = Tail(
        directory,
        policy,
        limits,
        ports,
        epoch=epoch,
        segments=segments,
        new_index=partial(SegmentIndex, heads),
        last=committed.head,
        seal=seal,
        mark=mark,
    )
    return Parts(
        directory=directory,
        lock=lock,
        limits=limits,
        ports=ports,
        epoch=epoch,
        lost=lost,
        heads=heads,
        commands=commands,
        sealer=sealer,
        committed=committed,
        stager=Stager(heads, commands, committed, limits),
        seal=seal,
        mark=mark,
        writer=Writer(tail),
    )


def figures(parts: Parts, commits: int) -> LogStats:
    """Return a log in figures, `commits` of them settled groups."""
    committed, writer = parts.committed, parts.writer
    return LogStats(
        first_sequence=committed.gone + 1,
        head=committed.head,
        durable=writer.durable,
        streams=len(parts.heads.streams),
        segments=len(committed.segments),
        bytes=writer.total_bytes,
        commits=commits,
        syncs=writer.syncs,
        commands=len(parts.commands),
        fsync=str(writer.policy),
        epoch=parts.epoch.hex(),
        lost=parts.lost,
    )
