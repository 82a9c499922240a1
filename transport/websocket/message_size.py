"""How large a message from a client may be, in bytes and in fragments; a larger one ends its connection with 1009.

trio-websocket counts characters itself and closes where a message has too many. What it takes in without waiting for
anything are fragments and pongs: ten thousand of them fit into what is read at once, and many into a message. So others
get a turn in between, a message may come in so many fragments at most, and what one principal has begun and not
finished, over all its connections, is bounded, and so is how many of its pieces are read in a second.
"""

from __future__ import annotations

from typing import Any, Final

import trio
from wsproto.events import BytesMessage, Pong, TextMessage

from transport.access.bytes_per_principal import HeldBytes

EVENTS: Final = 16
"""How many fragments and pongs are taken in before others get a turn: as many as whole messages.

Without turns, one connection that sent nothing but empty fragments let another agent's `health` wait 356 ms (median).
"""

FRAGMENTS: Final = 16 * 1024
"""In how many fragments a message may come; each takes memory, however small it is.

That is 256 bytes each for the largest message: fewer than any client that means well would send.
"""

UNFINISHED: Final = 64 << 20
"""How many characters of unfinished messages one principal may have: sixteen of the largest messages.

A single message may have more. Without this bound, sixty messages that were begun took 224 MB.
"""

_UTF8_LONGEST: Final = 4


def is_too_large(text: str, most_bytes: int) -> bool:
    """Say whether a whole message has too many bytes as UTF-8; only one with many characters is encoded to know."""
    return len(text) * _UTF8_LONGEST > most_bytes and len(text.encode()) > most_bytes


class Fragments:
    """Stands in for the library's handlers of messages and pongs, which its reader looks up when it begins.

    Attributes:
        unfinished: What all connections of the principal have of unfinished messages.
    """

    def __init__(self) -> None:
        self.unfinished = HeldBytes()
        self._handled = 0
        self._pieces = 0
        self._held = 0

    def attach(self, library: Any) -> None:
        """Take the handlers' place in a connection of the library. Does not checkpoint."""
        self._library = library
        self._on_message, self._on_pong = library._handle_message_event, library._handle_pong_event  # noqa: SLF001 - no other way in
        library._handle_message_event, library._handle_pong_event = self._message, self._pong  # noqa: SLF001 - likewise

    def end(self) -> None:
        """Give back what is unfinished: it never will be. Does not checkpoint."""
        self._hold(0)

    async def _message(self, event: TextMessage | BytesMessage) -> None:
        library = self._library
        self._pieces = 0 if event.message_finished else self._pieces + 1
        if self._pieces > FRAGMENTS or self._is_too_much(len(event.data)):
            library._message_size = library._max_message_size + 1  # noqa: SLF001 - so that it says 1009
        await self._on_message(event)
        self._hold(library._message_size)  # noqa: SLF001 - likewise
        if self._pieces:
            await self._take_turns()

    async def _pong(self, event: Pong) -> None:
        await self._on_pong(event)
        await self._take_turns()

    def _is_too_much(self, size: int) -> bool:
        by_others = self.unfinished.bytes - self._held
        return bool(self._pieces and by_others) and self.unfinished.bytes + size > UNFINISHED

    def _hold(self, size: int) -> None:
        self.unfinished.bytes += size - self._held
        self._held = size

    async def _take_turns(self) -> None:
        self._handled += 1
        if self._handled % EVENTS == 0:
            await trio.sleep(self.unfinished.pay_for_pieces(EVENTS, trio.current_time()))
