"""What a log has given up: the record that keeps the rest truthful.

A log whose oldest segments were retired begins behind them. The record says where, and which revision each stream had
reached by then, so that sequences and revisions go on as if nothing had gone. Segments before it no longer count, even
if their files are still there.
"""

from pathlib import Path

import msgspec

from store.disk.small_file import Unreadable, read_checksummed, write_checksummed
from store.errors import LogDamaged
from store.format.frame import UNREADABLE

GONE_NAME = "gone"


class Gone(msgspec.Struct, frozen=True, array_like=True):
    """What is no longer in the log.

    Attributes:
        last: the last sequence that is gone; 0 if nothing is.
        durable: up to which sequence the log was durable when that was decided.
        revisions: the revision that each stream had reached with event `last`.
        seal: the seal of that, if the log is sealed; else empty.
    """

    last: int = 0
    durable: int = 0
    revisions: dict[str, int] = {}
    seal: bytes = b""


NOTHING = Gone()

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Gone).decode


def read_gone(directory: Path) -> Gone:
    """Return the record of a log; `NOTHING` if it has none.

    Raises:
        LogDamaged: there is one, and it is unreadable.
    """
    path = directory / GONE_NAME
    try:
        return _decode(read_checksummed(path))
    except FileNotFoundError:
        return NOTHING
    except (Unreadable, *UNREADABLE) as error:
        raise LogDamaged(
            f"{path} is unreadable: it says with which event the log begins; restore that file from a backup"
        ) from error


def write_gone(directory: Path, gone: Gone) -> None:
    """Record durably what is gone.

    Raises:
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    write_checksummed(directory / GONE_NAME, _encode(gone))
