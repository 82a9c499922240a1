"""Framing a few plain events at once, without the columns that many need: in a third of the time for one.

This way only accepts. What it does not know, or would have to refuse, it leaves to `batch_framer`, which says why. So
the rules and the errors are in one place, and all ways lead to the same bytes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import msgspec

from store.errors import Invalid, StoreError
from store.format import frame as frames
from store.format.staged_frame import StagedFrame
from store.model.append import Append, Appended, stream_of
from store.model.event import ERASED_PAYLOAD, NewEvent
from store.model.limits import Limits, check_name, check_payload, may_hold_non_finite
from store.streams.name_numbers import CorrelationHashes
from store.streams.stream_table import StreamTable

_encode = msgspec.msgpack.Encoder().encode

MOST: Final = 20
"""How many events are few: of more than 25, columns take less time."""

_LISTS: Final = frozenset({list})

Moved: TypeAlias = tuple[bytes, list[int], list[int], list[int] | None, int, dict[str, int]]
"""A frame's body, its events' streams, types and correlations, its agent, and the revisions that streams are at."""


class QuickFramer(ABC):
    """Makes the frame of an append without tags, or leaves it to `BatchFramer`.

    Args:
        table: where the streams are; moved on.
        most: how many events an append may have.
    """

    def __init__(self, table: StreamTable, most: int) -> None:
        self._table = table
        self._most = most

    def moved(self, events: Sequence[NewEvent], stream: str, agent: Any, now_ns: int) -> Moved | None:
        """Stage an append and return the parts of its frame; None if this way is not for it, and nothing has changed.

        Args:
            events: what is appended.
            stream: where events go that do not name their own.
            agent: who appends.
            now_ns: the time.
        """
        made = self._moved_if_known(events, stream, agent, now_ns)
        return self._moved_with_new_names(events, stream, agent, now_ns) if made is None else made

    @abstractmethod
    def _moved_if_known(self, events: Sequence[NewEvent], stream: str, agent: Any, now_ns: int) -> Moved | None:
        """Do as `moved` does, if all names are known."""

    def _moved_with_new_names(self, events: Sequence[NewEvent], stream: str, agent: Any, now_ns: int) -> Moved | None:
        """Do as `moved` does, if some names are not known; they are known then, if it comes to anything."""
        if type(events) not in {list, tuple} or not 0 < len(events) <= self._most:
            return None
        for event in events:
            if type(event) is not NewEvent or event.tags:
                return None
        table, made = self._table, None
        known_types, known_agents = len(table.types), len(table.agents)
        try:
            if self._learn(events, stream, agent):
                made = self._moved_if_known(events, stream, agent, now_ns)
        except (StoreError, TypeError):
            pass  # the whole way says which name is none
        finally:
            if made is None:
                table.go_back()
                table.types.forget(known_types)
                table.agents.forget(known_agents)
        return made

    def _learn(self, events: Sequence[NewEvent], stream: str, agent: Any) -> bool:
        """Give new names their numbers, in the order in which `BatchFramer` does; say whether there were any.

        Raises:
            StoreError, TypeError: one is not a name.
        """
        table = self._table
        before = len(table.types), len(table.streams), len(table.agents)
        table.types.ids_of([event.type for event in events])
        table.stream_ids([stream if event.stream is None else event.stream for event in events])
        table.agents.ids_of((agent,))
        return before != (len(table.types), len(table.streams), len(table.agents))

    def frame(self, append: Append, now_ns: int) -> StagedFrame | None:
        """Return an append's frame, and None if this way is not for it; nothing has changed then.

        What the append expects, is on condition of and carries out is not looked at.
        """
        table, first = self._table, self._table.next_sequence
        made = self.moved(append.events, stream_of(append), append.agent, now_ns)
        if made is None:
            return None
        body, streams, types, correlations, agent, reached = made
        return StagedFrame(
            first_sequence=first,
            count=len(streams),
            body=body,
            time_ns=now_ns,
            streams=streams,
            types=types,
            correlations=correlations,
            agent=agent,
            command=None,
            appended=Appended(
                first_sequence=first, last_sequence=table.next_sequence - 1, revisions=reached, time_ns=now_ns
            ),
        )


class SmallFramer(QuickFramer):
    """Makes the frames of appends of up to `MOST` plain events, in any streams.

    Args:
        table: where the streams are; moved on.
        hashes: those of correlation ids.
        limits: what an append may hold.
    """

    def __init__(self, table: StreamTable, hashes: CorrelationHashes, limits: Limits) -> None:
        super().__init__(table, min(MOST, limits.batch_events))
        self._hashes = hashes
        self._limits = limits

    def _moved_if_known(self, events: Sequence[NewEvent], stream: str, agent: Any, now_ns: int) -> Moved | None:
        if type(events) not in _LISTS or not 0 < len(events) <= self._most:
            return None
        try:
            number = self._table.agents.known(agent)
            return None if number is None else self._moved(events, stream, (number, agent), now_ns)
        except (StoreError, OverflowError, ValueError, TypeError, RecursionError):
            return None  # until all is made nothing is moved, and the whole way says what is wrong

    def _moved(self, events: Sequence[NewEvent], stream: str, agent: tuple[int, str], now_ns: int) -> Moved | None:
        table, limits = self._table, self._limits
        known_stream, known_type, revisions = table.streams.known, table.types.known, table.revisions
        default = known_stream(stream)
        if default is None:
            check_name("stream", stream)  # which may be needed by no event
        ids: list[int] = []  # not `list[int]()`, which takes four times as long
        types: list[int] = []
        records: list[bytes] = []
        reached: dict[str, int] = {}
        at: dict[int, int] = {}
        sequence, floats = table.next_sequence, False
        for event in events:
            if type(event) is not NewEvent or event.tags or event.data is ERASED_PAYLOAD:
                return None
            kind, name = known_type(event.type), event.stream
            number = default if name is None else known_stream(name)
            if kind is None or number is None:
                return None
            if name is None:
                name = stream
            data: Any = {} if event.data is None else event.data
            floats = check_payload(data, limits.depth) or floats
            if event.metadata is not None or event.causation_id is not None:
                floats = self._check_beside(event) or floats
            revision = (at[number] if number in at else revisions[number]) + 1
            reached[name] = at[number] = revision
            begin = (sequence, name, revision, event.type, agent[1], now_ns)
            record = _encode((*begin, event.correlation_id, event.causation_id, event.metadata, data))
            if len(record) > limits.event_bytes:
                return None
            sequence += 1
            ids.append(number)
            types.append(kind)
            records.append(record)
        correlations = self._hashes_of(events)
        body = frames.encode_body(records)
        if len(body) > limits.append_bytes or (floats and may_hold_non_finite(body)):
            return None
        table.begin_move()
        for number, revision in at.items():
            revisions.reach(number, revision)
        table.stage_moved(ids)
        return body, ids, types, correlations, agent[0], reached

    def _check_beside(self, event: NewEvent) -> bool:
        """Check what stands beside an event's payload; say whether there are floats.

        Raises:
            Invalid: it is not acceptable.
        """
        if event.causation_id is not None:
            check_name("causation_id", event.causation_id)
        if event.metadata is None:
            return False
        if type(event.metadata) is not dict:
            raise Invalid("metadata is no dict: give a dict or None")
        return check_payload(event.metadata, self._limits.depth)

    def _hashes_of(self, events: Sequence[NewEvent]) -> list[int] | None:
        """Return the hashes of the events' correlation ids; None if there are none.

        Raises:
            Invalid: one is not a name.
        """
        ids = [event.correlation_id for event in events]
        return None if ids.count(None) == len(ids) else self._hashes.of(ids)
