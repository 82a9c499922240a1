"""The flags that say which hall a command speaks to, and as whom."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from cyclopts import Parameter

from transport.discovery.find_hall import Given


@Parameter(name="*")
@dataclass(frozen=True)
class WhichHall:
    """Which hall is meant, and whose token is shown there.

    Attributes:
        url: The server's websocket URL; by default MOOTHALL_URL, else the server on the data directory.
        data: The hall's data directory; by default MOOTHALL_DATA, else that of this repository.
        token_file: A file that holds the token to show; by default MOOTHALL_TOKEN, else the data directory's.
    """

    url: str | None = None
    data: Path | None = None
    token_file: Path | None = None

    def given(self, *, person: bool = False) -> Given:
        """Return what was given, for `find_hall`.

        Args:
            person: Whether it is a person's command: at a terminal it may use the admin's token.
        """
        at_terminal = person and sys.stdin.isatty() and sys.stdout.isatty()
        return Given(self.url, self.data, None, self.token_file, person=at_terminal)


THIS = WhichHall()
