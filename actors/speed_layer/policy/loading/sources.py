"""The sources of a policy: TOML texts, read with file and line in every error."""

from __future__ import annotations

import re
import tomllib
from typing import Any, Final

import msgspec

from actors.speed_layer.policy.rule_tables import TABLES, Layer

MAX_BYTES: Final = 1_000_000
"""The longest text of a layer, in bytes: the log's events hold 1 MiB, and one of them holds the text."""
HEADER: Final = re.compile(r"\s*\[\[\s*(\w+)\s*\]\]")


class PolicyError(Exception):
    """A policy that cannot be used.

    Attributes:
        file: Name of the source.
        line: Line number in it, from 1.
        what: What is wrong.
        advice: What to do about it.
    """

    def __init__(self, file: str, line: int, what: str, advice: str) -> None:
        super().__init__(f"{file}:{line}: {what}; {advice}")
        self.file = file
        self.line = line
        self.what = what
        self.advice = advice


class PolicySource(msgspec.Struct, frozen=True):
    """One file of rules.

    Attributes:
        name: What errors call it.
        text: Its TOML text.
        layer: Whose rules they are; a lower layer never loosens a higher one.
    """

    name: str
    text: str
    layer: Layer = "project"


class Entry(msgspec.Struct, frozen=True):
    """One table of a source, with where it stands."""

    table: Any
    source: PolicySource
    line: int


def load(source: PolicySource) -> list[Entry]:
    """Read a source.

    Raises:
        PolicyError: It is too long, is not TOML, or has an unknown table or key, or a value of the wrong type.
    """
    size = len(source.text.encode("utf-8", "replace"))
    if size > MAX_BYTES:
        what = f"it has {size:,} bytes, and a layer may have {MAX_BYTES:,}"
        raise PolicyError(source.name, 1, what, "remove rules, or move some to another layer")
    try:
        document = tomllib.loads(source.text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+)", str(error))
        line = int(where[1]) if where else source.text.count("\n") + 1
        raise PolicyError(source.name, line, f"not valid TOML: {error}", "correct the text there") from None
    except RecursionError:
        raise PolicyError(source.name, 1, "nested too deeply", "use only tables of rules") from None
    lines = _lines(source.text)
    entries: list[Entry] = []
    for kind, tables in document.items():
        structure = TABLES.get(kind)
        line = _line_of(source.text, kind)
        try:
            found = msgspec.convert(tables, list[dict[str, Any]])
        except msgspec.ValidationError:
            structure = None
            found = []
        if structure is None:
            advice = f"use tables [[{']], [['.join(TABLES)}]]"
            raise PolicyError(source.name, line, f"{kind!r} is not a table of rules", advice)
        places = lines.get(kind, [])
        for index, table in enumerate(found):
            place = places[index] if len(places) == len(found) else line
            try:
                entries.append(Entry(msgspec.convert(table, structure), source, place))
            except msgspec.ValidationError as error:
                raise PolicyError(source.name, place, f"[[{kind}]]: {error}", "correct this table") from None
    return entries


def _line_of(text: str, key: str) -> int:
    for number, line in enumerate(text.splitlines(), 1):
        if re.match(rf"\s*\[*\s*{re.escape(key)}\b", line):
            return number
    return 1


def _lines(text: str) -> dict[str, list[int]]:
    """Return the lines of `[[...]]` headers by table, not looking inside multi-line strings."""
    found: dict[str, list[int]] = {}
    closing = ""
    for number, line in enumerate(text.splitlines(), 1):
        if closing:
            closing = "" if closing in line else closing
            continue
        header = HEADER.match(line)
        if header:
            found.setdefault(header[1], []).append(number)
        for quotes in ('"""', "'''"):
            if line.count(quotes) % 2:
                closing = quotes
    return found
