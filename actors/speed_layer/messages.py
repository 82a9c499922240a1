"""The speed layer's door: what may be asked of it and what comes back."""

from __future__ import annotations

from actors.kernel import Ask
from actors.speed_layer.policy import Explanation, Request, Ruling

NAME = "speed_layer"


class Evaluate(Ask[list[Ruling]]):
    """Judge requests, all in one message; the rulings come back in order."""

    requests: list[Request]


class Explain(Ask[Explanation]):
    """Judge one request and say which rules matched and why."""

    request: Request


Messages = Evaluate | Explain
