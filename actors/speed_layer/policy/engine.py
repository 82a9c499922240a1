"""The policy engine: a request in, a ruling out; pure, deterministic, and never raising.

A request is as strict as its strictest part, and of the rules that match a part the strictest wins, whatever layer
they come from: so a lower layer can tighten and fill gaps, and never loosens. What no rule covers, and what cannot
be proved, is `ask`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache, partial
from importlib import resources
from typing import Any, Final, Self

import msgspec

from actors.speed_layer.command.paths import MAX_PATH
from actors.speed_layer.policy.canonical_request import SHELL, SHELL_TOOLS, canonical, request_hash, tool_name
from actors.speed_layer.policy.judging.file_tools import judge_tool
from actors.speed_layer.policy.judging.plain_command import PlainCommand, open_questions, plain_one
from actors.speed_layer.policy.judging.shell_line import Judged, command_line, judge_analysis, judge_line
from actors.speed_layer.policy.loading import rule_examples
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.loading.rule_scope import NOTHING
from actors.speed_layer.policy.loading.sources import PolicyError, PolicySource
from actors.speed_layer.policy.matching.path_rules import Finding, shortened, strictest
from actors.speed_layer.policy.rule_tables import Layer, Table, Verdict
from actors.speed_layer.policy.ruling import RuleTrace, Ruling
from actors.speed_layer.shell.analysis import analyse

PACKS: Final = (
    "core", "git", "files", "text", "network", "packages", "build", "containers", "databases", "cloud", "system",
    "secrets", "hall",
)  # fmt: skip


FAULT: Final = "the policy engine failed"
"""How the reason begins of a ruling that the engine could not come to."""

MAX_KEPT: Final = 8192
"""How many rulings on shell lines are kept, some 300 bytes each, since the same lines come in other requests too."""
MAX_KEPT_LENGTH: Final = 512
"""Length in characters of the longest line whose ruling is kept."""


class Request(msgspec.Struct, frozen=True):
    """What an agent wants to do.

    Attributes:
        tool: The tool, as the agent names it.
        input: Its arguments.
        cwd: The agent's working directory and workspace, absolute; `None` if unknown.
        role: The agent's role.
        at: When it asks, in seconds since 1970; `None` for now.
        scripts: What the files hold that it runs, by path, as whoever asks says: SHA-256, `None` for what could not be
            read. It makes the request another one and allows nothing.
    """

    tool: str
    input: dict[str, Any]
    cwd: str | None = None
    role: str = "agent"
    at: float | None = None
    scripts: Mapping[str, str | None] | None = None

    @property
    def hashed(self) -> str:
        """The hash of its canonical form."""
        return request_hash(self.tool, self.input, self.cwd, self.scripts)


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
        reasons: The reasons that the rules give, as rulings have them, by the rules' ids.
    """

    __slots__ = ("_known", "_rules", "_scoped", "reasons", "sources", "version")

    def __init__(self, rules: CompiledRules) -> None:
        self._rules = rules
        self._scoped = bool(rules.scopes)
        self._known = lru_cache(MAX_KEPT)(partial(judge_line, rules))
        self.sources = rules.sources
        self.version = rules.version
        tables = [entry.table for entry in rules.entries]
        self.reasons = {each.id: shortened(each.reason) for each in tables if isinstance(each, Table)}

    @classmethod
    def load(cls, sources: Sequence[PolicySource], *, check_examples: bool = True) -> Self:
        """Compile sources into a policy.

        Args:
            sources: The files, of any layers.
            check_examples: Whether to try every rule's own examples. Only the shipped packs go without: the tests try
                theirs.

        Raises:
            PolicyError: A source cannot be used, for whatever reason: no policy must end the speed layer.
        """
        try:
            rules = CompiledRules(sources)
            if check_examples:
                rule_examples.check(rules)
        except PolicyError:
            raise
        except Exception as error:
            what = f"it cannot be compiled ({type(error).__name__}: {str(error)[:200]})"
            raise PolicyError(sources[-1].name, 1, what, "write simpler patterns, or fewer") from error
        return cls(rules)

    @classmethod
    def default(cls) -> Policy:
        """Return the shipped policy, compiled once a process."""
        return _default()

    def decide(self, request: Request) -> Ruling:
        """Return the ruling on a request; an internal error is an `ask` that says so."""
        return self.judge(request).ruling

    def judge(self, request: Request) -> Judged:
        """Return the ruling on a request with the plain command that it is, so that it need not be taken apart again.

        An internal error is an `ask` that says so.
        """
        try:
            tool = tool_name(request.tool)
            if tool != SHELL:
                return Judged(self._rule_on_tool(tool, request)[0])
            line = command_line(request.input)
            if not self._scoped:
                return self._judge_line(line, request.cwd)
            judged = self._judge_line(line, request.cwd, self.excluded(request))
            if not self._rules.scopes.concern(line):
                return judged
            return msgspec.structs.replace(judged, ruling=self._for_now(judged.ruling))
        except Exception as error:  # noqa: BLE001 - a fault of the engine must never let something pass
            return Judged(_fault(error))

    def plain_command(self, request: Request, judged: Judged) -> PlainCommand | None:
        """Return the plain command that is asked about, with what is open about it; None where it is not a plain one.

        Args:
            request: The request.
            judged: What `judge` has returned on it.
        """
        if judged.command is None or judged.steps is None:
            return None
        return open_questions(self._rules, judged.command, request.cwd, judged.steps.copy())

    def explain(self, request: Request) -> Explanation:
        """Return the ruling on a request and what led to it."""
        return self.explain_and_judge(request)[0]

    def explain_and_judge(self, request: Request) -> tuple[Explanation, Judged]:
        """Return the ruling on a request and what led to it, with what `judge` returns."""
        try:
            tool = tool_name(request.tool)
            if tool != SHELL:
                ruling, findings = self._rule_on_tool(tool, request)
                traces = [RuleTrace(one.rule, True, one.reason) for one in findings if one.rule]
                return Explanation(ruling, traces, [], []), Judged(ruling)
            return self._explain_line(command_line(request.input), request)
        except Exception as error:  # noqa: BLE001 - as in `judge`
            return Explanation(_fault(error), [], [], []), Judged(_fault(error))

    def _judge_line(self, line: str | None, cwd: str | None, excluded: frozenset[str] = NOTHING) -> Judged:
        if line is None or len(line) > MAX_KEPT_LENGTH or (cwd is not None and len(cwd) > MAX_PATH):
            return judge_line(self._rules, line, cwd, excluded)
        return self._known(line, cwd, excluded)

    def excluded(self, request: Request) -> frozenset[str]:
        """Return the ids of the rules that do not hold for the role that asks, or at the time."""
        if not self._scoped:
            return NOTHING
        return self._rules.scopes.excluded(request.role, time.time() if request.at is None else request.at)

    @staticmethod
    def _for_now(ruling: Ruling) -> Ruling:
        return msgspec.structs.replace(ruling, cacheable=False)

    def _explain_line(self, line: str | None, request: Request) -> tuple[Explanation, Judged]:
        excluded = self.excluded(request)
        if line is None:
            judged = judge_line(self._rules, line, request.cwd)
            return Explanation(judged.ruling, [], [], []), judged
        analysis, trace = analyse(line, request.cwd), list[RuleTrace]()
        workspace = self._rules.workspace(request.cwd, excluded)
        ruling = judge_analysis(self._rules, line, analysis, workspace, trace)
        listed = [list(one.argv) for one in analysis.commands if one.listed and one.argv]
        judged = Judged(ruling, plain_one(analysis), analysis.steps)
        return Explanation(ruling, trace, listed, analysis.unproved), judged

    def _rule_on_tool(self, tool: str, request: Request) -> tuple[Ruling, list[Finding]]:
        findings = list(judge_tool(self._rules, tool, request.input, request.cwd, self.excluded(request)))
        ruling = rule_on(findings, f"no rule covers the tool {request.tool[:60]!r}")
        if self._rules.audit_and_limits:
            ruling = self._rules.audit_and_limits.applied_to(ruling, findings)
        return (self._for_now(ruling) if self._rules.scopes.concern(None) else ruling), findings


def is_kept(request: Request) -> bool:
    """Return whether the ruling on a request is kept: whether it is a shell line that is not long."""
    line = request.input.get("command")
    return isinstance(line, str) and len(line) <= MAX_KEPT_LENGTH and request.tool.casefold() in SHELL_TOOLS


def rule_on(findings: list[Finding], otherwise: str) -> Ruling:
    """Return the strictest finding as a ruling, `ask` if there is none."""
    best = strictest(findings)
    if best is None:
        return Ruling("ask", otherwise, None, False)
    return Ruling(best.verdict, shortened(best.reason), best.rule, best.verdict != "ask")


def _fault(error: Exception) -> Ruling:
    return Ruling("ask", f"{FAULT} ({type(error).__name__}: {error}); please report it", None, False)


def packs() -> list[PolicySource]:
    """Return the shipped packs as sources."""
    folder = resources.files("actors.speed_layer.policy") / "packs"
    return [PolicySource(f"{name}.toml", (folder / f"{name}.toml").read_text("utf-8"), "built-in") for name in PACKS]


@cache
def _default() -> Policy:
    return Policy.load(packs(), check_examples=False)


__all__ = [
    "Explanation", "Judged", "Layer", "Policy", "PolicyError", "PolicySource", "Request", "RuleTrace", "Ruling",
    "Verdict", "canonical", "packs", "request_hash",
]  # fmt: skip
