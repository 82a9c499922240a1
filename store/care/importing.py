"""Import: a stream of exported events becomes a log with the same events.

It is idempotent: an event that the log has already is compared and skipped, so an import that was cut off goes on where
it ended, and one that runs twice changes nothing. An event that would not get its own sequence and revision back is
refused; nothing is renumbered.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import msgspec

from store.disk.files import make_directory
from store.disk.lock import DirectoryLock
from store.errors import Invalid, TooLarge
from store.format.interchange import Beginning, Encoding, read_stream
from store.format.restore_mark import refuse_half_restored
from store.format.retention_record import NOTHING_RETIRED, RetentionRecord, read_record, write_record
from store.format.segment_files import segment_names
from store.log import EventLog
from store.model.event import ERASED_PAYLOAD, Event, NewEvent
from store.model.limits import Limits, check_name
from store.tamper.seal import Seal

_SEQUENCE_END = 1 << 63


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
    path: str | PathLike[str],
    source: BinaryIO,
    *,
    encoding: Encoding = "jsonl",
    limits: Limits | None = None,
    seal_key: bytes | None = None,
) -> Imported:
    """Bring exported events into the log in a directory, with their sequences, revisions, times and agents.

    Everything is durable when this returns. After an error about an event, those before it are stored, but for its
    neighbours of the same agent and time: put the stream right and import it again.

    Args:
        path: the data directory; created if need be.
        source: open for reading, read to its end once.
        encoding: `jsonl` or `msgpack`.
        limits: the log's sizes; None means the defaults.
        seal_key: the secret to seal what is stored with.

    Raises:
        Invalid: the stream holds something that is no event, or an event that does not continue the log, or that
            differs from the one that the log has.
        TooLarge: an event is over its limit.
        LogLocked, LogDamaged, DiskFull, SyncFailed: as `EventLog.open` and `append` raise them.
    """
    clock = _Times()
    event_bytes = (limits or Limits()).event_bytes
    record, incoming = _beginning(read_stream(source, encoding, event_bytes))
    if record.last and seal_key is not None:
        record = msgspec.structs.replace(record, seal=Seal(seal_key).of_record(record.last, record.revisions))
    if record.last:
        _begin_behind(Path(path), record)
    with EventLog.open(path, "never", clock_ns=clock, limits=limits, seal_key=seal_key) as log:
        before = log.head
        events = stored = 0
        for run in _runs(incoming, log.limits.batch_events):
            new = _skip_known(log, run, before)
            if new:
                clock.now_ns = new[0].time_ns
                _store(log, new)
            events += len(run)
            stored += len(new)
        return Imported(events=events, stored=stored, last_sequence=log.head)


def _beginning(stream: Iterator[Event | Beginning]) -> tuple[RetentionRecord, Iterator[Event]]:
    """Read what the stream says before its first event; return it, and the events."""
    last, revisions = 0, dict[str, int]()
    first: list[Event] = []
    for item in stream:
        if isinstance(item, Event):
            first.append(item)
            break
        _check_beginning(item, last)
        last = item.gone
        revisions |= item.revisions
    if last and first and first[0].sequence <= last:
        raise Invalid(f"the stream holds event {first[0].sequence}, and says that it is gone: export again")
    return RetentionRecord(last=last, revisions=revisions), chain(first, map(_only_event, stream))


def _check_beginning(part: Beginning, last: int) -> None:
    possible = 1 <= part.gone < _SEQUENCE_END and last in (0, part.gone)
    if not possible or not all(1 <= revision <= part.gone for revision in part.revisions.values()):
        raise Invalid(f"the stream says that events up to {part.gone} are gone, which makes no sense: export again")
    for stream in part.revisions:
        check_name("stream", stream)


def _only_event(item: Event | Beginning) -> Event:
    if isinstance(item, Beginning):
        raise Invalid("the stream says what is gone behind its first event: export again")
    return item


def _begin_behind(directory: Path, record: RetentionRecord) -> None:
    """Let a log that is still empty begin behind what was retired."""
    make_directory(directory)
    lock = DirectoryLock(directory)
    try:
        refuse_half_restored(directory)
        if not segment_names(directory) and read_record(directory) == NOTHING_RETIRED:
            write_record(directory, record)
    finally:
        lock.release()


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
        if run[0].sequence < log.first_sequence:
            raise Invalid(f"event {run[0].sequence} is gone here: import into an empty directory")
        here = log.read(run[0].sequence - 1)
        for event in run[:number]:
            if event != next(here, None):
                what = (
                    "was erased there: erase it here too" if event.erased else "is not the one that the log has there"
                )
                raise Invalid(f"event {event.sequence} {what}, or import into an empty directory")
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
    _append(log, run)


def _append(log: EventLog, run: Sequence[Event]) -> None:
    """Store a run, in halves where it is more than one append may hold: it may be of many."""
    try:
        log.append([_new(event) for event in run], agent=run[0].agent, stream=run[0].stream)
    except TooLarge:
        half = len(run) // 2
        if not half:
            raise
        _append(log, run[:half])
        _append(log, run[half:])


def _new(event: Event) -> NewEvent:
    return NewEvent(
        type=event.type,
        data=ERASED_PAYLOAD if event.erased else event.data,
        stream=event.stream,
        correlation_id=event.correlation_id,
        causation_id=event.causation_id,
        metadata=event.metadata,
        tags=event.tags,
    )
