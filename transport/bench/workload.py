"""The events that stores are measured with: the same for every store, and the same in every run."""

from __future__ import annotations

import random

from store import NewEvent

STREAMS = 10_000
TYPES = 40
RARE = "build.broken"
"""The type of about one event in 1,000."""

AGENTS = tuple(f"agent-{number}" for number in range(8))

_RARITY = 1_000
_WORDS = ("build", "test", "lint", "deploy", "fetch", "parse", "merge", "review", "plan", "index", "format", "release")


def events(count: int, seed: int = 1) -> list[NewEvent]:
    """Return events of about 200 bytes each as records, mixed over ten thousand streams and forty types."""
    rng = random.Random(seed)  # noqa: S311 - repeatable on purpose
    return [_event(rng, number) for number in range(count)]


def batches(count: int, size: int, seed: int = 1) -> list[list[NewEvent]]:
    """Return `count` events in batches of `size`."""
    made = events(count, seed)
    return [made[start : start + size] for start in range(0, count, size)]


def _event(rng: random.Random, number: int) -> NewEvent:
    kind = RARE if rng.randrange(_RARITY) == 0 else f"task.{rng.randrange(TYPES)}"
    return NewEvent(
        type=kind,
        stream=f"task/{rng.randrange(STREAMS)}",
        correlation_id=f"run-{rng.randrange(STREAMS)}",
        data={"n": number, "path": f"src/{_words(rng, 3)}.py", "note": _words(rng, 14), "ok": True, "ms": rng.random()},
    )


def _words(rng: random.Random, count: int) -> str:
    return "-".join(rng.choices(_WORDS, k=count))
