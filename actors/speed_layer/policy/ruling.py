"""The answer of the policy engine."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.speed_layer.policy.rule_tables import Verdict

WRITTEN_EARLIER: Final = "files.written-earlier"
"""The id that verdicts name where an agent would run what it wrote in an earlier request; no policy has such a rule."""


class Limit(msgspec.Struct, frozen=True, array_like=True):
    """How often a rule allows.

    Attributes:
        rule: The rule's id.
        count: How often one agent is allowed what it allows.
        per_s: Within how many seconds.
    """

    rule: str
    count: int
    per_s: float


class Files(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Which files a request gives other content, and which it runs. Paths are absolute and normalised.

    Attributes:
        writes: Files that it writes; a path with `*`, `?` or `[` is a pattern, `folder/**` all that is below.
        creates: Those of them that it may create, as far as the request says: it writes them anew as a whole.
        empties: Files that it makes, with nothing in them (`touch`).
        runs: Files that it runs, or that its options name to a program which runs rules.
        tables: Which rule files it takes, by the titles of `code_files.TABLES`.
        imports: Directories from which Python imports in place of what is its own; None for an unknown one.
        more: Whether it has more than is listed here.
        root: The root of the checkout that it works in; empty where none is known.
    """

    writes: tuple[str, ...] = ()
    creates: tuple[str, ...] = ()
    empties: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()
    tables: tuple[str, ...] = ()
    imports: tuple[str | None, ...] = ()
    more: bool = False
    root: str = ""


class Ruling(msgspec.Struct, frozen=True):
    """The answer.

    Attributes:
        verdict: `allow`, `deny` or `ask`.
        reason: Why, for a reader.
        rule: The deciding rule's id, `None` where no rule decided.
        cacheable: Whether the same request may be answered by this ruling again under the same policy.
        durable: Whether it holds only once its audit event is stored.
        limits: How often the rules behind it allow.
        writes: Whether the request writes a file, unless it is denied.
        runs: Whether it may run a file, or take one for its rules, unless it is denied.
    """

    verdict: Verdict
    reason: str
    rule: str | None
    cacheable: bool
    durable: bool = False
    limits: tuple[Limit, ...] = ()
    writes: bool = False
    runs: bool = False


class RuleTrace(msgspec.Struct, frozen=True):
    """A rule that was looked at, whether it holds, and why."""

    id: str
    matched: bool
    why: str
