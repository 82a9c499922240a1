"""What arithmetic would evaluate: bash reads the value of a name as an expression, which may run something.

`x='a[$(touch p)]'; echo $((x))` runs `touch`. So a name may stand in arithmetic only if everything the line gives it
is a number: a constant, another such name, arithmetic, or the output of a program that prints nothing else.
"""

from __future__ import annotations

import re
from typing import Final

from actors.speed_layer.command.simple_command import ArithmeticNames
from actors.speed_layer.shell.walking.variable_names import names_assigned

PRINTS_NUMBER: Final = re.compile(
    r"\$\((?:nproc|date \+%s|(?:[^()`$]*\|\s*)?(?:wc -[lcwm]|grep -c [^()`$|]*)\s*(?:< ?[\w./\"${}-]+)?"
    r"|wc -[lcwm]\s*<\s*[\w./\"${}-]+|grep -c\s[^()`$|;&]*|git rev-list --count [\w./~^-]+)\)\Z"
)
SEQUENCE: Final = re.compile(r"\$\(seq(?: +(?:-?[0-9]+|\"?\$\{?\w+\}?\"?))+\)\Z|\{-?[0-9]+\.\.-?[0-9]+\}\Z")
NUMBER: Final = re.compile(r"[+-]?[0-9]*\Z")
REFERENCE: Final = re.compile(r"\$\{?([A-Za-z_]\w*)\}?\Z")
LENGTH: Final = re.compile(r"\$(?:[#?!$]|\{#[\w@*\[\]]+\})")
NAME: Final = re.compile(r"(?<![\w#])(?:[A-Za-z_]\w*|(?<=\$)[0-9@*]|(?<=\$\{)[0-9@*])")
ALWAYS_NUMBERS: Final = frozenset(
    {"RANDOM", "SECONDS", "LINENO", "UID", "EUID", "PPID", "EPOCHSECONDS", "COLUMNS", "LINES", "SHLVL", "OPTIND"}
)
COMPARISON: Final = re.compile(r"\s-(?:eq|ne|lt|le|gt|ge)\s")
PRESENCE: Final = re.compile(r"(?<!\S)-[vR]\s+(\S+)")
CLAUSE: Final = re.compile(r"&&|\|\||\[\[|\]\]|[()]")
PLACEHOLDER: Final = "\x01"
"""Stands for a substitution whose output may be no number."""


def prints_number(text: str) -> bool:
    """Return whether a command substitution can only print a number."""
    return PRINTS_NUMBER.match(text) is not None


def without_substitutions(text: str) -> str:
    """Return an expression with `0` for substitutions that print a number and `PLACEHOLDER` for all others."""
    plain = re.sub(r"\$\([^()`]*\)", lambda match: "0" if prints_number(match.group()) else PLACEHOLDER, text)
    return plain.replace("`", PLACEHOLDER).replace("$(", PLACEHOLDER)


def evaluate(names: ArithmeticNames, text: str, bindings: dict[str, str]) -> None:
    """Note the names that an expression reads and sets, and what in it may be no number."""
    if PLACEHOLDER in text:
        names.doubts.append("arithmetic over the output of a command")
    names.counted.update(names_assigned(text))
    for name in NAME.findall(LENGTH.sub("0", text)):
        value = bindings.get(name)
        if value is not None and NUMBER.match(value):
            continue
        if not name[0].isalpha() and name[0] != "_":
            names.doubts.append("arithmetic over an argument known only at run time")
            continue
        names.evaluated.add(name)


def compare(names: ArithmeticNames, text: str, bindings: dict[str, str]) -> None:
    """Note the names that the comparisons of `[[ ... ]]` evaluate."""
    plain = text.replace('"', "")
    for clause in CLAUSE.split(plain):
        comparison = COMPARISON.search(clause)
        if comparison:
            evaluate(names, clause[: comparison.start()].replace("!", " "), bindings)
            evaluate(names, clause[comparison.end() :], bindings)
    for name in PRESENCE.findall(plain):
        if not re.fullmatch(r"[A-Za-z_]\w*(?:\[\w+\])?", name):
            names.doubts.append("a test of a variable known only at run time")


def assign(names: ArithmeticNames, name: str, raw: str) -> None:
    """Note an assignment by its value as it is written."""
    value = raw.strip().strip('"')
    reference = REFERENCE.match(value)
    if reference:
        names.evaluated.add(f"{name}={reference[1]}")
    elif not (
        NUMBER.match(value) or LENGTH.fullmatch(value) or prints_number(value) or value in {"$RANDOM", "$SECONDS"}
    ) and not (value.startswith("$((") and value.endswith("))") and "$(" not in value[2:] and "`" not in value):
        names.texts.add(name)
    names.counted.add(name)


def doubts(names: ArithmeticNames) -> str | None:
    """Return which name arithmetic reads that may hold more than a number, `None` if there is none."""
    if names.doubts:
        return names.doubts[0]
    sources: dict[str, list[str]] = {}
    for one in names.evaluated:
        name, link, source = one.partition("=")
        if link:
            sources.setdefault(name, []).append(source)
    wanted = {one for one in names.evaluated if "=" not in one} - ALWAYS_NUMBERS
    more = list(wanted)
    while more:
        found = set(sources.get(more.pop(), ())) - wanted - ALWAYS_NUMBERS
        wanted |= found
        more += found
    for name in sorted(wanted):
        if name in names.texts or name not in names.counted:
            return f"arithmetic over {name}, which may hold more than a number"
    return None
