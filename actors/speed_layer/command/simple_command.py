"""What the shell analysis hands on: simple commands, their redirections and what feeds them.

A word is kept twice. `argv` holds what is certain: the text of a word, or `None` where only the shell will know.
`words` holds the best reading of the same word for judging: unknown stretches are `UNKNOWN`, `$HOME` reads `~`,
a loop variable over constants reads as the constant of this round. A verdict may lean on `words` to forbid, and to
allow only where a rule tolerates `UNKNOWN` in that place.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.speed_layer.command.steps import Steps

UNKNOWN = "\0"
"""Stands in `words` for a stretch of text known only at run time. No real argument can hold a NUL."""


class Redirect(msgspec.Struct, frozen=True):
    """One redirection to or from a file (duplications of descriptors are left out).

    Attributes:
        op: The operator, without a descriptor: `>`, `>>`, `<`, `&>`, `>|`, `<>`.
        path: The file's name, or `None` where it is known only at run time.
        writes: Whether the file is created, truncated or appended to.
        to_stdout: Whether the standard output of the command goes there.
    """

    op: str
    path: str | None
    writes: bool
    to_stdout: bool = True


class Stdin(msgspec.Struct):
    """What a command reads on its standard input when it is not the caller's.

    Attributes:
        kind: `pipe` (output of other commands), `text` (here-document or here-string) or `file` (a redirection).
        text: The exact text, where it is known.
        producers: The commands of all earlier stages of the pipeline, last stage last.
    """

    kind: Literal["pipe", "text", "file"]
    text: str | None = None
    producers: tuple[SimpleCommand, ...] = ()


class SimpleCommand(msgspec.Struct):
    """One program call, with everything that decides what it does.

    Attributes:
        argv: The words; `None` for a word known only at run time.
        words: The same words for judging, with `UNKNOWN` stretches (see the module's text).
        env: Assignments in front of the command: name and value (`None` if unknown).
        redirects: Files it reads from and writes to by redirection.
        cwd: The working directory it runs in, normalised; `None` if unknown.
        fallbacks: Other directories it may run in, should a `cd` before it fail.
        stdin: What feeds it, `None` for the caller's own input.
        origin: `shell` for a command of the line itself, else the wrapper it was unwrapped from (`sudo`, `xargs`,
            ...).
        listed: Whether it belongs to the list of commands the shell itself would run, each once.
        judged: Whether a verdict is needed; the body of a function is judged where it is called.
        function: Whether it calls a function defined in the line, so that its words need no rule.
        wraps: Whether commands it runs in turn are among the analysis's commands.
        globs: Indexes of words that begin with an unquoted glob, which may expand to a name that looks like an
            option.
        sources: Commands inside substitutions of its words.
        variables: Names of the variables its words expand.
        picked: Globs among the values of these: each stands for many files, of which a loop hands over one a round.
        sets: Names it sets or forgets in its shell, and their values (`None` if unknown).
    """

    argv: tuple[str | None, ...]
    words: tuple[str, ...]
    env: tuple[tuple[str, str | None], ...] = ()
    redirects: tuple[Redirect, ...] = ()
    cwd: str | None = None
    stdin: Stdin | None = None
    origin: str = "shell"
    listed: bool = True
    judged: bool = True
    function: bool = False
    wraps: bool = False
    globs: frozenset[int] = frozenset()
    fallbacks: tuple[str | None, ...] = ()
    sources: tuple[SimpleCommand, ...] = ()
    variables: tuple[str, ...] = ()
    picked: tuple[str, ...] = ()
    sets: tuple[tuple[str, str | None], ...] = ()


class ArithmeticNames(msgspec.Struct):
    """Names that arithmetic evaluates, and names that hold more than a number at some point of the line.

    Attributes:
        evaluated: Names whose value arithmetic reads.
        counted: Names set to numbers only, so far.
        texts: Names set to something that may be no number.
        doubts: What else arithmetic may evaluate.
    """

    evaluated: set[str] = set()
    counted: set[str] = set()
    texts: set[str] = set()
    doubts: list[str] = []


class Analysis(msgspec.Struct):
    """The commands of a line and what could not be proved about it.

    Attributes:
        commands: Every simple command, outer ones before their substitutions, wrappers before what they wrap.
        unproved: Why the list may not be the whole truth; while it is not empty nothing of the line is allowed.
        steps: The steps taken so far.
        arithmetic: What names used or set in arithmetic hold.
    """

    commands: list[SimpleCommand] = []
    unproved: list[str] = []
    steps: Steps = msgspec.field(default_factory=Steps)
    arithmetic: ArithmeticNames = msgspec.field(default_factory=ArithmeticNames)
