"""Import: a stream of exported events becomes a log with the same events.

It is idempotent: an event that the log has already is compared and skipped, so an import that was cut off goes on where
it ended, and one that runs twice changes nothing. An event that would not get its own sequence and revision back is
refused; nothing is renumbered.
"""

from collections.abc import Iterator, Sequence
from os import PathLike
from typing import BinaryIO

import msgspec

from store.errors import Invalid
from store.event import Event, NewEvent
from store.interchange import Encoding, read_events
from store.limits import Limits
from store.log import EventLog


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import did; as built-ins it is what `moothall events import --json` prints.

    Attributes:
        events: how many events the stream holds.
        stored: how many of them are new.
        last_sequence: the log's last event now, 0 for an empty log.
    """

    events: int
    stored: int
    last_sequence: int


class _Times:
    """The clock of the log that is being filled: it shows what the events say."""

    def __init__(self) -> None:
        self.now_ns = 0

    def __call__(self) -> int:
        return self.now_ns


def import_events(
    path: str | PathLike[str], source: BinaryIO, *, encoding: Encoding = "jsonl", limits: Limits | None = None
) -> Imported:
    """Bring exported events into the log in a directory, with their sequences, revisions, times and agents.

    Everything is durable when this returns. After an error about an event, those before it are stored, but for its
    neighbours of the same agent and time: put the stream right and import it again.

    Args:
        path: the data directory; created if need be.
        source: open for reading, read to its end once.
        encoding: `jsonl` or `msgpack`.
        limits: the log's sizes; None means the defaults.

    Raises:
        Invalid: the stream holds something that is no event, or an event that does not continue the log, or that
            differs from the one that the log has.
        TooLarge: an event is over its limit.
        LogLocked, LogDamaged, DiskFull, SyncFailed: as `EventLog.open` and `append` raise them.
    """
    clock = _Times()
    with EventLog.open(path, "never", clock_ns=clock, limits=limits) as log:
        before = log.head
        events = stored = 0
        incoming = read_events(source, encoding, log.limits.event_bytes)
        for run in _runs(incoming, log.limits.batch_events):
            new = _skip_known(log, run, before)
            if new:
                clock.now_ns = new[0].time_ns
                _store(log, new)
            events += len(run)
            stored += len(new)
        return Imported(events=events, stored=stored, last_sequence=log.head)


def _runs(events: Iterator[Event], longest: int) -> Iterator[list[Event]]:
    """Yield neighbours that one append may hold: of one agent and one time."""
    run: list[Event] = []
    try:
        for event in events:
            if run and (len(run) == longest or (event.agent, event.time_ns) != (run[0].agent, run[0].time_ns)):
                yield run
                run = []
            run.append(event)
    except Invalid:
        if run:
            yield run
        raise
    if run:
        yield run


def _skip_known(log: EventLog, run: Sequence[Event], before: int) -> Sequence[Event]:
    """Leave out the events that the log had before."""
    number = next((number for number, event in enumerate(run) if event.sequence > before), len(run))
    if number:
        here = log.read(run[0].sequence - 1)
        for event in run[:number]:
            if event != next(here, None):
                raise Invalid(
                    f"event {event.sequence} is not the one that the log has there: import into an empty directory"
                )
    return run[number:]


def _store(log: EventLog, run: Sequence[Event]) -> None:
    revisions: dict[str, int] = {}
    for sequence, event in enumerate(run, log.head + 1):
        revision = revisions.get(event.stream, log.stream_revision(event.stream)) + 1
        if (event.sequence, event.revision) != (sequence, revision):
            raise Invalid(
                f"event {event.sequence} is revision {event.revision} of {event.stream!r} where event {sequence} and "
                f"revision {revision} must follow: export the log again, whole and in order"
            )
        revisions[event.stream] = revision
    log.append([_new(event) for event in run], agent=run[0].agent, stream=run[0].stream)


def _new(event: Event) -> NewEvent:
    return NewEvent(
        type=event.type,
        data=event.data,
        stream=event.stream,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        metadata=event.metadata,
    )
