"""The durable mark: up to which sequence the log is known to be durable, kept beside the segments.

A frame's header says so of the frames before it. Of the last group only this file speaks: it is written when the group
was synced, before anybody is told, and not synced itself, which would cost a second fsync a group. So after a killed
process it is exact: a torn tail that had been acknowledged is cut, but not without a word. After a power cut it says
what the kernel had written back by then, which may be half a minute old, and never too much.

    magic 4 | CRC-32 of the sequence 4 | sequence 8, little endian
"""

import os
import struct
from contextlib import suppress
from pathlib import Path

from store.disk.small_file import read_with_crc, with_crc
from store.disk.sync import write_error

MARK_NAME = "durable"

_MAGIC = b"MHdm"
_SEQUENCE = struct.Struct("<Q")


class DurableMark:
    """The mark of a log that is open.

    Args:
        directory: the log's; the file is created if need be.

    Raises:
        DiskFull, SyncFailed: it cannot be created.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / MARK_NAME
        try:
            self._fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise write_error(error, self._path) from error

    def move(self, last: int) -> None:
        """Say that the log is durable up to a sequence.

        It is a witness: a disk that has no room for it takes nothing from what it speaks of.
        """
        with suppress(OSError):
            os.pwrite(self._fd, _encode(last), 0)

    def close(self) -> None:
        """Close the file."""
        os.close(self._fd)


def read_durable_mark(directory: Path) -> int:
    """Return up to which sequence the log was durable; 0 if nothing legible says so."""
    content = read_with_crc(directory / MARK_NAME, _MAGIC)
    return _SEQUENCE.unpack(content)[0] if content is not None and len(content) == _SEQUENCE.size else 0


def _encode(last: int) -> bytes:
    return with_crc(_SEQUENCE.pack(last), _MAGIC)
