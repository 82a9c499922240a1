"""`scripts/bench`: measure, side by side with peers, in one run."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from rich.console import Console

from benchmarks.measuring import comparison, figure, table
from benchmarks.measuring.directories import bench_directory
from benchmarks.measuring.figure import Conditions, Figure, Record, RecordError
from benchmarks.measuring.machine import conditions
from benchmarks.measuring.processes import ChildFailed
from benchmarks.measuring.runner import Bench
from benchmarks.peers.installed import INSTALL
from benchmarks.suites import registry
from transport.cli.failure import CommandFailed, Exit

_WIDTH = 160
"""How wide tables are where nobody says how wide the terminal is, in characters: no row of ours is cut then."""


def bench(
    suite: registry.Name = "headline",
    *,
    peers: bool = False,
    full: bool = False,
    save: Path | None = None,
    compare: Path | None = None,
    chart: Path | None = None,
    json: bool = False,
) -> None:
    """Measure, side by side with peers in one run; medians of interleaved rounds.

    What needs nothing installed (SQLite, asyncio, the bare disk, a bare websocket) always runs beside us.

    Args:
        suite: What to measure.
        peers: Also measure peers that have to be installed (the `bench` extra).
        full: Also measure what takes long: more batches, every opening, and logs of ten million events.
        save: Keep the run in this file.
        compare: Exit with 1 if a figure is worse than in this saved run, beyond the spread of both.
        chart: Draw the figures of the growth suite in this PNG (the `bench` extra).
        json: Print one JSON object a line: the machine, then each figure as soon as it is known.
    """
    saved = _load(compare) if compare is not None else None
    for path in filter(None, [save, chart]):
        _refuse_without_directory(path)
    draw = _drawing(suite) if chart is not None else None
    record = _measure(suite, peers=peers, full=full, json=json)
    if not json:
        _show(record)
    if save is not None:
        _write(save, partial(figure.save, record))
    if chart is not None and draw is not None:
        _write(chart, partial(draw, record.figures))
    if saved is not None:
        _judge(saved, record)


def _refuse_without_directory(path: Path) -> None:
    if not path.absolute().parent.is_dir():
        raise CommandFailed(Exit.USAGE, f"cannot save to {path}: there is no such directory; make it first")


def _drawing(suite: registry.Name) -> Callable[[list[Figure], Path], None]:
    """Return what draws a suite, before anything is measured in vain."""
    if suite != "growth":
        raise CommandFailed(Exit.USAGE, f"{suite} has no chart; `--chart` belongs to growth")
    try:
        from benchmarks.suites.growth_chart import draw  # noqa: PLC0415 - needs what is not always installed
    except ModuleNotFoundError as error:
        raise CommandFailed(Exit.USAGE, f"cannot draw: {error.name} is not installed; {INSTALL}") from None
    return draw


def _measure(suite: registry.Name, *, peers: bool, full: bool, json: bool) -> Record:
    try:
        with bench_directory(_note) as directory:
            measured_on = conditions(directory)
            run = Bench(directory=directory, peers=peers, note=_note, full=full)
            return Record(conditions=measured_on, figures=list(_printed(measured_on, suite, run, json=json)))
    except (OSError, ChildFailed) as error:
        raise CommandFailed(Exit.NO, f"cannot measure {suite}: {error}") from None


def _printed(measured_on: Conditions, suite: registry.Name, run: Bench, *, json: bool) -> Iterator[Figure]:
    if json:
        print(figure.line(measured_on), flush=True)
    for each in registry.figures(suite, run):
        if json:
            print(figure.line(each), flush=True)
        yield each


def _show(record: Record) -> None:
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(table.conditions_line(record.conditions), highlight=False)
    for suite in dict.fromkeys(each.suite for each in record.figures):
        console.print(table.terminal((each for each in record.figures if each.suite == suite), suite))


def _judge(saved: Record, now: Record) -> None:
    common = comparison.in_common(saved.figures, now.figures)
    if not common:
        raise CommandFailed(
            Exit.USAGE, "the saved run has no figure of this suite; compare with a run of the same suite"
        )
    if saved.conditions.machine.model != now.conditions.machine.model:
        _note("the saved run was measured on another machine; only peers tell what changed")
    worse = comparison.regressions(saved.figures, now.figures)
    for each in worse:
        _note(f"worse: {each}")
    if worse:
        raise CommandFailed(Exit.NO, f"{len(worse)} of {common} figures are worse than in the saved run")
    _note(f"none of {common} figures is worse than in the saved run")


def _load(path: Path) -> Record:
    try:
        return figure.load(path)
    except RecordError as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None


def _write(path: Path, write: Callable[[Path], None]) -> None:
    try:
        write(path)
    except OSError as error:
        raise CommandFailed(Exit.NO, f"cannot save to {path}: {error.strerror}") from None


def _note(text: str) -> None:
    print(f"bench: {text}", file=sys.stderr, flush=True)
