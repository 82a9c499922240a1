"""`moothall hook`: an agent's hook that asks the hall whether a tool may be used.

It runs before every tool call of an agent, so it must start fast: no Trio, no MCP, no command line library. It never
fails: whatever goes wrong becomes an `ask`, in one deadline over everything.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Literal

from transport.cli.agents.ask_hall import ask_hall
from transport.discovery.find_hall import Given, find_hall
from transport.hooks.agents import AGENTS
from transport.hooks.hook_answer import Judgement, Unusable, event_name, judgement, question
from transport.hooks.script_digests import with_scripts

DEADLINE_S: Final = 10.0
"""How long all of it may take, in seconds; the agents' own limits are longer."""

MOST_EVENT_BYTES: Final = 1 << 20
"""How much of the agent's event is read: as much as an input may have in the hall."""


def hook(agent: Literal["claude-code", "codex"], *, url: str | None = None, data: Path | None = None) -> None:
    """Judge the tool call that a hook's JSON on stdin tells of, and print the decision as JSON.

    Args:
        agent: Whose hook this is.
        url: The server's URL, ws:// or http://; by default MOOTHALL_URL, else the server on the data directory.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of the agent's repository.
    """
    event: Any = None
    try:
        with _deadline(DEADLINE_S):
            event = _event()
            asked = with_scripts(question(event))
            judged = judgement(*ask_hall(find_hall(Given(url, data, start=_project())), asked, DEADLINE_S))
    except Exception as error:  # noqa: BLE001 - no error may let a call pass
        judged = Judgement("ask", f"moothall could not judge this: {_in_short(error)}")
    answer = AGENTS[agent](event_name(event), judged)
    if answer is not None:
        print(json.dumps(answer))


def plain(words: list[str]) -> dict[str, Any] | None:
    """Return what `hook` is told, where it is told by `--url U` and `--data D` alone; else None."""
    told = dict(zip(words[::2], words[1::2], strict=False))
    if (
        len(words) != 2 * len(told)
        or not told.keys() <= {"--url", "--data"}
        or any(v[:1] == "-" for v in told.values())
    ):
        return None
    return {"url": told.get("--url"), "data": Path(told["--data"]) if "--data" in told else None}


def _event() -> Any:
    said = sys.stdin.buffer.read(MOST_EVENT_BYTES + 1)
    if len(said) > MOST_EVENT_BYTES:
        raise Unusable(f"the hook was given more than {MOST_EVENT_BYTES} bytes on stdin, as much as the hall takes")
    try:
        return json.loads(said)
    except ValueError as error:
        raise Unusable(f"the hook was given no JSON on stdin ({_in_short(error)})") from error


def _project() -> Path | None:
    """Find the project by what the agent's host says, not by where the agent went: it could build a hall of its own."""
    project = os.environ.get("CLAUDE_PROJECT_DIR")
    return Path(project) if project else None


def _in_short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


@contextmanager
def _deadline(seconds: float) -> Generator[None]:
    def too_late(_signal: int, _frame: object) -> None:
        raise TimeoutError(f"it took longer than {seconds:g} seconds")

    before = signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
