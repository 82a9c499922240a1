"""Verdicts over the tools that agents have besides the shell: files, searches, the web, MCP servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from actors.speed_layer.command.paths import MAX_PATH
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.matching.path_rules import Access, Finding, Workspace
from actors.speed_layer.proofs.argument_values import LOCAL_HOSTS

MAX_URL: Final = 8192
"""Length of the longest URL that is looked at; browsers and servers take no longer ones."""
READERS: Final = {"read": "file_path", "notebookread": "notebook_path", "ls": "path", "view": "file_path"}
WRITERS: Final = {"write": "file_path", "edit": "file_path", "multiedit": "file_path", "notebookedit": "notebook_path"}
SEARCHES: Final = frozenset({"glob", "grep"})
FETCHES: Final = frozenset({"webfetch"})


def judge_tool(
    rules: CompiledRules, tool: str, arguments: dict[str, Any], cwd: str | None, excluded: frozenset[str] = frozenset()
) -> Iterator[Finding]:
    """Yield what the rules say to a call of a tool.

    Args:
        rules: The rules.
        tool: The tool's canonical name.
        arguments: Its input.
        cwd: The request's working directory.
        excluded: The ids of rules that do not hold for the role that asks, or at this time.
    """
    workspace = rules.workspace(cwd, excluded)
    yield from _tool_rules(rules, tool, arguments, excluded)
    if tool in READERS:
        yield _file(rules, arguments.get(READERS[tool]), cwd, "read", workspace)
    elif tool in WRITERS:
        yield _file(rules, arguments.get(WRITERS[tool]), cwd, "write", workspace)
    elif tool in SEARCHES:
        yield from _search(rules, tool, arguments, cwd, workspace)


def _file(rules: CompiledRules, path: Any, cwd: str | None, access: Access, workspace: Workspace) -> Finding:
    if not isinstance(path, str) or not path:
        return Finding("ask", None, "the file's path is missing or no text")
    return rules.paths.judge(path, cwd, access, workspace)


def _search(
    rules: CompiledRules, tool: str, arguments: dict[str, Any], cwd: str | None, workspace: Workspace
) -> Iterator[Finding]:
    pattern = arguments.get("pattern")
    if not isinstance(pattern, str):
        yield Finding("ask", None, "'pattern' is missing or no text")
        return
    path = arguments.get("path", ".")
    if not isinstance(path, str):
        yield Finding("ask", None, "'path' is no text")
        return
    yield rules.paths.judge(path or ".", cwd, "read", workspace)
    if len(pattern) > MAX_PATH:
        yield Finding("ask", None, f"a pattern of more than {MAX_PATH} characters")
        return
    if tool == "glob" and (pattern.startswith(("/", "~")) or ".." in pattern.split("/")):
        yield rules.paths.judge(pattern, cwd, "read", workspace)


def _tool_rules(
    rules: CompiledRules, tool: str, arguments: dict[str, Any], excluded: frozenset[str]
) -> Iterator[Finding]:
    url = arguments.get("url")
    if isinstance(url, str) and len(url) > MAX_URL:
        yield Finding("ask", None, f"a URL of more than {MAX_URL} characters")
        return
    host = _host(url)
    for one in rules.tools:
        if one.rule.id in excluded or not one.tools(tool):
            continue
        if one.hosts is not None and (host is None or not one.hosts(host)):
            continue
        yield Finding(one.rule.verdict, one.rule.id, one.rule.reason)
    if tool in FETCHES and host is not None and LOCAL_HOSTS.match(host):
        yield Finding("allow", None, "fetches from this machine")


def _host(url: Any) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.hostname or "").casefold() if parts.scheme in {"http", "https"} and "@" not in parts.netloc else None
