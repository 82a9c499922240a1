"""The retention record: what was retired, so that the rest of the log stays truthful.

A log whose oldest segments were retired begins behind them. The record says where, and which revision each stream had
reached by then, so that sequences and revisions go on as if nothing had gone. Segments before it no longer count, even
if their files are still there.
"""

from pathlib import Path

import msgspec

from store.disk.small_file import Unreadable, read_digested, write_digested
from store.errors import LogDamaged
from store.format.frame import UNREADABLE

RECORD_NAME = "gone"


class Part(msgspec.Struct, frozen=True, array_like=True):
    """A file with revisions of so many streams, and the digest of what is in it; see `retention_parts`."""

    name: str
    streams: int
    digest: bytes


class RetentionRecord(msgspec.Struct, frozen=True, array_like=True):
    """What was retired.

    Attributes:
        last: the last sequence that was retired; 0 if none was.
        durable: up to which sequence the log was durable when that was decided.
        revisions: the revision that each stream had reached with event `last`, unless it is in a part and has not
            moved on since.
        seal: the seal of that, if the log is sealed; else empty.
        parts: where more revisions are, the latest last: `retention_parts.revisions_at` returns all.
    """

    last: int = 0
    durable: int = 0
    revisions: dict[str, int] = {}
    seal: bytes = b""
    parts: tuple[Part, ...] = ()


NOTHING_RETIRED = RetentionRecord()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(RetentionRecord).decode


def read_record(directory: Path) -> RetentionRecord:
    """Return the record of a log; `NOTHING_RETIRED` if it has none.

    Raises:
        LogDamaged: there is one, and it is unreadable.
    """
    path = directory / RECORD_NAME
    try:
        return _decode(read_digested(path))
    except FileNotFoundError:
        return NOTHING_RETIRED
    except (Unreadable, *UNREADABLE) as error:
        raise LogDamaged(
            f"{path} is unreadable: it says with which event the log begins; restore that file from a backup"
        ) from error


def write_record(directory: Path, record: RetentionRecord) -> None:
    """Record durably what was retired.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    write_digested(directory / RECORD_NAME, _encode(record))
