"""Archives: where segments that leave a log go, each packed into a file of its own.

`gunzip` makes the segment of it again, so that the archive and the rest of the log are the whole log.
"""

import gzip
import zlib
from pathlib import Path

from store.disk.files import make_directory, put_file, sync_path
from store.errors import Invalid
from store.format.segment import HEADER_BYTES

_SUFFIX = ".gz"
_COMPRESSION = 6
"""Of a segment of small events 24 % are left; level 9 leaves 23 % in five times the time, 1 31 % in a quarter."""


def pack(content: bytes, archive: Path, name: str) -> None:
    """Put a segment into an archive, durably; it may be there already, as it was before events in it were erased.

    Args:
        content: the segment's bytes.
        archive: the archive's directory; created if need be.
        name: the segment's file name.

    Raises:
        Invalid: the archive has a segment of that name with another header: it is another log's.
        DiskFull: there is no space.
        SyncFailed: the disk did not confirm.
    """
    make_directory(archive)
    place = archive / (name + _SUFFIX)
    there = _packed_in(place) if place.exists() else None
    if there is not None and there[:HEADER_BYTES] != content[:HEADER_BYTES]:
        raise Invalid(f"{place} is of another log: give each log an archive of its own; that segment stays")
    put_file(place, gzip.compress(content, _COMPRESSION, mtime=0))
    sync_path(archive)


def _packed_in(place: Path) -> bytes | None:
    """Return the segment in an archived file, None if that is unreadable."""
    try:
        return gzip.decompress(place.read_bytes())
    except (OSError, EOFError, zlib.error):
        return None
