"""Subscriptions: cursors with a name and a checkpoint on disk.

Events are delivered at least once: those after the last checkpoint again after a crash.
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

import msgspec

from store.disk.digest import blake2b
from store.disk.files import make_directory
from store.disk.small_file import Unreadable, read_digested, write_digested
from store.errors import Invalid
from store.following.cursor import Cursor
from store.following.snapshot import digest
from store.format.frame import UNREADABLE
from store.interface import Log
from store.model.event import Event
from store.model.limits import check_name
from store.model.query import Query, as_query

_SUFFIX = ".subscription"
_NAME_BYTES = 16


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """How far a subscription has come.

    Attributes:
        name: the subscription's name.
        position: everything up to this sequence was dealt with.
        durable: the part of that which no crash takes back.
        event_digest: the `snapshot.digest` of the event at `position`; None at 0, or if the log has given it up.
        epoch: the log's epoch then; empty in checkpoints of old.
    """

    name: str
    position: int
    durable: int
    event_digest: bytes | None
    epoch: str = ""


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Checkpoint).decode


class Subscriptions:
    """The named subscriptions to a log. Nothing checkpoints.

    Args:
        log: what is followed.
        directory: where the checkpoints are; created with the first one. Beside a log: `<data>/subscriptions`.
    """

    def __init__(self, log: Log, directory: str | PathLike[str]) -> None:
        self._log = log
        self._directory = Path(directory)

    @property
    def head(self) -> int:
        """The log's committed watermark."""
        return self._log.head

    def open(self, name: str, query: Query | None = None, *, skip_gone: bool = False, **fields: Any) -> Subscription:
        """Go on with a subscription after its checkpoint, or begin one.

        A checkpoint that is unreadable counts as none. One that a crash has outdated, because events before it were
        never durable, counts up to where the log was durable then. In a log that was restored or copied, one that is
        about events which this log does not have counts up to where both are the same.

        Args:
            name: its name, 1..256 characters.
            query: which events; None means all.
            skip_gone: where events left the log before they were read, go on with the first one that is left; else
                the cursor raises `EventsGone`. A subscription that only begins, begins with the first one that is left.
            **fields: the fields of `Query` to replace.

        Raises:
            Invalid: the name is none, or the query is not understood.
        """
        check_name("the subscription's name", name)
        checkpoint = self._read(name)
        after = None if checkpoint is None else self._counts(checkpoint)
        return Subscription(name, Cursor(self._log, as_query(query, fields), after=after, skip_gone=skip_gone), self)

    def save(self, name: str, position: int) -> None:
        """Keep a checkpoint durably.

        Raises:
            Invalid: nothing is stored yet at that position.
            DiskFull: there is no space; the former one counts.
            SyncFailed: the disk did not confirm.
        """
        event = self._at(position)
        if position > self._log.head:
            raise Invalid(f"subscription {name!r}: {position} is beyond the head, {self._log.head}")
        make_directory(self._directory)
        checkpoint = Checkpoint(
            name=name,
            position=position,
            durable=min(position, self._log.stats().durable),
            event_digest=digest(event) if event else None,
            epoch=self._log.epoch,
        )
        write_digested(self._path(name), _encode(checkpoint))

    def remove(self, name: str) -> None:
        """Forget a subscription: opened again, it begins anew."""
        self._path(name).unlink(missing_ok=True)

    def names(self) -> list[str]:
        """Return the names of those that have a readable checkpoint, sorted."""
        found = (self._load(path) for path in self._directory.glob(f"*{_SUFFIX}"))
        return sorted(checkpoint.name for checkpoint in found if checkpoint)

    def _read(self, name: str) -> Checkpoint | None:
        checkpoint = self._load(self._path(name))
        return checkpoint if checkpoint and checkpoint.name == name else None

    @staticmethod
    def _load(path: Path) -> Checkpoint | None:
        try:
            return _decode(read_digested(path))
        except (FileNotFoundError, Unreadable, *UNREADABLE):
            return None

    def _counts(self, checkpoint: Checkpoint) -> int:
        """Return up to where a checkpoint is about events that this log has, or had."""
        if self._holds(checkpoint):
            return checkpoint.position
        if checkpoint.epoch in {"", self._log.epoch}:
            return min(checkpoint.durable, self._log.head)
        return min(checkpoint.durable, self._log.epoch_end(checkpoint.epoch))

    def _holds(self, checkpoint: Checkpoint) -> bool:
        event = self._at(checkpoint.position)
        if event is not None and event.erased and checkpoint.epoch == self._log.epoch:
            return True  # whatever it was: a log that loses events begins another epoch
        return (digest(event) if event else None) == checkpoint.event_digest

    def _at(self, sequence: int) -> Event | None:
        events = self._log.query(after=sequence - 1, before=sequence + 1).events if sequence else []
        return events[0] if events else None

    def _path(self, name: str) -> Path:
        return self._directory / f"{blake2b(name.encode(), digest_size=_NAME_BYTES).hexdigest()}{_SUFFIX}"


class Subscription:
    """A cursor with a name; use `Subscriptions.open`.

    Example:
        subscription = Subscriptions(log, path / "subscriptions").open("mailer", types=("mail.asked",))
        for event in subscription.cursor.read():
            send(event)
        subscription.checkpoint()
    """

    def __init__(self, name: str, cursor: Cursor, home: Subscriptions) -> None:
        self.name = name
        self.cursor = cursor
        self._home = home

    def checkpoint(self) -> None:
        """Keep durably that everything the cursor has given so far was dealt with.

        Raises:
            DiskFull: there is no space; the former checkpoint counts.
            SyncFailed: the disk did not confirm.
        """
        self._home.save(self.name, min(self.cursor.position, self._home.head))
