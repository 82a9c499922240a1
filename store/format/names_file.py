"""The names of streams, by number and the numbers by name, in a file that is mapped: a million take no memory.

    magic 8 | blocks | buckets | where each block begins, u64 | where each bucket begins, u64 | footer

- A block has `BLOCK` names in the order of their numbers: CRC-32, a list of strings in MessagePack.
- A bucket has the entries of all names whose hashes begin with the bits of its number: CRC-32, then for each name its
  hash, 8 bytes of BLAKE2b (of CRC-32 anyone can make as many as they like that are equal), and its number, u32.
- The footer has the counts, the CRC-32 of where they begin, and that of all that comes before, by which the file is
  known. `names_merge` writes it.

Derived, like an index: without it the names are read from the segments. The CRC of a block or bucket is checked each
time it is used: to check all of a million names would take longer than all else when a log is opened.
"""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator
from pathlib import Path
from struct import Struct

import msgspec

from store.disk.checksum import crc32
from store.disk.digest import blake2b
from store.disk.mapping import map_file
from store.errors import LogDamaged
from store.format.frame import UNREADABLE

NAMES_NAME = "names"
MAGIC = b"MHnames1"
BLOCK = 32
"""How many names a block has: one name costs the decoding of all of them, 2 us."""
ENTRY_BYTES = 12
HASH_BYTES = 8
CRC_BYTES = 4
WIDTH = 8
PREFIX_BITS = 32

FOOTER = Struct("<QQIIII")
"""How many names, where the blocks end, how many bits number a bucket, the CRCs of all places, of all, and of these."""

encode_names = msgspec.msgpack.Encoder().encode
_decode_names = msgspec.msgpack.Decoder(list[str]).decode


def name_digest(name: str) -> bytes:
    """Return the hash of a name."""
    return blake2b(name.encode(), digest_size=HASH_BYTES).digest()


def bucket_of(entry: bytes, bits: int) -> int:
    """Return the number of the bucket that an entry, or a hash, belongs to, where `bits` number them."""
    return int.from_bytes(entry[:CRC_BYTES], "big") >> (PREFIX_BITS - bits)


class NamesFile:
    """A mapped file of names.

    Args:
        path: where it is, or was.
        view: all of its bytes.

    Attributes:
        crc: tells this file from others.
        bits: how many bits number a bucket.
        blocks_end: the byte at which the last block ends.
        damaged: whether something in it turned out not to be what was written.

    Raises:
        ValueError: it is no such file, or not all of it.
    """

    def __init__(self, path: Path, view: memoryview) -> None:
        self.damaged = False
        self._path = path
        self._view = view
        footer = view[-FOOTER.size :]
        if len(view) < len(MAGIC) + FOOTER.size or bytes(view[: len(MAGIC)]) != MAGIC:
            raise ValueError(path)
        fields: tuple[int, int, int, int, int, int] = FOOTER.unpack(footer)
        self._count, self.blocks_end, self.bits, places_crc, self.crc, own_crc = fields
        if crc32(footer[:-CRC_BYTES]) != own_crc or self.bits > PREFIX_BITS:
            raise ValueError(path)
        end = len(view) - FOOTER.size
        buckets_at = end - WIDTH * ((1 << self.bits) + 1)
        blocks_at = buckets_at - WIDTH * (-(-self._count // BLOCK) + 1)
        if blocks_at < self.blocks_end or crc32(view[blocks_at:end]) != places_crc:
            raise ValueError(path)
        self.block_starts = view[blocks_at:buckets_at].cast("Q")
        self._bucket_starts = view[buckets_at:end].cast("Q")
        if self.block_starts[-1] != self.blocks_end or self._bucket_starts[0] != self.blocks_end:
            raise ValueError(path)

    def __len__(self) -> int:
        """Return how many names there are."""
        return self._count

    def whole(self) -> bool:
        """Say whether all of the file is as it was written."""
        return crc32(self._view[: -FOOTER.size]) == self.crc

    def bytes_between(self, start: int, end: int) -> memoryview:
        """Return some of its bytes."""
        return self._view[start:end]

    def names_in(self, block: int) -> list[str]:
        """Return the names of a block.

        Raises:
            LogDamaged: it is not what was written.
        """
        content = self._checked(self.block_starts[block], self.block_starts[block + 1])
        try:
            names = _decode_names(content)
        except UNREADABLE as error:
            raise self._damaged() from error
        if len(names) != min(BLOCK, self._count - block * BLOCK):
            raise self._damaged()
        return names

    def name_of(self, number: int) -> str:
        """Return the name that has a number; raises as `names_in`."""
        return self.names_in(number // BLOCK)[number % BLOCK]

    def bucket(self, number: int) -> bytes:
        """Return the entries of a bucket.

        Raises:
            LogDamaged: they are not what was written.
        """
        return bytes(self._checked(self._bucket_starts[number], self._bucket_starts[number + 1]))

    def find(self, name: str) -> int | None:
        """Return a name's number, None if it is not there; raises as `bucket` and `names_in`."""
        try:
            wanted = name_digest(name)
        except UnicodeEncodeError:  # half a surrogate pair is in no name
            return None
        entries = self.bucket(bucket_of(wanted, self.bits))
        at = entries.find(wanted)
        while at >= 0:
            if not at % ENTRY_BYTES:
                number = int.from_bytes(entries[at + HASH_BYTES : at + ENTRY_BYTES], "little")
                if number >= self._count:
                    raise self._damaged()
                if self.name_of(number) == name:
                    return number
            at = entries.find(wanted, at + 1)
        return None

    def __iter__(self) -> Iterator[str]:
        """Yield all names, by number; raises as `names_in`."""
        for block in range(-(-self._count // BLOCK)):
            yield from self.names_in(block)

    def _checked(self, start: int, end: int) -> memoryview:
        content = self._view[start + CRC_BYTES : end]
        if int.from_bytes(self._view[start : start + CRC_BYTES], "little") != crc32(content):
            raise self._damaged()
        return content

    def _damaged(self) -> LogDamaged:
        self.damaged = True
        return LogDamaged(f"{self._path} is not what was written: check the disk, then start again; it is made anew")


def open_names(path: Path) -> NamesFile | None:
    """Map a file of names; None if there is none, or it is not whole."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        return NamesFile(path, map_file(fd))
    except (OSError, ValueError):
        return None
    finally:
        os.close(fd)


def starts_of(file: NamesFile | None) -> array[int]:
    """Return where each block of a file begins, and where the last one ends, to go on with."""
    starts = array("Q")
    if file is None:
        starts.append(len(MAGIC))
    else:
        starts.frombytes(file.block_starts.cast("B"))
    return starts
