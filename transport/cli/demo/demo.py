"""`moothall demo`: eight scripted agents at work in a hall of their own, over real websockets."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import msgspec
import trio
from cyclopts import Parameter
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from store import verify
from transport.cli.demo.agents import AGENTS, Outcome, Row, work
from transport.cli.demo.own_server import server_process
from transport.cli.failure import CommandFailed, Exit
from transport.visible import visible

SAMPLE = Path(__file__).with_name("demo_commands.jsonl")
LABELS = ("safe", "risky", "destructive")

SAFE_ALLOWED = 0.6
"""The share of safe commands that the default policy must allow, for the demo to end well."""


def demo(*, commands: Path = SAMPLE, json: Annotated[bool, Parameter(negative="")] = False) -> None:
    """Watch eight agents work in a hall of their own; exit 1 if a verdict was wrong or the log does not verify.

    Args:
        commands: Shell commands, one JSON object a line: command, and optionally cwd and label (safe, risky or
            destructive).
        json: Print the result as one JSON object.
    """
    rows = _read(commands)
    console = Console(stderr=json)
    with tempfile.TemporaryDirectory(prefix="moothall-demo-") as folder:
        data = Path(folder)
        outcome = trio.run(_run, data, rows, console)
        report = verify(data)
    wrong = outcome.wrong(SAFE_ALLOWED)
    verified = report.ok and report.events >= outcome.acknowledged
    console.print(_table(outcome, report.events, verified=verified))
    for problem in [*report.problems, *wrong]:
        console.print(visible(problem), style="red", markup=False, highlight=False)
    if json:
        done = {
            "event": "done",
            "agents": AGENTS,
            "events": report.events,
            "verdicts": dict(outcome.verdicts),
            "cache_hits": outcome.cache_hits,
            "labels": {label: dict(counts) for label, counts in outcome.labels.items()},
            "latency_us": outcome.latency_us(),
            "verified": verified,
        }
        print(msgspec.json.encode(done).decode())
    if wrong or not verified:
        raise SystemExit(Exit.NO)


async def _run(data: Path, rows: list[Row], console: Console) -> Outcome:
    outcome = Outcome()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    console.print("opening a hall in a temporary directory")
    async with server_process(data) as url:
        with Progress(*columns, console=console) as progress:
            bar = progress.add_task(f"{AGENTS} agents at work", total=AGENTS * len(rows))
            await work(data, url, rows, outcome, lambda: progress.advance(bar))
    return outcome


def _read(path: Path) -> list[Row]:
    rows: list[Row] = []
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise CommandFailed(Exit.USAGE, f"cannot read {path}: {error}") from None
    for number, line in enumerate(lines, 1):
        try:
            rows.append(msgspec.json.decode(line, type=Row))
        except msgspec.DecodeError as error:
            raise CommandFailed(Exit.USAGE, f"{path}:{number}: {error}; a row is an object with `command`") from None
    if not rows:
        raise CommandFailed(Exit.USAGE, f"{path} holds no commands; write one JSON object with `command` a line")
    return rows


def _table(outcome: Outcome, events: int, *, verified: bool) -> Table:
    table = Table(title="What happened", show_header=False, title_justify="left")
    table.add_column(style="bold")
    table.add_column(justify="right")
    table.add_row("agents", str(AGENTS))
    table.add_row("events in the log", f"{events:,}")
    for verdict, count in sorted(outcome.verdicts.items()):
        table.add_row(f"verdicts: {verdict}", f"{count:,}")
    table.add_row("verdicts from the cache", f"{outcome.cache_hits:,}")
    for label in (each for each in LABELS if each in outcome.labels):
        counts = outcome.labels[label]
        summary = ", ".join(f"{count} {verdict}" for verdict, count in sorted(counts.items()))
        table.add_row(f"commands labelled {label}", summary)
    table.add_section()
    for operation, figures in outcome.latency_us().items():
        table.add_row(f"{operation}, p50 / p99", f"{figures['p50']:,} / {figures['p99']:,} us")
    table.add_section()
    table.add_row("the log verifies", "[green]yes[/green]" if verified else "[red]NO[/red]")
    return table
