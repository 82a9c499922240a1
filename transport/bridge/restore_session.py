"""What a bridge has to know of the messages that it carries, so that a client need not notice a new connection. Pure.

A new connection knows nothing of the old one. So the handshake, the subscriptions and the log level that the client
asked for are asked for again, under ids of the bridge's own, whose answers the client never sees; and each request that
was under way is answered with an error, because nobody knows whether it was done.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

CONNECTION_CLOSED: Final = -32000
"""The JSON-RPC error that MCP's SDKs use for a connection that ended."""

INVALID_REQUEST: Final = -32600
OWN_ID: Final = "moothall-connect-"

_encode = msgspec.json.Encoder().encode


class _Uri(msgspec.Struct):
    uri: str | None = None


class _Cancelled(msgspec.Struct):
    requestId: str | int | None = None  # noqa: N815 - as the protocol spells it


class _Head(msgspec.Struct):
    """What tells requests, answers and notifications apart, and one subscription from another."""

    id: str | int | None = None
    method: str | None = None
    params: msgspec.Raw = msgspec.Raw(b"{}")


_ILLEGIBLE: Final = _Head()
"""What cannot be read is not ours to judge: the server answers it, with a null id."""


class _Message(msgspec.Struct):
    method: str
    params: msgspec.Raw
    id: str
    jsonrpc: str = "2.0"


class Replay:
    """One client's session, as far as the next connection must have it. Nothing here checkpoints."""

    def __init__(self) -> None:
        self._unanswered: dict[str | int | None, None] = {}
        self._illegible = 0
        self._hello: msgspec.Raw | None = None
        self._wishes: dict[str, tuple[str, msgspec.Raw]] = {}

    @property
    def idle(self) -> bool:
        """Whether every request was answered, and all that was none of JSON-RPC."""
        return not self._unanswered and not self._illegible

    def sent(self, line: bytes) -> None:
        """Note a message of the client's."""
        head = _head(line)
        if head is _ILLEGIBLE:
            self._illegible += 1
        if head.method is None:
            return
        if head.id is not None:
            self._unanswered[head.id] = None
        match head.method:
            case "initialize":
                self._hello = head.params
            case "logging/setLevel":
                self._wishes["level"] = (head.method, head.params)
            case "resources/subscribe":
                self._wishes[_uri(head.params)] = (head.method, head.params)
            case "notifications/cancelled":  # it is never answered
                self._unanswered.pop(_cancelled(head.params), None)
            case "resources/unsubscribe":
                self._wishes.pop(_uri(head.params), None)
            case _:
                pass

    def received(self, text: str) -> bool:
        """Note a message of the server's; say whether the client is to see it."""
        head = _head(text)
        if head.method is None and head.id is None:
            self._illegible = max(0, self._illegible - 1)
        if head.method is not None or head.id is None:
            return True
        self._unanswered.pop(head.id, None)
        return not (isinstance(head.id, str) and head.id.startswith(OWN_ID))

    def hello(self) -> list[str]:
        """Return what opens a new connection as the client opened the first: a request, and what follows its answer."""
        if self._hello is None:
            return []
        return [
            _encode(_Message("initialize", self._hello, f"{OWN_ID}0")).decode(),
            '{"jsonrpc":"2.0","method":"notifications/initialized"}',
        ]

    def wishes(self) -> list[str]:
        """Return what the client has asked for and a new connection has to be asked for."""
        wishes = enumerate(self._wishes.values(), 1)
        return [_encode(_Message(method, params, f"{OWN_ID}{n}")).decode() for n, (method, params) in wishes]

    def lost(self, why: str) -> list[bytes]:
        """Return the answers to all that was under way, for the client."""
        message = f"the connection to the hall was lost ({why}); whether this was done is unknown"
        answers = [_error(request_id, message) for request_id in self._unanswered]
        self._unanswered.clear()
        self._illegible = 0
        return answers

    def away(self, line: bytes, why: str) -> bytes | None:
        """Return the answer to a request that cannot be passed on; None where it is not a request."""
        head = _head(line)
        if head.method is None or head.id is None:
            return None
        return _error(head.id, f"the hall cannot be reached ({why}); is `moothall serve` running?")


def too_long(most: int) -> bytes:
    """Return the answer to a message that was too long to be read, so that its id is unknown."""
    return _error(None, f"a message may have {most} bytes; split it", INVALID_REQUEST)


def _error(request_id: str | int | None, message: str, code: int = CONNECTION_CLOSED) -> bytes:
    error: dict[str, Any] = {"code": code, "message": message}
    return _encode({"jsonrpc": "2.0", "id": request_id, "error": error})


def _head(message: str | bytes) -> _Head:
    try:
        return msgspec.json.decode(message, type=_Head)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _ILLEGIBLE


def _cancelled(params: msgspec.Raw) -> str | int | None:
    try:
        return msgspec.json.decode(params, type=_Cancelled).requestId
    except msgspec.DecodeError:
        return None


def _uri(params: msgspec.Raw) -> str:
    try:
        return f"uri {msgspec.json.decode(params, type=_Uri).uri}"
    except msgspec.DecodeError:
        return "uri"
