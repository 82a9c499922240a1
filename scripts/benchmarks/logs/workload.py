"""The events that stores are measured with: the same for every store, and the same in every run.

They are made as a caller makes them: each batch just before it is appended. Events that were all made before a round
are a hundred megabytes that no cache holds, and what reads them measures the memory's latency more than the store.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import product

from store import NewEvent

STREAMS = 10_000
"""So many that batches touch a stream seldom twice, which is hard on indexes by stream."""

DEFAULT_STREAM = 0
"""In place of a number of streams: events name none, so that each goes to its agent's own."""

NEW_STREAMS = -1
"""The same, but each event begins a stream of its own."""

TYPES = 40
RARE = "build.broken"
"""The type of one event in 1,000."""

AGENTS = tuple(f"agent-{number}" for number in range(8))

_RARITY = 1_000
_WORDS = ("build", "test", "lint", "deploy", "fetch", "parse", "merge", "review", "plan", "index", "format", "release")
_PHRASES = tuple("-".join(words) for words in product(_WORDS, repeat=3))
"""Of three words each: joining a few of them makes a text that is new, in a microsecond."""

_SOME = 1_023
"""How many of the phrases are used, less one: a power of two, so that bits choose one."""


def events(count: int, seed: int = 1, *, streams: int = STREAMS) -> list[NewEvent]:
    """Return events of about 200 bytes each as records, mixed over so many streams and forty types."""
    return [event for batch in batches(count, max(count, 1), seed, streams=streams) for event in batch]


def batches(count: int, size: int, seed: int = 1, *, streams: int = STREAMS) -> Iterator[list[NewEvent]]:
    """Yield `count` events in batches of `size`, each made when it is asked for."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    for start in range(0, count, size):
        yield [_event(rng, number, streams) for number in range(start, min(start + size, count))]


def beginnings(streams: int = STREAMS) -> Iterator[tuple[str, list[NewEvent]]]:
    """Yield who appends what so that every stream has begun: measured appends then find them there, as in life."""
    if streams == DEFAULT_STREAM:
        yield from ((agent, [NewEvent(type="task.begun")]) for agent in AGENTS)
    for start in range(0, streams, _RARITY):
        names = (f"task/{number}" for number in range(start, min(start + _RARITY, streams)))
        yield AGENTS[0], [NewEvent(type="task.begun", stream=name) for name in names]


def first_stream(streams: int = STREAMS) -> str:
    """Return the stream of the first event, the one that is read."""
    name = events(1, streams=streams)[0].stream
    assert name is not None
    return name


def _event(rng: random.Random, number: int, streams: int) -> NewEvent:
    bits = rng.getrandbits(62)
    first, second, third = bits & _SOME, bits >> 10 & _SOME, bits >> 20 & _SOME
    fourth, fifth = bits >> 30 & _SOME, bits >> 40 & _SOME
    return NewEvent(
        type=RARE if number % _RARITY == 0 else f"task.{bits % TYPES}",
        stream=_stream(bits, streams),
        correlation_id=f"run-{(bits >> 32) % STREAMS}",
        data={
            "n": number,
            "path": f"src/{_PHRASES[first]}.py",
            "note": f"{_PHRASES[second]}-{_PHRASES[third]}-{_PHRASES[fourth]}-{_PHRASES[fifth]}-{_WORDS[number % 12]}",
            "ok": True,
            "ms": rng.random(),
        },
    )


def _stream(bits: int, streams: int) -> str | None:
    if streams > 0:
        return f"task/{(bits >> 16) % streams}"
    return None if streams == DEFAULT_STREAM else f"task/new/{bits}"
