"""`moothall hook` as the command line library shows it, for people. Agents start `hook_start.py`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from transport.cli.agents.hook import hook as run_hook
from transport.cli.agents.hook_settings import hook_settings
from transport.cli.agents.hook_words import Told
from transport.discovery.data_directory import default_data_dir


def hook(
    agent: Literal["claude-code", "codex", "gemini", "opencode", "cursor"],
    *,
    hall: str | None = None,
    wait: int = 0,
    url: str | None = None,
    data: Path | None = None,
    settings: bool = False,
) -> None:
    """Judge the tool call that a hook's JSON on stdin tells of, and print the decision as JSON.

    Args:
        agent: Whose hook this is.
        hall: The hall's id, the name of its data directory; by default that of the agent's repository.
        wait: How long to wait for a decision on what no rule decides, in seconds.
        url: The server's URL, ws:// or http://; by default MOOTHALL_URL, else the server on the data directory.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of the agent's repository.
        settings: Print what to write into the agent's settings, and judge nothing.
    """
    if settings:
        print(hook_settings(agent, hall or default_data_dir().name, wait))
        return
    run_hook(Told(agent, url, None if data is None else str(data), hall, float(wait)))
