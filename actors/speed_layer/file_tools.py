"""Verdicts over the tools that agents have besides the shell: files, searches, the web, MCP servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from actors.speed_layer.compiled import Tables
from actors.speed_layer.embedded import LOCAL_HOSTS
from actors.speed_layer.path_rules import Access, Finding

READERS: Final = {"read": "file_path", "notebookread": "notebook_path", "ls": "path", "view": "file_path"}
WRITERS: Final = {"write": "file_path", "edit": "file_path", "multiedit": "file_path", "notebookedit": "notebook_path"}
SEARCHES: Final = frozenset({"glob", "grep"})
FETCHES: Final = frozenset({"webfetch"})


def judge_tool(tables: Tables, tool: str, arguments: dict[str, Any], cwd: str | None) -> Iterator[Finding]:
    """Yield what the rules say to a call of a tool.

    Args:
        tables: The rules.
        tool: The tool's canonical name.
        arguments: Its input.
        cwd: The request's working directory.
    """
    yield from _rules(tables, tool, arguments)
    if tool in READERS:
        yield _file(tables, arguments, READERS[tool], cwd, "read")
    elif tool in WRITERS:
        yield _file(tables, arguments, WRITERS[tool], cwd, "write")
    elif tool in SEARCHES:
        yield from _search(tables, tool, arguments, cwd)


def _file(tables: Tables, arguments: dict[str, Any], field: str, cwd: str | None, access: Access) -> Finding:
    path = arguments.get(field)
    if not isinstance(path, str) or not path:
        return Finding("ask", None, f"{field!r} is missing or no text")
    return tables.paths.judge(path, cwd, access, tables.paths.workspace(cwd))


def _search(tables: Tables, tool: str, arguments: dict[str, Any], cwd: str | None) -> Iterator[Finding]:
    workspace = tables.paths.workspace(cwd)
    pattern = arguments.get("pattern")
    if not isinstance(pattern, str):
        yield Finding("ask", None, "'pattern' is missing or no text")
        return
    path = arguments.get("path", ".")
    if not isinstance(path, str):
        yield Finding("ask", None, "'path' is no text")
        return
    yield tables.paths.judge(path or ".", cwd, "read", workspace)
    if tool == "glob" and (pattern.startswith(("/", "~")) or ".." in pattern.split("/")):
        yield tables.paths.judge(pattern, cwd, "read", workspace)


def _rules(tables: Tables, tool: str, arguments: dict[str, Any]) -> Iterator[Finding]:
    host = _host(arguments)
    for one in tables.tools:
        if not one.tools.fullmatch(tool):
            continue
        if one.hosts is not None and (host is None or not one.hosts.fullmatch(host)):
            continue
        yield Finding(one.rule.verdict, one.rule.id, one.rule.reason)
    if tool in FETCHES and host is not None and LOCAL_HOSTS.match(host):
        yield Finding("allow", None, "fetches from this machine")


def _host(arguments: dict[str, Any]) -> str | None:
    url = arguments.get("url")
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.hostname or "").casefold() if parts.scheme in {"http", "https"} and "@" not in parts.netloc else None
