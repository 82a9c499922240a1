"""Whether a run is worse than a saved one. Pure.

Both runs have a spread; a difference of medians counts when it is larger than half of both spreads together, which for
symmetric spreads means that they do not overlap. Only our own figures are judged: where a peer moved too, the machine
did, and the text says by how much.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from benchmarks.measuring.figure import US, Figure

Key = tuple[str, str, str, str | None]


class Regression(msgspec.Struct, frozen=True):
    """A figure that got worse.

    Attributes:
        saved: As it was.
        now: As it is.
        peers: The factors by which the peers of the same work moved; above 1 is worse.
    """

    saved: Figure
    now: Figure
    peers: dict[str, float]

    def __str__(self) -> str:
        """Say in one line what got worse, and whether the machine did."""
        now, saved = self.now, self.saved
        policy = f", fsync {now.durability}" if now.durability else ""
        peers = "".join(f"; {name} {factor:.2f}x" for name, factor in self.peers.items())
        return (
            f"{now.suite}: {now.work}{policy}: {now.value:g} {now.unit}, was {saved.value:g} "
            f"({worsening(saved, now):.2f}x worse{peers})"
        )


def regressions(saved: Iterable[Figure], now: Iterable[Figure]) -> list[Regression]:
    """Return our figures of a run that are worse than the saved ones beyond the spread of both."""
    before = {_key(each): each for each in saved}
    after = {_key(each): each for each in now}
    return [
        Regression(before[key], figure, _peers(figure, before, after))
        for key, figure in after.items()
        if figure.subject == US and key in before and is_worse(before[key], figure)
    ]


def in_common(saved: Iterable[Figure], now: Iterable[Figure]) -> int:
    """Return how many of our figures both runs have."""
    return len({_key(each) for each in saved if each.subject == US} & {_key(each) for each in now})


def is_worse(saved: Figure, now: Figure) -> bool:
    """Say whether a figure is worse than it was by more than half of both spreads together."""
    lost = now.value - saved.value if now.better == "lower" else saved.value - now.value
    return lost > (_width(saved) + _width(now)) / 2


def worsening(saved: Figure, now: Figure) -> float:
    """Return the factor by which a figure moved; above 1 is worse."""
    worse, better = (now.value, saved.value) if now.better == "lower" else (saved.value, now.value)
    return worse / better if better else float("inf")


def _width(figure: Figure) -> float:
    low, high = figure.spread
    return high - low


def _key(figure: Figure) -> Key:
    return figure.suite, figure.work, figure.subject, figure.durability


def _peers(figure: Figure, before: Mapping[Key, Figure], after: Mapping[Key, Figure]) -> dict[str, float]:
    return {
        key[2]: worsening(before[key], each)
        for key, each in after.items()
        if key in before
        and each.subject != US
        and (key[0], key[1], key[3]) == (figure.suite, figure.work, figure.durability)
    }
