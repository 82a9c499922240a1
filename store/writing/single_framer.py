"""Framing one event of a plain append, the commonest one, without the columns that many need: in a third of the time.

This way only accepts. What it does not know, or would have to refuse, it leaves to `batch_framer`, which says why. So
the rules and the errors are in one place, and both ways lead to the same bytes.
"""

from typing import Any

import msgspec

from store.format import frame as frames
from store.format.staged_frame import StagedFrame
from store.index.name_numbers import CorrelationHashes
from store.index.stream_table import StreamTable
from store.model.append import Append, Appended, check_expected, stream_of
from store.model.event import NewEvent
from store.model.limits import Limits, check_payload, may_hold_non_finite

_encode = msgspec.msgpack.Encoder().encode


class SingleFramer:
    """Makes the frames of plain appends: one event in the append's stream, without command, condition and the like.

    Args:
        table: where the streams are; moved on.
        hashes: those of correlation ids.
        limits: what an append may hold.
    """

    def __init__(self, table: StreamTable, hashes: CorrelationHashes, limits: Limits) -> None:
        self._table = table
        self._known = table.streams.known, table.types.known, table.agents.known, hashes.known
        self._depth = limits.depth
        self._most = min(limits.event_bytes, limits.append_bytes)

    def frame(self, append: Append, now_ns: int) -> StagedFrame | None:
        """Return a plain append's frame, and None if this way is not for it; nothing has changed then.

        That is so if it is not plain, has names that are new, or is to be refused.

        Raises:
            Invalid: the payload is not acceptable.
            RevisionConflict: the stream is not where the append expects it.
        """
        event = _only_event(append)
        if event is None:
            return None
        floats = check_payload(event.data, self._depth)
        name = stream_of(append)
        ids = self._ids(name, append.agent, event)
        if ids is None:
            return None
        table, streams = self._table, ids[:1]
        first, revision = table.next_sequence, table.revisions[ids[0]] + 1
        check_expected(name, append.expected_revision, revision - 1)
        record = _record(event, (first, name, revision, event.type, append.agent, now_ns))
        if not 0 < len(record) <= self._most or (floats and may_hold_non_finite(record)):
            return None
        frame = StagedFrame(
            first_sequence=first,
            count=1,
            body=frames.encode_body((record,)),
            time_ns=now_ns,
            streams=streams,
            types=ids[1:2],
            correlations=ids[3:] if event.correlation_id else None,
            agent=ids[2],
            command=None,
            appended=Appended(first_sequence=first, last_sequence=first, revisions={name: revision}, time_ns=now_ns),
        )
        table.stage_one(ids[0])
        return frame

    def _ids(self, name: str, agent: str, event: NewEvent) -> tuple[int, int, int, int] | None:
        """Return the ids of the stream, the type and the agent, and the correlation hash; None if one is new."""
        known_stream, known_type, known_agent, known_hash = self._known
        try:
            stream, kind, number = known_stream(name), known_type(event.type), known_agent(agent)
            correlation = known_hash(event.correlation_id)
        except TypeError:  # a value that is not a string may not be hashable
            return None
        if stream is None or kind is None or number is None or correlation is None:
            return None
        return stream, kind, number, correlation


def _only_event(append: Append) -> NewEvent | None:
    """Return the event of a plain append, None of another one."""
    if type(append.events) is not list or len(append.events) != 1:
        return None
    if append.command_id is not None or append.fail_if is not None or append.expected is not None:
        return None
    event = append.events[0]
    named = type(event) is not NewEvent or event.stream is not None or event.causation_id is not None
    named = named or bool(event.tags)
    return None if named or event.metadata is not None else event


def _record(event: NewEvent, begin: tuple[int, str, int, str, str, int]) -> bytes:
    """Encode a record: the fields of `Event` in order; empty if something has no encoding."""
    data: Any = {} if event.data is None else event.data
    try:
        return _encode((*begin, event.correlation_id, None, None, data))
    except (OverflowError, ValueError, TypeError, RecursionError):
        return b""
