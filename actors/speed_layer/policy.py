"""The policy engine: a request in, a ruling out; pure, deterministic, and never raising.

A request is as strict as its strictest part, and of the rules that match a part the strictest wins, whatever layer
they come from: so a lower layer can tighten and fill gaps, and never loosens. What no rule covers, and what cannot
be proved, is `ask`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import Any, Final, Self

import msgspec

from actors.speed_layer import examples
from actors.speed_layer.canonical import canonical, request_hash, tool_name
from actors.speed_layer.compiled import Tables
from actors.speed_layer.file_tools import judge_tool
from actors.speed_layer.judge import Trace
from actors.speed_layer.line import judge_line
from actors.speed_layer.marks import Limit
from actors.speed_layer.path_rules import RANK, Finding, shortened
from actors.speed_layer.plain_command import PlainCommand, plain_command
from actors.speed_layer.rules import Layer, PolicyError, PolicySource, Verdict

PACKS: Final = (
    "core", "git", "files", "text", "network", "packages", "build", "containers", "databases", "cloud", "system",
    "secrets", "hall",
)  # fmt: skip


FAULT: Final = "the policy engine failed"
"""How the reason begins of a ruling that the engine could not come to."""


class Request(msgspec.Struct, frozen=True):
    """What an agent wants to do.

    Attributes:
        tool: The tool, as the agent names it.
        input: Its arguments.
        cwd: The agent's working directory and workspace, absolute; `None` if unknown.
        role: The agent's role.
    """

    tool: str
    input: dict[str, Any]
    cwd: str | None = None
    role: str = "agent"


class Ruling(msgspec.Struct, frozen=True):
    """The answer.

    Attributes:
        verdict: `allow`, `deny` or `ask`.
        reason: Why, for a reader.
        rule: The deciding rule's id, `None` where no rule decided.
        cacheable: Whether the same request may be answered by this ruling again under the same policy.
        durable: Whether it holds only once its audit event is stored.
        limits: How often the rules behind it allow.
    """

    verdict: Verdict
    reason: str
    rule: str | None
    cacheable: bool
    durable: bool = False
    limits: tuple[Limit, ...] = ()


class RuleTrace(msgspec.Struct, frozen=True):
    """A rule that was looked at, whether it holds, and why."""

    id: str
    matched: bool
    why: str


class Explanation(msgspec.Struct, frozen=True):
    """A ruling with all that led to it.

    Attributes:
        ruling: The ruling.
        rules: The rules that were looked at.
        commands: The simple commands the shell would run, at every depth; `None` for a word known only at run time.
        unproved: Why the list of commands may not be the whole truth.
    """

    ruling: Ruling
    rules: list[RuleTrace]
    commands: list[list[str | None]]
    unproved: list[str]


class Policy:
    """Rules, compiled.

    Attributes:
        sources: What it was compiled from.
        version: A short hash of what the rules say.
    """

    __slots__ = ("_tables", "sources", "version")

    def __init__(self, tables: Tables) -> None:
        self._tables = tables
        self.sources = tables.sources
        self.version = tables.version

    @classmethod
    def load(cls, sources: Sequence[PolicySource], *, check_examples: bool = True) -> Self:
        """Compile sources into a policy.

        Args:
            sources: The files, of any layers.
            check_examples: Whether every rule's own examples are tried; only the shipped packs, whose examples the
                tests try,
                go without.

        Raises:
            PolicyError: A source cannot be used.
        """
        tables = Tables(sources)
        if check_examples:
            examples.check(tables)
        return cls(tables)

    @classmethod
    def default(cls) -> Policy:
        """Return the shipped policy, compiled once a process."""
        return _default()

    def decide(self, request: Request) -> Ruling:
        """Return the ruling on a request; an internal error is an `ask` that says so."""
        try:
            return self._decide(request, None)[0]
        except Exception as error:  # noqa: BLE001 - a fault of the engine must never let something pass
            return _fault(error)

    def plain_command(self, request: Request) -> PlainCommand | None:
        """Return the plain command that a request is, with what is open about it; None where it is none."""
        if tool_name(request.tool) != "bash":
            return None
        return plain_command(self._tables, request.input, request.cwd)

    def explain(self, request: Request) -> Explanation:
        """Return the ruling on a request and what led to it."""
        trace = list[Trace]()
        try:
            ruling, commands, unproved = self._decide(request, trace)
        except Exception as error:  # noqa: BLE001 - as in `decide`
            return Explanation(_fault(error), [], [], [])
        return Explanation(ruling, [RuleTrace(one.rule, one.matched, one.why) for one in trace], commands, unproved)

    def _decide(self, request: Request, trace: list[Trace] | None) -> tuple[Ruling, list[list[str | None]], list[str]]:
        tool = tool_name(request.tool)
        if tool != "bash":
            findings = list(judge_tool(self._tables, tool, request.input, request.cwd))
            if trace is not None:
                trace.extend(Trace(one.rule, True, one.reason) for one in findings if one.rule)
            ruling = rule_on(findings, f"no rule covers the tool {request.tool[:60]!r}")
            return (self._tables.marks.on(ruling, findings) if self._tables.marks else ruling), [], []
        return judge_line(self._tables, request.input, request.cwd, trace)


def rule_on(findings: list[Finding], otherwise: str) -> Ruling:
    """Return the strictest finding as a ruling, `ask` if there is none."""
    best: Finding | None = None
    for finding in findings:
        if best is None or RANK[finding.verdict] > RANK[best.verdict]:
            best = finding
    if best is None:
        return Ruling("ask", otherwise, None, False)
    return Ruling(best.verdict, shortened(best.reason), best.rule, best.verdict != "ask")


def _fault(error: Exception) -> Ruling:
    return Ruling("ask", f"{FAULT} ({type(error).__name__}: {error}); please report it", None, False)


def packs() -> list[PolicySource]:
    """Return the shipped packs as sources."""
    folder = resources.files("actors.speed_layer") / "packs"
    return [PolicySource(f"{name}.toml", (folder / f"{name}.toml").read_text("utf-8"), "built-in") for name in PACKS]


@cache
def _default() -> Policy:
    return Policy.load(packs(), check_examples=False)


__all__ = [
    "Explanation", "Layer", "Policy", "PolicyError", "PolicySource", "Request", "RuleTrace", "Ruling", "Verdict",
    "canonical", "packs", "request_hash",
]  # fmt: skip
