"""Expansions: what of a parameter, substitution or arithmetic expression is known before the line runs."""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.shell.reading.lexer import Piece
from actors.speed_layer.shell.reading.tokens import Unproved, Word, known
from actors.speed_layer.shell.walking import arithmetic
from actors.speed_layer.shell.walking.syntax_tree import collect_expansions, parse
from actors.speed_layer.shell.walking.variable_names import names_assigned
from actors.speed_layer.shell.walking.walk_state import AbstractWalker

PARAMETER: Final = re.compile(r"\$([A-Za-z_][A-Za-z0-9_]*|[0-9?!#@*$-])")
BRACED: Final = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*|[0-9]+)(?::?\?[A-Za-z0-9 _.-]*)?\}\Z")
PLAIN_BRACED: Final = re.compile(
    r"\$\{[#!]?(?:[A-Za-z_][A-Za-z0-9_]*|[0-9]+|[@*#?!$-])(?:\[(?P<subscript>[\w@*$]+)\])?"
    r"(?:(?P<op>:?[-=+?]|[#%/^,:@])[^'\"`\\{}$]*+(?:\$[A-Za-z0-9_]++[^'\"`\\{}$]*+)*+)?\}\Z"
)
TRIMMED: Final = re.compile(r"\$\{([A-Za-z_]\w*)(##\*/|%{1,2}([A-Za-z0-9_./-]+))\}\Z")
MANY_FOLDERS: Final = re.compile(r"\*\*|[\[{]")
INDIRECT: Final = re.compile(r"\$\{!\w+(?!(?:\[[@*]\]|[@*])\}\Z)(?:\W|\Z)")
ARITHMETIC: Final = re.compile(r"[\w\s+\-*/%<>=!&|^~?:,()#$\[\]{}]*\Z")
QUOTED: Final = re.compile(r"'[^']*'|\"(?:[^\"\\$`]|\\.|\$\w++|\$\{\w+\})*+\"")
ONE_WORD: Final = re.compile(
    r"\$\((?:nproc|pwd|whoami|id -[ug]n?|uname -[smr]|hostname|git rev-parse(?: [A-Za-z0-9_./-]+)+"
    r"|date \+%[A-Za-z%0-9_-]+|mktemp(?: -d)?)\)\Z"
)
STEP_LENGTH: Final = 4
"""How many characters of an expansion are searched in a step, by all patterns together."""
SINGLE_QUOTED: Final = re.compile(r"'[^']*'")
TEMPORARY: Final = "/tmp/tmp.XXXXXXXXXX"  # noqa: S108 - what stands for the name that mktemp makes up
NUMBERS: Final = frozenset("?#$!")
DEVICE: Final = "/dev/fd/63"
SUBSTITUTIONS: Final = frozenset({"command_substitution", "process_substitution"})


def expand(walker: AbstractWalker, position: int, end: int, quoted: bool) -> Piece:  # noqa: PLR0911 - one case a kind
    """Resolve the expansion at `position`; see `lexer.Expand`.

    Raises:
        Unproved: Where it ends, or whether it runs something, is not certain.
    """
    match = PARAMETER.match(walker.text, position, end)
    if match:
        return match.end(), *_parameter(walker, match[1], quoted)
    node = walker.nodes.get(position)
    if node is None or node.end_byte > end:
        raise Unproved("an expansion the shell grammar does not see")
    kind, stop = node.type, node.end_byte
    text = walker.text[position:stop]
    if kind == "command_substitution":
        walker.pending.append((walker, node))
        if text in {"$(pwd)", "`pwd`"} and walker.state.cwd is not None:
            return stop, walker.state.cwd, False, False
        if text in {"$(mktemp)", "$(mktemp -d)"}:
            return stop, TEMPORARY, False, False
        return stop, UNKNOWN, False, not quoted and not ONE_WORD.match(text)
    if kind == "process_substitution":
        walker.pending.append((walker, node))
        return stop, DEVICE, False, False
    if kind == "arithmetic_expansion":
        if not text.startswith("$(("):
            raise Unproved("arithmetic in an old form")
        walk_arithmetic(walker, node)
        return stop, UNKNOWN, False, False
    if kind == "array":
        return _array(walker, node)
    return stop, *_braced(walker, node, text, quoted)


def _parameter(walker: AbstractWalker, name: str, quoted: bool) -> tuple[str, bool, bool]:
    walker.variables.append(name)
    if name in NUMBERS:
        return UNKNOWN, False, False
    value = walker.state.bindings.get(name)
    if name == "HOME" and "HOME=" not in walker.text:
        value = "~"
    elif name == "PWD" and "PWD=" not in walker.text:
        value = walker.state.cwd
    if value is None or (not quoted and re.search(r"[ \t\n]", value)):
        return UNKNOWN, False, not quoted
    return value, False, UNKNOWN in value and not quoted


def _braced(walker: AbstractWalker, node: Node, text: str, quoted: bool) -> tuple[str, bool, bool]:
    plain = BRACED.match(text)
    if plain:
        return _parameter(walker, plain[1], quoted)
    rest = _without_substitutions(walker, node, node.start_byte, node.end_byte)
    form = PLAIN_BRACED.match(rest.replace(arithmetic.PLACEHOLDER, "_"))
    if not form:
        raise Unproved("a parameter expansion that is not analysed")
    if INDIRECT.match(rest):
        raise Unproved("a parameter expansion by a name known only at run time")
    evaluated = form["subscript"] or (rest[form.end("op") : -1] if form["op"] == ":" else "")
    if evaluated not in {"", "@", "*"}:
        arithmetic.evaluate(walker.analysis.arithmetic, evaluated, walker.state.bindings)
    if form["op"] in {"=", ":="}:
        raise Unproved("a parameter expansion that assigns")
    if "@P" in rest:
        raise Unproved("a parameter expansion that evaluates its value")
    walker.variables.extend(re.findall(r"[A-Za-z_]\w*", rest)[:1])
    return _trimmed(walker, text) or UNKNOWN, False, not quoted


def _trimmed(walker: AbstractWalker, text: str) -> str | None:
    """Return what `${name%.ext}` or `${name##*/}` leaves of a known value, `None` if that is not certain."""
    match = TRIMMED.match(text)
    value = walker.state.bindings.get(match[1]) if match else None
    if match is None or value is None:
        return None
    if match[2] == "##*/":
        return value.rpartition("/")[2] if not MANY_FOLDERS.search(value) else None
    literal = match[3]
    kept = value.removesuffix(literal)
    return kept if kept != value else None


def _array(walker: AbstractWalker, node: Node) -> Piece:
    for token in walker.lexer.tokens(node.start_byte + 1, node.end_byte - 1):
        if not isinstance(token, Word) and token != "\n":  # noqa: S105 - a line's end, no secret
            raise Unproved("an array's value that is not analysed")
    return node.end_byte, UNKNOWN, False, False


def _without_substitutions(walker: AbstractWalker, node: Node, start: int, end: int) -> str:
    """Queue the substitutions between two offsets; return the text around them.

    Each is replaced by `0` if it can only print a number, else by `PLACEHOLDER`.
    """
    inside: dict[int, Node] = {}
    collect_expansions(node, inside, walker.analysis.steps)
    walker.spend((end - start) // STEP_LENGTH)
    kept: list[str] = []
    position = start
    for begin in sorted(inside):
        child = inside[begin]
        if child.type in SUBSTITUTIONS and position <= begin and child.end_byte <= end:
            walker.pending.append((walker, child))
            kept.append(walker.text[position:begin])
            number = arithmetic.prints_number(walker.text[begin : child.end_byte])
            kept.append("0" if number else arithmetic.PLACEHOLDER)
            position = child.end_byte
    kept.append(walker.text[position:end])
    return "".join(kept)


def walk_substitutions(walker: AbstractWalker, node: Node, start: int, end: int) -> None:
    """Walk the substitutions of a case word, a pattern or a loop's header; all others must be proved absent.

    Raises:
        Unproved: The text holds a substitution that the grammar does not see.
    """
    held, walker.pending = walker.pending, []
    rest = QUOTED.sub("_", _without_substitutions(walker, node, start, end).replace(arithmetic.PLACEHOLDER, "_"))
    if re.search(r"\$\(|`|[<>]\(|\$\{[^}]*[^\w}@*#?:%/.,+=-]", rest):
        raise Unproved("a substitution the shell grammar does not see")
    walker.walk_pending()
    walker.pending = held


def walk_arithmetic(walker: AbstractWalker, node: Node) -> None:
    """Queue the substitutions of `((...))` or `$((...))`; raise `Unproved` if the rest is more than arithmetic."""
    rest = _without_substitutions(walker, node, node.start_byte, node.end_byte)
    if not ARITHMETIC.match(rest.replace(arithmetic.PLACEHOLDER, "_")):
        raise Unproved("arithmetic that is not analysed")
    arithmetic.evaluate(walker.analysis.arithmetic, rest, walker.state.bindings)
    walker.sets(names_assigned(rest))


def walk_test(walker: AbstractWalker, node: Node) -> None:
    """Write down `[[ ... ]]` as the command `[`, then what its substitutions run.

    Raises:
        Unproved: Its end is not certain.
    """
    text = walker.text[node.start_byte : node.end_byte]
    held, walker.pending = walker.pending, []
    without = _without_substitutions(walker, node, node.start_byte, node.end_byte)
    arithmetic.compare(walker.analysis.arithmetic, without, walker.state.bindings)
    rest = QUOTED.sub("_", without.replace(arithmetic.PLACEHOLDER, "_"))
    if not re.fullmatch(r"\[\[[ \t](?:(?!\]\])[^;`'\"\n])*[ \t]\]\]", rest, re.DOTALL) and not text.startswith("(("):
        raise Unproved("a test that is not analysed")
    if re.search(r"\$\(|[<>]\(|(?<!&)&(?!&)", rest):
        raise Unproved("a test that is not analysed")
    if any("$(" in quoted or "`" in quoted for quoted in SINGLE_QUOTED.findall(text)):
        raise Unproved("a test whose words may be evaluated again")
    walker.add(
        SimpleCommand(
            ("[",), ("[",), cwd=walker.state.cwd, origin=walker.origin, listed=walker.listed and text[0] == "["
        )
    )
    walker.walk_pending()
    walker.pending = held


def expand_document(walker: AbstractWalker, text: str) -> str | None:
    """Queue the substitutions of an expanded here-document; return its text if nothing in it is expanded.

    Raises:
        Unproved: Quotes inside one of its substitutions.
    """
    walker.spend(len(text) // STEP_LENGTH)
    if '"' in text:
        rest = re.sub(r"\$\([^()\"'`\\]*\)", "", text)
        if "$(" in rest or "`" in rest or re.search(r"\$\([^()]*\"", text):
            raise Unproved("quotes in a here-document's substitution")
        text = re.sub(r'(?<!\\)((?:\\\\)*)"', r'\1\\"', text)
    line = f': "{text}"'
    inner = walker.nested(line, [], walker.state, levels=1, origin=walker.origin, listed=walker.listed)
    root = parse(inner.shape, walker.analysis.steps)
    collect_expansions(root, inner.nodes, walker.analysis.steps)
    words = inner.lexer.tokens(2, len(line))
    if len(words) != 1 or not isinstance(words[0], Word):
        raise Unproved("a here-document that is not analysed")
    walker.pending.extend(inner.pending)
    walker.variables.extend(inner.variables)
    return known(words[0])
