"""Erasing a stream of a log in memory: short and obvious, so that it can judge the erasing in files."""

from msgspec.structs import replace

from store.erasing.erasure import Erased, Erasure, check_erasable, told_of
from store.errors import Invalid
from store.format.frame import Command
from store.format.tombstone import ERASED_HASH, as_erased
from store.model.append import Append, Appended
from store.model.event import Event


class MemoryErasure(Erasure):
    """One erasing, all of it in one step.

    Args:
        events: all of the log's; changed in place.
        commands: those that were carried out, by agent and id; changed in place.
        stream: the stream.
        agent: who has it erased.
        last: up to which sequence.

    Raises:
        Invalid: the stream is one of the hall's own, or does not exist.
    """

    def __init__(
        self,
        events: list[Event],
        commands: dict[tuple[str, str], tuple[Command, Appended]],
        stream: str,
        agent: str,
        *,
        last: int,
    ) -> None:
        check_erasable(stream, agent)
        if all(event.stream != stream for event in events):
            raise Invalid(f"there is no stream {stream!r} in the log: give the name of one that there is")
        self._events = events
        self._commands = commands
        self._agent = agent
        self._erased = Erased(stream=stream, events=0, last_sequence=last)

    @property
    def erased(self) -> Erased:
        """What was erased so far."""
        return self._erased

    def step(self) -> bool:
        """Erase all; say that there is no more."""
        stream, last = self._erased.stream, self._erased.last_sequence
        meant = [event.sequence for event in self._events[:last] if event.stream == stream and not event.erased]
        for sequence in meant:
            self._events[sequence - 1] = as_erased(self._events[sequence - 1])
        for key, (command, appended) in self._commands.items():
            if any(appended.first_sequence <= sequence <= appended.last_sequence for sequence in meant):
                self._commands[key] = replace(command, payload_hash=ERASED_HASH), appended
        self._erased = replace(self._erased, events=self._erased.events + len(meant))
        return False

    def mend(self) -> None:
        """Do nothing."""

    def told(self) -> Append | None:
        """Return the append that tells of it, None if nothing was erased."""
        return told_of(self._erased, self._agent) if self._erased.events else None

    def end(self) -> None:
        """Do nothing."""
