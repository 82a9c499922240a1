"""What both listeners do alike: accept until stopped, hear who speaks, notice revoked tokens."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable
from typing import Any, Final

import trio

from transport.access.seats import MOST_UNAUTHENTICATED
from transport.access.silent_connections import SilentConnections, has_hung_up
from transport.access.token_file import TokenError
from transport.logs import Logger

log = Logger(__name__)

ACCEPT_CAPACITY: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.ENOBUFS})
"""What `accept` says when the system is overloaded; waiting helps. (As in Trio's `serve_listeners`.)"""

ACCEPT_PAUSE_S: Final = 0.1
"""How long an overloaded system is left alone before the next `accept`, in seconds; as in Trio's `serve_listeners`."""

TOKEN_CHECK_S: Final = 0.5
"""How often the connections' tokens are checked, in seconds: a revoked one ends its connections within a second."""

ADMITTING: Final = 16
"""How many streams of a listener are being taken at once; the next ones wait in its queue.

One after the other, each would wait for rounds of the loop, which are long where there is much to do.
"""

Listener = trio.abc.Listener[Any]


class Unauthenticated:
    """The connections that speak and have shown no good token yet, the oldest first. Nothing here checkpoints.

    They are not counted with the others, so a flood of slow handshakes keeps nobody out who has a token: where there is
    one too many, the oldest has to go.

    Args:
        most: How many there may be.
    """

    def __init__(self, most: int = MOST_UNAUTHENTICATED) -> None:
        self._most = most
        self._leave: dict[int, Callable[[], None]] = {}

    def __len__(self) -> int:
        return len(self._leave)

    def add(self, number: int, leave: Callable[[], None]) -> None:
        """Note a connection; the oldest is made to leave where there is one too many."""
        if len(self._leave) >= self._most:
            oldest = next(iter(self._leave))
            log.info("accept.stranger_evicted", connection=oldest)
            self._leave.pop(oldest)()
        self._leave[number] = leave

    def remove(self, number: int) -> None:
        """Note that a connection has shown a good token, or has gone."""
        self._leave.pop(number, None)


async def accept_from(
    listener: Listener,
    silent: SilentConnections,
    admit: Callable[[trio.abc.Stream], Awaitable[None]],
    owner: str,
) -> None:
    """Accept until cancelled; a checkpoint.

    What becomes of a stream takes several rounds of the loop, which are long where there is much to do; so the next one
    is accepted meanwhile.

    Args:
        listener: Where from.
        silent: Where streams wait that have not said anything yet; one that ends there is closed.
        admit: Takes each of the others.
        owner: Who accepts, for the log.

    Raises:
        OSError: In a group; `accept` fails for another reason than an overloaded system.
    """
    free = trio.Semaphore(ADMITTING)

    async def take(stream: trio.abc.Stream) -> None:
        speaks = False
        try:
            if await has_hung_up(stream):
                return
            try:
                free.acquire_nowait()  # a checkpoint more would halve how many come in where rounds are long
            except trio.WouldBlock:
                await free.acquire()
            speaks = True
        finally:
            if not speaks:
                await trio.aclose_forcefully(stream)
        try:
            await admit(stream)
        finally:
            free.release()

    async with trio.open_nursery() as nursery:

        def hand_on(stream: trio.abc.Stream) -> None:
            nursery.start_soon(take, stream)

        nursery.start_soon(silent.run, hand_on)
        while True:
            stream = await _accepted(listener, owner)
            if not silent.keep(stream):
                nursery.start_soon(take, stream)


async def _accepted(listener: Listener, owner: str) -> trio.abc.Stream:
    """Accept one stream, however long the system is overloaded; a checkpoint."""
    while True:
        try:
            stream: trio.abc.Stream = await listener.accept()
        except OSError as error:
            if error.errno not in ACCEPT_CAPACITY:
                raise
            log.error("accept.failed", owner=owner, error=str(error), retry_in_s=ACCEPT_PAUSE_S)  # noqa: TRY400
            await trio.sleep(ACCEPT_PAUSE_S)
        else:
            return stream


async def watch_tokens(close_revoked: Callable[[], None]) -> None:
    """Call this function every `TOKEN_CHECK_S` until cancelled; a checkpoint.

    Args:
        close_revoked: Closes what has no token any more; may raise `TokenError`, which is logged.
    """
    while True:
        await trio.sleep(TOKEN_CHECK_S)
        try:
            close_revoked()
        except TokenError as error:
            log.error("tokens.unreadable", error=str(error))  # noqa: TRY400 - its text says it all
