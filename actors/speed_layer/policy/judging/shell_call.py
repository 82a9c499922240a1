"""What a shell tool's input says: the line, where it runs, and what beside them is not judged. Pure."""

from __future__ import annotations

import shlex
from typing import Any, Final

import msgspec

from actors.speed_layer.command.paths import join
from actors.speed_layer.policy.judging.tool_paths import strange
from actors.speed_layer.policy.tool_signatures import KnownTool
from actors.speed_layer.shell.reading.prepared_text import MAX_BYTES

NO_COMMAND: Final = "'command' is missing, or neither text nor a list of words"


class ShellCall(msgspec.Struct, frozen=True, gc=False):
    """What is to be run.

    Attributes:
        line: The shell line; None if the input has none.
        cwd: The directory that it starts in; None if unknown.
        doubt: Why it is `ask` at least, whatever the rules say to the line; "" for no such reason.
        moved: Whether the input itself names the directory.
    """

    line: str | None
    cwd: str | None
    doubt: str = ""
    moved: bool = False


def shell_call(known: KnownTool, arguments: dict[str, Any], cwd: str | None) -> ShellCall:
    """Return what a shell tool's input says.

    Args:
        known: What its keys are.
        arguments: The input.
        cwd: The request's working directory.
    """
    only = arguments.get("command") if len(arguments) == 1 and known.takes_command else None
    if isinstance(only, str):
        return ShellCall(only, cwd)  # as many are
    given = known.effective(arguments)
    lines = [given[key] for key in known.signature.command if key in given]
    line = command_line(lines[0]) if len(lines) == 1 else None
    if line is None:
        return ShellCall(None, cwd, "there is more than one command" if len(lines) > 1 else NO_COMMAND)
    foreign = next((key for key in given if key not in known.beside), None) or known.loud(given)
    doubt = "" if foreign is None else f"what {foreign[:60]!r} beside the command does to it is not judged"
    places = [given[key] for key in known.signature.directory if given.get(key)]
    if not places:
        return ShellCall(line, cwd, doubt)
    if len(places) > 1 or not isinstance(places[0], str) or strange(places[0]) or places[0].startswith("~"):
        return ShellCall(line, None, doubt or "the directory that it would run in is not known", moved=True)
    return ShellCall(line, join(cwd, places[0]), doubt, moved=True)


def command_line(command: Any) -> str | None:
    """Return a command, as text or a list of words, as a shell line; None if it is neither."""
    if isinstance(command, str):
        return command
    try:
        words = msgspec.convert(command, list[str])
    except msgspec.ValidationError:
        return None
    if sum(map(len, words)) > MAX_BYTES:
        return " ".join(words)[: MAX_BYTES + 1]  # what is too long is not looked at, so its quotes need not be right
    return shlex.join(words) if words else None
