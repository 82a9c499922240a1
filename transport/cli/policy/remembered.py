"""`moothall policy remembered` and `forget`: the decisions that were to hold from then on."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import msgspec

from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM, Requested, from_event
from actors.speed_layer.governing.command_patterns import described
from actors.speed_layer.governing.remembered_decisions import POLICY_STREAM, Remembered, remembered_in
from store.model.times import to_rfc3339
from transport.cli.folding import show
from transport.cli.log_source import HERE, PAGE, Access, Online, Where
from transport.cli.which_hall import THIS, WhichHall
from transport.visible import visible, visible_json, visible_request, visible_scripts


def remembered(*, where: Where = HERE, json: bool = False) -> None:
    """List the decisions that are remembered, the oldest first.

    Args:
        where: Which log is meant; through the server it takes an expert's or admin's token.
        json: Print one JSON object a line.
    """
    access = where.access()
    found = list(remembered_in((each["type"], each["data"]) for each in _events(access)).listed())
    if not found and not json:
        print("no decision is remembered", file=sys.stderr)
    for decision in found:
        asked = _asked(access, decision)
        if json:
            action = None if asked is None else msgspec.json.decode(asked.action)
            print(visible_json({**msgspec.to_builtins(decision), "action": action}))
            continue
        by, why = visible(decision.by), visible(decision.reason or "-")
        whom = visible(", ".join([decision.role, *decision.labels]))
        show(f"{decision.approval}  {decision.verdict} for {whom} by {by}: {why}")
        if decision.pattern is not None:
            show(f"    {visible(described(decision.pattern))}")
        show(f"    {_described(asked)}")


def forget(decision: str, *, hall: WhichHall = THIS) -> None:
    """Let a remembered decision hold no longer: what it has decided is asked about again.

    Args:
        decision: The approval where it was taken; a verdict's rule is `remembered.ID`.
        hall: Which hall is meant; it takes an admin's token.
    """
    online = Online(hall.given(person=True))
    version = online.run(lambda hall: hall.forget_decision(decision.removeprefix("remembered.")))
    print(f"policy version {version} governs; {decision} is forgotten")


def _events(access: Access) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = access.query({"stream": POLICY_STREAM, "after": after, "limit": PAGE})
        yield from page["events"]
        if not page["has_more"]:
            return
        after = page["next"]


def _described(asked: Requested | None) -> str:
    """Return who asked for what, when, where and why it was asked about: whole."""
    if asked is None:
        return "the log no longer has what was asked"
    cwd, arguments, scripts = asked.asked
    place = "an unknown directory" if cwd is None else visible(cwd)
    asks = "no rule decides" if asked.rule is None else f"rule {visible(asked.rule)} asks"
    return "\n    ".join(
        (
            visible_request(asked.tool, arguments),
            f"in {place}",
            *visible_scripts(scripts),
            f"asked by {visible(asked.agent)} at {to_rfc3339(asked.since_ns)[:19]}Z; {asks}: {visible(asked.reason)}",
        )
    )


def _asked(access: Access, decision: Remembered) -> Requested | None:
    """Return what was asked; None where the log no longer has it."""
    page = access.query({"stream": APPROVALS_STREAM, "where": {"id": decision.approval}, "limit": 1})
    (first, *_) = page["events"] or [None]
    asked = None if first is None else from_event(first["type"], first["data"])
    return asked if isinstance(asked, Requested) else None
