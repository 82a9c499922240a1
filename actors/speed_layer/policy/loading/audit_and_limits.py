"""What a rule asks for besides its verdict: a durable record (`audit`), a limit (`at_most`). Pure.

A line may have many parts. A rule takes part in the line's verdict if it says the same of any part, not only if the
verdict names it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, Final

import msgspec

from actors.speed_layer.policy.loading.sources import Entry, PolicyError
from actors.speed_layer.policy.matching.path_rules import Finding
from actors.speed_layer.policy.rule_tables import Verdict
from actors.speed_layer.policy.ruling import Limit, Ruling

LIMIT: Final = re.compile(r"([1-9][0-9]{0,6})/(s|min|h|day)")
SECONDS: Final = {"s": 1.0, "min": 60.0, "h": 3600.0, "day": 86400.0}


class AuditAndLimit(msgspec.Struct, frozen=True):
    """What one rule asks for besides its verdict."""

    durable: bool
    limit: Limit | None


class AuditAndLimits:
    """The rules of a policy that ask for a durable record or a limit.

    Args:
        entries: All rules.

    Raises:
        PolicyError: A limit is invalid, or its rule allows nothing.
    """

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._by_rule = {entry.table.id: asked for entry in entries if (asked := _asked_by(entry)) is not None}

    def __bool__(self) -> bool:
        return bool(self._by_rule)

    def applied_to(self, ruling: Ruling, said: Sequence[Finding]) -> Ruling:
        """Return the ruling with what the rules behind it ask for.

        Args:
            ruling: As the rules have it.
            said: What they said to the parts of the request.
        """
        behind = {each.rule for each in said if each.rule in self._by_rule and each.verdict == ruling.verdict}
        if not behind:
            return ruling
        asked = [self._by_rule[rule] for rule in sorted(rule for rule in behind if rule is not None)]
        limits = tuple(each.limit for each in asked if each.limit is not None and ruling.verdict == "allow")
        return msgspec.structs.replace(
            ruling,
            durable=any(each.durable for each in asked),
            limits=limits,
            cacheable=ruling.cacheable and not limits,
        )


def _asked_by(entry: Entry) -> AuditAndLimit | None:
    table: Any = entry.table
    durable, text = getattr(table, "audit", "") == "durable", getattr(table, "at_most", "")
    limit = _limit(entry, text) if text else None
    return AuditAndLimit(durable, limit) if durable or limit is not None else None


def _limit(entry: Entry, text: str) -> Limit:
    found = LIMIT.fullmatch(text)
    if found is None:
        what = f"at_most {text!r} is no limit"
        raise PolicyError(entry.source.name, entry.line, what, 'write a number a time, such as "20/min"')
    if "allow" not in _verdicts(entry.table):
        what = f"rule {entry.table.id!r} allows nothing that at_most could limit"
        raise PolicyError(entry.source.name, entry.line, what, "remove at_most")
    return Limit(entry.table.id, int(found[1]), SECONDS[found[2]])


def _verdicts(table: Any) -> set[Verdict | None]:
    return {getattr(table, name, None) for name in ("verdict", "read", "write", "delete", "truncate")}
