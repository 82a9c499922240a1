"""The two kinds of message, and how they become bytes.

A message is an immutable `msgspec.Struct`, tagged with its class's name and encoded as a MessagePack array, so that any
message can be logged, replayed or put on a wire, and nothing mutable is shared between actors. An actor's `messages.py`
lists its messages as a union; that union is what its mailbox decodes to.
"""

from __future__ import annotations

from functools import cache
from typing import Any, Generic, TypeVar, get_args, get_origin

import msgspec

R = TypeVar("R")


class Tell(msgspec.Struct, frozen=True, array_like=True, tag=True):
    """A message that expects no answer."""


class Ask(msgspec.Struct, Generic[R], frozen=True, array_like=True, tag=True):
    """A message that expects an answer of type `R`.

    Example:
        >>> class Add(Ask[int], frozen=True):
        ...     left: int
        ...     right: int
        >>> decode_reply(Add, encode(3))
        3
    """


Message = Tell | Ask[Any]

encode = msgspec.msgpack.Encoder().encode
"""Encode a message, or a reply, as MessagePack bytes."""


@cache
def _reply_decoder(kind: type[Ask[Any]]) -> msgspec.msgpack.Decoder[Any]:
    for base in getattr(kind, "__orig_bases__", ()):
        if get_origin(base) is Ask:
            return msgspec.msgpack.Decoder(get_args(base)[0])
    raise TypeError(f"{kind.__qualname__} must name its reply: `class {kind.__name__}(Ask[Reply])`")


def decode_reply(kind: type[Ask[R]], body: bytes) -> R:
    """Decode the reply to a message of this kind.

    Raises:
        TypeError: If the message class does not name its reply type.
        msgspec.ValidationError: If the bytes are not such a reply.
    """
    reply: R = _reply_decoder(kind).decode(body)
    return reply
