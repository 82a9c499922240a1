"""What a program that runs other programs runs: the inner command, or shell text, of a wrapper's words."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final

from actors.speed_layer.lexer import Unproved
from actors.speed_layer.options import NO_OPTIONS, Parsed, parse
from actors.speed_layer.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.wrapper_table import MODULES, SHELL_OPTIONS, SHELLS, WRAPPERS, XARGS, Wrapper

PYTHON: Final = re.compile(r"(?:python|pypy)[0-9.]*\Z")
ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
FILES_BELOW: Final = "**"
OUTPUT_OPTIONS: Final = ("-printf", "-fprint", "-exec", "-ok", "--format", "-o", "--replace", "-r")
FILTERS: Final = frozenset({"grep", "rg", "sort", "uniq", "head", "tail", "xargs", "tac", "shuf"})
WRAPPER_NAMES: Final = frozenset({"coverage", *(prefix[0] for prefix in WRAPPERS)})


@dataclass(slots=True)
class Inner:
    """One command inside another.

    Attributes:
        words: Its judged words.
        argv: Its certain words.
        env: Assignments the wrapper makes for it.
        directory: A directory the wrapper changes to first, `None` for none.
        stdin: Whether it reads what the wrapper reads.
    """

    words: tuple[str, ...]
    argv: tuple[str | None, ...]
    env: tuple[tuple[str, str | None], ...] = ()
    directory: str | None = None
    stdin: bool = True


@dataclass(slots=True)
class ShellText:
    """Text that is given to a shell.

    Attributes:
        text: The text, `None` if it is known only at run time.
        arguments: What `$0`, `$1`, ... are in it.
    """

    text: str | None
    arguments: tuple[str, ...] = ()


@dataclass(slots=True)
class Unwrapped:
    """All that a wrapper runs, and why that may not be all."""

    inner: list[Inner] = field(default_factory=list[Inner])
    shell: list[ShellText] = field(default_factory=list[ShellText])
    unproved: list[str] = field(default_factory=list[str])


def program(word: str) -> str:
    """Return a program's name without its directory."""
    return word.rpartition("/")[2]


def unwrap(command: SimpleCommand) -> Unwrapped | None:
    """Return what `command` runs besides itself, `None` if it is no wrapper."""
    words = command.words
    if not words:
        return None
    name = program(words[0])
    special = SPECIAL.get(name)
    if special is not None:
        return special(command)
    if PYTHON.match(name):
        return _module(command)
    if name not in WRAPPER_NAMES:
        return None
    if name == "coverage" and words[1:2] == ("run",):
        return _module(command, 2)
    for length in (3, 2, 1):
        wrapper = WRAPPERS.get((name, *words[1:length]))
        if wrapper is not None and len(words) >= length:
            return _wrapped(command, wrapper, length)
    return None


def _slice(command: SimpleCommand, start: int, stop: int | None = None) -> Inner:
    return Inner(command.words[start:stop], command.argv[start:stop])


def _wrapped(command: SimpleCommand, wrapper: Wrapper, start: int) -> Unwrapped | None:
    words = command.words
    parsed = parse(wrapper.options, words, start, command.globs, posix=True)
    if parsed.unknown:
        if command.words[0] == "command" and parsed.unknown[0] in {"-v", "-V", "-pv"}:
            return None
        return Unwrapped(unproved=[f"{command.words[0]}: an option it is not known to have: {parsed.unknown[0]!r}"])
    index, env = parsed.rest + wrapper.skip, list[tuple[str, str | None]]()
    while wrapper.assigns and index < len(words):
        assignment = ASSIGNMENT.match(words[index])
        if not assignment:
            break
        env.append((assignment[1], assignment[2] if UNKNOWN not in assignment[2] else None))
        index += 1
    if index < len(words) and words[index] == "--" and wrapper.skip:
        index += 1
    if index >= len(words):
        return None
    if wrapper.shell:
        return Unwrapped(shell=[_joined(command, index)])
    inner = _slice(command, index)
    inner.env = tuple(env)
    inner.directory = _directory(parsed)
    return Unwrapped(inner=[inner])


def _directory(parsed: Parsed) -> str | None:
    for _, value, kind in parsed.options:
        if kind == "dir":
            return value
    return None


def _joined(command: SimpleCommand, start: int) -> ShellText:
    rest = command.argv[start:]
    exact = [word for word in rest if word is not None]
    return ShellText(" ".join(exact) if len(exact) == len(rest) else None)


def _shell(command: SimpleCommand) -> Unwrapped | None:
    parsed = parse(SHELL_OPTIONS, command.words, 1, command.globs, posix=True)
    if parsed.has("-c") and parsed.rest < len(command.words) and command.argv[parsed.rest] is None:
        return Unwrapped(shell=[ShellText(None)])
    if parsed.unknown:
        return Unwrapped(unproved=[f"{command.words[0]}: an option it is not known to have: {parsed.unknown[0]!r}"])
    rest = parsed.rest
    if parsed.has("-c"):
        if rest >= len(command.words):
            return None
        return Unwrapped(shell=[ShellText(command.argv[rest], command.words[rest + 1 :])])
    if rest < len(command.words) and not parsed.has("-s"):
        script = command.words[rest]
        if script in {"/dev/stdin", "-"} or script.startswith(("/dev/fd/", UNKNOWN)):
            return Unwrapped(unproved=["a shell runs a script known only at run time"])
        return None
    if command.stdin is None:
        return None
    arguments = ("bash", *command.words[rest:])
    return Unwrapped(shell=[ShellText(command.stdin.text, arguments)])


def _eval(command: SimpleCommand) -> Unwrapped | None:
    return Unwrapped(shell=[_joined(command, 1)]) if len(command.words) > 1 else None


def _su(command: SimpleCommand) -> Unwrapped | None:
    for index, word in enumerate(command.words[:-1]):
        if word in {"-c", "--command"}:
            return Unwrapped(shell=[ShellText(command.argv[index + 1])])
    return None


def _trap(command: SimpleCommand) -> Unwrapped | None:
    if len(command.words) < 3 or command.words[1] in {"-p", "-l", "-", ""}:  # noqa: PLR2004 - trap TEXT SIGNAL
        return None
    return Unwrapped(shell=[ShellText(command.argv[1])])


def _alias(command: SimpleCommand) -> Unwrapped | None:
    texts = list[ShellText]()
    for word, certain in zip(command.words[1:], command.argv[1:], strict=True):
        name, equals, value = word.partition("=")
        if equals and not name.startswith("-"):
            texts.append(ShellText(value if certain is not None else None))
    return Unwrapped(shell=texts) if texts else None


def fed_names(command: SimpleCommand) -> str:
    """Return what xargs appends, for judging: `**` for names below the working directory, else `UNKNOWN`.

    Names are known to lie below it when every program that feeds the pipeline lists files (`git ls-files`, `find`, ...)
    and the rest only filters lines.
    """
    if command.stdin is None or command.stdin.kind != "pipe" or not command.stdin.producers:
        return UNKNOWN
    first, *later = command.stdin.producers
    if not _lists_names(first.words) or any(one.words[:1] and one.words[0] not in FILTERS for one in later):
        return UNKNOWN
    return FILES_BELOW


def _lists_names(words: tuple[str, ...]) -> bool:
    """Return whether a command prints names of files below the working directory and nothing else."""
    rest = words[1:]
    if any(word.startswith(("/", "~", "..", UNKNOWN)) or "/.." in word or word == "-C" for word in rest):
        return False
    if any(word.startswith(OUTPUT_OPTIONS) for word in rest):
        return False
    name = words[0] if words else ""
    if name in {"find", "fd", "ls"} or words[:2] == ("git", "ls-files"):
        return True
    names_only = any(word in {"--name-only", "--files", "--files-with-matches"} for word in rest)
    short = any(re.fullmatch(r"-[A-Za-z]*l[A-Za-z]*", word) for word in rest)
    return (words[:2] == ("git", "diff") and names_only) or (name in {"grep", "rg"} and (names_only or short))


def _xargs(command: SimpleCommand) -> Unwrapped | None:
    parsed = parse(XARGS, command.words, 1, command.globs, posix=True)
    if parsed.unknown:
        return Unwrapped(unproved=[f"xargs: an option it is not known to have: {parsed.unknown[0]!r}"])
    fed = fed_names(command) if not parsed.has("-a", "--arg-file") else UNKNOWN
    if parsed.rest >= len(command.words):
        return None
    inner = _slice(command, parsed.rest)
    inner.stdin = False
    marker = parsed.value("-I", "-J", "--replace", "-i") or ("{}" if parsed.has("-i", "--replace") else None)
    if marker:
        _replace(inner, marker, fed)
    else:
        inner.words, inner.argv = (*inner.words, fed), (*inner.argv, None)
    return Unwrapped(inner=[inner])


def _replace(inner: Inner, marker: str, fed: str) -> None:
    pairs = list[tuple[str, str | None]]()
    for word, certain in zip(inner.words, inner.argv, strict=True):
        if marker in word:
            pairs.append((word.replace(marker, fed if word == marker else UNKNOWN), None))
        else:
            pairs.append((word, certain))
    inner.words = tuple(word for word, _ in pairs)
    inner.argv = tuple(certain for _, certain in pairs)


def _find(command: SimpleCommand) -> Unwrapped | None:
    words, found = command.words, Unwrapped()
    starts = list[str]()
    for word in words[1:]:
        if word.startswith(("-", "(", "!", ",")):
            break
        starts.append(word)
    below = (starts[0].rstrip("/") or "/") if len(starts) == 1 else "." if not starts else UNKNOWN
    index = 1
    while index < len(words):
        if words[index] in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = index + 1
            while end < len(words) and words[end] != ";" and not (words[end] == "+" and words[end - 1] == "{}"):
                end += 1
            if end >= len(words):
                return Unwrapped(unproved=["find: -exec without an end"])
            inner = _slice(command, index + 1, end)
            inner.stdin = False
            _replace(inner, "{}", UNKNOWN if below == UNKNOWN else f"{below.removesuffix('/')}/{FILES_BELOW}")
            if words[index] in {"-execdir", "-okdir"}:
                inner.directory = UNKNOWN
            found.inner.append(inner)
            index = end
        index += 1
    return found if found.inner else None


def _fd(command: SimpleCommand) -> Unwrapped | None:
    words = command.words
    for index, word in enumerate(words):
        if word in {"-x", "-X", "--exec", "--exec-batch"} or word.startswith(("--exec=", "--exec-batch=")):
            if "=" in word:
                return Unwrapped(unproved=["fd: a command attached to its option"])
            inner = _slice(command, index + 1, words.index(";", index) if ";" in words[index:] else None)
            if not inner.words:
                return None
            if not any("{" in one for one in inner.words):
                inner.words, inner.argv = (*inner.words, FILES_BELOW), (*inner.argv, None)
            for marker in ("{//}", "{/.}", "{/}", "{.}", "{}"):
                _replace(inner, marker, FILES_BELOW if marker == "{}" else UNKNOWN)
            inner.stdin = False
            return Unwrapped(inner=[inner])
    return None


def _after_dashes(command: SimpleCommand) -> Unwrapped | None:
    words = command.words
    if "exec" in words and "--" in words[:-1]:
        return Unwrapped(inner=[_slice(command, words.index("--") + 1)])
    return None


def _module(command: SimpleCommand, start: int = 1) -> Unwrapped | None:
    words = command.words
    for index in range(start, len(words) - 1):
        if words[index] == "-m":
            module = words[index + 1]
            name = module if module in MODULES else f"python -m {module}"
            inner = _slice(command, index + 1)
            inner.words, inner.argv = (name, *inner.words[1:]), (name, *inner.argv[1:])
            return Unwrapped(inner=[inner])
        if words[index] not in {
            "-u",
            "-B",
            "-b",
            "-s",
            "-E",
            "-I",
            "-O",
            "-OO",
            "-q",
            "-v",
            "-Werror",
            "-P",
            "-a",
            "-p",
            "--branch",
            "--append",
            "--parallel-mode",
        } and not words[index].startswith("--source="):
            break
    return None


def _unread(command: SimpleCommand) -> Unwrapped:
    return Unwrapped(unproved=[f"{program(command.words[0])} runs commands that are not read here"])


SPECIAL: Final = {
    **dict.fromkeys(SHELLS, _shell),
    "eval": _eval,
    "su": _su,
    "trap": _trap,
    "alias": _alias,
    "xargs": _xargs,
    "gxargs": _xargs,
    "find": _find,
    "gfind": _find,
    "fd": _fd,
    "fdfind": _fd,
    "kubectl": _after_dashes,
    "oc": _after_dashes,
    "parallel": _unread,
    "script": _unread,
}
__all__ = ["NO_OPTIONS", "Inner", "ShellText", "Unproved", "Unwrapped", "fed_names", "program", "unwrap"]
