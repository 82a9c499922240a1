"""`moothall policy replay`: recorded requests under another policy."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from actors.speed_layer.audit.buffer import AUDIT_STREAM
from actors.speed_layer.audit.verdict_events import VERDICT_GIVEN
from actors.speed_layer.policy.replay import replay as judged_again
from transport.cli.log_source import HERE, PAGE, Access, Where
from transport.cli.policy.load_policy import load_policy
from transport.visible import visible, visible_json


def replay(file: Path, *, where: Where = HERE, json: bool = False) -> None:
    """Judge the recorded requests by another policy and print what would change.

    Args:
        file: The policy to lay over the shipped one, as TOML.
        where: Which log is meant; through the server it takes an expert's or admin's token.
        json: Print one JSON object.
    """
    outcome = judged_again(_records(where.access()), load_policy(file))
    if json:
        print(visible_json(outcome))
        return
    print(f"{outcome.judged} recorded verdicts judged again, {outcome.skipped} skipped; {len(outcome.changes)} change")
    if outcome.changes:
        table = Table("times", "before", "after", "rule", "asked by", "tool", "input", box=None)
        for change in outcome.changes:
            tool, asked = visible(change.tool), visible_json(change.input)
            rule = visible(change.rule or "-")
            table.add_row(str(change.times), change.before, change.after, rule, visible(change.audience), tool, asked)
        Console(highlight=False, markup=False).print(table)


def _records(access: Access) -> Iterator[dict[str, Any]]:
    after = 0
    while True:
        page = access.query({"stream": AUDIT_STREAM, "after": after, "limit": PAGE})
        for event in page["events"]:
            if event["type"] == VERDICT_GIVEN:
                yield {**event["data"], "at": event["time"]}
        if not page["has_more"]:
            return
        after = page["next"]
