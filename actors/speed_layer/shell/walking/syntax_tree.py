"""The tree-sitter grammar, and the checks that make its tree trustworthy.

The grammar is lenient: it recovers from errors, invents tokens of zero width and skips over text. A tree is used
only if it has no error and if the text between the children of every statement is blank.
"""

from __future__ import annotations

import re
from typing import Final

import tree_sitter_bash
from tree_sitter import Language, Node, Parser

from actors.speed_layer.command.steps import TOO_LONG, Steps
from actors.speed_layer.shell.reading.tokens import Unproved

BLANK: Final = re.compile(r"[ \t\n]*\Z")
BEFORE_COMMENT: Final = " \t\n;|&()"

LEAVES: Final = frozenset({
    "command", "declaration_command", "unset_command", "variable_assignment", "variable_assignments", "test_command",
})  # fmt: skip
"""Statements whose words are read by the lexer."""

EXPANSIONS: Final = frozenset(
    {"command_substitution", "process_substitution", "expansion", "arithmetic_expansion", "array"}
)

STEPS_OF_TEXT: Final = 20
"""Steps that a text takes besides what is in it."""
SHORT: Final = 256
"""Length of texts that cannot take so many reports, so that none are asked for: a reader of text takes 3 us more."""
STEPS_OF_REPORT: Final = 60
"""Steps between two reports of progress, which the parser makes every hundred operations.

30 to 40 on most texts; on a long pipeline every stage takes longer than the one before.
"""
REPORTS: Final = 48
"""How many reports a text may take: one of two hundred commands takes fewer."""
STEPS_OF_ERROR: Final = 80
"""Steps that the grammar's search for a way out of an error takes at one mark.

Nothing stops that search: it makes no reports, and 1,000 bytes of `)é` keep it busy for 48 ms. So a text is parsed only
if there are steps enough left for an error at every mark in it.
"""
MARK: Final = re.compile(
    r"[^\w\s./,:%@^~+=-]|\b(?:function|time|coproc|test|case|select|if|then|elif|else|fi|for|while|until|do|done|esac|in"
    r"|declare|typeset|local|readonly|export|unset)\b"
)
"""What the grammar may find an error at. None of the 3,200 commands of the tests and benchmarks has more than 14."""
SPECIAL: Final = re.compile(r"[^\w\s./,:%@^~+=-]")
"""What is no part of a word; there are no more marks in a text than these and its words."""
PLAINLY_QUOTED: Final = re.compile(r"'[^']*'|\"(?:[^\"\\`$]|\$(?![({]))*\"")
UNPLAIN: Final = re.compile(r"[#'\"`\\]")
_parser: Final = Parser(Language(tree_sitter_bash.language()))


def shape(text: str) -> str:
    """Return a text for the grammar alone: here-strings as plain redirections, which it reads wherever they stand.

    Offsets stay the same, and the words are read from the original text.
    """
    return text.replace("<<<", "  <") if "<<<" in text else text


def parse(text: str, steps: Steps) -> Node:
    """Parse one-character-a-byte text.

    Raises:
        OutOfSteps: It took too long.
        Unproved: The grammar found an error, or left out text at the start or the end; or it may take too long.
    """
    errors = STEPS_OF_ERROR * (len(SPECIAL.findall(text)) + len(text.split()))
    if not steps.allow(errors):
        errors = STEPS_OF_ERROR * marks(text)
        if not steps.allow(errors):
            raise Unproved(TOO_LONG)
    root = _parsed(text.encode("latin-1"), steps)
    if root.has_error:
        steps.spend(errors)
        raise Unproved("the shell grammar finds an error in it")
    if not (BLANK.match(text, 0, root.start_byte) and BLANK.match(text, root.end_byte)):
        raise Unproved("the shell grammar skipped over some text")
    return root


def marks(text: str) -> int:
    """Return at how many places the grammar may find an error, not looking into what is quoted for certain."""
    unquoted, strings = PLAINLY_QUOTED.subn("", text)
    if UNPLAIN.search(unquoted):
        unquoted, strings = text, 0
    return strings + len(MARK.findall(unquoted)) + len(unquoted) // 512


def _parsed(source: bytes, steps: Steps) -> Node:
    """Parse, in no more reports than `REPORTS`."""
    if len(source) <= SHORT:
        steps.spend(STEPS_OF_TEXT + len(source) // 2 + source.count(b"|") ** 2 // 16)
        return _parser.parse(source).root_node
    steps.spend(STEPS_OF_TEXT + SHORT // 2 + len(source) // 64)
    reports = 0

    def stop(_offset: int, _has_error: bool) -> bool:
        nonlocal reports
        reports += 1
        return reports > REPORTS

    try:
        root = _parser.parse(lambda offset, _point: source[offset:], progress_callback=stop).root_node
    except ValueError as error:
        _parser.reset()
        raise Unproved(TOO_LONG) from error
    steps.spend(STEPS_OF_REPORT * reports)
    return root


KEYWORDS: Final = frozenset({
    "function",
    "if", "then", "elif", "else", "fi", "for", "select", "while", "until", "do", "done", "case", "in", "esac",
})  # fmt: skip
AFTER_KEYWORD: Final = frozenset(["", *" \t\n;|&()<>`"])


def parts(text: str, node: Node) -> list[Node]:
    """Return a statement's children without comments, having checked that nothing lies between them.

    Raises:
        Unproved: There is text between two children, or a token of no width.
    """
    found: list[Node] = []
    position = node.start_byte
    for child in node.children:
        start, end = child.start_byte, child.end_byte
        if position != start and not BLANK.match(text, position, start):
            raise Unproved("the shell grammar skipped over some text")
        if child.type == "comment":
            check_comment(text, start, end)
        else:
            if start == end:
                raise Unproved("the shell grammar invented a token")
            if child.type in KEYWORDS and text[end : end + 1] not in AFTER_KEYWORD:
                raise Unproved("a word that only begins with a keyword")
            found.append(child)
        position = end
    if position != node.end_byte and not BLANK.match(text, position, node.end_byte):
        raise Unproved("the shell grammar skipped over some text")
    return found


def check_comment(text: str, start: int, end: int) -> None:
    """Check that what the grammar takes for a comment is one, and ends where its line ends."""
    before = text[start - 1] if start else "\n"
    after = text[end] if end < len(text) else "\n"
    if text[start] != "#" or before not in BEFORE_COMMENT or after != "\n" or "\n" in text[start:end]:
        raise Unproved("a comment that may not be one")


def collect_expansions(node: Node, found: dict[int, Node], steps: Steps) -> None:
    """Collect the outermost substitutions and parameter expansions below `node`, and those inside the latter.

    They are keyed by where their first token really begins: the grammar counts blanks before a backtick to it.

    Raises:
        OutOfSteps: There are too many nodes.
    """
    children = node.children
    steps.spend(len(children))
    for child in children:
        kind = child.type
        if kind in EXPANSIONS:
            opening = child.children[0]
            found[opening.end_byte - len(opening.type)] = child
            if kind in {"command_substitution", "process_substitution"}:
                continue
        if child.child_count:
            collect_expansions(child, found, steps)


def between(children: list[Node], opening: str, closing: str) -> list[Node]:
    """Return what stands between two tokens that must be the first and the last child.

    Raises:
        Unproved: They are not.
    """
    if len(children) < 2 or children[0].type != opening or children[-1].type != closing:  # noqa: PLR2004 - a pair
        raise Unproved(f"{opening} without {closing}")
    return children[1:-1]
