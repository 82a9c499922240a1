"""What an append asks for and what it gets."""

from typing import Literal

import msgspec

from store.errors import Invalid, RevisionConflict
from store.model.event import NewEvent
from store.model.limits import NAME_CHARACTERS, check_name
from store.model.query import Query

Expected = int | Literal["any", "no_stream", "exists"] | None
"""What a stream must be like before an append: a revision (0: no stream), or one of the words; None is `any`."""


class FailIf(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An append condition: refuse if an event that matches `query` has a sequence greater than `after`."""

    query: Query
    after: int = 0


class Append(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One atomic append: all of its events are stored, in order and next to each other, or none.

    Attributes:
        events: 1 to `Limits.batch_events` events.
        agent: who appends.
        stream: the stream of events that name none; None means `agent/<agent>`. `expected_revision` is about this one.
        expected_revision: refuse unless the stream is at this revision.
        fail_if: refuse if any event matches.
        command_id: a name that makes the append idempotent per agent: the same command again gets the first result.
    """

    events: list[NewEvent]
    agent: str
    stream: str | None = None
    expected_revision: Expected = None
    fail_if: FailIf | None = None
    command_id: str | None = None


class Appended(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What an append got.

    Attributes:
        first_sequence: the sequence of its first event.
        last_sequence: the sequence of its last event.
        revisions: the revision that each stream it wrote to is at after it.
        time_ns: when it was stored, nanoseconds since 1970 UTC.
        deduplicated: whether this is the result of an earlier append with the same command id.
    """

    first_sequence: int
    last_sequence: int
    revisions: dict[str, int]
    time_ns: int
    deduplicated: bool = False


def stream_of(append: Append) -> str:
    """Return the stream that events of this append go to unless they name their own."""
    return append.stream if append.stream is not None else f"agent/{append.agent}"


def check_stream(agent: str, stream: str) -> None:
    """Check an append's stream, whose agent is checked.

    Raises:
        Invalid: it is not a name; of the agent's own stream that is told of the agent.
    """
    if stream == f"agent/{agent}" and len(stream) > NAME_CHARACTERS:
        most = NAME_CHARACTERS - len("agent/")
        raise Invalid(f"agent has {len(agent)} characters, and its stream is `agent/...`: use {most}, or give a stream")
    check_name("stream", stream)


def check_expected(stream: str, expected: Expected, actual: int) -> None:
    """Compare a stream's revision (0: it does not exist) with what an append expects.

    Raises:
        Invalid: it expects what no stream can be.
        RevisionConflict: they differ.
    """
    if expected is None or expected == "any":
        return
    if expected == "no_stream":
        holds = actual == 0
    elif expected == "exists":
        holds = actual > 0
    elif type(expected) is int and expected >= 0:
        holds = actual == expected
    else:
        raise Invalid(f"expected_revision is {expected!r}: give a revision, `no_stream`, `exists` or `any`")
    if not holds:
        raise RevisionConflict(stream, expected, actual)
