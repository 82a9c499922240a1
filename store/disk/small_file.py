"""Small files that are whole or unreadable: a BLAKE2b digest, then the content, replaced at once."""

from pathlib import Path

from store.disk.digest import blake2b
from store.disk.files import put_file, sync_path

DIGEST_BYTES = 16


class Unreadable(Exception):  # noqa: N818 - it is the file that is unreadable
    """The file's content is not what was written; callers say what that means for them."""


def write_checksummed(path: Path, content: bytes) -> None:
    """Replace a file durably.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    put_file(path, _digest(content) + content)
    sync_path(path.parent)


def read_checksummed(path: Path) -> bytes:
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


def _digest(content: bytes) -> bytes:
    return blake2b(content, digest_size=DIGEST_BYTES).digest()
