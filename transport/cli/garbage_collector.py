"""The collector of cyclic garbage while a process starts.

Starting makes hundreds of thousands of objects, nearly all of which stay: modules, classes, the policy. The collector
would look at all of them again and again and find next to nothing; that took a sixth of the server's start.
"""

from __future__ import annotations

import gc
from typing import Final

_USUAL: Final = gc.get_threshold()
_YOUNG: Final = 30_000
"""How many new objects are looked at together, once: few enough that what is garbage among them does not stay."""

_NEVER: Final = 1_000_000
"""How many times the young are collected before the older ones are: more often than a start does."""


def spare() -> None:
    """Look at new objects once only from now on, in large lots."""
    gc.set_threshold(_YOUNG, _NEVER, _NEVER)


def settle() -> None:
    """Collect as usual from now on, but never look at what there is now: it lives as long as the process.

    There is no collection before that: it takes 0.1 s, in which nobody is served, and would free next to nothing.
    """
    gc.freeze()
    gc.set_threshold(*_USUAL)
