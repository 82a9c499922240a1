"""Asking the person at the terminal before something that cannot be undone."""

from __future__ import annotations

import sys


def agreed(question: str) -> bool:
    """Ask on stderr; say whether somebody sits at the terminal and agrees."""
    if not sys.stdin.isatty():
        return False
    print(f"{question} [y/N] ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}
