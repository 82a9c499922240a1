"""Verdicts over the tools that agents have besides the shell: files, searches, patches, the web, MCP servers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

from actors.speed_layer.command.paths import MAX_PATH, join
from actors.speed_layer.command.simple_command import UNKNOWN
from actors.speed_layer.policy.judging.patch_files import patch_of, touched_by
from actors.speed_layer.policy.judging.tool_paths import paths_within, strange, texts
from actors.speed_layer.policy.loading.compiled_rules import CompiledRules
from actors.speed_layer.policy.matching.path_rules import STRICTNESS, Access, Finding, Workspace
from actors.speed_layer.policy.rule_tables import ToolSignature
from actors.speed_layer.policy.tool_signatures import KnownTool
from actors.speed_layer.proofs.argument_values import LOCAL_HOSTS
from actors.speed_layer.shell.reading.brace_expansion import expand_braces

DESTINATION: Final = "destination"
"""The key of an input that says where something is moved or copied to."""
MAX_URL: Final = 8192
"""Length of the longest URL that is looked at; browsers and servers take no longer ones."""
MAX_FILES: Final = 500
"""How many files of one call are judged, some microseconds each; what names more is `ask`."""


class ToolCall:
    """A call of a tool, with what it is judged by.

    Args:
        rules: The rules.
        arguments: Its input, without what changes nothing.
        cwd: The directory that its paths start from.
        workspace: The request's workspace.

    Attributes:
        created: The files that it may create, once it was judged; None for all that it writes.
        moves: Whether it moves or copies, once it was judged: what it names may be folders then.
    """

    __slots__ = ("arguments", "created", "cwd", "moves", "rules", "workspace")

    def __init__(self, rules: CompiledRules, arguments: dict[str, Any], cwd: str | None, workspace: Workspace) -> None:
        self.rules = rules
        self.arguments = arguments
        self.cwd = cwd
        self.workspace = workspace
        self.created: list[str] | None = None
        self.moves = False

    def judged(self, tool: str, known: KnownTool | None) -> Iterator[Finding]:
        """Yield what the rules say.

        Args:
            tool: The tool's name, as it is compared.
            known: What it does with its input; None if nobody has said.
        """
        yield from self._tool_rules(tool, fetches=known is not None and known.signature.act == "fetch")
        if known is None:
            return
        self.moves = DESTINATION in known.signature.paths
        why = self._unread(known) if known.asks else None
        if why is not None:
            yield Finding("ask", None, why)
        elif known.signature.act == "nothing":
            yield Finding("allow", None, "does nothing that needs a verdict")
        elif known.signature.act == "patch":
            yield from self._patch(known.signature)
        elif known.signature.act in {"search", "list"}:
            yield from self._searched(known.signature)
        elif known.signature.act != "fetch":
            yield from self._files(known.signature)

    def _unread(self, known: KnownTool) -> str | None:
        """Return why an input cannot be judged; None if it can."""
        loud = known.loud(self.arguments)
        if loud is not None:
            return f"what {loud!r} does to it is not judged"
        for key in known.signature.needs:
            text = self.arguments.get(key)
            if not isinstance(text, str):
                return f"{key!r} is missing or no text"
            if len(text) > MAX_PATH:
                return f"{key!r} has more than {MAX_PATH} characters"
        return None

    def _patch(self, signature: ToolSignature) -> Iterator[Finding]:
        for keys in (signature.text, signature.directory):
            said = [key for key in keys if self.arguments.get(key) is not None]
            if len(said) > 1:
                yield Finding(
                    "ask", None, f"{said[0]!r} and {said[1]!r} say two things, and the tool takes one of them"
                )
                return
        yield from self.patched(_first(self.arguments, signature.text), signature.directory)

    def patched(self, given: Any, directory: tuple[str, ...]) -> Iterator[Finding]:
        """Yield what the rules say to every file that a patch adds, changes, moves or removes.

        Args:
            given: The patch, or the command that applies it.
            directory: Keys that may hold the directory it starts from.
        """
        named = _first(self.arguments, directory)
        if named is not None:
            self.cwd = join(self.cwd, named) if isinstance(named, str) and not strange(named) else None
        patch = patch_of(given) or given
        touched = touched_by(patch) if isinstance(patch, str) else None
        if touched is None or len(touched) > MAX_FILES:
            yield Finding("ask", None, "the patch is in no form that is read here, or too long")
            return
        self.created = []
        for path, access, creates in touched:
            written = self._file(path, "write")
            if creates:
                self.created.append(written.path)
            yield written
            if access == "delete" and (removed := self._file(path, "delete")).rule is not None:
                yield removed

    def _files(self, signature: ToolSignature) -> Iterator[Finding]:
        access: Access = "read" if signature.act == "read" else "delete" if signature.act == "delete" else "write"
        if any(self.arguments.get(key) in values for key, values in signature.reads_when.items()):
            access = "read"
        if any(_says_which_part(self.arguments.get(key), signature.edits) for key in signature.edits):
            self.created = []
        given = [self.arguments[key] for key in signature.paths if self.arguments.get(key) is not None]
        given += paths_within(self.arguments, signature.paths)
        if not given:
            yield Finding("ask", None, "the file's path is missing")
        for each in given:
            yield from self._listed(each, access)

    def _listed(self, given: Any, access: Access) -> Iterator[Finding]:
        paths = texts(given)
        if paths is None or len(paths) > MAX_FILES:
            yield Finding("ask", None, "the file's path is empty or no text, or there are too many")
            return
        for path in paths:
            yield self._file(path, access)

    def _file(self, path: str, access: Access) -> Finding:
        finding = self.rules.paths.judge(path, self.cwd, access, self.workspace)
        if finding.verdict != "allow" or not strange(path):
            return finding
        plain = self.rules.paths.judge(_without_disguise(path), self.cwd, access, self.workspace)
        return plain if STRICTNESS[plain.verdict] > 0 else Finding("ask", None, f"{path} may name another file")

    def _searched(self, signature: ToolSignature) -> Iterator[Finding]:
        base, places = self.cwd, [self.arguments[key] for key in signature.paths if self.arguments.get(key)]
        for place in places or ["."]:
            yield from self._listed(place, "read")
        if len(places) == 1 and isinstance(places[0], str):
            base = join(self.cwd, places[0])
        for key in signature.globs:
            if self.arguments.get(key) is not None:
                yield from self._picked(self.arguments[key], base, only_names=signature.act == "list")

    def _picked(self, given: Any, base: str | None, *, only_names: bool) -> Iterator[Finding]:
        """Yield what the rules say to the files that a glob picks, of which a tool may see the names alone."""
        globs = texts(given)
        if globs is None or len(globs) > MAX_FILES:
            yield Finding("ask", None, "a pattern of file names is empty or no text, or there are too many")
            return
        for glob in globs:
            if len(glob) > MAX_PATH:
                yield Finding("ask", None, f"a pattern of more than {MAX_PATH} characters")
            elif only_names and not glob.startswith(("/", "~")) and ".." not in glob.split("/"):
                continue
            elif not glob.startswith("!"):  # else it is what is left out
                words = expand_braces(glob) if "{" in glob else [glob]
                for word in words or [UNKNOWN]:
                    yield self.rules.paths.judge(word, base, "read", self.workspace)

    def _tool_rules(self, tool: str, *, fetches: bool) -> Iterator[Finding]:
        url = self.arguments.get("url")
        if isinstance(url, str) and len(url) > MAX_URL:
            yield Finding("ask", None, f"a URL of more than {MAX_URL} characters")
            return
        host = _host(url)
        for one in self.rules.tools:
            if one.rule.id in self.workspace.excluded or not one.tools(tool):
                continue
            if one.hosts is not None and (host is None or not one.hosts(host)):
                continue
            yield Finding(one.rule.verdict, one.rule.id, one.rule.reason)
        if fetches and host is not None and LOCAL_HOSTS.match(host):
            yield Finding("allow", None, "fetches from this machine")


def _first(arguments: dict[str, Any], keys: tuple[str, ...]) -> Any:
    """Return the value of the first of some keys that is there."""
    return next((arguments[key] for key in keys if arguments.get(key) is not None), None)


def _says_which_part(value: Any, keys: tuple[str, ...]) -> bool:
    """Return whether the value of a key says which part of a file is changed, so that the file must be there."""
    if isinstance(value, list):
        each: list[Any] = value  # pyright: ignore[reportUnknownVariableType] - it comes from JSON
        return bool(each) and all(
            isinstance(one, dict) and any(_says_which_part(one.get(key), keys) for key in keys)  # pyright: ignore[reportUnknownMemberType, reportUnknownArgumentType]
            for one in each
        )
    return value is not None and value is not False and value != "" and not isinstance(value, dict)


def _without_disguise(path: str) -> str:
    """Return a path as whoever disguised it may have meant it, for a rule that denies it."""
    for begins, means in (("file://localhost", ""), ("file://", ""), ("${HOME}", "~"), ("$HOME", "~")):
        if path.startswith(begins):
            return means + path[len(begins) :]
    return path.replace("\\", "/")


def _host(url: Any) -> str | None:
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    return (parts.hostname or "").casefold() if parts.scheme in {"http", "https"} and "@" not in parts.netloc else None
