"""Writing the file of names in bounded steps: the names that it has already, and those that were new.

Blocks are copied as they are. So are the entries of a bucket, with the new ones behind them: only where there are twice
as many names as buckets are made for, each bucket becomes two.
"""

from __future__ import annotations

import os
from array import array
from collections import defaultdict
from collections.abc import Generator, Iterable
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from store.disk.checksum import crc32
from store.disk.files import create_file, replace_file
from store.disk.mapping import map_file
from store.disk.sync import sync_file, write_all
from store.errors import StoreError
from store.format.names_file import (
    BLOCK,
    CRC_BYTES,
    ENTRY_BYTES,
    FOOTER,
    MAGIC,
    NamesFile,
    bucket_of,
    encode_names,
    name_digest,
    starts_of,
)

CHUNK = 1 << 18
"""How many bytes a step writes."""
BATCH = 512
"""How many names or buckets a step looks at: half a millisecond."""
_IN_A_BUCKET = 16
"""How many entries a bucket has at least, on average; twice as many at the most."""
_NUMBER_BYTES = ENTRY_BYTES - 8


class NamesBehind(Protocol):
    """Names to be written."""

    def between(self, start: int, end: int) -> list[str]:
        """Return the names from one number up to another; the first one has 0."""
        ...


class _Draft:
    """A file that is being written from its beginning to its end.

    Attributes:
        end: how long it is.
        crc: of what is in it.
    """

    def __init__(self, fd: int, path: Path, *, sync: bool) -> None:
        self.end = self.crc = 0
        self._fd = fd
        self._path = path
        self._sync = sync
        self._waiting: list[bytes | memoryview] = []
        self._size = 0

    def add(self, content: bytes | memoryview) -> bool:
        """Put bytes behind the last; say whether that was enough for a step."""
        self._waiting.append(content)
        self._size += len(content)
        self.end += len(content)
        if self._size < CHUNK:
            return False
        self.flush()
        return True

    def flush(self) -> None:
        """Write what waits."""
        content = b"".join(self._waiting)
        write_all(self._fd, content, self.end - self._size, self._path)
        self.crc = crc32(content, self.crc)
        self._waiting, self._size = [], 0
        if self._sync:
            sync_file(self._fd, os.fdatasync, self._path)


def write_names(
    path: Path, base: NamesFile | None, names: NamesBehind, more: int, *, sync: bool
) -> Generator[None, None, NamesFile]:
    """Write a file of names anew, with more of them, and put it in the place of the one that is there.

    Args:
        path: where.
        base: the names that there are already; a number of them that whole blocks have.
        names: those that come behind them.
        more: how many of these; a number that whole blocks have, too.
        sync: whether to make the file durable.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
        LogDamaged: the file that is there is not what was written.
    """
    draft = path.with_name(path.name + ".new")
    fd = create_file(draft, replace=True)
    try:
        yield from _write(_Draft(fd, draft, sync=sync), base, names, more)
        if sync:
            sync_file(fd, os.fsync, draft)
        file = NamesFile(path, map_file(fd))
    except (StoreError, OSError, GeneratorExit):
        draft.unlink()
        raise
    finally:
        os.close(fd)
    replace_file(draft, path)
    return file


def _write(draft: _Draft, base: NamesFile | None, names: NamesBehind, more: int) -> Generator[None, None, None]:
    first = len(base) if base else 0
    count = first + more
    bits = max(1, (count // _IN_A_BUCKET).bit_length()) - 1
    starts = starts_of(base)
    if base is None:
        draft.add(MAGIC)
    else:
        yield from _all(base.bytes_between(0, base.blocks_end), draft)
    fresh: dict[int, bytes] = {}
    for at in range(0, more, BLOCK):
        block = names.between(at, at + BLOCK)
        draft.add(_with_crc(encode_names(block)))
        starts.append(draft.end)
        for number, name in enumerate(block, first + at):
            entry = name_digest(name) + number.to_bytes(_NUMBER_BYTES, "little")
            bucket = bucket_of(entry, bits)
            fresh[bucket] = fresh.get(bucket, b"") + entry
        if not (at + BLOCK) % BATCH:
            yield
    blocks_end = draft.end
    bucket_starts = array("Q", (draft.end,))
    for number, entries in enumerate(_buckets(base, bits)):
        draft.add(_with_crc(entries + fresh.pop(number, b"")))
        bucket_starts.append(draft.end)
        if not number % BATCH:
            yield
    places_crc = 0
    for column in (starts, bucket_starts):
        places_crc = crc32(column, places_crc)
        yield from _all(memoryview(column).cast("B"), draft)
    draft.flush()
    content = FOOTER.pack(count, blocks_end, bits, places_crc, draft.crc, 0)[:-CRC_BYTES]
    draft.add(content + crc32(content).to_bytes(CRC_BYTES, "little"))
    draft.flush()


def _all(view: memoryview, draft: _Draft) -> Generator[None, None, None]:
    for at in range(0, len(view), CHUNK):
        if draft.add(view[at : at + CHUNK]):
            yield


def _buckets(base: NamesFile | None, bits: int) -> Iterable[bytes]:
    """Yield the entries that each bucket has already, where `bits` number them: as many as in the file, or more."""
    if base is None:
        yield from (b"" for _ in range(1 << bits))
        return
    parts = 1 << (bits - base.bits)
    for number in range(1 << base.bits):
        entries = base.bucket(number)
        if parts == 1:
            yield entries
            continue
        split: defaultdict[int, list[bytes]] = defaultdict(list)
        for start, end in pairwise(range(0, len(entries) + 1, ENTRY_BYTES)):
            split[bucket_of(entries[start : start + CRC_BYTES], bits)].append(entries[start:end])
        yield from (b"".join(split[number * parts + part]) for part in range(parts))


def _with_crc(content: bytes) -> bytes:
    return crc32(content).to_bytes(CRC_BYTES, "little") + content
