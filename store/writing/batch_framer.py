"""Framing many appends at once: checked appends in, frames to be out. The table of streams moves on with them."""

from collections.abc import Sequence
from itertools import accumulate

from store.format import frame as frames
from store.format.frame import Command
from store.format.staged_frame import StagedFrame
from store.model.append import Append, Appended, check_stream, stream_of
from store.model.limits import Limits, check_finite, check_name, may_hold_non_finite
from store.streams.name_numbers import CorrelationHashes, name_hashes
from store.streams.stream_table import StreamTable
from store.writing.record_encoding import encode_records
from store.writing.small_framer import SmallFramer
from store.writing.validation import Columns


class BatchFramer:
    """Makes frames, one for each append, as many at once as there are: that costs a tenth of one by one.

    Args:
        table: where the streams are; moved on.
        limits: what an append may hold.

    Attributes:
        small: makes those of a few plain events.
    """

    def __init__(self, table: StreamTable, limits: Limits) -> None:
        self._table = table
        self._limits = limits
        self._hashes = CorrelationHashes()
        self.small = SmallFramer(table, self._hashes, limits)

    def check_names(self, appends: Sequence[Append]) -> None:
        """Check the names of agents and streams that the log does not know.

        Raises:
            Invalid: one is not a name.
        """
        known_agent, known_stream = self._table.agents.known, self._table.streams.known
        for agent, stream in {(append.agent, stream_of(append)) for append in appends}:
            if known_agent(agent) is None:
                check_name("agent", agent)
            if known_stream(stream) is None:
                check_stream(agent, stream)

    def frames(
        self, appends: Sequence[Append], columns: Columns, now_ns: int, command: Command | None = None
    ) -> list[StagedFrame]:
        """Give appends their sequences and revisions and encode them; leave the table as it was if that fails.

        Args:
            appends: in order; their names are checked.
            columns: their events.
            now_ns: the time.
            command: what they carry out, if there is one append only.

        Raises:
            Invalid: a name or a value is not acceptable.
            TooLarge: a record, or all together, are over the limit.
        """
        table = self._table
        named = columns.correlations or ()
        correlations = self._hashes.of(named)
        names = columns.streams or (stream_of(appends[0]),)
        first, known_types = table.next_sequence, len(table.types)
        try:
            types = table.types.ids_of(columns.types)
            streams = table.stream_ids(names) * (1 if columns.streams else len(types))
            revisions = table.advance(streams)
            records, sizes = encode_records(
                columns, appends, first_sequence=first, revisions=revisions, time_ns=now_ns, limits=self._limits
            )
            bodies = _bodies(records, sizes, columns.counts, command)
            if columns.floats and any(map(may_hold_non_finite, bodies)):
                check_finite([*columns.datas, *columns.metadatas])
            agents = table.agents.ids_of([append.agent for append in appends])
        except BaseException:
            table.go_back()
            table.types.forget(known_types)
            raise
        reached = revisions if columns.streams else revisions[-1:]
        made: list[StagedFrame] = []
        start = 0
        for agent, count, body in zip(agents, columns.counts, bodies, strict=True):
            end = start + count
            frame = StagedFrame(
                first_sequence=first + start,
                count=count,
                body=body,
                time_ns=now_ns,
                streams=streams[start:end],
                types=types[start:end],
                correlations=correlations[start:end] if any(named[start:end]) else None,
                agent=agent,
                tags=None if columns.tags is None else _hashes(columns.tags[start:end]),
                command=command,
                erased=columns.erased,
                appended=Appended(
                    first_sequence=first + start,
                    last_sequence=first + end - 1,
                    revisions=dict(zip(names[start:end], reached[start:end], strict=True)),
                    time_ns=now_ns,
                ),
            )
            table.stage(frame.first_sequence, frame.streams)
            made.append(frame)
            start = end
        table.rest()
        return made


def _hashes(tags: Sequence[Sequence[str]]) -> list[frozenset[int]] | None:
    """Return the hashes of each event's tags, None if there are none."""
    return [frozenset(name_hashes(each or ())) for each in tags] if any(tags) else None


def _bodies(
    records: Sequence[bytes], sizes: Sequence[int], counts: Sequence[int], command: Command | None
) -> list[bytes]:
    if len(counts) == 1:
        return [frames.encode_body(records, command, sizes)]
    starts = accumulate(counts, initial=0)
    parts = [slice(start, start + count) for start, count in zip(starts, counts, strict=False)]
    return [frames.encode_body(records[part], None, sizes[part]) for part in parts]
