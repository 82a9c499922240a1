"""What travels with a request to its handler, through the SDK or past it."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from actors.desk.gate import Caller, Person
from transport.mcp.in_flight import InFlightHold
from transport.mcp.ticket_queue import Ticket


class RequestContext(NamedTuple):
    """What a handler knows of a request besides its params; the SDK hands it on as `ctx.request`.

    Attributes:
        caller: Who asks.
        ticket: Its turn must come before anything is done, where the request keeps the order of arrival.
        person: Asks the person at the client, where their answer counts.
        hold: To be entered for as long as a tool runs, where its request may be over before.
        size: How many bytes the request has.
        by_hook: Whether it came in at the hooks' door: only there one may say from which session and call it comes.
    """

    caller: Caller
    ticket: Ticket | None = None
    person: Person | None = None
    hold: InFlightHold | None = None
    size: int = 0
    by_hook: bool = False


REQUEST_CONTEXT: Final = "moothall.request_context"
"""The key of an HTTP request's scope that holds its context."""


def request_context_of(request: Any) -> RequestContext:
    """Return the context that came with a request: the request itself, or in an HTTP request's scope."""
    if isinstance(request, RequestContext):
        return request
    found: RequestContext = request.scope[REQUEST_CONTEXT]
    return found
