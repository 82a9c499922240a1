"""`moothall events`: the log, online through the server, or offline with `--data DIR`."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from cyclopts import App, Parameter, validators

from store import LogDamaged, verify
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import existing
from transport.cli.folding import show
from transport.cli.log_source import HERE, PAGE, Online, Where, seal_key
from transport.cli.which_hall import THIS, WhichHall
from transport.visible import visible, visible_json

Revision = Annotated[int | None, Parameter(validator=validators.Number(gte=0))]
"""The number of an event in its stream."""

app = App(name="events", help="Append to, read, verify and take care of the log.")
app.command("transport.cli.log.care:repair", help="Make a damaged log usable again; explicit and capped.")
app.command("transport.cli.log.care:export", help="Write every event, one after another.")
app.command("transport.cli.log.care:import_log", name="import", help="Bring exported events into a log.")
app.command("transport.cli.log.care:backup", help="Make a backup, or bring it up to date; also while a server runs.")
app.command("transport.cli.log.restore:restore", help="Make a backup the log again, and tell what that brings back.")
app.command("transport.cli.log.care:retire", help="Let the oldest segments leave the log, by age or size.")
app.command("transport.cli.log.erase:erase", help="Erase what the events of a stream hold, for good.")
app.command("transport.cli.log.care:stats", help="Print the log in figures.")


@app.command
def append(
    kind: Annotated[str, Parameter(name="type")],
    payload: str = "{}",
    *,
    stream: str | None = None,
    expected_revision: str | None = None,
    command_id: str | None = None,
    where: Where = HERE,
    json: bool = False,
) -> None:
    """Append one event.

    Args:
        kind: What happened.
        payload: The payload, as JSON.
        stream: The stream it belongs to; by default the agent's own.
        expected_revision: Refuse unless the stream is at this revision: a number, any, no_stream or exists.
        command_id: Makes a retry safe: the same id is stored once.
        where: Which log is meant.
        json: Print the result as one JSON object.
    """
    try:
        data = msgspec.json.decode(payload)
    except msgspec.DecodeError as error:
        raise CommandFailed(Exit.USAGE, f"the payload is not JSON: {error}") from None
    expected = _revision(expected_revision)
    arguments: dict[str, Any] = {"events": [{"type": kind, "data": data}]}
    optional = {"stream": stream, "expected_revision": expected, "command_id": command_id}
    arguments |= {key: value for key, value in optional.items() if value is not None}
    result = where.access().append(arguments)
    if json:
        _line(result)
    else:
        print(f"stored as event {result['first_sequence']}")


@app.command
def query(
    *,
    stream: str | None = None,
    type: tuple[str, ...] = (),  # noqa: A002 - the flag's name
    agent: tuple[str, ...] = (),
    tag: tuple[str, ...] = (),
    after: int | None = None,
    after_revision: Revision = None,
    before_revision: Revision = None,
    order: Literal["asc", "desc"] = "asc",
    limit: Annotated[int, Parameter(validator=validators.Number(gte=1, lte=PAGE))] = 100,
    skip_gone: bool = False,
    where: Where = HERE,
    json: bool = False,
) -> None:
    """Print events.

    Args:
        stream: Events of this stream.
        type: Events of one of these types.
        agent: Events of one of these agents.
        tag: Events that have all of these tags.
        after: Events with a greater sequence; by default those that are left.
        after_revision: Events of `--stream` with a greater revision.
        before_revision: Events of `--stream` with a smaller revision.
        order: asc or desc.
        limit: At most so many events; 1 to 1000.
        skip_gone: Where events that are asked for have left the log, go on with what is left.
        where: Which log is meant.
        json: Print one JSON object a line.
    """
    asked = _filters(stream, type, agent, tag) | {"order": order, "limit": limit, "skip_gone": skip_gone}
    bounds = {"after": after, "after_revision": after_revision, "before_revision": before_revision}
    page = where.access().query(asked | {name: value for name, value in bounds.items() if value is not None})
    _print_events(page["events"], json=json)


@app.command
def tail(
    *,
    stream: str | None = None,
    type: tuple[str, ...] = (),  # noqa: A002 - the flag's name
    agent: tuple[str, ...] = (),
    tag: tuple[str, ...] = (),
    after: int | None = None,
    skip_gone: bool = False,
    hall: WhichHall = THIS,
    json: bool = False,
) -> None:
    """Print events as they come, until interrupted.

    Args:
        stream: Events of this stream.
        type: Events of one of these types.
        agent: Events of one of these agents.
        tag: Events that have all of these tags.
        after: Begin after this sequence; by default with what is new.
        skip_gone: Where events left the log before they were read, go on with what is left.
        hall: Which hall is meant.
        json: Print one JSON object a line.
    """
    access = Online(hall.given())
    with suppress(KeyboardInterrupt):
        filters = _filters(stream, type, agent, tag) | {"skip_gone": skip_gone}
        access.follow(filters, after, lambda events: _print_events(events, json=json))


@app.command(name="verify")
def verify_log(*, data: Path | None = None, seal: Path | None = None, json: bool = False) -> None:
    """Check every frame, sequence and revision; also while a server runs. Exit 5 if something is wrong.

    Args:
        data: The data directory.
        seal: Check the seals, too, with the key in this file; prints the one that the log ends with.
        json: Print the report as one JSON object.
    """
    where, key = existing(data), seal_key(seal)
    try:
        report = verify(where, seal_key=key)
    except (OSError, LogDamaged) as error:
        raise CommandFailed(Exit.USAGE, f"cannot verify {where}: {error}") from None
    if json:
        _line(msgspec.to_builtins(report))
    else:
        print(f"{where}: {report.events} events in {report.segments} segments, {'ok' if report.ok else 'DAMAGED'}")
        for problem in report.problems:
            print(f"  {visible(problem)}")
        if report.seal is not None:
            print(f"sealed up to event {report.last_sequence}: {report.seal}")
    if not report.ok:
        raise SystemExit(Exit.DAMAGED)


def _revision(given: str | None) -> int | str | None:
    if given is None or given in {"any", "no_stream", "exists"}:
        return given
    if given.isdecimal():
        return int(given)
    raise CommandFailed(Exit.USAGE, f"--expected-revision must be a number, any, no_stream or exists, not {given!r}")


def _filters(
    stream: str | None, types: tuple[str, ...], agents: tuple[str, ...], tags: tuple[str, ...]
) -> dict[str, Any]:
    given = {"stream": stream, "types": list(types), "agents": list(agents), "tags": list(tags)}
    return {key: value for key, value in given.items() if value}


def _print_events(events: list[dict[str, Any]], *, json: bool) -> None:
    if json:
        for event in events:
            _line(event)
        return
    for event in events:
        payload = "(erased)" if event.get("erased") else visible_json(event["data"])
        names = "  ".join(visible(event[name]) for name in ("stream", "type", "agent"))
        head = f"{event['sequence']:>8}  {event['time'][:23]}  {names}"
        show(f"{head}  {payload}")


def _line(value: Any) -> None:
    print(visible_json(value), flush=True)
