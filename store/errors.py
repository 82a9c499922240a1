# ruff: noqa: N818 - the names are the contract's, and all of them are errors
"""What can go wrong with the log: every error of the library is a `StoreError`."""

from __future__ import annotations


class StoreError(Exception):
    """The base of every error that the event log raises or returns as an outcome."""


class Invalid(StoreError):
    """The caller's input is not acceptable as it is; nothing was stored."""


class TooLarge(StoreError):
    """An event or a batch is over its limit; nothing was stored."""


class RevisionConflict(StoreError):
    """A stream is not at the expected revision; nothing was stored.

    Attributes:
        stream: the stream that was checked.
        expected: what the caller expected, a revision or `no_stream` / `exists`.
        actual: the stream's revision, 0 if it does not exist.
    """

    def __init__(self, stream: str, expected: int | str, actual: int) -> None:
        super().__init__(
            f"stream {stream!r} is at revision {actual}, not {expected}: read what was added since, decide again, retry"
        )
        self.stream = stream
        self.expected = expected
        self.actual = actual


class ConditionFailed(StoreError):
    """An event matches the append's `fail_if`; nothing was stored.

    Attributes:
        sequence: the sequence of the first event that matches.
    """

    def __init__(self, sequence: int) -> None:
        super().__init__(f"event {sequence} matches fail_if: read from there, decide again, retry with a later `after`")
        self.sequence = sequence


class LogDamaged(StoreError):
    """Bytes that had been durable are no longer readable; the log refuses to lose them silently."""


class LogLocked(StoreError):
    """Another process has the data directory open.

    Attributes:
        pid: the process that holds it, None if it left no number.
    """

    def __init__(self, path: str, pid: int | None, *, forked: bool = False) -> None:
        holder = f"process {pid}" if pid is not None else "another process"
        what = (
            "which opened the log before this process was forked from it: open the log after forking, or only there"
            if forked
            else "stop it, connect to it, or choose another directory"
        )
        super().__init__(f"{path} is in use by {holder}{', ' if forked else ': '}{what}")
        self.pid = pid


class DiskFull(StoreError):
    """There was no space for the events; nothing was stored, the log stays readable."""


class SyncFailed(StoreError):
    """The disk did not confirm a write, or it was interrupted; its outcome is unknown, the log does no more work."""


class RepairRefused(StoreError):
    """Repairing would remove more than was allowed; nothing was changed.

    Attributes:
        events: how many events would be removed.
    """

    def __init__(self, message: str, events: int) -> None:
        super().__init__(message)
        self.events = events


class EventsGone(StoreError):
    """The log no longer has events that would be needed: its oldest segments were retired.

    Attributes:
        first_sequence: the first event that it has.
    """

    def __init__(self, message: str, first_sequence: int) -> None:
        super().__init__(message)
        self.first_sequence = first_sequence

    @classmethod
    def behind(cls, after: int, first_sequence: int) -> EventsGone:
        """Return the error for whoever wants to go on behind an event, and the next ones have gone."""
        return cls(
            f"the log begins with event {first_sequence}, and events {after + 1} to {first_sequence - 1} have left it: "
            "read them in the archive, or go on with what is left",
            first_sequence,
        )

    @classmethod
    def of_stream(cls, stream: str | None, after: int, last: int, first_sequence: int) -> EventsGone:
        """Return the error for whoever asks for events of a stream by their revisions, and some have gone."""
        return cls(
            f"the log begins with event {first_sequence}, and revisions {after + 1} to {last} of {stream!r} have left "
            "it: read them in the archive, or go on with what is left",
            first_sequence,
        )


class EpochChanged(StoreError):
    """The log is not the one that was read, or has lost what was read: it was restored, copied, or a crash took some.

    Attributes:
        epoch: the log's epoch now.
    """

    def __init__(self, before: str, epoch: str) -> None:
        super().__init__(
            f"the log's epoch is {epoch}, and {before} when it was read: what was read may not be what it holds. "
            "Begin anew, or behind an event that it holds like that"
        )
        self.epoch = epoch
