"""The folder of all halls of this user. Imports nothing that a hook cannot afford."""

from __future__ import annotations

import os
import sys


def state_directory() -> str:
    """Return the folder of all halls of this user, as platformdirs has it.

    platformdirs takes longer to import than all that a hook does, so the usual case is done here: on Linux, where the
    environment names absolute directories. A test holds the two to the same answer.
    """
    state = os.environ.get("XDG_STATE_HOME", "")
    home = os.environ.get("HOME", "")
    if sys.platform == "linux" and home.startswith("/") and (not state or state.startswith("/")):
        return os.path.join(state or f"{home.rstrip('/')}/.local/state", "moothall")  # noqa: PTH118 - a start without pathlib
    import platformdirs  # noqa: PLC0415 - see above

    return platformdirs.user_state_dir("moothall", appauthor=False)
