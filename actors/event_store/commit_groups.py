"""Which of the appends that wait are committed together. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeAlias

from actors.kernel import Reply
from store import Append

GROUP = 1024
"""How many appends one commit takes at the most."""

GROUP_BYTES = 1 << 20
"""How many bytes of appends one commit takes, or one append: staging them holds the loop for about 10 ms."""

CHECKS = 1 << 15
"""How many conditions times events one commit takes at the most: each is compared with what is staged before it."""

Pending: TypeAlias = tuple[Append, Reply, int]
"""An append, the way back, and up to which sequence nothing is known to match its condition."""


def group_size(pending: Sequence[Pending]) -> int:
    """Return how many of the appends that wait go into the next commit."""
    conditions = events = size = 0
    for count, (append, reply, _) in enumerate(pending[:GROUP]):
        conditions += 0 if append.fail_if is None else 1 + len(append.fail_if.queries)
        events += len(append.events)
        size += reply.size
        if count and (size > GROUP_BYTES or conditions * events > CHECKS):
            return count
    return min(len(pending), GROUP)
