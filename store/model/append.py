"""What an append asks for and what it gets."""

from collections.abc import Callable, Mapping
from typing import Literal

import msgspec
from msgspec.structs import replace

from store.errors import Invalid, RevisionConflict
from store.model.event import NewEvent
from store.model.limits import NAME_CHARACTERS, check_name
from store.model.query import Query

Expected = int | Literal["any", "no_stream", "exists"] | None
"""What a stream must be like before an append: a revision (0: no stream), or one of the words; None is `any`."""


class FailIf(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """An append condition: refuse if an event that matches has a sequence greater than `after`.

    Attributes:
        query: what matches; None if `queries` say it.
        after: the sequence.
        queries: what matches too: an event need match one of them.
    """

    query: Query | None = None
    after: int = 0
    queries: tuple[Query, ...] = ()


class Append(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """One atomic append: all of its events are stored, in order and next to each other, or none.

    Attributes:
        events: 1 to `Limits.batch_events` events.
        agent: who appends.
        stream: the stream of events that name none; None means `agent/<agent>`. `expected_revision` is about this one.
        expected_revision: refuse unless the stream is at this revision.
        fail_if: refuse if any event matches.
        command_id: a name that makes the append idempotent per agent: the same command again gets the first result.
        expected: what more streams must be like, by their names, as `expected_revision` says it of one.
    """

    events: list[NewEvent]
    agent: str
    stream: str | None = None
    expected_revision: Expected = None
    fail_if: FailIf | None = None
    command_id: str | None = None
    expected: Mapping[str, Expected] | None = None


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


MAX_EXPECTED = 1000
"""How many streams one append may expect something of."""

MAX_QUERIES = 64
"""How many queries one append condition may have: each is asked of the log."""


def queries_of(fail_if: FailIf) -> list[Query]:
    """Return the queries of a condition, each of what is behind the condition's own `after` too.

    Raises:
        Invalid: there are none, or too many.
    """
    asked = (*(() if fail_if.query is None else (fail_if.query,)), *fail_if.queries)
    if not 1 <= len(asked) <= MAX_QUERIES:
        raise Invalid(f"fail_if has {len(asked)} queries: give 1..{MAX_QUERIES}")
    return [replace(query, after=max(query.after, fail_if.after)) for query in asked]


def is_plain(append: Append) -> bool:
    """Say whether an append asks for no more than to be stored."""
    return (
        append.expected_revision is None
        and append.fail_if is None
        and append.command_id is None
        and append.expected is None
    )


def check_all_expected(append: Append, revision: Callable[[str], int]) -> None:
    """Compare the revisions of streams (0: it does not exist) with what an append expects of them.

    Raises:
        Invalid: it expects what no stream can be, or of too many.
        RevisionConflict: they differ; of several, it is about the first in the order in which they were given.
    """
    stream = stream_of(append)
    check_expected(stream, append.expected_revision, revision(stream))
    if append.expected is None:
        return
    if not isinstance(append.expected, dict) or len(append.expected) > MAX_EXPECTED:
        raise Invalid(f"expected is no dict of up to {MAX_EXPECTED} streams and what each must be at")
    for name, expected in append.expected.items():
        check_name("stream", name)
        check_expected(name, expected, revision(name))


def check_stream(agent: str, stream: str) -> None:
    """Check an append's stream, whose agent is checked.

    Raises:
        Invalid: it is not a name; of the agent's own stream that is told of the agent.
    """
    if stream == f"agent/{agent}" and len(stream) > NAME_CHARACTERS:
        most = NAME_CHARACTERS - len("agent/")
        raise Invalid(f"agent has {len(agent)} characters, and its stream is `agent/...`: use {most}, or give a stream")
    check_name("stream", stream)


def surely_met(expected: Expected, actual: int) -> bool:
    """Say quickly whether a stream's revision (0: it does not exist) is what an append expects; False is no refusal."""
    if type(expected) is int:
        return expected == actual
    return expected is None or (actual == 0 and expected == "no_stream")


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
