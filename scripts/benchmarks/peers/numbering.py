"""What every event log has to do before it stores: number events, and look up where streams have come to."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from store import Event, NewEvent


class Revisions(dict[str, int]):
    """The last revision of each stream, counted in memory; a stream is looked up once, and not at all in a new log.

    Args:
        new: Whether the log was empty when it was opened.
        find: Looks a stream's last revision up.
    """

    def __init__(self, find: Callable[[str], int], *, new: bool) -> None:
        super().__init__()
        self._find = find
        self._new = new

    def __missing__(self, stream: str) -> int:
        """Return the revision of a stream that was not appended to yet."""
        return 0 if self._new else self._find(stream)


def stream_of(event: NewEvent, agent: str) -> str:
    """Return the stream that an event goes to: the one that it names, or its agent's own."""
    return event.stream if event.stream is not None else f"agent/{agent}"


class Numbering:
    """Numbers the events of a log with one writer.

    Args:
        head: The log's last sequence.
        find: Looks a stream's last revision up.
    """

    def __init__(self, head: int, find: Callable[[str], int]) -> None:
        self.head = head
        self._revisions = Revisions(find, new=head == 0)

    def numbered(self, events: Sequence[NewEvent], agent: str) -> list[Event]:
        """Return events with their sequences and revisions."""
        revisions, now_ns = self._revisions, time.time_ns()
        made: list[Event] = []
        for sequence, event in enumerate(events, self.head + 1):
            stream = stream_of(event, agent)
            revision = revisions[stream] = revisions[stream] + 1
            made.append(
                Event(
                    sequence=sequence,
                    stream=stream,
                    revision=revision,
                    type=event.type,
                    agent=agent,
                    time_ns=now_ns,
                    correlation_id=event.correlation_id,
                    causation_id=event.causation_id,
                    metadata=event.metadata,
                    data=event.data,
                )
            )
        self.head += len(made)
        return made
