"""The agent's token for agents that run as other users of a group: a copy beside the data directory."""

from __future__ import annotations

import os
from pathlib import Path

from transport.discovery.data_directory import agents_directory
from transport.discovery.put_file import put_file
from transport.discovery.server_file import AGENT_TOKEN_FILE, read_token


def share_token(data: Path) -> None:
    """Give the agent's token to those of the group, if there are a token and a directory for them.

    Raises:
        OSError: It cannot be written.
    """
    folder, token = agents_directory(data), read_token(data / AGENT_TOKEN_FILE)
    if token is None or not folder.is_dir() or folder.stat().st_uid != os.geteuid():
        return
    put_file(folder / AGENT_TOKEN_FILE, token.encode(), 0o640)
    os.chown(folder / AGENT_TOKEN_FILE, -1, folder.stat().st_gid)
