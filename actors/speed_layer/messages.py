"""The speed layer's door: what may be asked of it and what comes back."""

from __future__ import annotations

import msgspec

from actors.kernel import Ask
from actors.speed_layer.policy import Explanation, Request, Ruling

NAME = "speed_layer"


class Rulings(msgspec.Struct, frozen=True, array_like=True):
    """The rulings on a batch of requests, in order, and the version of the policy that gave them."""

    policy: str
    rulings: list[Ruling]


class Evaluate(Ask[Rulings], frozen=True):
    """Judge requests, all in one message."""

    requests: list[Request]


class Explained(msgspec.Struct, frozen=True, array_like=True):
    """An explanation, and the version of the policy that it speaks of."""

    policy: str
    explanation: Explanation


class Explain(Ask[Explained], frozen=True):
    """Judge one request and say which rules matched and why."""

    request: Request


Messages = Evaluate | Explain
