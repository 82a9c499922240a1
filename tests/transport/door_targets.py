"""What fuzzing of the front door is pointed at: each target takes any bytes and raises only if a promise is broken.

`scripts/fuzz` feeds them what atheris comes up with, `test_door_fuzz` what Hypothesis does.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest import mock

import msgspec
import trio
import trio.testing
from wsproto.events import CloseConnection, Ping, Pong, TextMessage

from transport.mcp import message_parser

from fake_front import Raw, running_front
from frame_peer import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, Sent, frame, parse
from fuzz_targets import in_memory
from slow_message_parser import judge, same


@contextmanager
def everything_is_large() -> Iterator[None]:
    """Take each text for a large one, with bounds that a short text can reach."""
    with mock.patch.multiple(message_parser, LARGE_BYTES=0, MAX_PARTS=12, MAX_DEPTH=6):
        yield


def edge_alone(data: bytes) -> None:
    """The message parser says of any text what a slow one says, be the text taken for a small one or a large one."""
    text = data.decode("utf-8", "surrogatepass") if _decodes(data) else data.decode("latin-1")
    compare(text)
    with everything_is_large():
        compare(text)


def _decodes(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def compare(text: str) -> None:
    most = (
        message_parser.MAX_PARTS
        if len(text.encode("utf-8", "surrogatepass")) > message_parser.LARGE_BYTES
        else len(text)
    )
    expected = judge(text, depth=message_parser.MAX_DEPTH, parts=most)
    try:
        passed = message_parser.parse(text)
    except message_parser.Malformed as malformed:
        assert malformed.code in expected.codes, f"{text!r} is refused with {malformed.code}, not {expected.codes}"
        assert malformed.request_id is None or any(same(malformed.request_id, each) for each in expected.ids), text
    else:
        assert not expected.codes, f"{text!r} passes and should be refused with {expected.codes}"
        assert same(passed, expected.value), f"{text!r} is taken for {passed!r}"


def stream_of(data: bytes) -> list[bytes]:  # noqa: C901 - one kind of piece after the other
    """Return the pieces that a client sends: what the bytes say, read as a row of decisions."""
    edits = BytesIO(data)

    def number() -> int:
        return (edits.read(1) or b"\0")[0]

    pieces: list[bytes] = []
    while kind := edits.read(1):
        match kind[0] % 10:
            case 0:
                pieces.append(frame(TEXT, edits.read(number())))
            case 1:
                pieces.append(frame(TEXT, MESSAGES[number() % len(MESSAGES)]))
            case 2:
                message = MESSAGES[number() % len(MESSAGES)]
                place, gone = number() % (len(message) + 1), number() % 8
                pieces.append(frame(TEXT, message[:place] + edits.read(number() % 16) + message[place + gone :]))
            case 3:
                message = MESSAGES[number() % len(MESSAGES)]
                place = number() % (len(message) + 1)
                between = frame(PING, edits.read(number() % 8)) if number() % 2 else b""
                rest = frame(CONTINUATION, message[place:])
                pieces.append(frame(TEXT, message[:place], final=False) + between + rest)
            case 4:
                pieces.append(edits.read(number()))
            case 5:
                pieces.append(frame([CLOSE, PING, PONG][number() % 3], edits.read(number() % 130)))
            case 6:
                first, payload = number(), edits.read(number())
                pieces.append(bytes([first]) + frame(0, payload, masked=number() % 4 > 0)[1:])
            case 7:
                pieces.append(frame(BINARY, edits.read(number() % 4)))
            case 8:
                pieces = [b"".join(pieces)]
            case _:
                place = number()
                whole = b"".join(pieces)
                pieces = [whole[:place], whole[place:]]
    return [piece for piece in pieces if piece]


def frames(data: bytes) -> None:
    """Whatever a client sends, it gets what `docs/websocket.md` says, and its neighbour notices nothing."""
    _quiet()
    trio._core._run._r.seed(len(data))  # in which order tasks take turns
    initialized, pieces = bool(data) and data[0] % 4 > 0, stream_of(data[1:])
    with in_memory() as home:
        trio.run(_storm, Path(home), pieces, initialized, clock=trio.testing.MockClock(autojump_threshold=0))


async def _storm(home: Path, pieces: list[bytes], initialized: bool) -> None:
    async with running_front(home) as running, running.client() as neighbour:
        raw = await running.raw(initialized=initialized)
        heard = Heard()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_listen, raw, heard)
            await _send(raw, pieces)
            assert (await neighbour.health()).status == "ok"
            await trio.sleep(10)
            sent = parse(b"".join(pieces))
            if sent.whole and not sent.codes:
                sent = parse(frame(TEXT, LAST) + frame(CLOSE, b"\x03\xe8"))
                sent.texts = [*parse(b"".join(pieces)).texts, *sent.texts]
                sent.pings = parse(b"".join(pieces)).pings
                await _send(raw, [frame(TEXT, LAST)])
                await trio.sleep(1)
                await _send(raw, [frame(CLOSE, b"\x03\xe8")])
                sent.whole = True
            await trio.sleep(10)
            nursery.cancel_scope.cancel()
        check(sent, heard)
        await trio.aclose_forcefully(raw.stream)
        await trio.sleep(10)
        assert running.crashes == []
        assert (await neighbour.health()).connections == 1


ERRORS = frozenset({-32700, -32600, -32601, -32602, -32603, -32005, -32022})
LAST = b'{"jsonrpc":"2.0","id":"the last one","method":"ping"}'


class Heard:
    """What has come from the server: messages, the close codes, and whether the stream has ended."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        self.codes: list[int | None] = []
        self.pongs = 0
        self.ended = False


async def _send(raw: Raw, pieces: list[bytes]) -> None:
    with suppress(trio.BrokenResourceError):
        for piece in pieces:
            await raw.stream.send_all(piece)


async def _listen(raw: Raw, heard: Heard) -> None:
    text = ""
    while (event := await raw.event()) is not None:
        match event:
            case CloseConnection():
                heard.codes.append(event.code)
            case TextMessage():
                text += event.data
                if event.message_finished:
                    heard.messages.append(msgspec.json.decode(text))
                    text = ""
            case Pong():
                heard.pongs += 1
            case _:
                assert isinstance(event, Ping), event
    heard.ended = True


def check(sent: Sent, heard: Heard) -> None:
    """Compare what has come with what had to come."""
    assert set(heard.codes) <= sent.codes, (sent, heard.codes)
    # Who sends a second fault behind the first may be cut off before the close frame is out.
    assert len(heard.codes) == heard.ended or len(sent.codes) > 1, (sent, heard.codes)
    assert heard.ended or not sent.codes or not sent.sure, "the connection goes on"
    answers = [message for message in heard.messages if "method" not in message]
    asked = Asked(sent.texts)
    for answer in answers:
        assert answer["jsonrpc"] == "2.0", answer
        assert ("result" in answer) != ("error" in answer), answer
        assert "result" in answer or answer["error"]["code"] in ERRORS, answer
    for key, count in Counter(map(_key, answers)).items():
        assert count <= asked.requests[key] + asked.refusals[key], (key, sent, answers)
    most = asked.requests.total() + asked.refused
    assert len(answers) <= most + asked.unsure, (sent, answers)
    if sent.whole and sent.codes == {1000}:
        assert len(answers) >= most - asked.unsure, (sent, answers)


class Asked:
    """What texts ask for: `requests` by id, `refusals` by the ids that they may be addressed to, `refused` in all.

    `unsure` is how many of the texts may change by one how many answers there are.
    """

    def __init__(self, texts: list[str]) -> None:
        self.requests: Counter[object] = Counter()
        self.refusals: Counter[object] = Counter()
        self.refused = 0
        self.unsure = 0
        for text in texts:
            found = judge(text, depth=message_parser.MAX_DEPTH, parts=message_parser.MAX_PARTS)
            if found.codes:
                self.refused += 1
                self.refusals.update({_key({"id": each}) for each in found.ids if isinstance(each, int | str)} | {None})
            elif "method" not in found.value or found.value["method"] == "subscriptions/listen":
                self.unsure += 1
                self.refusals.update({_key(found.value), None})
            elif "id" in found.value:
                self.requests[_key(found.value)] += 1
            elif found.value["method"] == "notifications/cancelled":
                self.unsure += 1


def _key(message: dict[str, Any]) -> object:
    return None if message.get("id") is None else (type(message["id"]), message["id"])


@cache
def _quiet() -> None:
    logging.getLogger("transport").addHandler(logging.NullHandler())


MESSAGES = [
    b'{"jsonrpc":"2.0","id":1,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"health"}}',
    b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
    b'{"jsonrpc":"2.0","id":3,"method":"tools/call","params":[]}',
    b'{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}',
    b'{"jsonrpc":"2.0","id":4,"result":{}}',
    b'{ "jsonrpc" : "2.0", "id" : 5, "id" : 6, "method" : "ping" }',
    b'{"jsonrpc":"2.0","id":7,"method":"p","params":{"a":[1,-1.5e3,true,null,"\\u0022\\\\\\":\\ud83d\\ude00"]}}',
    b'{"jsonrpc":"2.0","id":18446744073709551615,"method":"p","params":{"a":18446744073709551616}}',
    b'{"jsonrpc":"2.0","id":8,"method":"p","params":{"a":NaN}}',
    b'{"jsonrpc":"2.0","id":9,"method":"p","params":[[[[[[[{}]]]]]]]}',
    b"[]",
    b"{",
    "\u00fc".encode(),
]


def seeds(target: str) -> Iterator[bytes]:
    """Yield inputs to begin with."""
    if target == "frames":
        yield from (bytes([1, kind, 200, 3, n, 7]) + bytes(range(n, n + 20)) for kind in range(10) for n in range(4))
        yield from (bytes([n % 2, 1, n]) * 3 for n in range(len(MESSAGES)))
        return
    yield from MESSAGES
    yield b'{"a":' + b"[" * 70 + b"]" * 70 + b"}"


TARGETS: dict[str, Callable[[bytes], None]] = {"edge": edge_alone, "frames": frames}
