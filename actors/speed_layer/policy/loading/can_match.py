"""Refuses rules that can never match: whoever writes one believes to be guarded, and is not. Pure."""

from __future__ import annotations

from typing import Final

from actors.speed_layer.policy.loading.sources import Entry, PolicyError
from actors.speed_layer.policy.rule_tables import CommandRule, PathRule

_WHOLE_PATH: Final = ("/", "~", "@", "**", "{")
"""How a glob begins that can be a whole path."""


def check_can_match(entry: Entry) -> None:
    """See that a rule can match something.

    Raises:
        PolicyError: It cannot, with the rule's line and what was probably meant.
    """
    table = entry.table
    if isinstance(table, CommandRule):
        _check_words(entry, table)
    elif isinstance(table, PathRule):
        _check_globs(entry, table)


def _check_words(entry: Entry, table: CommandRule) -> None:
    for word in table.argv[1:]:
        if any(map(str.isspace, word)):
            what = f"rule {table.id!r} can never match: no word of a command is {word!r}, which has a blank"
            meant = ", ".join(f'"{part}"' for part in word.split())
            raise PolicyError(entry.source.name, entry.line, what, f"write each word by itself: {meant}")


def _check_globs(entry: Entry, table: PathRule) -> None:
    for glob in (*table.globs, *table.but):
        if not glob.startswith(_WHOLE_PATH):
            what = f"rule {table.id!r} can never match: {glob!r} is no whole path"
            meant = f'write "@/{glob}" for the workspace, or "**/{glob}" for any place'
            raise PolicyError(entry.source.name, entry.line, what, meant)
