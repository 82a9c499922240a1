"""trio-websocket's reader task, contained: what peers can make it raise ends the reading and nothing else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final, cast

import trio
from wsproto.events import BytesMessage, Pong, TextMessage

from transport.inbox import Inbox

EVENTS: Final = 16
"""How many fragments and pongs are taken in before others get a turn."""

FRAGMENTS: Final = 16 * 1024
"""In how many pieces a message may come; each takes memory, however small it is."""


class Reader:
    """Stands in for the nursery that trio-websocket starts its reader task in.

    The library's reader dies of what peers can send (a ping after the close, a path that is not ASCII), and a peer that
    leaves during the handshake is not reported at all. Here the end of the reader is an event like any other.

    Args:
        nursery: Where the task really runs.
        handshake_s: How long the handshake may take, in seconds.

    Attributes:
        ended: Set when nothing more will be read.
        handshake: The scope to shake hands in; cancelled when nothing more will be read.
        error: What the reader died of, if it did.
        inbox: Where it leaves messages, once attached.
    """

    def __init__(self, nursery: trio.Nursery, handshake_s: float) -> None:
        self._nursery = nursery
        self.ended = trio.Event()
        self.handshake = trio.CancelScope(deadline=trio.current_time() + handshake_s)
        self.error: Exception | None = None
        self.inbox = Inbox()

    def as_nursery(self) -> trio.Nursery:
        """Return this reader, typed as the nursery that it stands in for: only `start_soon` is there."""
        return cast("trio.Nursery", self)

    def start_soon(self, task: Callable[..., Awaitable[object]], *args: Any) -> None:
        """Start the reader task. Does not checkpoint."""
        self._nursery.start_soon(self._run, task, args)

    async def _run(self, task: Callable[..., Awaitable[object]], args: tuple[Any, ...]) -> None:
        _take_turns(task)
        try:
            await task(*args)
        except Exception as error:  # noqa: BLE001 - any kind: a peer's bytes decide which
            self.error = error
        finally:
            self.ended.set()
            self.inbox.end()
            self.handshake.cancel()


def _take_turns(task: Callable[..., Awaitable[object]]) -> None:
    """Have the library let others run between events that it handles without waiting for anything.

    Those are fragments and unsolicited pongs: ten thousand fit into what is read at once, and many into a message.
    """
    library = cast("Any", task).__self__  # whose reader looks its handlers up when it begins
    on_message, on_pong = library._handle_message_event, library._handle_pong_event  # noqa: SLF001 - no other way in
    handled = fragments = 0

    async def take_turns() -> None:
        nonlocal handled
        handled += 1
        if handled % EVENTS == 0:
            await trio.lowlevel.checkpoint()

    async def message(event: TextMessage | BytesMessage) -> None:
        nonlocal fragments
        fragments = 0 if event.message_finished else fragments + 1
        if fragments > FRAGMENTS:
            library._message_size = library._max_message_size + 1  # noqa: SLF001 - so that it says 1009
        await on_message(event)
        if fragments:
            await take_turns()

    async def pong(event: Pong) -> None:
        await on_pong(event)
        await take_turns()

    library._handle_message_event, library._handle_pong_event = message, pong  # noqa: SLF001 - likewise
