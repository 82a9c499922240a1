"""Expansions: what of a parameter, substitution or arithmetic expression is known before the line runs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from tree_sitter import Node

from actors.speed_layer.command.simple_command import UNKNOWN, SimpleCommand
from actors.speed_layer.shell.reading.lexer import Piece
from actors.speed_layer.shell.reading.tokens import Unproved, Word, known
from actors.speed_layer.shell.walking import arithmetic as arithmetics
from actors.speed_layer.shell.walking.syntax_tree import expansions, parse, parts
from actors.speed_layer.shell.walking.variable_names import assigned

if TYPE_CHECKING:
    from actors.speed_layer.shell.walking.walker import Walker

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
SINGLE_QUOTED: Final = re.compile(r"'[^']*'")
NUMBERS: Final = frozenset("?#$!")
DEVICE: Final = "/dev/fd/63"
SUBSTITUTIONS: Final = frozenset({"command_substitution", "process_substitution"})


def expand(walker: Walker, position: int, end: int, quoted: bool) -> Piece:  # noqa: PLR0911 - one case a kind
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
        return stop, UNKNOWN, False, not quoted and not ONE_WORD.match(text)
    if kind == "process_substitution":
        walker.pending.append((walker, node))
        return stop, DEVICE, False, False
    if kind == "arithmetic_expansion":
        if not text.startswith("$(("):
            raise Unproved("arithmetic in an old form")
        arithmetic(walker, node)
        return stop, UNKNOWN, False, False
    if kind == "array":
        return _array(walker, node)
    return stop, *_braced(walker, node, text, quoted)


def _parameter(walker: Walker, name: str, quoted: bool) -> tuple[str, bool, bool]:
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


def _braced(walker: Walker, node: Node, text: str, quoted: bool) -> tuple[str, bool, bool]:
    plain = BRACED.match(text)
    if plain:
        return _parameter(walker, plain[1], quoted)
    rest = _without_substitutions(walker, node, node.start_byte, node.end_byte)
    form = PLAIN_BRACED.match(rest.replace(arithmetics.PLACEHOLDER, "_"))
    if not form:
        raise Unproved("a parameter expansion that is not analysed")
    if INDIRECT.match(rest):
        raise Unproved("a parameter expansion by a name known only at run time")
    evaluated = form["subscript"] or (rest[form.end("op") : -1] if form["op"] == ":" else "")
    if evaluated not in {"", "@", "*"}:
        arithmetics.evaluate(walker.analysis.numbers, evaluated, walker.state.bindings)
    if form["op"] in {"=", ":="}:
        raise Unproved("a parameter expansion that assigns")
    if "@P" in rest:
        raise Unproved("a parameter expansion that evaluates its value")
    walker.variables.extend(re.findall(r"[A-Za-z_]\w*", rest)[:1])
    return _trimmed(walker, text) or UNKNOWN, False, not quoted


def _trimmed(walker: Walker, text: str) -> str | None:
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


def _array(walker: Walker, node: Node) -> Piece:
    for token in walker.lexer.tokens(node.start_byte + 1, node.end_byte - 1):
        if not isinstance(token, Word) and token != "\n":  # noqa: S105 - a line's end, no secret
            raise Unproved("an array's value that is not analysed")
    return node.end_byte, UNKNOWN, False, False


def _without_substitutions(walker: Walker, node: Node, start: int, end: int) -> str:
    """Queue the substitutions between two offsets; return the text around them.

    Each is replaced by `0` if it can only print a number, else by `PLACEHOLDER`.
    """
    inside = dict[int, Node]()
    expansions(node, inside)
    kept = list[str]()
    position = start
    for begin in sorted(inside):
        child = inside[begin]
        if child.type in SUBSTITUTIONS and position <= begin and child.end_byte <= end:
            walker.pending.append((walker, child))
            kept.append(walker.text[position:begin])
            number = arithmetics.prints_number(walker.text[begin : child.end_byte])
            kept.append("0" if number else arithmetics.PLACEHOLDER)
            position = child.end_byte
    kept.append(walker.text[position:end])
    return "".join(kept)


def run_pending(walker: Walker) -> None:
    """Walk the substitutions that wait for the command they stand in."""
    inside, walker.pending = walker.pending, []
    for owner, child in inside:
        substitution(owner, child)


def within(walker: Walker, node: Node, start: int, end: int) -> None:
    """Walk the substitutions of a case word, a pattern or a loop's header; all others must be proved absent.

    Raises:
        Unproved: The text holds a substitution that the grammar does not see.
    """
    held, walker.pending = walker.pending, []
    rest = QUOTED.sub("_", _without_substitutions(walker, node, start, end).replace(arithmetics.PLACEHOLDER, "_"))
    if re.search(r"\$\(|`|[<>]\(|\$\{[^}]*[^\w}@*#?:%/.,+=-]", rest):
        raise Unproved("a substitution the shell grammar does not see")
    run_pending(walker)
    walker.pending = held


def arithmetic(walker: Walker, node: Node) -> None:
    """Queue the substitutions of `((...))` or `$((...))`; raise `Unproved` if the rest is more than arithmetic."""
    rest = _without_substitutions(walker, node, node.start_byte, node.end_byte)
    if not ARITHMETIC.match(rest.replace(arithmetics.PLACEHOLDER, "_")):
        raise Unproved("arithmetic that is not analysed")
    arithmetics.evaluate(walker.analysis.numbers, rest, walker.state.bindings)
    walker.sets(assigned(rest))


def test(walker: Walker, node: Node) -> None:
    """Write down `[[ ... ]]` as the command `[`, then what its substitutions run.

    Raises:
        Unproved: Its end is not certain.
    """
    text = walker.text[node.start_byte : node.end_byte]
    held, walker.pending = walker.pending, []
    without = _without_substitutions(walker, node, node.start_byte, node.end_byte)
    arithmetics.compare(walker.analysis.numbers, without, walker.state.bindings)
    rest = QUOTED.sub("_", without.replace(arithmetics.PLACEHOLDER, "_"))
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
    run_pending(walker)
    walker.pending = held


def substitution(walker: Walker, node: Node) -> None:
    """Walk what a command or process substitution runs.

    Raises:
        Unproved: Its form is not analysed.
    """
    children = parts(walker.shape, node)
    opening, closing = children[0], children[-1]
    if opening.type == "`" and "\\" in walker.text[node.start_byte : node.end_byte]:
        raise Unproved("backslashes inside backticks")
    if opening.type not in {"$(", "`", "<(", ">("} or closing.type not in {")", "`"}:
        raise Unproved("a substitution of an unusual form")
    inner = children[1:-1]
    from actors.speed_layer.shell.walking.command_effects import MAX_DEPTH  # noqa: PLC0415 - as below

    if walker.depth > MAX_DEPTH:
        raise Unproved("too deeply nested")
    from actors.speed_layer.shell.walking import words_and_redirections as leaves  # noqa: PLC0415 - leaves are read with these functions

    held, walker.pending = walker.pending, []
    variables, walker.variables = walker.variables, []
    depth, walker.depth = walker.depth, walker.depth + 2
    with walker.subshell(), walker.fed(None):
        if inner and inner[0].type == "file_redirect":
            expansions(node, walker.nodes)
            leaves.simple(walker, leaves.tokens(walker, inner[0].start_byte, inner[-1].end_byte), "group")
        else:
            walker.statements(inner)
    walker.pending, walker.variables, walker.depth = held, variables, depth


def document(walker: Walker, text: str) -> str | None:
    """Queue the substitutions of an expanded here-document; return its text if nothing in it is expanded.

    Raises:
        Unproved: Quotes inside one of its substitutions.
    """
    from actors.speed_layer.shell.walking.walker import Walker as NewWalker  # noqa: PLC0415 - the walker is built from these functions

    if '"' in text:
        rest = re.sub(r"\$\([^()\"'`\\]*\)", "", text)
        if "$(" in rest or "`" in rest or re.search(r"\$\([^()]*\"", text):
            raise Unproved("quotes in a here-document's substitution")
        text = re.sub(r'(?<!\\)((?:\\\\)*)"', r'\1\\"', text)
    line = f': "{text}"'
    inner = NewWalker(
        line, [], walker.analysis, walker.state, depth=walker.depth + 1, origin=walker.origin, listed=walker.listed
    )
    root = parse(inner.shape)
    expansions(root, inner.nodes)
    words = inner.lexer.tokens(2, len(line))
    if len(words) != 1 or not isinstance(words[0], Word):
        raise Unproved("a here-document that is not analysed")
    walker.pending.extend(inner.pending)
    walker.variables.extend(inner.variables)
    return known(words[0])


def printed(producers: list[SimpleCommand]) -> str | None:
    """Return what a pipeline's stages print, if the last one is an `echo` or `printf` of constants."""
    if not producers:
        return None
    words = producers[-1].argv
    certain = [word for word in words[1:] if word is not None]
    if len(certain) != len(words) - 1 or words[0] not in {"echo", "printf"} or producers[-1].redirects:
        return None
    if words[0] == "echo":
        text = " ".join(certain)
        return None if certain[:1] and certain[0].startswith("-") else text + "\n"
    if len(certain) != 1 or re.search(r"[%\\]", certain[0].removesuffix("\\n")):
        return None
    return certain[0].removesuffix("\\n") + ("\n" if certain[0].endswith("\\n") else "")
