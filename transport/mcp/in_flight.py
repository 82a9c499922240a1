"""The requests under way on one connection: how many there may be, and in what order the appends among them run.

The SDK gives each request a task of its own, and Trio runs ready tasks in no particular order. What must keep the order
of its arrival therefore takes a turn when its frame is read, and waits for it in its own task.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, NamedTuple

import trio

from actors.desk.gate import Caller, Person
from transport.mcp.message_parser import RequestId


class Turn:
    """A place in a row of ordered requests.

    Attributes:
        awaited: Somebody waits for it or has it; who does must finish it.
        done: It is finished.
    """

    __slots__ = ("_ready", "_row", "awaited", "done")

    def __init__(self, row: deque[Turn]) -> None:
        self._ready = trio.Event()
        self._row = row
        self.awaited = False
        self.done = False

    def call(self) -> None:
        """Let this turn begin."""
        self._ready.set()

    async def wait(self) -> None:
        """Wait until everything before this turn is done; a checkpoint."""
        self.awaited = True
        await self._ready.wait()

    def finish(self) -> None:
        """Let the next turn begin, if every turn before this one is finished too. Does not checkpoint."""
        self.done = True
        self._ready.set()  # whoever comes to wait for it later has nothing to wait for
        row = self._row
        while row and row[0].done:
            row.popleft()
        if row:
            row[0].call()


class Row:
    """Ordered requests, one behind the other. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._turns: deque[Turn] = deque()

    def __len__(self) -> int:
        return len(self._turns)

    def take(self) -> Turn:
        """Return the next turn."""
        turn = Turn(self._turns)
        self._turns.append(turn)
        if len(self._turns) == 1:
            turn.call()
        return turn


_NOTHING: Final[tuple[None, int]] = (None, 0)


class InFlight:
    """The requests of one connection that are not answered yet. Only `wait_idle` checkpoints.

    Args:
        limit: How many there may be.
        limit_bytes: How many bytes they may have together; a single one may have more.
    """

    def __init__(self, limit: int, limit_bytes: int) -> None:
        self._limit = limit
        self._limit_bytes = limit_bytes
        self._bytes = 0
        self._requests: dict[RequestId, tuple[Turn | None, int]] = {}
        self._row = Row()
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
        return not self._requests or (len(self._requests) < self._limit and self._bytes + size <= self._limit_bytes)

    @property
    def turns_wait(self) -> bool:
        """Whether an ordered request has not finished its turn: no other may begin."""
        return bool(self._row)

    def begin(self, request_id: RequestId, *, size: int, ordered: bool) -> Turn | None:
        """Note a request of so many bytes; returns its turn if it keeps the order of arrival."""
        turn = self._row.take() if ordered else None
        self._requests[request_id] = turn, size
        self._bytes += size
        return turn

    def settle(self, request_id: RequestId) -> None:
        """Note that a request was answered or never will be; its turn passes on. Unknown ids are ignored."""
        turn, size = self._requests.pop(request_id, _NOTHING)
        self._bytes -= size
        if turn is not None:
            turn.finish()
        if not self._requests and self._idle is not None:
            self._idle.set()

    async def wait_idle(self) -> None:
        """Wait until no request is under way; a checkpoint."""
        self._idle = trio.Event()
        if not self._requests:
            self._idle.set()
        await self._idle.wait()


class Stay:
    """A request's place among those under way, until everybody who works on it has left. Nothing here checkpoints.

    Over HTTP a request goes on when its client has gone, so who answers it may leave before its tool does.

    Args:
        in_flight: The requests under way.
        request_id: The request's id.
        size: How many bytes it has.
    """

    __slots__ = ("_in_flight", "_inside", "_request_id", "_size")

    def __init__(self, in_flight: InFlight, request_id: RequestId, size: int) -> None:
        self._in_flight = in_flight
        self._request_id = request_id
        self._size = size
        self._inside = 0

    def __enter__(self) -> None:
        if not self._inside and self._request_id not in self._in_flight:
            self._in_flight.begin(self._request_id, size=self._size, ordered=False)
        self._inside += 1

    def __exit__(self, *_why: object) -> None:
        self._inside -= 1
        if not self._inside:
            self._in_flight.settle(self._request_id)


class Arrival(NamedTuple):
    """What travels with a request to its handler, as the SDK's `ctx.request`.

    Attributes:
        caller: Who asks.
        turn: To be waited for before anything is done, where the request keeps the order of arrival.
        person: Asks the person at the client, where their answer counts.
        stay: To be entered for as long as a tool runs, where its request may be over before.
    """

    caller: Caller
    turn: Turn | None = None
    person: Person | None = None
    stay: Stay | None = None


ARRIVAL: Final = "moothall.arrival"
"""Where an HTTP request's scope holds its arrival."""


def arrival_of(request: Any) -> Arrival:
    """Return the arrival that came with a request: the request itself, or in an HTTP request's scope."""
    if isinstance(request, Arrival):
        return request
    found: Arrival = request.scope[ARRIVAL]
    return found
