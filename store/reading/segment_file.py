"""The file of a segment: open while it is written, mapped and closed once it is complete.

A complete segment changes no more, but for events that are erased in place, so it needs no descriptor: a log may have
more segments than a process may have files open. Nothing makes it shorter, either, which a mapped file must never
become: retention and repair remove whole files, recovery cuts before the log is opened, and what is mapped is settled,
so no failed append is taken back from it.

A file that this process still writes is mapped as well where that is worth it. It may become shorter, when a failed
append is taken back, but never so short that it loses what readers see; and what reaches beyond is then mapped anew.
"""

import os
from contextlib import suppress
from pathlib import Path
from weakref import finalize

from store.disk.mapping import map_file
from store.disk.sync import cut_back
from store.errors import LogDamaged


class SegmentFile:
    """The file of a segment.

    Args:
        path: where it is.
        fd: open for reading and writing.
        foreign: whether another process writes it: that one may shorten it at any time until it is complete.

    Attributes:
        mapped: all of its bytes once it is complete, else None.
        held: what stands for those that it begins with; None, if these are what they should be.
    """

    def __init__(self, path: Path, fd: int, *, foreign: bool = False) -> None:
        self.path = path
        self.mapped: memoryview | None = None
        self._fd: int | None = fd
        self._view: memoryview | None = None
        self.held: memoryview | None = None
        self._foreign = foreign

    @property
    def fd(self) -> int:
        """The descriptor of a file that is being written."""
        assert self._fd is not None, f"{self.path} is complete: nobody writes there"
        return self._fd

    @property
    def size(self) -> int:
        """How long the file is."""
        return os.fstat(self.fd).st_size if self.mapped is None else len(self.mapped)

    def map(self) -> None:
        """Map the file, which is complete, and close it; where the operating system refuses that, it stays open."""
        if self._fd is not None:
            with suppress(OSError):
                self.mapped = map_file(self._fd) if self.held is None else memoryview(self._read_all(self._fd))
                self.close()

    def hold(self, content: bytes) -> None:
        """Have these bytes stand for those that the file begins with, which another process was about to erase."""
        self.held = memoryview(content)
        if self.mapped is not None:
            self.mapped = self.held

    def close(self) -> None:
        """Close the file; what is mapped can still be read."""
        self._view = None
        fd, self._fd = self._fd, None  # first, so that no interruption has it closed twice
        if fd is not None:
            os.close(fd)

    def let_go(self) -> None:
        """Close the file once nobody reads it any more."""
        if self._fd is not None:
            finalize(self, os.close, self._fd)

    def cut(self, size: int) -> None:
        """Shorten the file, which must not be complete; the next sync of it makes that durable.

        Raises:
            SyncFailed: the operating system refused.
        """
        self._view = None
        cut_back(self.fd, size, self.path)

    def view(self, end: int, *, worth_it: bool) -> memoryview | None:
        """Return the file's bytes, mapped, up to a byte that was written, or further; None if they are not mapped.

        Args:
            end: that byte.
            worth_it: whether to map what is not mapped yet.
        """
        if self.mapped is not None:
            return self.mapped
        if worth_it and not self._foreign and (self._view is None or len(self._view) < end):
            with suppress(OSError):
                self._view = map_file(self.fd)
        return self._view if self._view is not None and len(self._view) >= end else None

    def bytes_at(self, offset: int, size: int) -> memoryview:
        """Return bytes of the file; fewer if it ends before.

        Raises:
            LogDamaged: they could not be read.
        """
        if self.mapped is not None:
            return self.mapped[offset : offset + size]
        if self._view is not None and offset + size <= len(self._view):
            return self._view[offset : offset + size]
        if self.held is not None and offset < len(self.held):
            part = bytes(self.held[offset : offset + size])
            return memoryview(part + self._read(self.fd, offset + len(part), size - len(part)))
        return memoryview(self._read(self.fd, offset, size))

    def first_bytes_at(self, offset: int, size: int) -> memoryview:
        """Return bytes that may come from the disk: an error of the disk is told, and does not end the process.

        Raises:
            LogDamaged: they could not be read.
        """
        if self.mapped is not None:
            with suppress(OSError):  # it may be retired, or there may be no descriptor left
                fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
                try:
                    self._read(fd, offset, size)
                finally:
                    os.close(fd)
        return self.bytes_at(offset, size)

    def _read_all(self, fd: int) -> bytes:
        held = self.held or b""
        return bytes(held) + self._read(fd, len(held), os.fstat(fd).st_size)

    def _read(self, fd: int, offset: int, size: int) -> bytes:
        try:
            return os.pread(fd, size, offset)
        except OSError as error:
            raise LogDamaged(
                f"{self.path}: byte {offset} could not be read: {error.strerror}; check the disk, then start again"
            ) from error
