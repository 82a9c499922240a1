"""What an open log is made of."""

from pathlib import Path
from threading import RLock
from typing import NamedTuple

from store.disk.lock import DirectoryLock
from store.disk.ports import LogPorts
from store.errors import LogLocked
from store.format.durable_mark import DurableMark
from store.index.index_file_queue import IndexFileQueue
from store.model.limits import Limits
from store.reading.committed import Committed
from store.reading.follower import Follower
from store.streams.stream_table import StreamTable
from store.tamper.seal import Seal
from store.writing.command_window import CommandMemory
from store.writing.staging import Stager
from store.writing.writer import Writer


class LogParts(NamedTuple):
    """An open log: the writing side, the reading side, and what they share.

    Attributes:
        directory: the log's.
        lock: says that this process writes there; None if it only reads.
        limits: sizes.
        ports: the clock, randomness and the disk.
        epoch: the log epoch.
        lost: how many acknowledged events were unreadable when it was opened.
        table: where the streams are.
        commands: which commands were carried out.
        index_file_queue: writes the index files of complete segments.
        committed: what readers see.
        stager: prepares groups of appends.
        seal: the log's seal; None if it is not sealed, or only read.
        mark: the durable mark; None if the log is only read.
        writer: puts groups on the disk.
        follower: sees what another process writes, if the log is only read.
    """

    directory: Path
    lock: DirectoryLock | None
    limits: Limits
    ports: LogPorts
    epoch: bytes
    lost: int
    table: StreamTable
    commands: CommandMemory
    index_file_queue: IndexFileQueue
    committed: Committed
    stager: Stager
    seal: Seal | None
    mark: DurableMark | None
    writer: Writer
    follower: Follower | None

    @property
    def epoch_now(self) -> bytes:
        """The log epoch: where the log is only read, that of what is there now."""
        segments = self.committed.segments if self.follower is not None else []
        return segments[-1].header.epoch if segments else self.epoch

    def lose(self, why: LogLocked) -> None:
        """Do no more work, in a forked process: nobody there holds the locks that threads of the parent held."""
        self.writer.lose(why)
        self.committed.lock = RLock()
