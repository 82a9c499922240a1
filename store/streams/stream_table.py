"""The table of streams: the revision of each, and the log's next sequence, with what is staged and not yet settled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from typing import Any, Self

from store.format.names_file import NamesFile
from store.format.streams_file import SavedStreams
from store.streams.name_numbers import Interner
from store.streams.revisions import BITS, MASK, Chunk, Revisions
from store.streams.stream_names import StreamNames

_MIDWAY: Sequence[int] = [-1]


class StreamTable:
    """The streams by id, and where each and the log itself are, with what is staged and not yet settled.

    An exception may come between any two lines, as Ctrl-C does. So the table says whether it is in the middle of a
    move: `_moving` is None at rest, the streams that were moved on once all of them were and until that is staged or
    undone, and `_MIDWAY` in between, where nobody knows any more what there is to undo.

    Attributes:
        streams: the ids of streams; those of types and agents are like that.
        types: see there.
        agents: see there.
        revisions: the revision of each stream, by id.
        next_sequence: the log's.
        index: the index file, by salt and CRCs, in which the streams have these ids; empty if that is not known.
    """

    def __init__(self) -> None:
        self.streams = StreamNames()
        self.types = Interner("type")
        self.agents = Interner("agent")
        self.revisions = Revisions()
        self.next_sequence = 1
        self.index = b""
        self._unsettled: dict[int, Sequence[int]] = {}
        self._moving: Sequence[int] | None = None

    def begin_behind(self, last: int, revisions: Mapping[str, int]) -> None:
        """Go on behind a sequence, with which streams had reached these revisions, in a log that is still empty."""
        self.reach(dict(zip(self.stream_ids(list(revisions)), revisions.values(), strict=True)))
        self.next_sequence = last + 1

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
        self.revisions.make_room(len(self.streams))
        return ids

    @property
    def may_recall(self) -> bool:
        """Whether there is anything for `recall` to do."""
        return self.streams.file is not None or self.revisions.noted

    def recall(self, names: Iterable[Any]) -> bool:
        """Have the ids of streams in memory, and let their revisions be moved on; say whether it is worth another try.

        It is not if all was so already, or if one of them is new.

        Raises:
            LogDamaged: the file of names is not what was written.
        """
        changed = False
        numbers, revisions = self.streams.numbers, self.revisions
        for name in names:
            if not isinstance(name, str):
                return False
            if (number := numbers.get(name)) is None:
                number, changed = self.streams.known(name), True
                if number is None:
                    return False
            if isinstance(revisions.chunks[number >> BITS], memoryview):
                revisions.writable(number >> BITS)
                changed = True
        return changed

    def become(self, other: StreamTable) -> None:
        """Take over what another table knows; what this one knew is forgotten."""
        self.streams, self.types, self.agents = other.streams, other.types, other.agents
        self.revisions, self.next_sequence = other.revisions, other.next_sequence

    @classmethod
    def load(cls, saved: SavedStreams, revisions: Sequence[Chunk], names: NamesFile | None) -> Self:
        """Return the table that was saved, with the file of names that it names."""
        table = cls()
        table.streams = StreamNames(names, saved.names)
        table.revisions = Revisions(revisions)
        table.types.add(saved.types)
        table.agents.add(saved.agents)
        table.next_sequence = saved.last_sequence + 1
        table.index = saved.index
        return table

    def save(self) -> tuple[SavedStreams, Sequence[Chunk]]:
        """Return the table as it is saved, and its revisions; nothing may be staged."""
        file = self.streams.file
        saved = SavedStreams(
            last_sequence=self.next_sequence - 1,
            in_file=len(file) if file is not None else 0,
            names_crc=file.crc if file is not None else 0,
            names=self.streams.new,
            types=self.types.names,
            agents=self.agents.names,
            index=self.index,
        )
        return saved, self.revisions.chunks

    def reach(self, revisions: Mapping[int, int]) -> None:
        """Move streams on to revisions that were found, unless they are further already."""
        for stream, revision in revisions.items():
            self.revisions.reach(stream, revision)

    def stored_streams(self) -> int:
        """Return how many streams, the first ones by their ids, nothing can take back any more."""
        staged = Counter(chain.from_iterable(self._unsettled.values()))
        new = [stream for stream, times in staged.items() if self.revisions[stream] == times]
        return min(new, default=len(self.streams))

    def settled(self) -> Revisions:
        """Return the revision of each stream, by id, without what is staged and not yet settled."""
        return self.revisions.frozen(chain.from_iterable(self._unsettled.values()))

    @property
    def at_rest(self) -> bool:
        """Whether every move came to its end; if not, nobody knows where the streams are."""
        return self._moving is None

    def advance(self, streams: Sequence[int]) -> list[int]:
        """Move the log, and each stream for each time it is named, on by one; return the revisions on the way.

        `stage` for each frame and `rest` must follow, or `go_back`.
        """
        self._moving = _MIDWAY
        chunks, writable = self.revisions.chunks, self.revisions.writable
        revisions: list[int] = []
        add = revisions.append
        if streams[0] == streams[-1] and streams.count(streams[0]) == len(streams):
            chunk, at = writable(streams[0] >> BITS), streams[0] & MASK
            revisions += range(chunk[at] + 1, chunk[at] + 1 + len(streams))
            chunk[at] += len(streams)
            left: Sequence[int] = ()
        else:
            left = streams
        for stream in left:
            chunk_of, at = chunks[stream >> BITS], stream & MASK
            revision = chunk_of[at] + 1
            try:
                chunk_of[at] = revision
            except TypeError:  # it cannot be written to yet
                writable(stream >> BITS)[at] = revision
            add(revision)
        self.next_sequence += len(revisions)
        self._moving = streams
        return revisions

    def go_back(self) -> None:
        """Undo `advance`, if it was the last that was done; forget the streams that nothing has come to."""
        moved, self._moving = self._moving, _MIDWAY
        if moved is _MIDWAY:
            return
        self._undo(moved or ())
        self._moving = None

    def stage(self, first: int, streams: Sequence[int]) -> None:
        """Count a frame as staged, whose first sequence is this: the streams that its events advanced."""
        self._unsettled[first] = streams

    def rest(self) -> None:
        """Say that all that `advance` moved is staged."""
        self._moving = None

    def begin_move(self) -> None:
        """Say that somebody else moves `revisions` on; `stage_moved` must follow, or `rest` if nothing was moved."""
        self._moving = _MIDWAY

    def stage_moved(self, streams: Sequence[int]) -> None:
        """Stage a frame whose events have moved these streams on."""
        self._unsettled[self.next_sequence] = streams
        self.next_sequence += len(streams)
        self._moving = None

    def settle(self, first: int) -> None:
        """Count a frame as stored: the one whose first sequence is this."""
        del self._unsettled[first]

    def take_back(self, first: int) -> None:
        """Undo all that was staged from a sequence on, and what `advance` did for it."""
        if not self.at_rest:
            return
        self._moving = _MIDWAY
        for staged in sorted((each for each in self._unsettled if each >= first), reverse=True):
            self._undo(self._unsettled.pop(staged))
        if self.next_sequence == first:
            self._moving = None

    def _undo(self, streams: Sequence[int]) -> None:
        revisions = self.revisions
        for stream in streams:
            revisions.move(stream, -1)
        self.next_sequence -= len(streams)
        count = len(self.streams)
        while count and not revisions[count - 1]:
            count -= 1
        self.streams.forget(count)
