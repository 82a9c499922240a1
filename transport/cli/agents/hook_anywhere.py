"""Which hall a hook asks that carries no hall's id: the one that flags, the environment or its project say."""

from __future__ import annotations

import os
import site
import sys
from pathlib import Path

from transport.cli.agents.hook_words import Told
from transport.discovery.data_directory import believed_data_dir, named_data_dir
from transport.discovery.find_hall import Given, find_hall
from transport.discovery.hall import Hall, Misused


def hall_anywhere(given: Told) -> Hall | None:
    """Find the hall to ask; None where nothing names one, and this project never had one: the hook steps aside.

    A hook that is set up for all of a user's projects would else ask about each call in those that have no hall. An
    agent could make itself a project, so a hook that guards one project names its hall.

    Raises:
        Misused: A hall's id and an address were given together.
        NotFound: No server is known.
        NotBelieved: Somebody else could have said where the hall is.
    """
    if given.hall is not None:
        raise Misused("--hall says where the hall is, and so do --url and --data: give one of them")
    if sys.flags.no_site:
        site.main()  # what a hook without an id needs may be installed beside it
    start = _project()
    named = named_data_dir(given.data, os.environ)
    meant = given.url or named or os.environ.get("MOOTHALL_URL") or os.environ.get("MOOTHALL_TOKEN")
    if not meant and not believed_data_dir(None, start)[0].is_dir():
        return None
    return find_hall(Given(given.url, given.data, start=start))


def _project() -> Path | None:
    """Find the project by what the agent's host says, not by where the agent went: it could build a hall of its own."""
    project = os.environ.get("CLAUDE_PROJECT_DIR") or os.environ.get("GEMINI_PROJECT_DIR")
    return Path(project) if project else None
