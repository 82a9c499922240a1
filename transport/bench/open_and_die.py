"""A process that opens a log, says how long that took in milliseconds, and dies without closing it.

Usage: python -m transport.bench.open_and_die DIRECTORY
"""

from __future__ import annotations

import os
import sys
import time

from store import EventLog


def main() -> None:
    """Open, report, die: the directory is left as a killed server leaves it."""
    began = time.perf_counter()
    log = EventLog.open(sys.argv[1], fsync="group")
    took_ms = (time.perf_counter() - began) * 1e3
    sys.stdout.write(f"{took_ms} {log.head}\n")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
