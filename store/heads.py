"""Where each stream and the log itself are, including what is staged and not yet settled."""

from collections.abc import Sequence
from itertools import repeat

from store.errors import Invalid
from store.limits import check_name
from store.names import Interner


class Heads:
    """Where each stream and the log itself are, including what is staged and not yet settled."""

    def __init__(self) -> None:
        self.streams = Interner()
        self.types = Interner()
        self.agents = Interner()
        self.revisions: list[int] = []
        self.next_sequence = 1

    def revision(self, stream: str) -> int:
        """Return a stream's revision, 0 if it does not exist."""
        number = self.streams.known(stream)
        return 0 if number is None else self.revisions[number]

    def stream_ids(self, names: Sequence[str]) -> list[int]:
        """Return the ids of streams, giving new ones theirs.

        Raises:
            Invalid: a new one is no name.
        """
        try:
            return self.streams.ids_of(names)
        except (KeyError, TypeError):
            _intern("stream", names, self.streams)
            self.revisions.extend(repeat(0, len(self.streams) - len(self.revisions)))
            return self.streams.ids_of(names)

    def type_ids(self, names: Sequence[str]) -> list[int]:
        """Return the ids of event types, giving new ones theirs.

        Raises:
            Invalid: a new one is no name.
        """
        try:
            return self.types.ids_of(names)
        except (KeyError, TypeError):
            _intern("type", names, self.types)
            return self.types.ids_of(names)

    def advance(self, streams: Sequence[int]) -> list[int]:
        """Move the log, and each stream for each time it is named, on by one; return the revisions on the way."""
        heads, revisions = self.revisions, list[int]()
        for stream in streams:
            revision = heads[stream] + 1
            heads[stream] = revision
            revisions.append(revision)
        self.next_sequence += len(revisions)
        return revisions

    def take_back(self, streams: Sequence[int]) -> None:
        """Undo `advance`."""
        for stream in streams:
            self.revisions[stream] -= 1
        self.next_sequence -= len(streams)


def _intern(what: str, names: Sequence[str], interner: Interner) -> None:
    for kind in set(map(type, names)) - {str}:
        raise Invalid(f"{what} is {kind.__name__}: give a string")
    unknown = interner.unknown(names)
    for name in unknown:
        check_name(what, name)
    for name in unknown:
        interner.id_of(name)
