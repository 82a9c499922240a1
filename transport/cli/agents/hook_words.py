"""What a hook's command line says. Pure; imports nothing that a hook cannot afford."""

from __future__ import annotations

from transport.discovery.light_tuple import NamedTuple
from transport.hooks.agents import AGENTS


class Told(NamedTuple):
    """What a hook is told.

    Attributes:
        agent: Whose hook it is.
        url: The server's URL.
        data: The hall's data directory.
        hall: The hall's id.
        wait_s: How long to wait for a decision on an `ask`, in seconds.
    """

    agent: str
    url: str | None = None
    data: str | None = None
    hall: str | None = None
    wait_s: float = 0.0


def told(words: list[str]) -> Told | None:
    """Return what `AGENT [--hall ID] [--wait S] [--url U] [--data D]` says, each once; None of anything else."""
    flags = dict(zip(words[1::2], words[2::2], strict=False))
    if (
        len(words) != 1 + 2 * len(flags)
        or words[0] not in AGENTS
        or not flags.keys() <= {"--url", "--data", "--hall", "--wait"}
        or any(value[:1] == "-" for value in flags.values())
    ):
        return None
    wait = flags.get("--wait", "0")
    if not wait.isascii() or not wait.isdecimal() or len(wait) > len("86400"):
        return None
    return Told(words[0], flags.get("--url"), flags.get("--data"), flags.get("--hall"), float(wait))
