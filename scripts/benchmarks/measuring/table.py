"""Figures as rows: who did the same work, who was best at it, and how that is written; and a table for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rich.table import Table

from benchmarks.measuring.figure import US, Conditions, Figure

DURABILITY = {
    "always": "fsync each",
    "group": "fsync each group",
    "never": "no fsync",
}
"""What a policy means for one row, in words; others stand as they are."""

_SMALL, _MEDIUM = 10, 100


class Row(NamedTuple):
    """The figures of one work: ours (None where only peers were measured) and the peers'."""

    ours: Figure | None
    peers: list[Figure]

    @property
    def shown(self) -> Figure:
        """The figure that says what was done: ours where there is one."""
        return self.ours or self.peers[0]

    @property
    def best(self) -> Figure | None:
        """The better of all; None where there is nobody to be better than."""
        figures = [*([self.ours] if self.ours else []), *self.peers]
        return best_of(figures) if len(figures) > 1 else None


def best_of(figures: Sequence[Figure]) -> Figure:
    """Return the best of figures of the same work, at least one."""
    return (min if figures[0].better == "lower" else max)(figures, key=lambda figure: figure.value)


def rows(figures: Iterable[Figure]) -> list[Row]:
    """Group figures by suite, work and durability, in the order in which they were measured."""
    groups: dict[tuple[str, str, str | None], list[Figure]] = {}
    for figure in figures:
        groups.setdefault((figure.suite, figure.work, figure.durability), []).append(figure)
    return [
        Row(
            next((each for each in group if each.subject == US), None),
            [each for each in group if each.subject != US],
        )
        for group in groups.values()
    ]


def amount(figure: Figure) -> str:
    """Return a figure's value with its unit, rounded for reading."""
    return f"{number(figure.value)} {figure.unit}"


def number(value: float) -> str:
    """Return a number with three significant digits or more, thousands separated."""
    if abs(value) >= _MEDIUM:
        return f"{value:,.0f}"
    return f"{value:.1f}" if abs(value) >= _SMALL else f"{value:.3g}"


def times_better(ours: Figure, peer: Figure) -> float | None:
    """Return how many times better than ours a peer's figure is, below 1 where it is worse; None where one is 0."""
    if not (ours.value and peer.value):
        return None
    return ours.value / peer.value if ours.better == "lower" else peer.value / ours.value


def against(ours: Figure, peer: Figure) -> str:
    """Say how many times better or worse than ours a peer's figure is."""
    factor = times_better(ours, peer)
    if factor is None:
        return ""
    said = f"{number(max(factor, 1 / factor))}x {'better' if factor > 1 else 'worse'}"
    return ("the same" if said.startswith("1x ") else said) + over_rounds(ours, peer)


def over_rounds(ours: Figure, peer: Figure) -> str:
    """Say from where to where the ratio of two figures went over the rounds; nothing where that is not known."""
    factor = times_better(ours, peer)
    if factor is None or peer.times_better is None:
        return ""
    low, high = peer.times_better
    low, high = (low, high) if factor > 1 else (1 / high, 1 / low)
    return f" ({number(low)} .. {number(high)})"


def durability(figure: Figure) -> str:
    """Say when a figure's work was synced; nothing where it stores nothing."""
    return DURABILITY.get(figure.durability, figure.durability) if figure.durability else ""


def conditions_line(conditions: Conditions) -> str:
    """Say in a sentence what figures were measured on."""
    machine = conditions.machine
    return (
        f"Moothall {conditions.version} on {machine.cpus} CPUs ({machine.model}), {machine.python}, {machine.kernel}, "
        f"{machine.filesystem}; this disk's own write + fdatasync takes {number(machine.write_fdatasync_us)} us."
    )


def terminal(figures: Iterable[Figure], title: str) -> Table:
    """Return a table for the terminal: a line for each subject, with its spread."""
    table = Table(title=title, title_justify="left")
    for name in ("work", "durability", "subject"):
        table.add_column(name)
    for name in ("median", "spread", "than moothall"):
        table.add_column(name, justify="right")
    for row in rows(figures):
        for figure in filter(None, [row.ours, *row.peers]):
            first = figure is row.shown
            low, high = figure.spread
            table.add_row(
                figure.work if first else "",
                durability(figure) if first else "",
                figure.subject,
                f"[bold]{amount(figure)}[/bold]" if figure is row.best else amount(figure),
                f"{number(low)} .. {number(high)}",
                against(row.ours, figure) if row.ours and figure.subject != US else "",
            )
        table.add_section()
    return table
