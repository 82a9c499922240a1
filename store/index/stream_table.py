"""The table of streams: the revision of each, and the log's next sequence, with what is staged and not yet settled."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat
from typing import Self

from store.format.retention_record import RetentionRecord
from store.format.streams_file import SavedStreams
from store.index.name_numbers import Interner


class StreamTable:
    """The streams by id, and where each and the log itself are, with what is staged and not yet settled."""

    def __init__(self) -> None:
        self.streams = Interner("stream")
        self.types = Interner("type")
        self.agents = Interner("agent")
        self.revisions: list[int] = []
        self.next_sequence = 1
        self._unsettled: dict[int, Sequence[int]] = {}

    def begin_behind(self, record: RetentionRecord) -> None:
        """Go on behind what was retired, in a log that is still empty."""
        self.reach(dict(zip(self.stream_ids(list(record.revisions)), record.revisions.values(), strict=True)))
        self.next_sequence = record.last + 1

    def revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist."""
        number = self.streams.known(stream)
        return 0 if number is None else self.revisions[number]

    def stream_ids(self, names: Sequence[str]) -> list[int]:
        """Return the ids of streams, giving new ones theirs.

        Raises:
            Invalid: a new one is not a name.
        """
        ids = self.streams.ids_of(names)
        self.revisions.extend(repeat(0, len(self.streams) - len(self.revisions)))
        return ids

    @classmethod
    def load(cls, saved: SavedStreams) -> Self:
        """Return the table that was saved."""
        table = cls()
        table.streams.add(saved.streams)
        table.revisions.extend(saved.revisions)
        table.types.add(saved.types)
        table.agents.add(saved.agents)
        table.next_sequence = saved.last_sequence + 1
        return table

    def save(self) -> SavedStreams:
        """Return the table as it is saved; nothing may be staged."""
        last = self.next_sequence - 1
        return SavedStreams(last, self.streams.names, self.revisions, self.types.names, self.agents.names)

    def reach(self, revisions: Mapping[int, int]) -> None:
        """Move streams on to revisions that were found, unless they are further already."""
        reached = self.revisions
        for stream, revision in revisions.items():
            reached[stream] = max(reached[stream], revision)

    def settled(self) -> list[int]:
        """Return the revision of each stream, by id, without what is staged and not yet settled."""
        revisions = list(self.revisions)
        for stream in chain.from_iterable(self._unsettled.values()):
            revisions[stream] -= 1
        return revisions

    def advance(self, streams: Iterable[int]) -> list[int]:
        """Move the log, and each stream for each time it is named, on by one; return the revisions on the way."""
        reached = self.revisions
        revisions: list[int] = []
        add = revisions.append
        for stream in streams:
            reached[stream] = revision = reached[stream] + 1
            add(revision)
        self.next_sequence += len(revisions)
        return revisions

    def go_back(self, streams: Sequence[int]) -> None:
        """Undo the last `advance`; forget the streams that nothing has come to."""
        revisions = self.revisions
        for stream in streams:
            revisions[stream] -= 1
        self.next_sequence -= len(streams)
        while revisions and not revisions[-1]:
            revisions.pop()
        self.streams.forget(len(revisions))

    def stage(self, first: int, streams: Sequence[int]) -> None:
        """Count a frame as staged, whose first sequence is this: the streams that its events advanced."""
        self._unsettled[first] = streams

    def settle(self, first: int) -> None:
        """Count a frame as stored: the one whose first sequence is this."""
        del self._unsettled[first]

    def take_back(self, first: int) -> None:
        """Undo a staged frame, the one whose first sequence is this, and what `advance` did for it."""
        self.go_back(self._unsettled.pop(first))
