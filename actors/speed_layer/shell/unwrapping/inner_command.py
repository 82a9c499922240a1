"""What a command runs besides itself: inner commands and texts for a shell."""

from __future__ import annotations

import msgspec

from actors.speed_layer.command.simple_command import SimpleCommand


class Inner(msgspec.Struct):
    """One command inside another.

    Attributes:
        words: Its judged words.
        argv: Its certain words.
        env: Assignments the wrapper makes for it.
        directory: A directory the wrapper changes to first, `None` for none.
        stdin: Whether it reads what the wrapper reads.
    """

    words: tuple[str, ...]
    argv: tuple[str | None, ...]
    env: tuple[tuple[str, str | None], ...] = ()
    directory: str | None = None
    stdin: bool = True


class ShellText(msgspec.Struct):
    """Text that is given to a shell.

    Attributes:
        text: The text, `None` if it is known only at run time.
        arguments: What `$0`, `$1`, ... are in it.
    """

    text: str | None
    arguments: tuple[str, ...] = ()


class Unwrapped(msgspec.Struct):
    """All that a wrapper runs, and why that may not be all."""

    inner: list[Inner] = []
    texts: list[ShellText] = []
    unproved: list[str] = []


def cut(command: SimpleCommand, start: int, stop: int | None = None) -> Inner:
    """Return the command that some of a command's words make."""
    return Inner(command.words[start:stop], command.argv[start:stop])


def joined(command: SimpleCommand, start: int) -> ShellText:
    """Return the text that a command's words from `start` on make, as `eval` joins them."""
    rest = command.argv[start:]
    exact = [word for word in rest if word is not None]
    return ShellText(" ".join(exact) if len(exact) == len(rest) else None)


def unknown_option(name: str, option: str) -> Unwrapped:
    """Return that nothing is proved because of an option."""
    return Unwrapped(unproved=[f"{name}: an option it is not known to have: {option.replace(chr(0), '?')!r}"])
