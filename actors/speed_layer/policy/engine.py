"""The policy engine: a request in, a ruling out; pure, deterministic, and never raising.

A request is as strict as its strictest part, and of the rules that match a part the strictest wins, whatever layer
they come from: so a lower layer can tighten and fill gaps, and never loosens. What no rule covers, and what cannot
be proved, is `ask`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache, partial
from typing import Any, Final, Self

import msgspec

from actors.speed_layer.command.paths import MAX_PATH
from actors.speed_layer.policy.canonical_request import canonical, request_hash, tool_name
from actors.speed_layer.policy.judging.deciding import deciding
from actors.speed_layer.policy.judging.file_tools import ToolCall
from actors.speed_layer.policy.judging.footprints import tool_files
from actors.speed_layer.policy.judging.patch_files import BEGIN, patch_of
from actors.speed_layer.policy.judging.plain_command import PlainCommand, open_questions, plain_one
from actors.speed_layer.policy.judging.shell_call import ShellCall, shell_call
from actors.speed_layer.policy.judging.shell_line import Judged, judge_analysis, judge_line
from actors.speed_layer.policy.loading import rule_examples
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.loading.rule_scope import NOTHING
from actors.speed_layer.policy.loading.shipped_packs import packs
from actors.speed_layer.policy.loading.sources import PolicyError, PolicySource
from actors.speed_layer.policy.matching.path_rules import Finding, shortened
from actors.speed_layer.policy.rule_tables import Layer, Table, Verdict
from actors.speed_layer.policy.ruling import RuleTrace, Ruling
from actors.speed_layer.policy.tool_signatures import SHELL_TOOL, SHIPPED, KnownTool
from actors.speed_layer.shell.analysis import analyse

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
        cwd: The agent's working directory, absolute; `None` if unknown.
        role: The agent's role.
        at: When it asks, in seconds since 1970; `None` for now.
        scripts: What the files hold that it runs, by path, as whoever asks says: SHA-256, `None` for what could not be
            read. It makes the request another one and allows nothing.
        workspace: The project's root, absolute; `None` where the hall has none, and the working directory counts.
        session: The session that asks, below the agent. It makes the request no other one.
        agent: The agent's name; empty if unknown.
        labels: The agent's labels, sorted.
    """

    tool: str
    input: dict[str, Any]
    cwd: str | None = None
    role: str = "agent"
    at: float | None = None
    scripts: Mapping[str, str | None] | None = None
    workspace: str | None = None
    session: str | None = None
    agent: str = ""
    labels: tuple[str, ...] = ()

    @property
    def hashed(self) -> str:
        """The hash of its canonical form."""
        return request_hash(self.tool, self.input, self.cwd, self.scripts, self.workspace)


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
        scopes: Whom rules are for, and when they hold.
    """

    __slots__ = ("_known", "_rules", "_scoped", "reasons", "scopes", "sources", "version")

    def __init__(self, rules: CompiledRules) -> None:
        self._rules = rules
        self.scopes = rules.scopes
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
            known = self._rules.signatures.find(tool)
            if known is None or known.signature.act != "shell":
                return self._rule_on_tool(tool, known, request)[0]
            call = shell_call(known, request.input, request.cwd)
            if call.line is not None and BEGIN in call.line and (ruled := self._rule_on_patch(known, call, request)):
                return ruled[0]
            if not self._scoped:
                return self._judge_line(call, request)
            judged = self._judge_line(call, request, self.excluded(request))
            if not self.scopes.concern(call.line):
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
        workspace = self._rules.workspace(request.cwd, request.workspace, NOTHING)
        return open_questions(self._rules, judged.command, workspace, judged.steps.copy())

    def explain(self, request: Request) -> Explanation:
        """Return the ruling on a request and what led to it."""
        return self.explain_and_judge(request)[0]

    def explain_and_judge(self, request: Request) -> tuple[Explanation, Judged]:
        """Return the ruling on a request and what led to it, with what `judge` returns."""
        try:
            tool = tool_name(request.tool)
            known = self._rules.signatures.find(tool)
            if known is None or known.signature.act != "shell":
                return _explained(*self._rule_on_tool(tool, known, request))
            call = shell_call(known, request.input, request.cwd)
            ruled = self._rule_on_patch(known, call, request) if BEGIN in (call.line or "") else None
            return self._explain_line(call, request) if ruled is None else _explained(*ruled)
        except Exception as error:  # noqa: BLE001 - as in `judge`
            return Explanation(_fault(error), [], [], []), Judged(_fault(error))

    def _judge_line(self, call: ShellCall, request: Request, excluded: frozenset[str] = NOTHING) -> Judged:
        cwd = call.cwd
        if call.line is None or len(call.line) > MAX_KEPT_LENGTH or (cwd is not None and len(cwd) > MAX_PATH):
            return judge_line(self._rules, call, request.cwd, request.workspace, excluded)
        return self._known(call, request.cwd, request.workspace, excluded)

    def excluded(self, request: Request) -> frozenset[str]:
        """Return the ids of the rules that do not hold for the agent that asks, or at the time."""
        if not self._scoped:
            return NOTHING
        now = time.time() if request.at is None else request.at
        return self.scopes.excluded(request.role, request.agent, request.labels, now)

    @staticmethod
    def _for_now(ruling: Ruling) -> Ruling:
        return msgspec.structs.replace(ruling, cacheable=False)

    def _explain_line(self, call: ShellCall, request: Request) -> tuple[Explanation, Judged]:
        excluded = self.excluded(request)
        if call.line is None:
            judged = judge_line(self._rules, call, request.cwd, request.workspace)
            return Explanation(judged.ruling, [], [], []), judged
        analysis, trace = analyse(call.line, call.cwd), list[RuleTrace]()
        workspace = self._rules.workspace(request.cwd, request.workspace, excluded)
        ruling, footprint = judge_analysis(self._rules, call, analysis, workspace, trace)
        listed = [list(one.argv) for one in analysis.commands if one.listed and one.argv]
        judged = Judged(ruling, None if call.doubt or call.moved else plain_one(analysis), analysis.steps, footprint)
        return Explanation(ruling, trace, listed, analysis.unproved), judged

    def _rule_on_tool(self, tool: str, known: KnownTool | None, request: Request) -> tuple[Judged, list[Finding]]:
        arguments = request.input if known is None else known.effective(request.input)
        workspace = self._rules.workspace(request.cwd, request.workspace, self.excluded(request))
        call = ToolCall(self._rules, arguments, request.cwd, workspace)
        findings = list(call.judged(tool, known))
        return self._ruled(findings, call, f"no rule covers the tool {request.tool[:60]!r}"), findings

    def _rule_on_patch(
        self, known: KnownTool, call: ShellCall, request: Request
    ) -> tuple[Judged, list[Finding]] | None:
        """Return the ruling on a shell line that is nothing but a patch; None where it is more."""
        given = [request.input[key] for key in known.signature.command if key in request.input]
        patch = patch_of(given[0]) if len(given) == 1 else None
        if patch is None:
            return None
        workspace = self._rules.workspace(request.cwd, request.workspace, self.excluded(request))
        patched = ToolCall(self._rules, {}, call.cwd, workspace)
        findings = list(patched.patched(patch, ()))
        if call.doubt:
            findings.append(Finding("ask", None, call.doubt))
        return self._ruled(findings, patched, call.doubt), findings

    def _ruled(self, findings: list[Finding], call: ToolCall, otherwise: str) -> Judged:
        ruling = rule_on(findings, otherwise)
        footprint = None if ruling.verdict == "deny" else tool_files(findings, call.created, moves=call.moves)
        if footprint is not None:
            ruling = msgspec.structs.replace(ruling, writes=True)
        if self._rules.audit_and_limits:
            ruling = self._rules.audit_and_limits.applied_to(ruling, findings)
        return Judged(self._for_now(ruling) if self._rules.scopes.concern(None) else ruling, footprint=footprint)


def is_kept(request: Request) -> bool:
    """Return whether the ruling on a request is kept: whether it is a shell line that is not long."""
    line = request.input.get("command")
    if not isinstance(line, str) or len(line) > MAX_KEPT_LENGTH:
        return False
    return SHIPPED.find(request.tool.casefold()) is SHELL_TOOL


def _explained(judged: Judged, findings: list[Finding]) -> tuple[Explanation, Judged]:
    traces = [RuleTrace(one.rule, True, one.reason) for one in findings if one.rule]
    return Explanation(judged.ruling, traces, [], []), judged


def rule_on(findings: list[Finding], otherwise: str) -> Ruling:
    """Return the strictest finding as a ruling, `ask` if there is none."""
    best = deciding(findings)
    if best is None:
        return Ruling("ask", otherwise, None, False)
    return Ruling(best.verdict, shortened(best.reason), best.rule, best.verdict != "ask")


def _fault(error: Exception) -> Ruling:
    return Ruling("ask", f"{FAULT} ({type(error).__name__}: {error}); please report it", None, False)


@cache
def _default() -> Policy:
    return Policy.load(packs(), check_examples=False)


__all__ = [
    "Explanation", "Judged", "Layer", "Policy", "PolicyError", "PolicySource", "Request", "RuleTrace", "Ruling",
    "Verdict", "canonical", "packs", "request_hash",
]  # fmt: skip
