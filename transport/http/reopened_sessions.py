"""Sessions that go on under an id that this server does not know: it was restarted, or the session was unused too long.

MCP lets a server answer 404, and a client then has to begin anew; many do not. Nothing is lost by going on: who asks is
said by the token alone, and an id opens nothing that its token does not. So the handshake that the client did once is
done again here, in its name: with the version that its request names, and no capabilities, since nobody knows what it
offered. What the session had subscribed to is gone.

A session is gone for good once its client has ended it, and an id is gone on with only in the form that ids have here.
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec
import trio
from mcp_types import DEFAULT_NEGOTIATED_VERSION
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.types import Message, Receive

from actors.session.messages import Principal

GIVEN_OUT: Final = re.compile(r"[0-9a-f]{32}")
"""The form of the ids that sessions get."""

HANDSHAKE_S: Final = 5.0
"""How long it may take to begin a session again, in seconds; it is done within the process."""

HELLO_ID: Final = "reopened"
"""The id of the `initialize` that a client did once."""

MOST_ENDED: Final = 10_000
"""How many sessions are remembered that their clients have ended; who makes it forget more forgets only their own."""

_encode = msgspec.json.Encoder().encode


class EndedSessions:
    """The sessions that were ended by whose they were, as far as they are remembered. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._ended: dict[tuple[Principal, str], None] = {}

    def __contains__(self, session: tuple[Principal, str]) -> bool:
        return session in self._ended

    def add(self, principal: Principal, session_id: str) -> None:
        """Remember a session; the one that was ended first is forgotten for it."""
        self._ended[principal, session_id] = None
        if len(self._ended) > MOST_ENDED:
            del self._ended[next(iter(self._ended))]


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
