"""Command-line options by grammar: which a program knows, which take a value, what the value means.

A grammar is written as a line of options: `-v --verbose -n= --format= --color=? -o=write -C=dir -#`. A bare option
takes no value; `=` takes one, attached or as the next word; `=?` takes one only attached; a name after the equals
sign says how the value is judged (see `allowed_words.py`), nothing means it is harmless. `-#` stands for a number
(`-20`), a lone `*` says that all other options are harmless too.
"""

from __future__ import annotations

import sys
from typing import Final

import msgspec

from actors.speed_layer.command.simple_command import UNKNOWN

NO_VALUE: Final = ""
SHORT: Final = 2
"""Length of an option like `-x`."""
ANY: Final = "any"
PAIR: Final = "pair"
"""Kind of an option that takes two words, harmless both (`jq --arg NAME VALUE`)."""


class Grammar(msgspec.Struct, frozen=True):
    """The options of one program or subcommand.

    Attributes:
        options: Option to the kind of its value; `NO_VALUE` if it takes none.
        optional: Options whose value can only be attached.
        numbers: Whether `-20` is an option.
        open: Whether options not listed are harmless.
        words: Whether single-dash options are whole words (`-run`, as Go programs and find have) rather than bundles.
    """

    options: dict[str, str]
    optional: frozenset[str] = frozenset()
    numbers: bool = False
    open: bool = False
    words: bool = False

    def joined(self, other: Grammar) -> Grammar:
        """Return a grammar that knows the options of both."""
        return Grammar(
            {**other.options, **self.options},
            self.optional | other.optional,
            self.numbers or other.numbers,
            self.open or other.open,
            self.words or other.words,
        )


NO_OPTIONS: Final = Grammar({})


class Parsed(msgspec.Struct):
    """What an argument list holds.

    Attributes:
        options: The options given, in order: name, value (`None` without one), kind of the value.
        positionals: The other words, as (index in the argument list, text).
        unknown: Words that are, or at run time may be, options the grammar doesn't know.
        rest: Index of the first word that was not read (only with `posix`, else the length).
    """

    options: list[tuple[str, str | None, str]] = []
    positionals: list[tuple[int, str]] = []
    unknown: list[str] = []
    rest: int = 0

    def has(self, *names: str) -> bool:
        """Return whether one of the options was given."""
        for name, _, _ in self.options:  # noqa: SIM110 - half the time of a generator
            if name in names:
                return True
        return False

    def value(self, *names: str) -> str | None:
        """Return the last value of these options, `None` if there is none."""
        for name, value, _ in reversed(self.options):
            if name in names:
                return value
        return None


def grammar(text: str, *, words: bool = False) -> Grammar:
    """Read a grammar's line; raise `ValueError` with the first word that is not an option."""
    options: dict[str, str] = {}
    optional: set[str] = set()
    numbers = is_open = False
    for part in text.split():
        if part == "*":
            is_open = True
        elif part == "-#":
            numbers = True
        elif not part.startswith(("-", "+")) or part in {"-", "--"}:
            raise ValueError(f"{part!r} is not an option")
        else:
            name, equals, kind = part.partition("=")
            name = sys.intern(name)  # most are options of many programs
            if kind.startswith("?"):
                optional.add(name)
                kind = kind[1:]
            kind = (kind or ANY) if equals else NO_VALUE
            if options.setdefault(name, kind) != kind:
                raise ValueError(f"{name!r} is listed twice, with different values")
    return Grammar(options, frozenset(optional), numbers, is_open, words)


def parse(known: Grammar, words: tuple[str, ...], start: int, globs: frozenset[int], *, posix: bool = False) -> Parsed:
    """Sort words into options and positionals.

    Args:
        known: The grammar.
        words: The judged words of a command.
        start: Index of the first word to read.
        globs: Indexes of words that begin with an unquoted glob.
        posix: Stop at the first positional (programs that run another command).
    """
    found = Parsed()
    options = known.options
    index, count = start, len(words)
    while index < count:
        word = words[index]
        if options.get(word) == NO_VALUE:
            found.options.append((word, None, NO_VALUE))
            index += 1
            continue
        if word == "--":
            index += 1
            if not posix:
                found.positionals.extend((i, words[i]) for i in range(index, count))
                index = count
            break
        first = word[:1]
        if (first == "-" and word != "-") or (first == "+" and "+" in known.options):
            index = _option(known, words, index, found)
            continue
        if not known.open and (first == UNKNOWN or index in globs):
            found.unknown.append(word)
        if posix:
            break
        found.positionals.append((index, word))
        index += 1
    found.rest = index
    return found


def _option(known: Grammar, words: tuple[str, ...], index: int, found: Parsed) -> int:
    """Read the option at `index`; return the index behind it and its value."""
    word = words[index]
    name, equals, attached = word.partition("=")
    kind = known.options.get(name)
    if kind is None and known.words and name.startswith("--"):
        name = name[1:]
        kind = known.options.get(name)
    whole = name.startswith("--") or known.words or name in known.optional or len(name) == SHORT
    if kind is not None and (equals or kind == NO_VALUE or whole):
        return _named(known, words, index, found, (name, attached if equals else None))
    if known.numbers and word[1:].isdecimal():
        found.options.append(("-#", word[1:], ANY))
        return index + 1
    if known.words or word.startswith(("--", "+")):
        if not known.open:
            found.unknown.append(word)
        return index + 1
    return _bundle(known, words, index, found)


def _named(known: Grammar, words: tuple[str, ...], index: int, found: Parsed, given: tuple[str, str | None]) -> int:
    """Note an option given by its whole name, with the value attached to it, if any."""
    name, value = given
    kind = known.options[name]
    if kind == NO_VALUE:
        if value is not None:
            found.unknown.append(words[index])
        found.options.append((name, None, NO_VALUE))
        return index + 1
    if kind == PAIR and value is None:
        found.options.append((name, None, ANY))
        return index + 3
    if value is None and name not in known.optional:
        if index + 1 >= len(words):
            found.unknown.append(words[index])
            return index + 1
        following = words[index + 1]
        if following[:1] == "-" and following != "-" and not following[1:2].isdecimal():
            found.unknown.append(following)  # another version of the program may read it as an option of its own
        found.options.append((name, following, kind))
        return index + 2
    found.options.append((name, value, kind))
    if value is not None and len(name) == SHORT and not known.words:
        found.options.append((name, "=" + value, kind))  # getopt counts the equals sign to the value
    return index + 1


def _bundle(known: Grammar, words: tuple[str, ...], index: int, found: Parsed) -> int:
    """Read `-abc`, `-n5` or `-vn 5`."""
    word = words[index]
    for position in range(1, len(word)):
        name = "-" + word[position]
        kind = known.options.get(name)
        if kind is None:
            if not known.open:
                found.unknown.append(word)
                return index + 1
            continue
        if kind == NO_VALUE:
            found.options.append((name, None, NO_VALUE))
            continue
        rest = word[position + 1 :]
        if rest or name in known.optional:
            found.options.append((name, rest or None, kind))
            return index + 1
        return _named(known, words, index, found, (name, None))
    return index + 1


def without_exec(words: tuple[str, ...]) -> tuple[str, ...]:
    """Return a find expression without its `-exec ... ;` parts, whose commands are judged on their own."""
    kept: list[str] = []
    index = 0
    while index < len(words):
        if words[index] in {"-exec", "-execdir", "-ok", "-okdir"}:
            while index < len(words) and words[index] != ";" and not (words[index] == "+" and words[index - 1] == "{}"):
                index += 1
        elif words[index] in {"-x", "-X", "--exec", "--exec-batch"}:
            break
        else:
            kept.append(words[index])
        index += 1
    return tuple(kept)
