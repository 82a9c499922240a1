"""A policy's sources compiled: everything that can be done before the first request is done here."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final

import msgspec

from actors.speed_layer.policy.loading.audit_and_limits import AuditAndLimits
from actors.speed_layer.policy.loading.can_match import check_can_match
from actors.speed_layer.policy.loading.rule_scope import Scopes
from actors.speed_layer.policy.loading.sources import Entry, PolicyError, PolicySource, load
from actors.speed_layer.policy.matching.command_judge import CommandJudge
from actors.speed_layer.policy.matching.command_rule_lookup import CommandRules, compile_rule
from actors.speed_layer.policy.matching.globs import any_glob
from actors.speed_layer.policy.matching.path_rules import PathRules, Workspace
from actors.speed_layer.policy.matching.variable_rules import VariableRules
from actors.speed_layer.policy.rule_tables import (
    LAYERS,
    CommandRule,
    LineRule,
    PathRule,
    ProgramTable,
    ToolRule,
    ToolSignature,
    VariableRule,
)
from actors.speed_layer.policy.tool_signatures import SHIPPED_SIGNATURES, ToolSignatures

ADVICE: Final = "correct this table"


class CompiledToolRule:
    """A tool rule with its globs as patterns."""

    __slots__ = ("hosts", "rule", "tools")

    def __init__(self, rule: ToolRule) -> None:
        self.rule = rule
        self.tools = any_glob([tool.casefold() for tool in rule.tools])
        self.hosts = any_glob([host.casefold() for host in rule.hosts]) if rule.hosts else None


class CompiledRules:
    """All rules of a policy, each kind ready for use.

    Args:
        sources: The files, of any layers. Rules of all layers are matched and the strictest wins, so no layer loosens
            another.

    Raises:
        PolicyError: A source cannot be used; nothing of the policy is.
    """

    def __init__(self, sources: Sequence[PolicySource]) -> None:
        self.sources = tuple(sources)
        self.entries = [entry for source in _in_order(sources) for entry in load(source)]
        self.commands = CommandRules()
        self.paths = PathRules([entry.table for entry in self.entries if isinstance(entry.table, PathRule)])
        self.tools = [CompiledToolRule(entry.table) for entry in self.entries if isinstance(entry.table, ToolRule)]
        self.lines = [entry.table for entry in self.entries if isinstance(entry.table, LineRule)]
        self.variables = VariableRules()
        tables = [entry.table for entry in self.entries if isinstance(entry.table, ToolSignature)]
        self.signatures = ToolSignatures([*SHIPPED_SIGNATURES, *tables])
        self._check_ids()
        self.audit_and_limits = AuditAndLimits(self.entries)
        self.scopes = Scopes(self.entries)
        for entry in self.entries:
            self._add(entry)
        self._prepare()
        self.judge = CommandJudge(self.commands, self.paths, self.variables)
        self.version = _version(self.entries)

    def _prepare(self) -> None:
        try:
            self.commands.prepare()
        except ValueError as error:
            last = self.entries[-1]
            raise PolicyError(last.source.name, last.line, str(error), "write fewer alternatives") from error

    def workspace(self, cwd: str | None, named: str | None, excluded: frozenset[str]) -> Workspace:
        """Return the workspace of a request, in which some rules do not hold.

        Args:
            cwd: The working directory, which is the workspace where the hall has none.
            named: The hall's, where it has one.
            excluded: The ids of the rules.
        """
        found = self.paths.workspace(cwd) if named is None else self.paths.named_workspace(named)
        return msgspec.structs.replace(found, excluded=excluded) if excluded else found

    def _check_ids(self) -> None:
        seen: dict[str, Entry] = {}
        for entry in self.entries:
            identity = getattr(entry.table, "id", None)
            if identity is None:
                continue
            if identity in seen:
                first = seen[identity]
                what = f"the id {identity!r} is taken by {first.source.name}:{first.line}"
                raise PolicyError(entry.source.name, entry.line, what, "give every rule an id of its own")
            seen[identity] = entry

    def _add(self, entry: Entry) -> None:
        table = entry.table
        check_can_match(entry)
        try:
            if isinstance(table, CommandRule):
                self.commands.add(compile_rule(table, entry.source.layer))
            elif isinstance(table, VariableRule):
                self.variables.add(table)
            elif isinstance(table, ProgramTable):
                self._check_program(entry, table)
                self.commands.add_program(table)
            elif isinstance(table, ToolSignature):
                self._check_signature(entry, table)
        except ValueError as error:
            raise PolicyError(entry.source.name, entry.line, str(error), ADVICE) from error

    def _check_signature(self, entry: Entry, table: ToolSignature) -> None:
        """Refuse what would change how another table reads a tool's input."""
        taken = self.signatures.taken(table)
        if taken is not None:
            what = f"what the tool {taken!r} does is described by another table"
            raise PolicyError(entry.source.name, entry.line, what, "remove that name here, or write a rule over it")

    def _check_program(self, entry: Entry, table: ProgramTable) -> None:
        """Refuse options that would change how a higher layer's rules read a command."""
        if entry.source.layer != LAYERS[0] and self.commands.knows(table.name.split()[0]):
            what = f"the options of {table.name!r} are described by a higher layer"
            raise PolicyError(entry.source.name, entry.line, what, "remove this table")


def _in_order(sources: Sequence[PolicySource]) -> list[PolicySource]:
    return sorted(sources, key=lambda source: LAYERS.index(source.layer))


def _version(entries: list[Entry]) -> str:
    """Return a hash of what the rules say; comments, examples' order in the file and blanks don't change it."""
    digest = hashlib.sha256(b"[")
    for place, entry in enumerate(entries):
        content = [type(entry.table).__name__, entry.source.layer, msgspec.to_builtins(entry.table)]
        digest.update(b"," if place else b"")
        digest.update(msgspec.json.encode(content, order="deterministic"))
    digest.update(b"]")
    return digest.hexdigest()[:12]
