"""What a program that runs other programs runs: the inner command, or shell text, of a wrapper's words."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.options import Parsed, parse
from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.proofs.everyday_tasks import task
from actors.speed_layer.shell.unwrapping import spawners
from actors.speed_layer.shell.unwrapping.inner_command import ShellText, Unwrapped, cut, joined, unknown_option
from actors.speed_layer.shell.unwrapping.wrapper_table import (
    HYPERFINE,
    MODULES,
    SHELL_OPTIONS,
    SHELLS,
    TASK_RUNNERS,
    TASKS,
    WRAPPERS,
    Wrapper,
)

PYTHON: Final = re.compile(r"(?:python|pypy)[0-9.]*\Z")
ASSIGNMENT: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=(.*)", re.DOTALL)
STARTUP: Final = ("-i", "--rcfile", "--init-file", "--debugger", "-a", "-k")
LOGIN: Final = ("-l", "--login")
"""With a text it is how some agents run each command: the profile that is read first is one that no agent may write."""
USUAL: Final = frozenset(
    {"errexit", "nounset", "xtrace", "verbose", "pipefail", "noglob", "noclobber", "globstar", "nullglob"}
)
RUN_BY_HYPERFINE: Final = frozenset({"--prepare", "-p", "--setup", "-s", "--cleanup", "-c", "--conclude"})
BEFORE_MODULE: Final = frozenset({
    "-u", "-B", "-b", "-s", "-E", "-I", "-O", "-OO", "-q", "-v", "-Werror", "-P", "-a",
    "-p", "--branch", "--append", "--parallel-mode",
})  # fmt: skip
"""Options of python and coverage that may stand before `-m`."""
WRAPPER_NAMES: Final = frozenset({"coverage", *(prefix[0] for prefix in WRAPPERS)})


def program(word: str) -> str:
    """Return a program's name without its directory."""
    return word.rpartition("/")[2]


def unwrap(command: SimpleCommand) -> Unwrapped | None:  # noqa: PLR0911 - one case a kind of wrapper
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


def _wrapped(command: SimpleCommand, wrapper: Wrapper, start: int) -> Unwrapped | None:
    words = command.words
    parsed = parse(wrapper.options, words, start, command.globs, posix=True)
    if parsed.unknown:
        if command.words[0] == "command" and parsed.unknown[0] in {"-v", "-V", "-pv"}:
            return None
        return unknown_option(command.words[0], parsed.unknown[0])
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
    if wrapper.joins:
        return Unwrapped(texts=[joined(command, index)])
    if words[0] in TASK_RUNNERS and _is_task(words[index]):
        return None
    inner = cut(command, index)
    inner.env = tuple(env)
    inner.directory = _directory(parsed)
    return Unwrapped(inner=[inner])


def _is_task(word: str) -> bool:
    """Return whether a word names a task of the project rather than a program."""
    return word in TASKS or (":" in word and task(word) is None)


def _hyperfine(command: SimpleCommand) -> Unwrapped | None:
    parsed = parse(HYPERFINE, command.words, 1, command.globs)
    if parsed.unknown:
        return unknown_option("hyperfine", parsed.unknown[0])
    given = [value for name, value, _ in parsed.options if name in RUN_BY_HYPERFINE]
    texts = [*given, *(word for _, word in parsed.positionals)]
    return Unwrapped(texts=[ShellText(None if text is None or UNKNOWN in text else text) for text in texts])


def _directory(parsed: Parsed) -> str | None:
    for _, value, kind in parsed.options:
        if kind == "dir":
            return value
    return None


def _shell(command: SimpleCommand) -> Unwrapped | None:  # noqa: PLR0911 - one case a source of text
    parsed = parse(SHELL_OPTIONS, command.words, 1, command.globs, posix=True)
    if parsed.has("-c") and parsed.rest < len(command.words) and command.argv[parsed.rest] is None:
        return Unwrapped(texts=[ShellText(None)])
    if parsed.unknown:
        return unknown_option(command.words[0], parsed.unknown[0])
    rest = parsed.rest
    unproved = ["a shell that reads other files first, or reads words in another way"] if _is_unusual(parsed) else []
    if parsed.has("-c"):
        if rest >= len(command.words):
            return None
        return Unwrapped(texts=[ShellText(command.argv[rest], command.words[rest + 1 :])], unproved=unproved)
    if unproved:
        return Unwrapped(unproved=unproved)
    if rest < len(command.words) and not parsed.has("-s"):
        script = command.words[rest]
        if script in {"/dev/stdin", "-"} or script.startswith(("/dev/fd/", UNKNOWN)):
            return Unwrapped(unproved=["a shell runs a script known only at run time"])
        return None
    if command.stdin is None:
        return None
    arguments = ("bash", *command.words[rest:])
    return Unwrapped(texts=[ShellText(command.stdin.text, arguments)])


def _is_unusual(parsed: Parsed) -> bool:
    startup = STARTUP if parsed.has("-c") else STARTUP + LOGIN
    return parsed.has(*startup) or any(
        name in {"-o", "+o", "-O", "+O"} and (value or "") not in USUAL for name, value, _ in parsed.options
    )


def _eval(command: SimpleCommand) -> Unwrapped | None:
    return Unwrapped(texts=[joined(command, 1)]) if len(command.words) > 1 else None


def _su(command: SimpleCommand) -> Unwrapped | None:
    for index, word in enumerate(command.words[:-1]):
        if word in {"-c", "--command"}:
            return Unwrapped(texts=[ShellText(command.argv[index + 1])])
    return None


def _trap(command: SimpleCommand) -> Unwrapped | None:
    if len(command.words) < 3 or command.words[1] in {"-p", "-l", "-", ""}:  # noqa: PLR2004 - trap TEXT SIGNAL
        return None
    return Unwrapped(texts=[ShellText(command.argv[1])])


def _alias(command: SimpleCommand) -> Unwrapped | None:
    texts: list[ShellText] = []
    for word, certain in zip(command.words[1:], command.argv[1:], strict=True):
        name, equals, value = word.partition("=")
        if equals and not name.startswith("-"):
            texts.append(ShellText(value if certain is not None else None))
    return Unwrapped(texts=texts) if texts else None


def _after_dashes(command: SimpleCommand) -> Unwrapped | None:
    words = command.words
    if "exec" in words and "--" in words[:-1]:
        return Unwrapped(inner=[cut(command, words.index("--") + 1)])
    return None


def _module(command: SimpleCommand, start: int = 1) -> Unwrapped | None:
    words = command.words
    for index in range(start, len(words) - 1):
        if words[index] == "-m":
            module = words[index + 1]
            name = module if module in MODULES else f"python -m {module}"
            inner = cut(command, index + 1)
            inner.words, inner.argv = (name, *inner.words[1:]), (name, *inner.argv[1:])
            return Unwrapped(inner=[inner])
        if words[index] not in BEFORE_MODULE and not words[index].startswith("--source="):
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
    "xargs": spawners.xargs,
    "gxargs": spawners.xargs,
    "find": spawners.find,
    "gfind": spawners.find,
    "fd": spawners.fd,
    "fdfind": spawners.fd,
    "hyperfine": _hyperfine,
    "kubectl": _after_dashes,
    "oc": _after_dashes,
    "parallel": _unread,
    "script": _unread,
}
