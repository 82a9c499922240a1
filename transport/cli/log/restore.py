"""`moothall events restore`: a backup becomes the log again, once a person has seen what that brings back."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec

from actors.speed_layer.governing.activation import ActiveLayer, History, history
from actors.speed_layer.governing.command_patterns import described
from actors.speed_layer.governing.remembered_decisions import POLICY_STREAM, Remembered
from actors.speed_layer.policy.rule_tables import Layer
from store import Event, LogDamaged, look
from store import restore as restore_log
from store.erasing.erasure import ERASED, LOG_STREAM
from transport.cli.agreement import agreed
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import meant, prepared
from transport.cli.log_source import checked
from transport.visible import visible, visible_json


class _Log(msgspec.Struct):
    """What a log says of decisions.

    Attributes:
        last: Its last sequence.
        policy: Its layers, and the decisions that hold.
        erased: The streams that were erased, each with the sequence of the event that tells it last.
    """

    last: int
    policy: History
    erased: dict[str, int]


def restore(source: Path, *, data: Path | None = None, yes: bool = False, json: bool = False) -> None:
    """Make a backup the log again; the log that was there is put beside it. No server may be using it.

    It prints which decisions, revocations and policies that brings back or takes away, and asks before it does so.

    Args:
        source: The backup's directory.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of this repository. Its tokens stay.
        yes: Do it without asking.
        json: Print what was done as one JSON object.
    """
    where = meant(data)
    if not source.is_dir():
        raise CommandFailed(Exit.USAGE, f"there is no backup {source}; name the directory that `events backup` wrote")
    changes = _changes(source, where)
    for each in changes:
        print(each, file=sys.stderr)
    if changes and not yes and not agreed("restore all the same?"):
        raise CommandFailed(Exit.NO, f"nothing was restored; with --yes {source} becomes the log in {where}")
    done = checked(lambda: restore_log(source, prepared(data)))
    if json:
        print(visible_json({**msgspec.to_builtins(done), "changes": changes}))
        return
    print(f"{where}: {done.last_sequence} events" + ("" if done.replaced is None else f"; before: {done.replaced}"))


def _changes(source: Path, where: Path) -> list[str]:
    """Return what restoring changes of what is allowed, a line each; empty where there was no log."""
    then = checked(lambda: _read(source))
    if not where.is_dir():
        return []
    try:
        now = _read(where)
    except LogDamaged as error:
        unknown = f"the log that is there cannot be read, so nobody knows what was revoked since ({error})"
        return [visible(unknown), *_held(then.policy.remembered.listed(), "holds"), *_layers(history([]), then)]
    if not now.last:
        return []
    held_now = {each.approval: each for each in now.policy.remembered.listed()}
    held_then = {each.approval: each for each in then.policy.remembered.listed()}
    lines = [*_held([each for name, each in held_then.items() if name not in held_now], "holds again")]
    lines += _held([each for name, each in held_now.items() if name not in held_then], "holds no longer")
    lines += _layers(now.policy, then)
    lines += [
        visible(f"holds again what was erased: stream {stream}; erase it again")
        for stream, told in now.erased.items()
        if told > then.last
    ]
    if now.last > then.last:
        lines.append(f"{now.last - then.last} events, up to {now.last}, are no longer in the log")
    return lines


def _held(decisions: list[Remembered], how: str) -> Iterator[str]:
    for each in decisions:
        about = "one action" if each.pattern is None else described(each.pattern)
        why = f": {each.reason}" if each.reason else ""
        yield visible(f"{how}: {each.verdict} for {each.role} by {each.by}{why} ({each.approval}, {about})")


def _layers(now: History, then: _Log) -> Iterator[str]:
    layers: set[Layer] = {*now.layers, *then.policy.layers}
    for layer in sorted(layers):
        before, after = now.layers.get(layer), then.policy.layers.get(layer)
        if (before and before.sha256) != (after and after.sha256):
            yield visible(f"governs again: {layer} layer {_named(after)}, in place of {_named(before)}")


def _named(layer: ActiveLayer | None) -> str:
    return "none" if layer is None else f"{layer.name} (sha256 {layer.sha256})"


def _read(directory: Path) -> _Log:
    """Read a log's files as they are.

    Raises:
        LogDamaged: They cannot be read.
    """
    last, policy, erased = 0, list[Event](), dict[str, int]()
    _, events = look(directory)
    for event in events:
        last = event.sequence
        if event.stream == POLICY_STREAM:
            policy.append(event)
        if event.stream == LOG_STREAM and event.type == ERASED:
            erased[event.data["stream"]] = last
    return _Log(last, history(policy), erased)
