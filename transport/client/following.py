"""The log as it grows, an event after the other. No generator: whoever has seen enough just leaves."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable
from typing import Self

from transport.mcp.tools.log_schemas import EventResult, QueryResult


class Following:
    """An asynchronous iterator over events, in order and without a gap; each step is a checkpoint where it has to ask.

    Args:
        ask: Returns a page of what comes after a sequence, and waits where there is nothing yet.
        now: Returns the sequence of the latest event.
        after: The sequence to begin behind; None for now.
    """

    def __init__(
        self, ask: Callable[[int], Awaitable[QueryResult]], now: Callable[[], Awaitable[int]], after: int | None
    ) -> None:
        self._ask = ask
        self._now = now
        self._after = after
        self._events: deque[EventResult] = deque()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> EventResult:
        """Return the next event; never ends by itself."""
        while not self._events:
            after = self._after if self._after is not None else await self._now()
            page = await self._ask(after)
            self._events.extend(page.events)
            self._after = page.next
        return self._events.popleft()
