"""Sessions that go on under an id that this server does not know: it was restarted, or the session was unused too long.

MCP lets a server answer 404, and a client then has to begin anew; many do not. Nothing is lost by going on: who asks is
said by the token alone, and an id opens nothing that its token does not. So the handshake that the client did once is
done again here, in its name: with the version that its request names, and no capabilities, since nobody knows what it
offered. What the session had subscribed to is gone.

A session is gone for good once its client has ended it, and an id is gone on with only in the form that ids have here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
import trio
from mcp_types import DEFAULT_NEGOTIATED_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Message, Receive

from actors.desk.gate import Refusal
from actors.session.messages import Principal

GIVEN_OUT: Final = re.compile(r"[0-9a-f]{32}")
"""The form of the ids that sessions get."""

HANDSHAKE_S: Final = 5.0
"""How long it may take to begin a session again, in seconds; it is done within the process."""

TURN_S: Final = 10.0
"""How long a principal's request waits for its own sessions that are begun again before it, in seconds.

Thousands are in that time, where nothing is amiss: each takes some rounds of the loop.
"""

HELLO_ID: Final = "reopened"
"""The id of the `initialize` that a client did once."""

MOST_ENDED: Final = 1000
"""How many sessions of a principal are remembered that it has ended: as many as it may have; more forget its own."""

MOST_ENDED_TOGETHER: Final = 100_000
"""How many of all principals are remembered, which takes 20 MB; more forget those of whoever has the most."""

_encode = msgspec.json.Encoder().encode


class EndedSessions:
    """The sessions that were ended by whose they were, as far as they are remembered. Nothing here checkpoints.

    However many a principal ends, those of others that have ended no more are not forgotten for it.
    """

    def __init__(self) -> None:
        self._ended: dict[Principal, dict[str, None]] = {}
        self._count = 0

    def __contains__(self, session: tuple[Principal, str]) -> bool:
        principal, session_id = session
        return session_id in self._ended.get(principal, ())

    def __len__(self) -> int:
        return self._count

    def add(self, principal: Principal, session_id: str) -> None:
        """Remember a session; where there are too many, one that was ended before is forgotten for it."""
        own = self._ended.setdefault(principal, {})
        if session_id in own:
            return
        own[session_id] = None
        self._count += 1
        if len(own) > MOST_ENDED:
            self._forget_first(principal)
        elif self._count > MOST_ENDED_TOGETHER:
            self._forget_first(max(self._ended, key=lambda each: len(self._ended[each])))

    def _forget_first(self, principal: Principal) -> None:
        own = self._ended[principal]
        del own[next(iter(own))]
        self._count -= 1
        if not own:
            del self._ended[principal]


class ReopeningTurns:
    """Lets each principal begin one session again at a time; nobody waits for another principal."""

    def __init__(self) -> None:
        self._turns: dict[Principal, _Turn] = {}

    def __len__(self) -> int:
        return len(self._turns)

    @asynccontextmanager
    async def of(self, principal: Principal) -> AsyncGenerator[None]:
        """Hold a principal's turn for as long as it is entered; a checkpoint.

        Raises:
            Refusal: It did not come within `TURN_S`.
        """
        turn = self._turns.setdefault(principal, _Turn())
        turn.wanted_by += 1
        try:
            with trio.move_on_after(TURN_S) as waited:
                await turn.lock.acquire()
            if waited.cancelled_caught:
                raise Refusal("rate_limited", "other sessions are begun again first; try later", {})
            try:
                yield
            finally:
                turn.lock.release()
        finally:
            turn.wanted_by -= 1
            if not turn.wanted_by:
                del self._turns[principal]


class _Turn:
    """The lock of one principal, and how many tasks hold it or wait for it."""

    __slots__ = ("lock", "wanted_by")

    def __init__(self) -> None:
        self.lock = trio.Lock()
        self.wanted_by = 0


def handshake(version: str | None) -> list[bytes]:
    """Return the bodies with which a client begins a session: `initialize`, and what follows its answer.

    Args:
        version: The protocol's version that the client names; None, or an unknown one, for what MCP assumes then.
    """
    known = version if version in HANDSHAKE_PROTOCOL_VERSIONS else DEFAULT_NEGOTIATED_VERSION
    client = {"name": "reopened", "version": "0"}
    params: dict[str, Any] = {"protocolVersion": known, "capabilities": {}, "clientInfo": client}
    return [
        _encode({"jsonrpc": "2.0", "id": HELLO_ID, "method": "initialize", "params": params}),
        b'{"jsonrpc":"2.0","method":"notifications/initialized"}',
    ]


def body_of(text: bytes) -> Receive:
    """Return what gives a request's body, and then no end of its connection."""
    pending: list[Message] = [{"type": "http.request", "body": text, "more_body": False}]

    async def receive() -> Message:
        if not pending:
            await trio.sleep_forever()
        return pending.pop()

    return receive


async def dropped(_message: Message) -> None:
    """Take an answer that nobody reads."""
