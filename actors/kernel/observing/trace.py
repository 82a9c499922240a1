"""Hooks for metrics and tracing. With none set, a message costs one look at an attribute."""

from __future__ import annotations

from collections.abc import Callable

import msgspec


class Traced(msgspec.Struct, frozen=True):
    """One message that an actor has handled.

    Attributes:
        actor: Who handled it.
        message: The name of its class.
        sender: Who sent it; empty where no actor did.
        trace_id: As the sender gave it.
        asked: Whether an answer was expected.
        wait_s: How long it waited in the mailbox, in seconds.
        service_s: How long the handler took, its awaits included, in seconds.
    """

    actor: str
    message: str
    sender: str
    trace_id: str
    asked: bool
    wait_s: float
    service_s: float


Trace = Callable[[Traced], None]
