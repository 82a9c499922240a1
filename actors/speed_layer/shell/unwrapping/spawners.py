"""Programs that run a command for every name they find or are fed: xargs, find, fd."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.options import parse
from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.shell.unwrapping.inner_command import Inner, Unwrapped, cut, unknown_option
from actors.speed_layer.shell.unwrapping.wrapper_table import XARGS

FILES_BELOW: Final = "**"
"""Stands for names of files below the working directory: whatever they are, they lie there."""
MAX_EXECS: Final = 8
"""How many `-exec` parts of one find are followed, each walked as a command of its own."""
NAME_TESTS: Final = frozenset({"-name", "-iname"})
OUTPUT_OPTIONS: Final = ("-printf", "-fprint", "-exec", "-ok", "--format", "-o", "--replace", "-r")
LISTS: Final = re.compile(r"-[A-Za-z]*l[A-Za-z]*|--files-with-matches")
PRINTS_OTHERS: Final = re.compile(
    r"-[A-Za-z]*[foercR]|--(?:file|output|files0-from|only|count|replace|reg|rec|der|input|echo)"
)
"""Options by which a filter reads another file, or prints something else than whole lines."""
MEASURES: Final = frozenset([
    "basename", "cksum", "dirname", "du", "echo", "file", "ls", "md5sum", "printf", "sha1sum", "sha256sum", "stat",
    "test", "wc",
])  # fmt: skip
"""Programs that neither show what is in a file nor write, whatever their words.

`xargs` without `-0` splits a name with a blank in it into several words, which may begin with a dash or lie anywhere.
"""
UNTRACKED: Final = frozenset({"-o", "--others", "-i", "--ignored"})
"""Options by which git lists files that nobody has committed."""
FILTERS: Final = frozenset({"grep", "rg", "sort", "uniq", "head", "tail", "xargs", "tac", "shuf"})


def fed_names(command: SimpleCommand) -> str:
    """Return what xargs appends, for judging: `**` for names below the working directory, else `UNKNOWN`.

    Names are known to lie below it when every program that feeds the pipeline lists files (`git ls-files`, `find`,
    ...) and the rest only filters lines.
    """
    if command.stdin is None or command.stdin.kind != "pipe" or not command.stdin.producers:
        return UNKNOWN
    first, *later = command.stdin.producers
    if not _lists_names(first.words) or any(one.words and not _only_filters(one) for one in later):
        return UNKNOWN
    return _named(first.words) if first.words[0] == "find" else FILES_BELOW


def names_tracked(words: tuple[str, ...]) -> bool:
    """Return whether a command prints names that git tracks: a blank in one is the repository's own doing."""
    if words[:2] == ("git", "ls-files"):
        return UNTRACKED.isdisjoint(words)
    return words[:2] == ("git", "diff") and "--name-only" in words and "--no-index" not in words


def _only_tracked(command: SimpleCommand) -> bool:
    return (
        command.stdin is not None and bool(command.stdin.producers) and names_tracked(command.stdin.producers[0].words)
    )


def _only_filters(command: SimpleCommand) -> bool:
    """Return whether a stage of a pipeline passes on some of the lines it is fed, and nothing else."""
    name, *rest = command.words
    if name not in FILTERS:
        return False
    if name == "xargs":
        return True
    if command.origin == "xargs":
        return name in {"grep", "rg"} and any(LISTS.fullmatch(word) for word in rest)
    files = [word for word in rest if not word.startswith("-") and not word.isdecimal()]
    return len(files) <= (name in {"grep", "rg"}) and not any(PRINTS_OTHERS.match(word) for word in rest)


def _named(words: tuple[str, ...]) -> str:
    """Return what find finds, for judging: `**/NAME` if it looks for one name, else `**`."""
    names = [words[index + 1] for index, word in enumerate(words[:-1]) if word in NAME_TESTS]
    if len(names) == 1:
        return f"{FILES_BELOW}/{names[0]}"
    return UNKNOWN if any(name.startswith((".", "id_")) for name in names) else FILES_BELOW


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


def xargs(command: SimpleCommand) -> Unwrapped | None:
    """Return what xargs runs, with what it appends."""
    parsed = parse(XARGS, command.words, 1, command.globs, posix=True)
    if parsed.unknown:
        return unknown_option("xargs", parsed.unknown[0])
    whole = parsed.has("-0", "--null") or parsed.value("-d", "--delimiter") in {"\\n", "\n"}
    fed = fed_names(command) if not parsed.has("-a", "--arg-file") else UNKNOWN
    if parsed.rest >= len(command.words):
        return None
    inner = cut(command, parsed.rest)
    inner.stdin = False
    marker = parsed.value("-I", "-J", "--replace", "-i") or ("{}" if parsed.has("-i", "--replace") else None)
    if marker:
        _replace(inner, marker, fed)
    else:
        safe = whole or inner.words[0] in MEASURES or _only_tracked(command)
        inner.words, inner.argv = (*inner.words, fed if safe else UNKNOWN), (*inner.argv, None)
    return Unwrapped(inner=[inner])


def _replace(inner: Inner, marker: str, fed: str) -> None:
    pairs: list[tuple[str, str | None]] = []
    for word, certain in zip(inner.words, inner.argv, strict=True):
        if marker in word:
            pairs.append((word.replace(marker, fed if word == marker else UNKNOWN), None))
        else:
            pairs.append((word, certain))
    inner.words = tuple(word for word, _ in pairs)
    inner.argv = tuple(certain for _, certain in pairs)


def _start(words: tuple[str, ...]) -> str:
    """Return where find starts, `UNKNOWN` if at several places."""
    starts: list[str] = []
    for word in words[1:]:
        if word in {"-H", "-L", "-P", "--"} or word.startswith(("-O", "-D")):
            if word == "-D":
                starts.append(UNKNOWN)
            continue
        if word.startswith(("-", "(", "!", ",")):
            break
        starts.append(word)
    return (starts[0].rstrip("/") or "/") if len(starts) == 1 else "." if not starts else UNKNOWN


def find(command: SimpleCommand) -> Unwrapped | None:
    """Return what the `-exec` parts of a find expression run."""
    words, found = command.words, Unwrapped()
    below = _start(words)
    name = _named(words)
    index = 1
    while index < len(words):
        if words[index] in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = index + 1
            while end < len(words) and words[end] != ";" and not (words[end] == "+" and words[end - 1] == "{}"):
                end += 1
            if end >= len(words):
                return Unwrapped(unproved=["find: -exec without an end"])
            inner = cut(command, index + 1, end)
            inner.stdin = False
            known = UNKNOWN not in {below, name}
            _replace(inner, "{}", f"{below.removesuffix('/')}/{name}" if known else UNKNOWN)
            if words[index] in {"-execdir", "-okdir"}:
                inner.directory = UNKNOWN
            found.inner.append(inner)
            if len(found.inner) > MAX_EXECS:
                return Unwrapped(unproved=["find: too many -exec parts"])
            index = end
        index += 1
    return found if found.inner else None


def fd(command: SimpleCommand) -> Unwrapped | None:
    """Return what fd runs for each file."""
    words = command.words
    for index, word in enumerate(words):
        if word in {"-x", "-X", "--exec", "--exec-batch"} or word.startswith(("--exec=", "--exec-batch=")):
            if "=" in word:
                return Unwrapped(unproved=["fd: a command attached to its option"])
            inner = cut(command, index + 1, words.index(";", index) if ";" in words[index:] else None)
            if not inner.words:
                return None
            if not any("{" in one for one in inner.words):
                inner.words, inner.argv = (*inner.words, FILES_BELOW), (*inner.argv, None)
            for marker in ("{//}", "{/.}", "{/}", "{.}", "{}"):
                _replace(inner, marker, FILES_BELOW if marker == "{}" else UNKNOWN)
            inner.stdin = False
            return Unwrapped(inner=[inner])
    return None
