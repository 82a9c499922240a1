"""Recovery from a stop in the middle of an erasing: what was to be written over the segments is written once more."""

import os
from contextlib import suppress
from pathlib import Path

import msgspec

from store.disk.ports import LogPorts
from store.disk.sync import sync_file, write_all, write_error
from store.errors import DiskFull
from store.format.erasure_record import UnderWay, read_erasure_record, write_erasure_record
from store.format.frame import HEADER_BYTES
from store.format.tombstone import is_frame_of


def redo_erasure(directory: Path, ports: LogPorts) -> None:
    """Write what the erasure record says, whether it was written or not, before anything of the segments is read.

    Then it is taken out of the record: other frames may come to lie there. Where a full disk does not let it, that is
    no reason not to open the log, since only the frames that were meant are written over.

    Args:
        directory: the log's.
        ports: the disk, and randomness.

    Raises:
        LogDamaged: the record is unreadable.
        SyncFailed: the disk did not confirm.
    """
    record = read_erasure_record(directory)
    if (under_way := record.under_way) is None or not under_way.patches:
        return
    with suppress(FileNotFoundError):
        _write(directory / under_way.segment, under_way, ports)
    with suppress(DiskFull):
        rest = msgspec.structs.replace(under_way, segment="", patches=())
        state = ports.random_bytes(len(record.state))
        write_erasure_record(directory, msgspec.structs.replace(record, state=state, under_way=rest))


def _write(path: Path, under_way: UnderWay, ports: LogPorts) -> None:
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise write_error(error, path) from error
    try:
        for frame in under_way.patches:
            if is_frame_of(os.pread(fd, HEADER_BYTES, frame[0].offset), frame[0].content):
                for offset, content in frame:
                    write_all(fd, content, offset, path)
        sync_file(fd, ports.sync, path)
    finally:
        os.close(fd)
