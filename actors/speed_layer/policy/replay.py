"""Recorded requests under another policy: what would change. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import msgspec

from actors.speed_layer.policy.engine import Policy, Request
from actors.speed_layer.policy.loading.audiences import shown
from actors.speed_layer.policy.ruling import WRITTEN_EARLIER


class Change(msgspec.Struct, frozen=True):
    """A request that would be judged otherwise.

    Attributes:
        request: The hash of the canonical action.
        role: The role that asked.
        audience: Who asked, as far as the other policy tells agents apart.
        tool: The tool as it was named.
        input: Its arguments.
        cwd: The working directory.
        times: How often it was asked.
        before: The verdict that was recorded.
        after: The verdict of the other policy.
        rule: The rule that decides then, if one does.
        reason: Why.
    """

    request: str
    role: str
    audience: str
    tool: str
    input: dict[str, Any]
    cwd: str | None
    times: int
    before: str
    after: str
    rule: str | None
    reason: str


class Replay(msgspec.Struct, frozen=True):
    """What came of it.

    Attributes:
        judged: How many recorded verdicts were judged again.
        skipped: How many could not be: their input was masked, cut or not kept, or has left the log; or they were about
            what an agent had written before, which no policy knows.
        changes: What would change, the most frequent first.
    """

    judged: int
    skipped: int
    changes: list[Change]


def replay(records: Iterable[dict[str, Any]], policy: Policy) -> Replay:
    """Judge recorded verdicts again.

    What a person decided was `ask` to the rules, so it is compared as `ask`. Remembered decisions answer an `ask` too,
    and are left out of both sides.

    Args:
        records: The data of `moothall.verdict.given` events in their order, with the event's time (RFC 3339) as `at`.
            Where one has no input, it is that of the last one before it with the same `request`.
        policy: The other policy.
    """
    asked: dict[tuple[str, str, str, frozenset[str]], tuple[dict[str, Any], int]] = {}
    inputs: dict[str, dict[str, Any]] = {}
    judged = skipped = 0
    for each in records:
        if "input" in each and each.get("whole"):
            inputs[each["request"]] = each["input"]
        by_what_was_written = each.get("rule") == WRITTEN_EARLIER or each.get("approves")
        if by_what_was_written or not each.get("whole") or each["request"] not in inputs:
            skipped += 1
            continue
        record: dict[str, Any] = {**each, "input": inputs[each["request"]]}
        judged += 1
        made = _request(record)
        audience = policy.scopes.audiences.of(made.role, made.agent, made.labels)
        key = audience, record["request"], _by_rules(record), policy.excluded(made)
        first, times = asked.get(key, (record, 0))
        asked[key] = first, times + 1
    changes: list[Change] = []
    for (audience, request, before, _), (record, times) in asked.items():
        tool, cwd, arguments = record["tool"], record["cwd"], record["input"]
        ruling = policy.decide(_request(record))
        if ruling.verdict != before:
            changes.append(
                Change(
                    request=request,
                    role=record["role"],
                    audience=shown(audience),
                    tool=tool,
                    input=arguments,
                    cwd=cwd,
                    times=times,
                    before=before,
                    after=ruling.verdict,
                    rule=ruling.rule,
                    reason=ruling.reason,
                )
            )
    return Replay(judged, skipped, sorted(changes, key=lambda change: -change.times))


def _request(record: dict[str, Any]) -> Request:
    at = datetime.fromisoformat(record["at"]).timestamp() if "at" in record else None
    return Request(
        record["tool"],
        record["input"],
        record["cwd"],
        record["role"],
        at,
        workspace=record.get("workspace"),
        agent=record.get("agent", ""),
        labels=tuple(record.get("labels", ())),
    )


def _by_rules(record: dict[str, Any]) -> str:
    """Return what the rules said, which is not what a person decided."""
    by_person = record.get("approval") is not None and record["rule"] is None
    remembered = (record["rule"] or "").startswith("remembered.")
    return "ask" if by_person or remembered else str(record["verdict"])
