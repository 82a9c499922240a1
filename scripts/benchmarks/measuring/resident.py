"""How much memory a process holds. Linux."""

import os
from pathlib import Path


def resident_bytes(process: int | str = "self") -> int:
    """Return the resident set size of a process, in bytes."""
    return int(Path(f"/proc/{process}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE")


def anonymous_bytes(process: int | str = "self") -> int:
    """Return what of a process's resident set no file backs, in bytes: a mapped database does not count."""
    text = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    return next(int(line.split()[1]) << 10 for line in text.splitlines() if line.startswith("RssAnon:"))
