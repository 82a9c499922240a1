"""What a simple command does to the shell that runs it, and what it runs in turn."""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.paths import join
from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.shell.reading.prepared_text import prepare
from actors.speed_layer.shell.reading.tokens import Unproved
from actors.speed_layer.shell.unwrapping.inner_command import Inner, ShellText
from actors.speed_layer.shell.unwrapping.spawners import fed_names
from actors.speed_layer.shell.unwrapping.wrappers import program, unwrap
from actors.speed_layer.shell.walking import arithmetic, syntax_tree
from actors.speed_layer.shell.walking.constant_variables import bind_constants, keep_bindings
from actors.speed_layer.shell.walking.variable_names import SETTERS, names_set
from actors.speed_layer.shell.walking.walk_state import AbstractWalker, State

READS_A_LINE: Final = re.compile(
    r"\A(?:(?!\bread\b)[\s\S])*\|\s*while\s+(?:IFS=(?:''|\"\")?\s+)?read\s+(?:-r\s+)?(\w+)\s*(?:;|\n)(?:(?!\bread\b|\b\1=)[\s\S])*\Z"
)
"""A text in which one loop takes a pipe line by line, and nothing else reads it or sets the variable."""
DECLARATIONS: Final = frozenset({"export", "declare", "typeset", "local", "readonly"})
ASSIGNED: Final = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
PLAIN_NAME: Final = re.compile(r"[A-Za-z_]\w*\Z")
NO_NAMES: Final = frozenset("fni")
"""Letters of options by which a declaration is about functions, other names, or makes every value arithmetic."""
SPAWNERS: Final = frozenset({"xargs", "gxargs", "find", "gfind", "fd", "fdfind"})
RECURSION: Final = "a function that calls itself"
MAX_CALLS: Final = 8
"""Depth of functions that call functions. Each call walks a body again, so the work grows with each level."""
STEPS_OF_TEXT: Final = 30
"""Steps that a nested text takes besides what is in it: it gets a walker of its own."""
STEPS_OF_CALL: Final = 10
"""Steps that it takes to call a function, besides its body."""
STEP_LENGTH: Final = 4
"""How many characters of arithmetic are read in a step, by all patterns together."""
SAME_SHELL: Final = frozenset({"eval", "trap"})
"""Builtins that run their text in the shell they are called in."""


def is_followed(command: SimpleCommand) -> bool:
    """Return whether a command changes its shell or runs others, so that `follow_command` would do something."""
    words = command.words
    if not words:
        return False
    name = words[0]
    if name == "printf":
        return len(words) > 1 and words[1].startswith("-v")
    return name in BUILTINS or unwrap(command) is not None


def follow_command(walker: AbstractWalker, command: SimpleCommand) -> None:
    """Carry out what a command changes in its shell and walk what it runs.

    Raises:
        Unproved: What it runs cannot be told.
    """
    words = command.words
    if not words:
        if walker.origin not in SAME_SHELL:
            bind_constants(walker.state, walker.text, command.env)
        return
    name = words[0]
    if name in walker.state.calling:
        raise Unproved(RECURSION)
    builtin = BUILTINS.get(name)
    if builtin is not None:
        builtin(walker, command)
    function = walker.state.functions.get(name)
    if function is not None:
        _call(walker, command)
        return
    inside = unwrap(command)
    if inside is None:
        return
    walker.analysis.unproved.extend(inside.unproved)
    origin = command.origin if command.origin in SPAWNERS else program(name)
    begin = len(walker.analysis.commands)
    for text in inside.texts:
        _shell_text(walker, text, origin, command)
    for inner in inside.inner:
        _inner(walker, inner, origin, command)
    command.wraps = any(one.words for one in walker.analysis.commands[begin:])


def _inner(walker: AbstractWalker, inner: Inner, origin: str, command: SimpleCommand) -> None:
    walker.check_depth()
    if inner.words and (UNKNOWN in inner.words[0] or inner.words[0] == "**"):
        walker.analysis.unproved.append(f"{origin} runs a program known only at run time")
    cwd = join(command.cwd, inner.directory) if inner.directory is not None else command.cwd
    nested = SimpleCommand(
        inner.argv,
        inner.words,
        inner.env,
        (),
        cwd,
        command.stdin if inner.stdin else None,
        origin,
        command.listed and command.origin == "shell" and origin == "coproc",
    )
    nested.globs = frozenset(index for index, word in enumerate(inner.words) if word[:1] in {"*", "?"})
    nested.sources = command.sources
    nested.fallbacks = command.fallbacks
    walker.add(nested)
    walker.depth += 1
    with walker.subshell():
        walker.state.functions = {}
        follow_command(walker, nested)
    walker.depth -= 1


def _shell_text(outer: AbstractWalker, given: ShellText, origin: str, command: SimpleCommand) -> None:
    """Walk text that is given to a shell: `bash -c`, `eval`, a here-document to `sh`.

    Raises:
        Unproved: The text is known only at run time or cannot be analysed.
    """
    if given.text is None:
        outer.analysis.unproved.append(f"{origin} runs text known only at run time")
        return
    outer.check_depth()
    outer.spend(STEPS_OF_TEXT)
    text, documents = prepare(given.text, outer.analysis.steps)
    if origin in SAME_SHELL:
        state = outer.state
    else:
        bindings = {str(index): word for index, word in enumerate(given.arguments)}
        state = State(command.cwd, bindings, fallbacks=command.fallbacks)
    inner = outer.nested(text, documents, state, levels=2, origin=origin, listed=False)
    inner.defined = outer.defined
    root = syntax_tree.parse(inner.shape, outer.analysis.steps)
    inner.statements(syntax_tree.parts(inner.shape, root))
    inner.finish()


def _call(walker: AbstractWalker, command: SimpleCommand) -> None:
    name = command.words[0]
    function = walker.state.functions[name]
    if len(walker.state.calling) >= MAX_CALLS:
        raise Unproved("functions that call too deeply")
    walker.spend(STEPS_OF_CALL)
    command.function = True
    function.called = True
    bindings, calling = walker.state.bindings, walker.state.calling
    walker.state.bindings = {str(index): word for index, word in enumerate(command.words)}
    if len(command.words) == 2:  # noqa: PLR2004 - one argument is all of them
        walker.state.bindings["@"] = command.words[1]
    walker.state.calling = (*calling, name)
    owner = function.walker
    before = owner.state
    owner.state = walker.state
    owner.depth += 2
    with owner.repeated(), owner.fed(command.stdin):
        owner.statement(function.body)
    owner.depth -= 2
    owner.state = before
    walker.state.bindings, walker.state.calling = bindings, calling


def _cd(walker: AbstractWalker, command: SimpleCommand) -> None:
    targets = [word for word in command.words[1:] if word not in {"-P", "-L", "-e", "--"}]
    if not targets:
        walker.state.cwd = "~"
    elif len(targets) > 1 or targets[0].startswith(("-", "+")) or UNKNOWN in targets[0]:
        walker.state.cwd = None
    else:
        walker.state.cwd = join(walker.state.cwd, targets[0])


def _popd(walker: AbstractWalker, _command: SimpleCommand) -> None:
    walker.state.cwd = None


def _declare(walker: AbstractWalker, command: SimpleCommand) -> None:
    found: list[tuple[str, str | None]] = []
    options = [word for word in command.words[1:] if word.startswith("-")]
    exports = command.words[0] == "export" or any("x" in option for option in options)
    for word, certain in zip(command.words[1:], command.argv[1:], strict=True):
        match = ASSIGNED.match(word)
        if match:
            found.append((match[1], match[2] if UNKNOWN not in word and certain is not None else None))
        elif UNKNOWN in word or (word.startswith("-") and not NO_NAMES.isdisjoint(word)):
            raise Unproved(f"{command.words[0]} of something known only at run time")
        elif exports and PLAIN_NAME.match(word):
            found.append((word, walker.state.bindings.get(word)))
    for name, _value in found:
        walker.state.bindings.pop(name, None)
    if exports:
        command.env = (*command.env, *found)
    else:
        command.sets = tuple(found)


def _shift(walker: AbstractWalker, _command: SimpleCommand) -> None:
    walker.state.bindings = {
        name: value for name, value in walker.state.bindings.items() if name != "@" and not name.isdecimal()
    }


def _set_names(walker: AbstractWalker, command: SimpleCommand) -> None:
    """Note what read, printf -v, unset and their like set or forget."""
    found = names_set(command)
    if command.words[0] == "let":
        walker.spend(sum(map(len, command.words)) // STEP_LENGTH)
        arithmetic.evaluate(walker.analysis.arithmetic, " ; ".join(command.words[1:]), walker.state.bindings)
    elif command.words[0] not in {"unset", "wait"}:
        walker.analysis.arithmetic.texts.update(found)
    if any(UNKNOWN in name for name in found):
        keep_bindings(walker.state, ())
    for name in found:
        if command.words[0] == "unset":
            walker.state.functions.pop(name, None)
        walker.state.bindings.pop(name, None)
    command.sets = tuple((name, None) for name in found)
    if command.words[0] == "read" and len(found) == 1 and READS_A_LINE.search(walker.text):
        names = fed_names(command)
        if names != UNKNOWN:
            walker.state.bindings[found[0]] = names


BUILTINS: Final = {
    "cd": _cd,
    "pushd": _cd,
    "popd": _popd,
    "shift": _shift,
    "set": _shift,
    **dict.fromkeys(SETTERS, _set_names),
    **dict.fromkeys(DECLARATIONS, _declare),
}
