"""The journal of a recorded disk: entries as MessagePack arrays, one after the other."""

from collections.abc import Iterator
from pathlib import Path

import msgpack

Entry = tuple
"""A kind, then what `crashes.Disk` takes for it: inodes, names, offsets, bytes."""

encode = msgpack.Packer().pack


def entries(path: Path, start: int = 0) -> Iterator[Entry]:
    """Yield the entries from a byte of the journal on."""
    with path.open("rb") as file:
        file.seek(start)
        yield from msgpack.Unpacker(file, use_list=False, raw=False)
