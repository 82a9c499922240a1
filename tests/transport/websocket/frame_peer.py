"""What a client sends over a websocket, seen as RFC 6455 sees it: the texts, and what has to become of the connection.

A parser of its own, so that wsproto is not judged by itself.
"""

from __future__ import annotations

import codecs
import struct
from dataclasses import dataclass, field

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0, 1, 2, 8, 9, 10


def frame(opcode: int, payload: bytes, *, final: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    head = bytes([final << 7 | reserved << 4 | opcode])
    length = len(payload)
    mask = masked << 7
    if length < 126:
        head += bytes([mask | length])
    elif length < 1 << 16:
        head += bytes([mask | 126]) + struct.pack("!H", length)
    else:
        head += bytes([mask | 127]) + struct.pack("!Q", length)
    return head + (b"\0\0\0\0" if masked else b"") + payload


@dataclass
class Sent:
    """What bytes are as frames.

    `texts` are the whole text messages before the first fault; `codes` are the close codes that may answer the faults
    and the close; `whole` says that the last frame and the last message are complete, `sure` that the connection has
    to end if there are codes.
    """

    texts: list[str] = field(default_factory=list)
    codes: set[int | None] = field(default_factory=set)
    whole: bool = True
    sure: bool = True
    pings: int = 0


def parse(data: bytes) -> Sent:  # noqa: C901 - one rule after the other, as the RFC has them
    sent = Sent()
    at = 0
    kind, pieces = None, b""
    while at < len(data):
        head = _head(data, at)
        if head is None:
            sent.whole = False
            if _at_fault(data, at):
                sent.sure = bool(sent.codes)
                sent.codes |= {1002}
            break
        begin, length, mask = head
        opcode, final = data[at] & 0x0F, bool(data[at] & 0x80)
        payload = bytes(each ^ mask[n % 4] for n, each in enumerate(data[begin : begin + length]))
        if _at_fault(data, at) or ((opcode == CONTINUATION) != (kind is not None) and opcode < CLOSE):
            sent.codes |= {1002}
            break
        if begin + length > len(data):  # the rest never comes; text may be looked at as it comes
            sent.whole = False
            if (kind or opcode) == TEXT and not _begins_utf8(pieces + payload):
                sent.sure = bool(sent.codes)
                sent.codes |= {1007}
            break
        at = begin + length
        if opcode == CLOSE:
            sent.codes |= _close_codes(payload)
            break
        if opcode in {PING, PONG}:
            sent.pings += opcode == PING
            continue
        kind, pieces = (opcode if kind is None else kind), pieces + payload
        if kind == TEXT and not (_is_utf8(pieces) if final else _begins_utf8(pieces)):
            sent.codes |= {1007}
            break
        if final and kind == BINARY:
            sent.codes |= {1003}
        elif final and not sent.codes:
            sent.texts.append(pieces.decode())
        if final:
            kind, pieces = None, b""
    sent.whole = sent.whole and kind is None
    return sent


def _head(data: bytes, at: int) -> tuple[int, int, bytes] | None:
    """Return where the payload begins, how long it is and its mask."""
    if len(data) < at + 2:
        return None
    length, begin = data[at + 1] & 0x7F, at + 2
    if length > 125:
        size = 2 if length == 126 else 8
        if len(data) < begin + size:
            return None
        length = int.from_bytes(data[begin : begin + size], "big")
        begin += size
    if data[at + 1] & 0x80:
        if len(data) < begin + 4:
            return None
        return begin + 4, length, data[begin : begin + 4]
    return begin, length, b"\0\0\0\0"


def _at_fault(data: bytes, at: int) -> bool:
    """Say whether what is there of a frame's head is no head of a client's."""
    opcode, final, reserved = data[at] & 0x0F, data[at] & 0x80, data[at] & 0x70
    if reserved or opcode not in {CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG}:
        return True
    if opcode >= CLOSE and not final:
        return True
    if len(data) < at + 2:
        return False
    length = data[at + 1] & 0x7F
    if not data[at + 1] & 0x80 or (opcode >= CLOSE and length > 125):
        return True
    size = {126: 2, 127: 8}.get(length, 0)
    if not size or len(data) < at + 2 + size:
        return False
    said = int.from_bytes(data[at + 2 : at + 2 + size], "big")
    return said < (126 if size == 2 else 1 << 16) or said >= 1 << 63


def _close_codes(payload: bytes) -> set[int | None]:
    if not payload:
        return {1000, 1005, None}
    if len(payload) == 1:
        return {1002}
    code = int.from_bytes(payload[:2], "big")
    if not (1000 <= code <= 1003 or 1007 <= code <= 1014 or 3000 <= code <= 4999):
        return {1002}
    return {code, 1000} if _is_utf8(payload[2:]) else {1007, 1002}


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def _begins_utf8(data: bytes) -> bool:
    """Say whether bytes are UTF-8 but for a character that may be going on."""
    try:
        codecs.getincrementaldecoder("utf-8")().decode(data)
    except UnicodeDecodeError:
        return False
    return True
