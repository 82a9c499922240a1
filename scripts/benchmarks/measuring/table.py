"""Figures as tables: for the terminal, and as the Markdown between two markers of the README.

    python -m benchmarks.measuring.table docs/bench.json README.md

rewrites what stands between the markers of README.md from a saved run.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from rich.table import Table

from benchmarks.measuring.figure import US, Conditions, Figure, Record, load

BEGIN = "<!-- bench:begin -->"
END = "<!-- bench:end -->"

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
    def best(self) -> Figure | None:
        """The better of all; None where there is nobody to be better than."""
        figures = [*([self.ours] if self.ours else []), *self.peers]
        if len(figures) == 1:
            return None
        lower = figures[0].better == "lower"
        return (min if lower else max)(figures, key=lambda figure: figure.value)


class MarkersMissing(Exception):  # noqa: N818 - states a fact about a file
    """A file has no place for the table; the text says which."""


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


def against(ours: Figure, peer: Figure) -> str:
    """Say how many times better or worse than ours a peer's figure is."""
    if not (ours.value and peer.value):
        return ""
    factor = ours.value / peer.value if ours.better == "lower" else peer.value / ours.value
    shown = number(max(factor, 1 / factor))
    if shown == "1":
        return "the same"
    return f"{shown}x better" if factor > 1 else f"{shown}x worse"


def terminal(figures: Iterable[Figure], title: str) -> Table:
    """Return a table for the terminal: a line for each subject, with its spread."""
    table = Table(title=title, title_justify="left")
    for name in ("work", "durability", "subject"):
        table.add_column(name)
    for name in ("median", "spread", "than moothall"):
        table.add_column(name, justify="right")
    for row in rows(figures):
        for figure in filter(None, [row.ours, *row.peers]):
            first = figure is (row.ours or row.peers[0])
            low, high = figure.spread
            table.add_row(
                figure.work if first else "",
                _durability(figure) if first else "",
                figure.subject,
                f"[bold]{amount(figure)}[/bold]" if figure is row.best else amount(figure),
                f"{number(low)} .. {number(high)}",
                against(row.ours, figure) if row.ours and figure.subject != US else "",
            )
        table.add_section()
    return table


def markdown(record: Record) -> str:
    """Return the README's tables: one for each suite, each work a line, the better figure in bold."""
    lines = [conditions_line(record.conditions), ""]
    for suite in dict.fromkeys(figure.suite for figure in record.figures):
        lines += [
            f"| {suite} | durability | Moothall | beside it, in the same run |",
            "| --- | --- | ---: | --- |",
        ]
        lines += _markdown_rows(figure for figure in record.figures if figure.suite == suite)
        lines.append("")
    return "\n".join(lines[:-1])


def conditions_line(conditions: Conditions) -> str:
    """Say in a sentence what figures were measured on."""
    machine = conditions.machine
    return (
        f"Moothall {conditions.version} on {machine.cpus} CPUs ({machine.model}), {machine.python}, {machine.kernel}, "
        f"{machine.filesystem}; this disk's own write + fdatasync takes {number(machine.write_fdatasync_us)} us."
    )


def inserted(text: str, table: str) -> str:
    """Return a text with what stands between its markers replaced.

    Raises:
        MarkersMissing: It does not have both.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise MarkersMissing(f"there is no {BEGIN} followed by {END}; put both where the table belongs")
    return f"{before}{BEGIN}\n{table}\n{END}{after}"


def _markdown_rows(figures: Iterable[Figure]) -> Iterator[str]:
    for row in rows(figures):
        shown = row.ours or row.peers[0]
        ours = _cell(row.ours, row) if row.ours else ""
        peers = "; ".join(f"{peer.subject} {_cell(peer, row)}{_factor(row.ours, peer)}" for peer in row.peers)
        yield f"| {shown.work} | {_durability(shown)} | {ours} | {peers} |"


def _cell(figure: Figure, row: Row) -> str:
    return f"**{amount(figure)}**" if figure is row.best else amount(figure)


def _factor(ours: Figure | None, peer: Figure) -> str:
    return f", {against(ours, peer)}" if ours else ""


def _durability(figure: Figure) -> str:
    return DURABILITY.get(figure.durability, figure.durability) if figure.durability else ""


def main(saved: Path, readme: Path) -> None:
    """Rewrite the table in `readme` from the run in `saved`.

    Raises:
        RecordError: There is no such run.
        MarkersMissing: The file has no place for it.
    """
    text = readme.read_text(encoding="utf-8")
    readme.write_text(inserted(text, markdown(load(saved))), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
