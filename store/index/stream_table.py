"""Where each stream and the log itself are, including what is staged and not yet settled."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import chain, repeat

from store.format.retention_record import Gone
from store.index.names import Interner


class Heads:
    """Where each stream and the log itself are, including what is staged and not yet settled."""

    def __init__(self) -> None:
        self.streams = Interner("stream")
        self.types = Interner("type")
        self.agents = Interner("agent")
        self.revisions: list[int] = []
        self.next_sequence = 1
        self._unsettled: dict[int, Sequence[int]] = {}

    def begin_behind(self, gone: Gone) -> None:
        """Go on from what an empty log has given up."""
        self.reach(dict(zip(self.stream_ids(list(gone.revisions)), gone.revisions.values(), strict=True)))
        self.next_sequence = gone.last + 1

    def revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist."""
        number = self.streams.known(stream)
        return 0 if number is None else self.revisions[number]

    def stream_ids(self, names: Sequence[str]) -> list[int]:
        """Return the ids of streams, giving new ones theirs.

        Raises:
            Invalid: a new one is no name.
        """
        ids = self.streams.ids_of(names)
        self.revisions.extend(repeat(0, len(self.streams) - len(self.revisions)))
        return ids

    def load(
        self, streams: Sequence[str], revisions: Sequence[int], types: Sequence[str], agents: Sequence[str]
    ) -> None:
        """Take over what was saved: names in the order of their ids, and the streams' revisions."""
        self.streams.add(streams)
        self.revisions.extend(revisions)
        self.types.add(types)
        self.agents.add(agents)

    def reach(self, revisions: Mapping[int, int]) -> None:
        """Move streams on to revisions that were found, unless they are further already."""
        heads = self.revisions
        for stream, revision in revisions.items():
            heads[stream] = max(heads[stream], revision)

    def settled(self) -> list[int]:
        """Return the revision of each stream, by id, without what is staged and not yet settled."""
        revisions = list(self.revisions)
        for stream in chain.from_iterable(self._unsettled.values()):
            revisions[stream] -= 1
        return revisions

    def advance(self, streams: Iterable[int]) -> list[int]:
        """Move the log, and each stream for each time it is named, on by one; return the revisions on the way."""
        heads = self.revisions
        revisions: list[int] = []
        add = revisions.append
        for stream in streams:
            heads[stream] = revision = heads[stream] + 1
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
