"""The pages that show a saved run, as Markdown: docs/benchmarks.md has every figure, README.md six.

    PYTHONPATH=scripts .venv/bin/python -m benchmarks.measuring.pages

rewrites what stands between the markers of both from docs/bench.json.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.measuring.figure import PURE, Figure, Record, load
from benchmarks.measuring.machine import ROOT
from benchmarks.measuring.table import (
    Row,
    against,
    amount,
    best_of,
    conditions_line,
    durability,
    over_rounds,
    rows,
    times_better,
)

BEGIN = "<!-- bench:begin -->"
END = "<!-- bench:end -->"

SUMMARY: dict[str, tuple[str, str, str | None]] = {
    "append one event, synced": ("store", "append 1 event", "always"),
    "256 writers append one event each, synced in groups": ("store", "256 writers of 1 event", "group"),
    "append batches of 100 events, not synced": ("store", "append, batches of 100", "never"),
    "read the newest 100 events of a rare type, of 1,000,000": (
        "store",
        "the last 100 of a rare type, of 1,000,000 events",
        None,
    ),
    "ask an actor, and wait for its answer": ("kernel", "ask, one asker", None),
    "`validate` from a client, cached": ("mcp", "validate, cached, full client", None),
}
"""The README's rows by what they are called there: what users do most, whether we win or lose.

Each is a suite, a work and its durability.
"""

_WHOLE = 10
"""From here on a factor is shown without decimals: the machine varies by more than they say."""


class MarkersMissing(Exception):  # noqa: N818 - states a fact about a file
    """A file has no place for the table; the text says which."""


class RowMissing(Exception):  # noqa: N818 - states a fact about a run
    """A run does not have what the README shows; the text says which row."""


class RowTwice(Exception):  # noqa: N818 - states a fact about a run
    """A run has two values for one row; the text says which."""


def every_figure(record: Record) -> str:
    """Return a table for each suite, each work a line, the better figure in bold.

    Raises:
        RowTwice: Two figures say how long the same work took the same subject.
    """
    figures = record.figures
    _refuse_twice(figures)
    lines = [conditions_line(record.conditions), ""]
    for suite in dict.fromkeys(figure.suite for figure in figures):
        lines += [
            f"| {suite} | durability | Moothall | beside it, in the same run |",
            "| --- | --- | ---: | --- |",
        ]
        lines += _lines(figure for figure in figures if figure.suite == suite)
        lines.append("")
    return "\n".join(lines[:-1])


def summary(record: Record) -> str:
    """Return the README's table, each row beside the best of its peers.

    Raises:
        RowMissing: The run does not have all rows.
    """
    measured = {(row.shown.suite, row.shown.work, row.shown.durability): row for row in rows(record.figures)}
    lines = ["| what | Moothall | closest peer | factor |", "| --- | ---: | ---: | --- |"]
    for what, key in SUMMARY.items():
        row = measured.get(key)
        others = [peer for peer in row.peers if peer.subject != PURE] if row else []
        if row is None or row.ours is None or not others:
            raise RowMissing(f"{key} was not measured beside a peer; save a run of `scripts/bench all --full`")
        peer = best_of(others)
        lines.append(f"| {what} | {amount(row.ours)} | {peer.subject}, {amount(peer)} | {factor(row.ours, peer)} |")
    return "\n".join(lines)


def factor(ours: Figure, peer: Figure) -> str:
    """Say in words how many times faster or slower than a peer we are."""
    better = times_better(ours, peer)
    assert better is not None, f"{ours.work} took no time"
    times = max(better, 1 / better)
    shown = f"{times:.1f}" if times < _WHOLE else f"{times:,.0f}"
    if shown == "1.0":
        return f"as fast as {peer.subject}"
    return f"{shown}{over_rounds(ours, peer)} times {'slower' if better > 1 else 'faster'} than {peer.subject}"


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


def rewrite(root: Path) -> None:
    """Rewrite the tables of both pages of a checkout from its saved run.

    Raises:
        RecordError: There is no such run.
        RowMissing: The run does not have what the README shows.
        RowTwice: It has two values for one row.
        MarkersMissing: A page has no place for its table.
    """
    record = load(root / "docs" / "bench.json")
    for page, table in ((root / "README.md", summary(record)), (root / "docs" / "benchmarks.md", every_figure(record))):
        page.write_text(inserted(page.read_text(encoding="utf-8"), table), encoding="utf-8")


def _refuse_twice(figures: Iterable[Figure]) -> None:
    seen: set[tuple[str, str | None, str]] = set()
    for each in figures:
        row = (each.work, each.durability, each.subject)
        if row in seen:
            raise RowTwice(f"{row} was measured twice; save a run of one suite, or of `all`")
        seen.add(row)


def _lines(figures: Iterable[Figure]) -> Iterator[str]:
    for row in rows(figures):
        ours = _cell(row.ours, row) if row.ours else ""
        peers = "; ".join(f"{peer.subject} {_cell(peer, row)}{_against(row.ours, peer)}" for peer in row.peers)
        yield f"| {row.shown.work} | {durability(row.shown)} | {ours} | {peers} |"


def _cell(figure: Figure, row: Row) -> str:
    return f"**{amount(figure)}**" if figure is row.best else amount(figure)


def _against(ours: Figure | None, peer: Figure) -> str:
    return f", {against(ours, peer)}" if ours else ""


if __name__ == "__main__":
    rewrite(ROOT)
