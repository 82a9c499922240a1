"""Simple commands: their words, assignments and redirections, read from the text and written down."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tree_sitter import Node

from actors.speed_layer.command.simple_command import UNKNOWN, Redirect, SimpleCommand, Stdin
from actors.speed_layer.shell.reading.here_document import PLACEHOLDER
from actors.speed_layer.shell.reading.tokens import RedirectToken, Token, Unproved, Word, judged, known, native
from actors.speed_layer.shell.walking import arithmetic
from actors.speed_layer.shell.walking.command_effects import follow_command
from actors.speed_layer.shell.walking.expansions import expand_document, walk_test
from actors.speed_layer.shell.walking.syntax_tree import collect_expansions
from actors.speed_layer.shell.walking.walk_state import AbstractWalker

RESERVED: Final = frozenset([
    "!", "{", "}", "[[", "]]", "case", "coproc", "do", "done", "elif", "else", "esac", "fi", "for", "function", "if",
    "in", "select", "then", "time", "until", "while",
])  # fmt: skip
DUPLICATE: Final = re.compile(r"(?:[0-9]+-?|-)\Z")
NO_GLOBS: Final = frozenset[int]()
SUBSCRIPT: Final = re.compile(r"\[[^\]]*(?:\$\(|`)")
GLOB: Final = re.compile(r"[*?[]")
EXPANDED: Final = re.compile(r"[$`\\]")


def is_test(walker: AbstractWalker, node: Node) -> bool:
    """Return whether a leaf is `[[ ... ]]`, whose words follow rules of their own."""
    return node.type == "test_command" and not re.match(r"\[[ \t]", walker.text[node.start_byte : node.start_byte + 2])


def walk_simple_command(walker: AbstractWalker, node: Node, reach: int = 0) -> None:
    """Read one simple command from its text, up to `reach` if redirections follow, and write it down."""
    if is_test(walker, node):
        walk_test(walker, node)
        return
    start, end = node.start_byte, max(node.end_byte, reach)
    text = walker.text
    if text.find("$", start, end) >= 0 or text.find("`", start, end) >= 0 or text.find("(", start, end) >= 0:
        around = node if end == node.end_byte else covering(node, end)
        collect_expansions(around, walker.nodes, walker.analysis.steps)
    write_command(walker, read_tokens(walker, start, end))


def covering(node: Node, end: int) -> Node:
    """Return the nearest enclosing node that reaches an offset."""
    while node.end_byte < end and node.parent is not None:
        node = node.parent
    return node


def read_tokens(walker: AbstractWalker, start: int, end: int) -> list[Token]:
    """Return the words and redirections between two offsets; an operator there is unproved."""
    found = walker.lexer.tokens(start, end)
    for token in found:
        if isinstance(token, str):
            raise Unproved(f"an unexpected {token!r} inside a command")
    return found


def write_command(walker: AbstractWalker, found: list[Token], origin: str = "") -> Stdin | None:
    """Write down the command these tokens make, then its substitutions, then what it runs itself.

    Returns:
        The standard input its redirections give it.
    """
    words = [token for token in found if isinstance(token, Word)]
    redirects, stdin = redirections(walker, found) if len(words) != len(found) else ((), None)
    inside, walker.pending = walker.pending, []
    variables, walker.variables = tuple(walker.variables), []
    command = build_command(words, redirects, walker.state.cwd, stdin or walker.stdin)
    command.origin = origin or walker.origin
    command.variables = variables
    if variables:
        values = [walker.state.bindings.get(name, "") for name in variables]
        command.picked = tuple([value for value in values if GLOB.search(value)])
    _note_arithmetic(walker, words)
    run_command(walker, command, inside)
    return stdin


def run_command(
    walker: AbstractWalker, command: SimpleCommand, inside: Sequence[tuple[AbstractWalker, Node]] = ()
) -> None:
    """Write a command down as the walker stands, then the substitutions inside its words, then what it runs itself."""
    command.listed = walker.listed
    command.fallbacks = walker.state.fallbacks
    walker.add(command)
    if inside:
        begin = len(walker.analysis.commands)
        for owner, node in inside:
            owner.substitution(node)
        command.sources = tuple(walker.analysis.commands[begin:])
    if command.words or command.env:
        follow_command(walker, command)


def _note_arithmetic(walker: AbstractWalker, words: list[Word]) -> None:
    for word in words:
        if not word.assign:
            continue
        raw = walker.text[word.start : word.end]
        name = re.match(r"\w+", raw)
        if name is not None:
            if "[" in raw[: word.assign] or word.text.startswith("("):
                walker.analysis.arithmetic.texts.add(name.group())
            subscript = re.match(r"\w+\[(\w+)\]", raw)
            if subscript:
                arithmetic.evaluate(walker.analysis.arithmetic, subscript[1], walker.state.bindings)
            arithmetic.assign(walker.analysis.arithmetic, name.group(), raw[word.assign :])


def build_command(
    words: list[Word], redirects: tuple[Redirect, ...], cwd: str | None, stdin: Stdin | None
) -> SimpleCommand:
    """Return the command that words make: assignments, then the program and its arguments.

    Raises:
        Unproved: A reserved word, or a glob, stands where the program should.
    """
    words = _keywords(words)
    env: list[tuple[str, str | None]] = []
    while len(env) < len(words) and words[len(env)].assign:
        env.append(assignment(words[len(env)]))
    if env:
        if any(SUBSCRIPT.search(word.text) for word in words[: len(env)]):
            raise Unproved("a value that arithmetic would evaluate again")
        words = words[len(env) :]
    if words and words[0].text != "[" and GLOB.search(words[0].text):
        raise Unproved("a glob may make the program's name")
    texts = tuple([native(word.text) for word in words])
    argv: tuple[str | None, ...] = texts
    if not all([word.exact for word in words]):  # noqa: C419 - a list is quicker than a generator here
        certain = [text if word.exact else None for word, text in zip(words, texts, strict=True)]
        argv = tuple(certain)
    globs = frozenset([index for index, word in enumerate(words) if word.glob]) or NO_GLOBS
    return SimpleCommand(argv, texts, tuple(env), redirects, cwd, stdin, globs=globs)


def assignment(word: Word) -> tuple[str, str | None]:
    """Split `NAME=value`; an array element or an appended value is unknown."""
    left, value = word.text[: word.assign - 1], word.text[word.assign :]
    name = re.match(r"\w+", left)
    whole = name is not None and name.group() == left and UNKNOWN not in value
    return (name.group() if name else left), (native(value) if whole else None)


def _keywords(words: list[Word]) -> list[Word]:
    """Drop `coproc` and `time`, which the grammar takes for programs; refuse other reserved words."""
    index, count = 0, len(words)
    while index < count and words[index].plain and words[index].text in RESERVED:
        if words[index].text not in {"coproc", "time"}:
            raise Unproved(f"a reserved word where a program should be: {words[index].text}")
        timing = words[index].text == "time"
        index += 1
        if timing and index < count and words[index].plain and words[index].text == "-p":
            index += 1
    return words[index:] if index else words


def redirections(walker: AbstractWalker | None, found: Sequence[Token]) -> tuple[tuple[Redirect, ...], Stdin | None]:
    """Return the files that tokens redirect to and from, and the standard input they give.

    Args:
        walker: Knows the here-documents; without one, a here-string is unproved.
        found: Tokens of one command.

    Raises:
        Unproved: A descriptor is known only at run time.
    """
    redirects: list[Redirect] = []
    stdin: Stdin | None = None
    for token in found:
        if not isinstance(token, RedirectToken):
            continue
        text = judged(token.target)
        if token.op == "<<<" or (token.op == "<" and text.startswith(PLACEHOLDER)):
            if walker is None:
                raise Unproved("a here-string needs the grammar")
            stdin = _here(walker, token.target)
        elif token.op in {">&", "<&"} and (token.descriptor or token.op == "<&" or DUPLICATE.match(text)):
            if not DUPLICATE.match(text):
                raise Unproved("a duplicated descriptor known only at run time")
        else:
            path = text if UNKNOWN not in text else None
            redirects.append(Redirect(token.op, path, token.op != "<", token.descriptor in {"", "1"}))
            if token.op in {"<", "<>"} and token.descriptor in {"", "0"}:
                stdin = Stdin("file")
    return tuple(redirects), stdin


def _here(walker: AbstractWalker, target: Word) -> Stdin:
    if not target.text.startswith(PLACEHOLDER):
        text = known(target)
        return Stdin("text", None if text is None else text + "\n")
    number = int(target.text.removeprefix(PLACEHOLDER))
    document = walker.documents[number]
    walker.used_documents.add(number)
    if document.literal or not EXPANDED.search(document.body):
        return Stdin("text", native(document.body))
    return Stdin("text", expand_document(walker, document.body))
