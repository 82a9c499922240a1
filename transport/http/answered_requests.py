"""When a request over HTTP was answered: the moment at which its client may use the id again.

The SDK clears a request away some rounds of the loop after its answer was sent, and a client may be faster. A request
with the same id must not begin before that, since the SDK would clear it away too; so it waits.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec
from starlette.types import Message, Send

from transport.mcp.message_parser import RequestId

_DATA: Final = b"data: "


class _Head(msgspec.Struct):
    id: RequestId | None = None
    method: str | None = None


_decode = msgspec.json.Decoder(_Head).decode


def watched_for_answer(request_id: RequestId, send: Send, answered: Callable[[], None]) -> Send:
    """Return what a request is to be answered through.

    Args:
        request_id: The request's id.
        send: Where its answer goes.
        answered: Called before the answer goes there; more than once where it comes in pieces.
    """

    async def watched(message: Message) -> None:
        if message["type"] == "http.response.body" and _has_answer(message.get("body", b""), request_id):
            answered()
        await send(message)

    return watched


def _has_answer(body: bytes, request_id: RequestId) -> bool:
    lines = (line.removeprefix(_DATA) for line in body.splitlines() if line.startswith((_DATA, b"{")))
    return any(_answers(line, request_id) for line in lines)


def _answers(line: bytes, request_id: RequestId) -> bool:
    try:
        head = _decode(line)
    except msgspec.DecodeError:
        return False
    return head.method is None and head.id == request_id
