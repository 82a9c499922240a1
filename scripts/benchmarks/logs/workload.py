"""The events that stores are measured with: the same for every store, and the same in every run."""

from __future__ import annotations

import random

from store import NewEvent

STREAMS = 10_000
"""So many that batches touch a stream seldom twice, which is hard on indexes by stream."""

TYPES = 40
RARE = "build.broken"
"""The type of about one event in 1,000."""

AGENTS = tuple(f"agent-{number}" for number in range(8))

_RARITY = 1_000
_MADE = 100_000
"""How many events differ: they take a second to make, and outlast every cache of a store."""

_WORDS = ("build", "test", "lint", "deploy", "fetch", "parse", "merge", "review", "plan", "index", "format", "release")


def events(count: int, seed: int = 1, *, streams: int = STREAMS) -> list[NewEvent]:
    """Return events of about 200 bytes each as records, mixed over so many streams and forty types."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    return [_event(rng, number, streams) for number in range(count)]


def batches(count: int, size: int, seed: int = 1, *, streams: int = STREAMS) -> list[list[NewEvent]]:
    """Return `count` events in batches of `size`."""
    made = events(count, seed, streams=streams)
    return [made[start : start + size] for start in range(0, count, size)]


def first_stream(streams: int = STREAMS) -> str:
    """Return the stream of the first event, the one that is read."""
    name = events(1, streams=streams)[0].stream
    assert name is not None
    return name


def pages(count: int, size: int, *, streams: int = STREAMS) -> list[list[NewEvent]]:
    """Return `count` events in batches of `size`, a divisor of 100,000.

    After 100,000 their payloads, types and streams repeat: making a million would take long.
    """
    made = batches(min(count, _MADE), size, streams=streams)
    whole = [made[number % len(made)] for number in range(count // size)]
    return [*whole, made[0][: count % size]] if count % size else whole


def _event(rng: random.Random, number: int, streams: int) -> NewEvent:
    kind = RARE if rng.randrange(_RARITY) == 0 else f"task.{rng.randrange(TYPES)}"
    return NewEvent(
        type=kind,
        stream=f"task/{rng.randrange(streams)}",
        correlation_id=f"run-{rng.randrange(STREAMS)}",
        data={"n": number, "path": f"src/{_words(rng, 3)}.py", "note": _words(rng, 14), "ok": True, "ms": rng.random()},
    )


def _words(rng: random.Random, count: int) -> str:
    return "-".join(rng.choices(_WORDS, k=count))
