"""Parses a JSON-RPC message strictly, and refuses what may not pass into the program.

MCP is JSON-RPC 2.0, one message a frame, no batches, no null ids. Beyond that it refuses what JSON parsers
disagree about or what the log cannot keep: duplicate keys, NaN and infinities, integers beyond 64 bits, deep nesting.
A refusal is an error response and harms nothing else on the connection.

This is the hot path, so it proves the common case cheaply: msgspec keeps the last of duplicate keys and so never
writes one, hence text that equals its own re-encoding has none. Text that is spaced or escaped otherwise is parsed a
second time, by `json` with a hook on every object. The MessagePack encoder knows what 64 bits are.

A large message gets no such second look, which would stop the loop for half a second. It has no key twice if it has as
many keys as its re-encoding, which can be counted without a parser; and one of very many keys, arrays and objects is
refused before it is decoded, since each step behind this one takes its time by them: the garbage collector too.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, Final, NoReturn, cast

import msgspec

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
INVALID_PARAMS: Final = -32602

MAX_DEPTH: Final = 70
"""How deep a message may nest: 64 levels of a payload (the contract's limit) inside the 6 of an `append_events`."""

LARGE_BYTES: Final = 64 * 1024
"""From which size on a message is large: a second parse of a smaller one takes less than a millisecond."""

MAX_PARTS: Final = 50_000
"""How many keys, arrays and objects a message may hold: a thousand events of forty fields.

4 MiB of `[[],[],...` would be a million of them, which the garbage collector goes through again and again. As many
fields take half a second from the parser to the log.
"""

RequestId = int | str

_DIGITS_OF_64_BITS = 20

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode


class Malformed(Exception):  # noqa: N818 - states a fact about a message
    """A message that is refused; answer it with this error.

    Args:
        code: The JSON-RPC error code.
        message: What is wrong and what to do about it.
        request_id: The request's id where it is known, else None.
    """

    def __init__(self, code: int, message: str, request_id: RequestId | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.request_id = request_id


class DuplicateKey(ValueError):  # noqa: N818 - states a fact about a message
    """An object has the same key twice; parsers disagree about which one counts."""

    def __init__(self, key: str | None) -> None:
        super().__init__(f"{'a key' if key is None else f'the key {key[:64]!r}'} appears twice in one object")
        self.key = key


def parse(text: str) -> dict[str, Any]:
    """Return the JSON-RPC message that a frame holds. Does not checkpoint.

    Only the envelope's own shape is checked: `jsonrpc`, `id`, `method` and `params`, or `result` or `error`.

    Raises:
        Malformed: It is not JSON, not one JSON-RPC object, or holds what is refused.
    """
    return _envelope(decode(text))


def decode(text: str) -> Any:
    """Return the JSON that a text holds, if it holds nothing that is refused. Does not checkpoint.

    Raises:
        Malformed: It is not JSON, or it is refused.
    """
    try:
        raw = text.encode()
    except UnicodeEncodeError as error:
        raise Malformed(PARSE_ERROR, f"not valid JSON: {error}") from None
    if len(raw) > LARGE_BYTES:
        _refuse_many(raw)
    message: Any = None
    try:
        message = _decode(raw)
        _refuse_duplicates(raw, message)
        _pack(message)
    except (msgspec.MsgspecError, RecursionError, OverflowError, ValueError) as error:
        if len(raw) > LARGE_BYTES:
            _refuse_large(message, error)
        _refuse(text, error)
    if text.count("[") + text.count("{") > MAX_DEPTH and _deeper_than(message, MAX_DEPTH):
        raise _too_deep(request_id_of(message))
    return message


def text_of(body: bytes) -> str:
    """Return the text that bytes hold. Does not checkpoint.

    Raises:
        Malformed: They are not UTF-8.
    """
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Malformed(PARSE_ERROR, f"not UTF-8: {error}") from None


def request_id_of(message: object) -> RequestId | None:
    """Return the message's id if it is one that a response can carry, else None."""
    found = cast("dict[str, Any]", message).get("id") if isinstance(message, dict) else None
    return found if isinstance(found, int | str) and not isinstance(found, bool) else None


def _refuse_many(raw: bytes) -> None:
    if _parts(raw) > MAX_PARTS and _parts(_outside_strings(raw)) > MAX_PARTS:  # those in strings too, at first
        raise Malformed(INVALID_REQUEST, f"more than {MAX_PARTS} keys, arrays and objects; split the message")


def _parts(raw: bytes) -> int:
    return raw.count(b"[") + raw.count(b"{") + raw.count(b":")


def _refuse_duplicates(raw: bytes, message: object) -> None:
    canonical = _encode(message)
    if canonical == raw:
        return
    if len(raw) <= LARGE_BYTES:
        json.loads(raw, object_pairs_hook=_unique)
    else:
        count = _colons if _HIDDEN.search(raw) else _quotes_before_colons
        if count(raw) != count(canonical):
            raise DuplicateKey(None)


_HIDDEN = re.compile(rb'"[ \t\r\n]+:|\\u00[0-7]')
"""Blanks before a colon, and escapes that could hide a quote, a backslash or a colon."""


def _quotes_before_colons(raw: bytes) -> int:
    """Count the ends of keys and the starts of strings that begin with a colon: alike in a text and its re-encoding."""
    return _without_escapes(raw).count(b'":')


def _colons(raw: bytes) -> int:
    return _outside_strings(raw).count(b":")


def _outside_strings(raw: bytes) -> bytes:
    return b"".join(_without_escapes(raw).split(b'"')[::2])


def _without_escapes(raw: bytes) -> bytes:
    """Leave out escaped backslashes and quotes, so that every quote begins or ends a string."""
    return raw.replace(b"\\\\", b"").replace(b'\\"', b"") if b"\\" in raw else raw


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise DuplicateKey(Counter(key for key, _ in pairs).most_common(1)[0][0])
    return found


def _refuse(text: str, error: Exception) -> NoReturn:
    """Say what is wrong; find the id in what a laxer parser makes of it, so that the client's request does not hang."""
    if isinstance(error, RecursionError):
        raise _too_deep() from None
    try:
        lax = json.loads(text, parse_int=_int_or_none)
    except (ValueError, RecursionError):
        raise Malformed(PARSE_ERROR, f"not valid JSON: {_short(error)}") from None
    found = None if isinstance(error, DuplicateKey) and error.key == "id" else request_id_of(lax)
    raise Malformed(INVALID_REQUEST, f"refused: {_short(error)}", found) from None


def _refuse_large(message: object, error: Exception) -> NoReturn:
    if isinstance(error, RecursionError):
        raise _too_deep() from None
    if message is None and not isinstance(
        error, msgspec.ValidationError
    ):  # which says it of JSON, as of a long integer
        raise Malformed(PARSE_ERROR, f"not valid JSON: {_short(error)}") from None
    raise Malformed(INVALID_REQUEST, f"refused: {_short(error)}", request_id_of(message)) from None


def _too_deep(request_id: RequestId | None = None) -> Malformed:
    return Malformed(INVALID_REQUEST, f"the message nests deeper than {MAX_DEPTH}: flatten the payload", request_id)


def _short(error: Exception) -> str:
    if isinstance(error, OverflowError):
        return "an integer is beyond 64 bits; send it as a string"
    return str(error)[:200]


def _int_or_none(digits: str) -> int | None:
    return int(digits) if len(digits) <= _DIGITS_OF_64_BITS and -(2**63) <= int(digits) < 2**64 else None


def _deeper_than(message: object, limit: int) -> bool:
    level: list[Any] = [message]
    for _ in range(limit):
        level = [inner for value in level for inner in _inside(value) if type(inner) is dict or type(inner) is list]
        if not level:
            return False
    return True


def _inside(value: Any) -> Iterable[Any]:
    return cast("dict[str, Any]", value).values() if type(value) is dict else value


def _envelope(parsed: object) -> dict[str, Any]:
    if not isinstance(parsed, dict):
        kind = "a batch" if isinstance(parsed, list) else type(parsed).__name__
        raise Malformed(INVALID_REQUEST, f"send one JSON-RPC object a frame, not {kind}")
    message = cast("dict[str, Any]", parsed)
    if message.get("jsonrpc") != "2.0":
        raise Malformed(INVALID_REQUEST, 'a message needs "jsonrpc": "2.0"', request_id_of(message))
    if "id" in message and request_id_of(message) is None and "error" not in message:
        raise Malformed(INVALID_REQUEST, "an id is a string or an integer, and never null")
    if "method" in message:
        _check_call(message)
    elif "id" not in message or not ("result" in message or "error" in message):
        raise Malformed(
            INVALID_REQUEST, "neither a request nor a response: `method` is missing", request_id_of(message)
        )
    return message


def _check_call(message: dict[str, Any]) -> None:
    if not isinstance(message["method"], str):
        raise Malformed(INVALID_REQUEST, "`method` must be a string", request_id_of(message))
    params = message.get("params")
    if not (params is None or isinstance(params, dict)):
        raise Malformed(INVALID_PARAMS, "`params` must be an object", request_id_of(message))
