"""`moothall hook`: an agent's hook that asks the hall whether a tool may be used.

It runs before every tool call of an agent, so it must start fast: no Trio, no MCP, no command line library, and on
its usual way (`--hall ID`) neither `pathlib` nor `http.client`. It never fails: whatever goes wrong becomes an `ask`,
in one deadline over everything; and where it cannot even say that, exit code 2 refuses the call (`hook_start.py`).
"""

from __future__ import annotations

import json
import os
import signal
import sys

from transport.cli.agents.ask_hall import ask_hall, tell_hall
from transport.cli.agents.hook_words import Told, told
from transport.discovery.hall import Hall, hall_of_id
from transport.hooks.agents import AGENTS, in_words
from transport.hooks.existing_files import with_existing
from transport.hooks.hook_answer import Judgement, Unusable, judgement, question
from transport.hooks.hook_event import is_told
from transport.hooks.script_digests import with_scripts

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Any, Final

DEADLINE_S: Final = 10.0
"""How long all of it may take, in seconds, a wait for a decision aside; the agents' own limits are longer."""

LAST_S: Final = 5.0
"""How long after the deadline the system ends the process, in seconds: where not even an `ask` could be printed."""

MOST_EVENT_BYTES: Final = 1 << 20
"""How much of the agent's event is read: as much as an input may have in the hall."""


def run(words: list[str]) -> None:
    """Run the hook as its command line says.

    Args:
        words: The agent's name and the flags.

    Raises:
        ValueError: They are not understood; the text says how they should be.
    """
    given = told(words)
    if given is None:
        agents = "|".join(AGENTS)
        raise ValueError(f"usage: moothall hook {agents} [--hall ID] [--wait S] [--url U] [--data D]")
    hook(given)


def hook(given: Told) -> None:
    """Judge the tool call that a hook's JSON on stdin tells of, and print the decision as JSON.

    Args:
        given: Whose hook this is, and which hall it asks.
    """
    event: Any = None
    try:
        _set_deadline(DEADLINE_S + given.wait_s)
        event = _event()
        hall = _hall(given)
        if hall is None:
            return
        if is_told(event):
            tell_hall(hall, given.agent, event, DEADLINE_S)
            return
        asked = with_existing(with_scripts(question(event)))
        if given.wait_s:
            asked["wait_s"] = given.wait_s
        judged = judgement(*ask_hall(hall, asked, DEADLINE_S + given.wait_s))
    except Exception as error:  # noqa: BLE001 - no error may let a call pass
        if is_told(event):
            return  # it happened, whether the hall hears of it or not
        judged = Judgement("ask", f"moothall could not judge this: {_in_short(error)}")
    finally:
        _end_deadline()
    answer = in_words(given.agent, event, judged, attended=_has_terminal())
    if answer is not None:
        print(json.dumps(answer))


def _hall(given: Told) -> Hall | None:
    """Find the hall to ask; None where the hook names none, and none was ever made for this project."""
    if given.hall is not None and given.url is None and given.data is None:
        return hall_of_id(given.hall, os.environ)
    from transport.cli.agents.hook_anywhere import hall_anywhere  # noqa: PLC0415 - only what this run needs

    return hall_anywhere(given)


def _has_terminal() -> bool:
    """Say whether this process has a terminal, at which somebody may sit: the agent's own."""
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY | os.O_CLOEXEC))
    except OSError:
        return False
    return True


def _event() -> Any:
    said = sys.stdin.buffer.read(MOST_EVENT_BYTES + 1)
    if len(said) > MOST_EVENT_BYTES:
        while sys.stdin.buffer.read(MOST_EVENT_BYTES):
            pass  # Codex before 0.171 lets a call pass when its hook does not take all that it is given
        raise Unusable(f"the hook was given more than {MOST_EVENT_BYTES} bytes on stdin, as much as the hall takes")
    try:
        return json.loads(said)
    except ValueError as error:
        raise Unusable(f"the hook was given no JSON on stdin ({_in_short(error)})") from error


def _in_short(error: Exception) -> str:
    return " ".join(str(error).split())[:300] or type(error).__name__


def _set_deadline(seconds: float) -> None:
    """Have `TimeoutError` raised here after so many seconds, and the process ended `LAST_S` later if need be."""

    def too_late(_signal: int, _frame: object) -> None:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, LAST_S)
        raise TimeoutError(f"it took longer than {seconds:g} seconds")

    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)


def _end_deadline() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, signal.SIG_DFL)
