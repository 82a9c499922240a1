"""The stdio bridge: one JSON-RPC message a line on stdin and stdout, one a text frame on the websocket.

It carries lines, and understands of them what `restore_session` must. It starts with every session of a client that
only starts commands, so it is small: no MCP SDK, and asyncio beneath anyio, which takes 4 MB less than Trio here.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import Final

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from transport.bridge.pipes import read_lines, write
from transport.bridge.restore_session import Replay, too_long
from transport.dial.address import Address, Lost, Refused
from transport.dial.backoff import HEALTHY_S, Backoff
from transport.dial.websocket import WebSocket, open_websocket

MAX_LINE_BYTES: Final = 4 << 20
"""The largest message that is carried to the server: its own limit."""

DRAIN_S: Final = 5.0
"""How long answers may still come after stdin has ended, in seconds."""

WAIT_S: Final = 30.0
"""How long a server that is not up yet is waited for, in seconds: as long as clients wait for what they start."""

HOLD_S: Final = 10.0
"""How long messages are kept for a hall that has gone, in seconds; then requests are answered with an error."""

LINES: Final = 16
"""How many lines wait to be sent; a client that writes more waits. Each may be the largest message."""


class Bridge:
    """Carries messages both ways until stdin ends, over as many connections as it takes.

    Args:
        find: Says where the server is; asked before each connection, since a server may come back elsewhere. Raises
            `Lost` where none is known.
        stdin: The descriptor that the client's messages come from.
        stdout: The descriptor that the server's go to.
        tell: Shows a line to whoever started the bridge.
    """

    def __init__(self, find: Callable[[], Address], stdin: int, stdout: int, tell: Callable[[str], None]) -> None:
        self._find = find
        self._stdin = stdin
        self._stdout = stdout
        self._replay = Replay()
        self._websocket: WebSocket | None = None
        self._up = anyio.Event()
        self._tell = tell
        self._hold_until = 0.0
        self._connected = anyio.Event()
        self._input_ended = anyio.Event()
        self._why = ""
        self._progress = anyio.Event()
        self._turn = anyio.Lock()

    async def run(self) -> None:
        """Carry until stdin ends or nobody reads stdout; what is under way may still be answered for `DRAIN_S`.

        A server that is not up yet is waited for, for `WAIT_S` and as long as stdin is open.

        Raises:
            transport.dial.address.Refused: In a group; the server does not let us in, or not any more.
            transport.dial.address.Lost: In a group; the first connection cannot be made. Later ones are tried for until
                stdin ends.
            ValueError: In a group; the address is invalid.
        """
        lines, waiting = anyio.create_memory_object_stream[bytes](LINES)
        async with waiting, anyio.create_task_group() as tasks:
            tasks.start_soon(self._keep)
            tasks.start_soon(self._read, lines)
            await self._connected.wait()  # or `_keep` ends all of this
            await self._carry(waiting)
            with anyio.move_on_after(DRAIN_S):
                while self._websocket is not None and not self._replay.idle:
                    await self._progress.wait()
                async with self._turn:  # the last answer may be on its way out
                    pass
            tasks.cancel_scope.cancel()

    async def _carry(self, waiting: MemoryObjectReceiveStream[bytes]) -> None:
        async for line in waiting:
            with anyio.move_on_after(max(0.0, self._hold_until - anyio.current_time())):
                while self._websocket is None:
                    await self._up.wait()
            await self._send(line)

    async def _send(self, line: bytes) -> None:
        if self._websocket is not None:
            self._replay.sent(line)
            with suppress(Lost):  # then `_keep` answers it with all that was under way
                await self._websocket.send(line.decode("utf-8", "replace"))
        elif (answer := self._replay.away(line, self._why)) is not None:
            await self._write(answer)

    async def _read(self, lines: MemoryObjectSendStream[bytes]) -> None:
        async with lines:
            try:
                async for line in read_lines(self._stdin, MAX_LINE_BYTES):
                    if line is None:
                        await self._write(too_long(MAX_LINE_BYTES))
                    else:
                        await lines.send(line)
            finally:
                self._input_ended.set()

    async def _open_first(self) -> WebSocket:
        backoff, until, waits = Backoff(), anyio.current_time() + WAIT_S, False
        while True:
            try:
                return await open_websocket(self._find())
            except (Refused, Lost) as error:
                for_good = isinstance(error, Refused) and error.for_good
                if for_good or self._input_ended.is_set() or anyio.current_time() >= until:
                    raise
                if not waits:
                    self._tell(f"{error}; waiting for it up to {WAIT_S:g} seconds")
                waits = True
            with anyio.move_on_after(min(backoff.pause_s(), until - anyio.current_time())):
                await self._input_ended.wait()

    async def _keep(self) -> None:
        backoff = Backoff()
        websocket = await self._open_first()
        self._connected.set()
        while True:
            began = anyio.current_time()
            self._websocket = websocket
            self._up.set()
            try:
                await self._pass_on(websocket)
            except Lost as lost:
                self._why = str(lost)
            finally:
                self._websocket, self._up = None, anyio.Event()
                await websocket.aclose()
            self._hold_until = anyio.current_time() + HOLD_S
            for answer in self._replay.lost(self._why):
                await self._write(answer)
            if anyio.current_time() - began >= HEALTHY_S:
                backoff.reset()
            websocket = await self._open_again(backoff)

    async def _pass_on(self, websocket: WebSocket) -> None:
        while True:
            text = await websocket.receive()
            if self._replay.received(text):
                await self._write(text.encode())
            self._progress.set()
            self._progress = anyio.Event()

    async def _open_again(self, backoff: Backoff) -> WebSocket:
        while True:
            await anyio.sleep(backoff.pause_s())
            try:
                return await self._opened()
            except Refused as refused:
                if refused.for_good:
                    raise
                self._why = str(refused)
            except Lost as lost:
                self._why = str(lost)

    async def _opened(self) -> WebSocket:
        websocket = await open_websocket(self._find())
        ready = False
        try:
            for number, text in enumerate(self._replay.hello()):
                await websocket.send(text)
                while number == 0 and self._replay.received(await websocket.receive()):
                    pass
            for text in self._replay.wishes():
                await websocket.send(text)
            ready = True
        finally:
            if not ready:
                await websocket.aclose()
        return websocket

    async def _write(self, line: bytes) -> None:
        async with self._turn:
            await write(self._stdout, line + b"\n")
