"""Files that a command empties, whatever it is spelled like, and files of which it writes many at once."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import Redirect, SimpleCommand

SILENT: Final = frozenset({":", "true", "false", "test", "[", "cd", "wait", "sleep", "exit", "unset", "shift", "pushd"})
"""Builtins and programs that print nothing."""
PASSES_ON: Final = frozenset({
    "cat", "tee", "sort", "uniq", "tac", "rev", "tr", "cut", "grep", "egrep", "fgrep", "sed", "gsed", "awk", "gawk",
    "head", "tail", "sponge", "base64", "nl", "fold", "fmt", "jq", "dd", "less", "more", "column", "paste", "iconv",
})  # fmt: skip
"""Programs that print nothing where they read nothing."""
PRINTERS: Final = frozenset({"echo", "printf", "test", "[", "basename", "dirname"})
"""Programs whose words are no files that they read."""
WRITERS: Final = frozenset({"tee", "sponge"})
"""Programs that write what they are fed to the files that their words name."""
EDITORS: Final = frozenset({"sed", "gsed"})
NOTHING: Final = "/dev/null"
NOBODY_MINDS: Final = ("/dev/", "/tmp/")  # noqa: S108 - not used, only looked for
"""Where a file may be emptied."""
APPENDS: Final = frozenset({">>", "&>>", "<>"})
MANY: Final = re.compile(r"[*?\[]")
BLANK: Final = re.compile(r"(?:%s|%b|\\[cn]|\s)*\Z")
NO_LINES: Final = re.compile(r"-(?:n|c)?0\Z|--(?:lines|bytes)=0\Z")
DELETES_ALL: Final = re.compile(
    r"\s*(?:(?:(?:[01]|/\^?(?:\.\*)?\$?/)\s*,\s*(?:\$|[0-9]{5,}|/\^?(?:\.\*)?\$?/)?|//|/(?:\^|\.\*?|\^\.\*\$?|\$)/|[01]~1)?\s*d\s*;?"
    r"|s(?P<mark>[/|#,@!:])\^?\.\*\$?(?P=mark)\s*(?P=mark)[gIm]*;?)\s*\Z"
)
"""A sed script that leaves no line, or nothing on any."""
PRINTS: Final = re.compile(r"[pPilac=]")
TAKE_PROGRAM: Final = frozenset({"grep", "egrep", "fgrep", "sed", "gsed", "awk", "gawk", "jq", "tr"})
"""Those that pass on what they read whose first word says what of it."""
SILENT_AWK: Final = re.compile(r"\s*(?:(?:(?:BEGIN|END)\s*)?\{(?:(?!print|system|getline)[^{}|])*\}\s*)+\Z")
"""A program for awk, without patterns, that neither prints nor runs anything."""


def emptied(command: SimpleCommand) -> str | None:
    """Return what a command does that empties files, or changes many at once, None if it does not."""
    for redirect in command.redirects:
        if redirect.writes and redirect.path is not None:
            why = _by_redirection(command, redirect, redirect.path)
            if why:
                return why
    program = command.words[0].rpartition("/")[2] if command.words else ""
    if program in WRITERS and not {"-a", "--append"}.intersection(command.words):
        files = [word for word in command.words[1:] if not word.startswith(("-", "/dev/"))]
        if files and _reads_nothing(command):
            return f"empties {files[0]}"
        return None if program == "sponge" else _overwrites_what_is_read(command, files, ())
    if program in EDITORS and any(word.startswith(("-i", "--in-place", "-ni", "-Ei", "-ri")) for word in command.words):
        return _by_editing(command.words)
    return None


def _by_redirection(command: SimpleCommand, redirect: Redirect, path: str) -> str | None:
    if path in command.picked:
        return f"changes every file that {path} stands for"
    if redirect.op in APPENDS or not redirect.to_stdout or path.startswith(NOBODY_MINDS):
        return None
    if command.words and _prints_nothing(command):
        return f"empties {path}"
    if MANY.search(path) and not any(MANY.search(word) for word in command.words):
        return f"writes the same to many files ({path})"
    if not MANY.search(path) and any(word in command.picked for word in command.words):
        return f"writes one file after another to {path}, over the one before"
    return _overwrites_what_is_read(command, [path], command.words[1:])


def _overwrites_what_is_read(command: SimpleCommand, files: Sequence[str], words: Sequence[str]) -> str | None:
    """Return that a file is emptied before it is read, by these words or by what feeds the command."""
    read = {join(command.cwd, word) for word in words if command.words[0] not in PRINTERS}
    for one in (command, *(command.stdin.producers if command.stdin is not None else ())):
        read.update(join(one.cwd, redirect.path) for redirect in one.redirects if not redirect.writes and redirect.path)
        if one is not command and one.words and one.words[0] not in PRINTERS:
            read.update(join(one.cwd, word) for word in one.words[1:])
    own = next((file for file in files if join(command.cwd, file) in read - {None}), None)
    return f"empties {own} before it is read" if own is not None else None


def group_emptied(commands: Sequence[SimpleCommand]) -> str | None:
    """Return which file is emptied by a redirection of braces or parentheses in a line that prints nothing."""
    for command in commands:
        if command.origin == "group" and not command.words:
            for one in command.redirects:
                if one.writes and one.op not in APPENDS and one.to_stdout and not (one.path or "").startswith("/dev/"):
                    said = (other for other in commands if other.words and not _prints_nothing(other))
                    return f"empties {one.path}" if next(said, None) is None else None
    return None


def _prints_nothing(command: SimpleCommand) -> bool:
    program, words = command.words[0].rpartition("/")[2], command.words[1:]
    if program in SILENT:
        return True
    if program == "echo":
        return not "".join(word for word in words if word not in {"-n", "-e", "-E", "-ne", "-en"}).strip()
    if program == "printf":
        return all(BLANK.match(word) for word in words)
    if program in {"head", "tail"} and any(
        NO_LINES.match(word) or (word == "0" and words[index - 1] in {"-n", "-c"}) for index, word in enumerate(words)
    ):
        return True
    says_so = QUIET_PROGRAMS.get(program)
    if says_so is not None and says_so(words):
        return True
    return program in PASSES_ON and _reads_nothing(command)


def _reads_nothing(command: SimpleCommand) -> bool:
    """Return whether all that a command is fed is nothing, and it reads no file besides."""
    files = [word for word in command.words[1:] if not word.startswith("-")]
    if command.words[0] in {"cat", "sort", "uniq", "tac", "rev"} and files:
        return set(files) == {NOTHING}
    if files[-1:] == [NOTHING] and len(files) <= 1 + (command.words[0] in TAKE_PROGRAM):
        return True
    stdin = command.stdin
    if any(one.path == NOTHING for one in command.redirects if not one.writes):
        return True
    if stdin is None or stdin.kind == "file":
        return False
    if stdin.kind == "text":
        return stdin.text is not None and not stdin.text.strip()
    last = stdin.producers[-1] if stdin.producers else None
    return last is not None and bool(last.words) and _prints_nothing(last)


def _silent_awk(words: tuple[str, ...]) -> bool:
    return bool(words) and SILENT_AWK.match(words[0]) is not None


def _silent_jq(words: tuple[str, ...]) -> bool:
    return next((word for word in words if not word.startswith("-")), "") == "empty"


def _silent_sed(words: tuple[str, ...]) -> bool:
    return words[:1] in {("-n",), ("--quiet",), ("--silent",)} and not PRINTS.search("".join(words[1:2]))


QUIET_PROGRAMS: Final = {
    "awk": _silent_awk,
    "gawk": _silent_awk,
    "mawk": _silent_awk,
    "jq": _silent_jq,
    "sed": _silent_sed,
    "gsed": _silent_sed,
}
"""Programs to what tells, by their words, that they print nothing."""


def _by_editing(words: tuple[str, ...]) -> str | None:
    quiet = any(word.startswith("-") and not word.startswith("--") and "n" in word.partition("i")[0] for word in words)
    quiet = quiet or "--quiet" in words or "--silent" in words
    scripts = [words[index + 1] for index, word in enumerate(words[:-1]) if word in {"-e", "--expression"}]
    plain = [word for word in words[1:] if not word.startswith("-") and word]
    scripts = scripts or plain[:1]
    if any(DELETES_ALL.match(script) for script in scripts) or (
        quiet and scripts and not any(PRINTS.search(script) for script in scripts)
    ):
        return f"empties {plain[-1]}"
    return None
