"""What of all that was found decides a request, and how that is told: not by whichever part comes first. Pure."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.speed_layer.policy.matching.path_rules import STRICTNESS, Finding

MOST_TOLD: Final = 3
"""How many reasons are told of one request."""


def deciding(findings: list[Finding]) -> Finding | None:
    """Return the strictest finding with the reasons of all that are as strict and say more; None if there is none.

    Of an `allow` that is what commands and tools do; where a file is written, which shell variables are set and what
    only runs another command is told only where there is nothing else. What a rule asks about goes before what no rule
    covers.
    """
    highest = max((STRICTNESS[one.verdict] for one in findings), default=-1)
    return told_together([one for one in findings if STRICTNESS[one.verdict] == highest])


def told_together(found: list[Finding]) -> Finding | None:
    """Return of findings that are as strict the one that decides, as `deciding` does."""
    if len(found) < 2:  # noqa: PLR2004 - one or none
        return found[0] if found else None
    allows = found[0].verdict == "allow"
    telling = _telling_allows(found) if allows else [one for one in found if one.rule is not None] or found
    first = telling[0]
    if len(telling) == 1:
        return first
    reasons = list(dict.fromkeys([one.reason for one in telling]))
    return first if len(reasons) == 1 else msgspec.structs.replace(first, reason="; ".join(reasons[:MOST_TOLD]))


def _telling_allows(found: list[Finding]) -> list[Finding]:
    acts = [one for one in found if one.rule is not None and not one.path and not one.aside]
    if acts:
        return acts
    files = [one for one in found if one.path and not one.aside]
    return files[:1] or found[-1:]
