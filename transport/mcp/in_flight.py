"""The requests under way on one connection: how many there may be, how large they are, and which of them take turns."""

from __future__ import annotations

from typing import Final

import trio
from mcp.shared.exceptions import MCPError

from actors.desk.gate import Refusal
from transport.access.bytes_per_principal import HeldBytes
from transport.mcp.message_parser import RequestId
from transport.mcp.ticket_queue import Ticket, TicketQueue

TOO_MANY_REQUESTS: Final = -32005
"""The JSON-RPC error of a request that is one too many, in the range that implementations define."""

PRINCIPAL_BYTES: Final = 64 << 20
"""How many bytes of requests a principal may have under way on all its connections; a single one may have more."""

_NOTHING: Final[tuple[None, int]] = (None, 0)


class InFlight:
    """The requests of one connection that are not answered yet. Only `wait_idle` checkpoints.

    Args:
        limit: How many there may be.
        limit_bytes: How many bytes they may have together; a single one may have more.
        held: What all connections of its principal have together; None where somebody else counts that.
    """

    def __init__(self, limit: int, limit_bytes: int, held: HeldBytes | None = None) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._held = held if held is not None else HeldBytes()
        self._bytes = 0
        self._requests: dict[RequestId, tuple[Ticket | None, int]] = {}
        self._tickets = TicketQueue()
        self._idle: trio.Event | None = None

    def __len__(self) -> int:
        return len(self._requests)

    @property
    def size(self) -> int:
        """How many bytes they have together."""
        return self._bytes

    def __contains__(self, request_id: RequestId) -> bool:
        return request_id in self._requests

    def has_room(self, size: int) -> bool:
        """Say whether the connection may have another request of so many bytes under way."""
        if self._held.bytes and self._held.bytes + size > PRINCIPAL_BYTES:
            return False
        return not self._requests or (len(self._requests) < self._limit and self._bytes + size <= self._limit_bytes)

    @property
    def tickets_wait(self) -> bool:
        """Whether the ticket of an ordered request is not finished: no other may begin."""
        return bool(self._tickets)

    def begin(self, request_id: RequestId, *, size: int, ordered: bool) -> Ticket | None:
        """Note a request of so many bytes; returns its ticket if it keeps the order of arrival."""
        ticket = self._tickets.take() if ordered else None
        self._requests[request_id] = ticket, size
        self._bytes += size
        self._held.bytes += size
        return ticket

    def settle(self, request_id: RequestId) -> None:
        """Note that a request was answered or never will be; the next ticket's turn begins. Unknown ids are ignored."""
        ticket, size = self._requests.pop(request_id, _NOTHING)
        self._bytes -= size
        self._held.bytes -= size
        if ticket is not None:
            ticket.finish()
        if not self._requests and self._idle is not None:
            self._idle.set()

    def close(self) -> None:
        """Settle all that is left: the connection has ended, and nobody is answered any more."""
        for request_id in list(self._requests):
            self.settle(request_id)

    async def wait_idle(self) -> None:
        """Wait until no request is under way; a checkpoint."""
        self._idle = trio.Event()
        if not self._requests:
            self._idle.set()
        await self._idle.wait()


class InFlightHold:
    """Holds a request among those under way until everybody who works on it has left. Nothing here checkpoints.

    Over HTTP a request goes on when its client has gone, so whoever answers it may leave before its tool does.

    Args:
        in_flight: The requests under way.
        request_id: The request's id.
        size: How many bytes it has.
    """

    __slots__ = ("_holders", "_in_flight", "_request_id", "_size")

    def __init__(self, in_flight: InFlight, request_id: RequestId, size: int) -> None:
        self._in_flight = in_flight
        self._request_id = request_id
        self._size = size
        self._holders = 0

    def __enter__(self) -> None:
        if not self._holders and self._request_id not in self._in_flight:
            self._in_flight.begin(self._request_id, size=self._size, ordered=False)
        self._holders += 1

    def __exit__(self, *_why: object) -> None:
        self._holders -= 1
        if not self._holders:
            self._in_flight.settle(self._request_id)


def too_many(refusal: Refusal) -> MCPError:
    """Return the protocol's error of something of which there are too many already."""
    error = {**refusal.detail, "code": refusal.code, "message": refusal.message}
    return MCPError(TOO_MANY_REQUESTS, refusal.message, {"error": error})
