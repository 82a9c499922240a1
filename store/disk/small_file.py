"""Small files that are whole or unreadable: a checksum, then the content, replaced at once.

There are two forms. What nothing else could replace has a BLAKE2b digest, and is synced. What only saves work, or only
bears witness, has a CRC-32, which costs a tenth of that and stands on the path of every commit.
"""

from pathlib import Path

from store.disk.checksum import crc32
from store.disk.digest import blake2b
from store.disk.files import put_file, sync_path

DIGEST_BYTES = 16
_CRC_BYTES = 4


class Unreadable(Exception):  # noqa: N818 - it is the file that is unreadable
    """The file's content is not what was written; callers say what that means for them."""


def write_digested(path: Path, content: bytes) -> None:
    """Replace a file durably.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    put_file(path, _digest(content) + content)
    sync_path(path.parent)


def read_digested(path: Path) -> bytes:
    """Return a file's content.

    Raises:
        FileNotFoundError: there is no such file.
        Unreadable: its digest does not fit.
    """
    data = path.read_bytes()
    content = data[DIGEST_BYTES:]
    if _digest(content) != data[:DIGEST_BYTES]:
        raise Unreadable(str(path))
    return content


def with_crc(content: bytes, magic: bytes = b"") -> bytes:
    """Return what a file holds whose content is checked by a CRC-32: a magic, if it has one, the CRC, the content."""
    return b"".join((magic, crc32(content).to_bytes(_CRC_BYTES, "little"), content))


def read_with_crc(path: Path, magic: bytes = b"") -> memoryview | None:
    """Return the content of such a file; None if there is none, or not this one, or its CRC does not fit."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    start = len(magic) + _CRC_BYTES
    content = memoryview(data)[start:]
    return content if data[:start] == magic + crc32(content).to_bytes(_CRC_BYTES, "little") else None


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
