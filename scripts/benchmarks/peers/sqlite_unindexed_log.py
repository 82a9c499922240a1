"""SQLite as a log that nothing but its primary key indexes: what appends cost where nobody looks for anything."""

from __future__ import annotations

from pathlib import Path

from benchmarks.peers.sqlite_log import SqliteLog


def open_store(directory: Path, policy: str) -> SqliteLog:
    """Open SQLite's log in a directory; under the policy `memory` it has no file."""
    path = None if policy == "memory" else directory / "events.sqlite"
    return SqliteLog(path, durable=policy not in ("never", "memory"), indexed=False)
