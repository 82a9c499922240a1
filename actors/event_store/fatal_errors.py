"""What ends the event store for good: a restart would not help."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from actors.kernel import Unrecoverable
from store import LogDamaged, SyncFailed


class DiskSyncFailed(Unrecoverable):
    """The disk failed to sync; nothing more may be acknowledged."""


class LogUnusable(Unrecoverable):
    """Something that had been durable is unreadable; a restart would find it so again."""


@contextmanager
def ending_on_failed_sync() -> Generator[None, None, None]:
    """Have the whole tree end where the disk did not confirm."""
    try:
        yield
    except SyncFailed as error:
        raise DiskSyncFailed(str(error)) from error


@contextmanager
def ending_on_damage() -> Generator[None, None, None]:
    """Have the whole tree end where the log turns out to be damaged."""
    try:
        yield
    except LogDamaged as error:
        raise LogUnusable(str(error)) from error
