"""Prepaid tokens: what a session has admitted in advance, so that most requests need not ask.

An ask of the session is a hop of some 16 us, more than all else that a cached verdict costs. So the session takes a few
tokens out of its bucket beforehand and publishes them; the desk spends them without a hop. Each field has one writer,
as in every published view: the session grants, the desk spends. The bucket, the limit and the tally stay the session's
own: a token is in the bucket, granted or spent, never two of these.

Requests differ a hundredfold in what judging them takes. So a token pays for as much of that as a usual request takes,
and what is more is owed: whoever judges notes it here, and the session takes it out of its bucket before it admits or
grants anything again.
"""

from __future__ import annotations

from collections import Counter
from typing import Final

import trio

from actors.session.messages import Operation

AHEAD: Final = 64
"""How many tokens are granted ahead: one message for every 32 requests keeps them coming."""

_SHARE_OF_BURST: Final = 8

TOKEN_S: Final = 50e-6
"""How long judging may take for one token, in seconds: what a usual shell command takes.

An agent's 10,000 tokens a second then are half the time of a processor.
"""

_MOST_S: Final = 0.05
"""How much of the time that judging one request took is charged, in seconds: ten times what it can take by itself."""


class PrepaidTokens:
    """The prepaid tokens of one session. Nothing here checkpoints.

    Args:
        burst: How many tokens the session's limit allows at once; None means without limit.

    Attributes:
        ahead: How many tokens are granted at most: few of the burst, and none where the burst is small, so that a
            small limit is exact to the request.
        connections: The names of the connections that the session knows; others have to ask first. The session's.
        granted: Tokens granted since the session began. The session's.
        owed: Tokens owed since the session began for what judging took beyond its token. The speed layer's.
        low: What is spent when more should be granted. The session's.
        owes_until: Until when the bucket is empty, on Trio's clock, because of what was refused. The session's.
        spent: Tokens spent since the session began. The desk's.
        tally: The requests that they were spent on. The desk's.
        turn: Held by the one that waits until nothing is owed, while others wait behind it. The desk's.
    """

    __slots__ = ("ahead", "connections", "granted", "low", "owed", "owes_until", "spent", "tally", "turn")

    def __init__(self, burst: int | None) -> None:
        self.ahead = AHEAD if burst is None else min(AHEAD, burst // _SHARE_OF_BURST)
        self.connections: set[str] = set()
        self.granted = 0
        self.low = 0
        self.owes_until = 0.0
        self.owed = 0
        self.spent = 0
        self.tally: Counter[str] = Counter()
        self.turn = trio.Lock()

    def unspent(self) -> int:
        """Return how many tokens are granted and not spent."""
        return self.granted - self.spent

    def wanted(self) -> int:
        """Return how many tokens are missing to `ahead`."""
        return self.ahead - self.unspent()

    def grant(self, tokens: int) -> None:
        """Add tokens that were taken from the bucket, or take unspent ones back. For the session."""
        self.granted += tokens
        self.low = self.granted - self.ahead // 2

    def owe_for(self, used_s: float, requests: int) -> None:
        """Owe for what judging requests took, in seconds, beyond the token that each has paid. For the speed layer."""
        self.owed += max(0, int(min(used_s, _MOST_S * requests) / TOKEN_S) - requests)

    def affords(self, connection: str, cost: int) -> bool:
        """Say whether there are tokens enough for a request and the session knows the connection. For the desk."""
        return self.spent + cost <= self.granted and connection in self.connections

    def spend(self, connection: str, operation: Operation, cost: int) -> bool:
        """Pay for a request if there are tokens enough and the session knows the connection. For the desk."""
        if not self.affords(connection, cost):
            return False
        self.spent += cost
        self.tally[operation] += 1
        return True
