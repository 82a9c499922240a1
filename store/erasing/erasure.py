"""What it means to erase a stream, whatever keeps the log: which streams, what is told of it, in which steps.

For personal data: the payload goes, and so do metadata, tags, correlation and causation id, which may name a person
too. Sequence, stream, revision, type, agent and time stay, so that the order of the log does; do not put into names
what may have to be erased.
"""

from abc import ABC, abstractmethod

import msgspec

from store.errors import Invalid
from store.model.append import Append
from store.model.event import NewEvent
from store.model.limits import check_name

LOG_STREAM = "moothall/log"
"""The stream in which is told what was done to the log itself."""

ERASED = "moothall.log.erased"
"""The type of the event that tells of an erasing: which stream, how many events, who; never what they held."""

TELLER = "moothall"
"""The agent that such an event is of."""

_OWN = "moothall/"


class Erased(msgspec.Struct, frozen=True, kw_only=True):
    """What was erased; as built-ins it is what `moothall events erase --json` prints.

    Attributes:
        stream: the stream.
        events: how many of its events were erased now; those that had been before do not count.
        last_sequence: up to which sequence the log was gone through: what is appended later is not erased.
        gone: how many of its events had left the log before by retention: look for them in the archive.
    """

    stream: str
    events: int
    last_sequence: int
    gone: int = 0


class Erasure(ABC):
    """An erasing under way; use `Log.erasing`.

    Attributes:
        resumed: whether it goes on with one that was begun before: then what was appended since needs another one.

    Example:
        erasure = log.erasing("agent/ann", agent="admin")
        while erasure.step():  # may be in a thread
            erasure.mend()  # where the log is read
        if (told := erasure.told()) is not None:
            log.commit([told])
        erasure.end()  # may be in a thread
    """

    resumed: bool = False

    @property
    @abstractmethod
    def erased(self) -> Erased:
        """What was erased so far."""

    @abstractmethod
    def step(self) -> bool:
        """Erase some more events, durably; say whether there may be more. Blocking, safe in a thread.

        Raises:
            LogDamaged: an event's bytes changed since they were written.
            DiskFull: there is no space to write down what is to be erased: free some, and go on.
            SyncFailed: the disk did not confirm; the log does no more work, and goes on when it is opened again.
        """

    @abstractmethod
    def mend(self) -> None:
        """Do what only the thread may do that stages, settles and reads: to be called behind each step."""

    @abstractmethod
    def told(self) -> Append | None:
        """Return the append that tells of it, None if nothing was erased; to be committed behind the last step."""

    @abstractmethod
    def end(self) -> None:
        """Make all durable, also what is told of it, and say that nothing is under way. Blocking, safe in a thread.

        Raises:
            DiskFull: there is no space; opening the log again does it.
            SyncFailed: the disk did not confirm; the log does no more work.
        """


def check_erasable(stream: str, agent: str) -> None:
    """Refuse to erase what the hall stands on.

    Raises:
        Invalid: the stream is one of the hall's own, or a name is none.
    """
    check_name("stream", stream)
    check_name("agent", agent)
    if stream.startswith(_OWN):
        raise Invalid(
            f"stream {stream!r} is the hall's own record, which is not erased: let retention take what is old of it"
        )


def told_of(erased: Erased, agent: str, name: str | None = None) -> Append:
    """Return the append that tells of an erasing.

    Args:
        erased: what was erased.
        agent: who had it erased.
        name: tells this erasing from any other, so that it is told once.
    """
    data = {"stream": erased.stream, "events": erased.events, "last_sequence": erased.last_sequence, "by": agent}
    event = NewEvent(type=ERASED, data=data)
    command_id = None if name is None else f"erase-{name}"
    return Append(events=[event], agent=TELLER, stream=LOG_STREAM, command_id=command_id)
