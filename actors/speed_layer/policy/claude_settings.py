"""Turns the permissions of a Claude Code settings file into rules, and says what it could not carry over. Pure.

The file's form is that of Claude Code's documentation of permissions: `permissions.allow`, `.ask` and `.deny` are lists
of `Tool` or `Tool(specifier)`. What a specifier means there and what a rule means here is compared per tool; what has
no exact counterpart is left out and named, never widened.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from actors.look_alikes import is_unseen
from actors.speed_layer.policy.engine import Policy, PolicyError, PolicySource, Verdict

_VERDICTS: Final[tuple[Verdict, ...]] = ("deny", "ask", "allow")
_ENTRY: Final = re.compile(r"([A-Za-z_][\w.*-]*)(?:\((.*)\))?\Z", re.DOTALL)
_PLAIN_WORD: Final = re.compile(r"[\w./:@%+,=-]+\Z")
_READS: Final = frozenset({"Read", "Grep", "Glob", "LS"})
_WRITES: Final = frozenset({"Edit", "Write", "MultiEdit", "NotebookEdit"})


class Imported(msgspec.Struct, frozen=True):
    """What came of a settings file.

    Attributes:
        text: The rules, as TOML.
        rules: How many.
        left_out: What has no counterpart, with why.
    """

    text: str
    rules: int
    left_out: list[tuple[str, str]]


class _Settings(msgspec.Struct, frozen=True):
    permissions: dict[str, Any]


class _Unlike(Exception):  # noqa: N818 - a fact about an entry
    """An entry has no counterpart."""


def import_settings(settings: Any) -> Imported:
    """Turn settings, as JSON has them, into rules.

    Raises:
        ValueError: It is not a settings file.
    """
    try:
        permissions = msgspec.convert(settings, _Settings).permissions
    except msgspec.ValidationError as error:
        raise ValueError(f"it has no `permissions` ({error}); give a Claude Code settings.json") from None
    tables: list[str] = []
    left_out: list[tuple[str, str]] = []
    for verdict in _VERDICTS:
        for entry in _entries(permissions, verdict):
            name = f"{verdict}: {entry}"
            try:
                table = _table(f"claude.{len(tables) + 1}", verdict, entry)
                Policy.load([PolicySource("imported", table)])
            except _Unlike as unlike:
                left_out.append((name, str(unlike)))
            except PolicyError as error:
                left_out.append((name, error.what))
            else:
                tables.append(table)
    left_out += [(name, "is no rule") for name in permissions if name not in _VERDICTS]
    return Imported("\n".join(tables), len(tables), left_out)


def _entries(permissions: dict[str, Any], verdict: Verdict) -> list[str]:
    try:
        return msgspec.convert(permissions.get(verdict, []), list[str])
    except msgspec.ValidationError as error:
        raise ValueError(f"`permissions.{verdict}` is no list of texts ({error}); correct it") from None


def _table(identity: str, verdict: Verdict, entry: str) -> str:
    if any(map(is_unseen, entry)):
        raise _Unlike("has characters that nobody would see in a rule")
    match = _ENTRY.match(entry)
    if match is None:
        raise _Unlike("is not of the form Tool or Tool(specifier)")
    tool, specifier = match[1], match[2]
    head = {"id": identity, "reason": f"{entry} in Claude Code's settings"}
    if tool == "Bash":
        return _written("command", {**head, "verdict": verdict, **_command(verdict, specifier)})
    if tool in _READS | _WRITES:
        return _written("path", {**head, **_path(tool, verdict, specifier)})
    if tool == "WebFetch" and specifier is not None:
        if not specifier.startswith("domain:"):
            raise _Unlike("only domains are carried over")
        hosts = [specifier.removeprefix("domain:")]
        return _written("tool", {**head, "verdict": verdict, "tools": [tool], "hosts": hosts})
    if specifier is not None:
        raise _Unlike(f"there are no rules over the arguments of {tool}")
    tools = [tool, f"{tool}__*"] if tool.startswith("mcp__") and tool.count("__") == 1 else [tool]
    return _written("tool", {**head, "verdict": verdict, "tools": tools})


def _command(verdict: Verdict, specifier: str | None) -> dict[str, Any]:
    if specifier is None or specifier in {"*", ":*"}:
        raise _Unlike("covers every command; rules are over programs")
    prefix = next((specifier.removesuffix(end) for end in (":*", " *") if specifier.endswith(end)), None)
    words = (specifier if prefix is None else prefix).split()
    if not words or not all(_PLAIN_WORD.match(word) for word in words):
        raise _Unlike("has a pattern or a shell construct inside")
    if any(word.startswith("-") for word in words):
        raise _Unlike("has options, which rules match in any order and form")
    if verdict == "allow":
        return {"argv": words, **({} if prefix is None else {"options": "*", "args": "any*"})}
    if prefix is None:
        return {"argv": words, "bare": True}
    return {"argv": words}


def _path(tool: str, verdict: Verdict, specifier: str | None) -> dict[str, Any]:
    if specifier is None:
        globs = ["/**", "~/**", "@/**"]
    elif specifier.startswith("//"):
        globs = [specifier[1:]]
    elif specifier.startswith("~/"):
        globs = [specifier]
    elif "/" not in specifier.rstrip("/"):
        globs = [f"**/{specifier}", f"**/{specifier.rstrip('/')}/**"]
    else:
        globs = [f"@/{specifier.removeprefix('./').lstrip('/')}"]
    if tool in _READS:
        return {"globs": globs, "read": verdict}
    return {"globs": globs, "write": verdict, "delete": verdict}


def _written(kind: str, table: dict[str, Any]) -> str:
    lines = [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in table.items()]
    return "\n".join([f"[[{kind}]]", *lines, ""])
