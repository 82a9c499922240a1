"""The chart of growth: appends, queries and openings over the size of the log, as a PNG. Needs matplotlib."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from matplotlib.figure import Figure as Canvas
from matplotlib.ticker import FuncFormatter

from benchmarks.measuring.figure import US, Figure
from benchmarks.suites import growth

_WORK = re.compile(r"(.*), of ([\d,]+) events over [\d,]+ streams")
_COLOURS = ("#0b5fa5", "#c4500c", "#2e7d32")


class Panel(NamedTuple):
    """A part of the chart.

    Attributes:
        title: What it shows.
        unit: What its height counts.
        works: What was measured, each a colour.
        scale: `linear` from 0, or `log` where figures are orders of magnitude apart.
    """

    title: str
    unit: str
    works: tuple[str, ...]
    scale: str = "linear"


PANELS = (
    Panel("Appends", "events/s", (growth.APPEND,)),
    Panel("The slowest of 1,000 appends", "ms", (growth.SLOWEST,)),
    Panel("Queries", "us", (growth.RARE, growth.MIDDLE, growth.ONCE)),
    Panel("Openings", "ms", (growth.CRASH, growth.STOP), "log"),
)


def draw(figures: Sequence[Figure], path: Path) -> None:
    """Draw the figures of the growth suite; `Any` because matplotlib's hints leave too much unknown to be checked.

    Raises:
        OSError: The file cannot be written.
    """
    canvas: Any = Canvas(figsize=(13, 10), dpi=120, layout="constrained")
    canvas.suptitle(
        "What it costs as the log grows (200-byte events over 1,000 streams, every index kept; dashed: SQLite)"
    )
    for number, panel in enumerate(PANELS, 1):
        _panel(canvas.add_subplot(2, 2, number), panel, figures)
    canvas.savefig(path, format="png")


def points(figures: Iterable[Figure], what: str, subject: str) -> list[tuple[int, float]]:
    """Return the sizes at which a subject did something, and the figure at each."""
    found: list[tuple[int, float]] = []
    for figure in figures:
        said = _WORK.fullmatch(figure.work)
        if said and said[1] == what and figure.subject == subject:
            found.append((int(said[2].replace(",", "")), figure.value))
    return found


def _panel(axes: Any, panel: Panel, figures: Sequence[Figure]) -> None:
    for what, colour in zip(panel.works, _COLOURS, strict=False):
        for subject in dict.fromkeys(figure.subject for figure in figures):
            at = points(figures, what, subject)
            label = f"{what}, {subject}" if len(panel.works) > 1 else subject
            line = "-" if subject == US else "--"
            sizes, values = zip(*at, strict=True) if at else ((), ())
            axes.plot(sizes, values, color=colour, linestyle=line, marker="o", label=label)
    axes.set_title(panel.title)
    axes.set_xscale("log")
    axes.set_yscale(panel.scale)
    if panel.scale == "linear":
        axes.set_ylim(bottom=0)
    axes.set_xlabel("events in the log")
    axes.set_ylabel(panel.unit)
    axes.xaxis.set_major_formatter(FuncFormatter(partial(_spaced, "{:,.0f}")))
    axes.yaxis.set_major_formatter(FuncFormatter(partial(_spaced, "{:,g}")))
    axes.grid(visible=True, alpha=0.3)
    axes.legend(fontsize="small", loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=2)


def _spaced(form: str, value: float, _position: int | None) -> str:
    return form.format(value)
