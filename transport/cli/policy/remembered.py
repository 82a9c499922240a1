"""`moothall policy remembered` and `forget`: the decisions that were to hold from then on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM
from actors.speed_layer.governing.remembered_decisions import POLICY_STREAM, Remembered, remembered_in
from transport.cli.log_source import HERE, PAGE, Access, Online, Where
from transport.cli.visible import visible, visible_request
from transport.cli.which_hall import THIS, WhichHall


def remembered(*, where: Where = HERE, json: bool = False) -> None:
    """List the decisions that are remembered, the oldest first.

    Args:
        where: Which log is meant; through the server it takes an expert's or admin's token.
        json: Print one JSON object a line.
    """
    access = where.access()
    for decision in remembered_in((each["type"], each["data"]) for each in _events(access)).listed():
        action = _action(access, decision)
        if json:
            print(msgspec.json.encode({**msgspec.to_builtins(decision), "action": action}).decode())
            continue
        by, why = visible(decision.by), visible(decision.reason or "-")
        print(f"{decision.approval}  {decision.verdict} for {decision.role} by {by}: {why}")
        print(f"    {_described(action) if decision.pattern is None else visible(str(decision.pattern))}")


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


def _described(action: list[Any] | None) -> str:
    """Return what was asked, and where, whole."""
    if action is None:
        return "the log no longer has what was asked"
    tool, cwd, asked = action
    place = "an unknown directory" if cwd is None else visible(str(cwd))
    return f"{visible_request(str(tool), asked)}\n    in {place}"


def _action(access: Access, decision: Remembered) -> Any:
    """Return what was asked: `[tool, cwd, input]`; None where the log no longer has it."""
    page = access.query({"stream": APPROVALS_STREAM, "where": {"id": decision.approval}, "limit": 1})
    asked = page["events"][0]["data"].get("action") if page["events"] else None
    return None if asked is None else msgspec.json.decode(asked)
