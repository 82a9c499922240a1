"""One connection to a hall after the other: what is lost is opened again, and what may be asked again is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import anyio
import msgspec

from transport.client.rpc import HallError, Rpc
from transport.client.watching import Watches
from transport.dial.address import Address, Dial, Lost, Refused
from transport.dial.backoff import HEALTHY_S, Backoff
from transport.dial.websocket import CONNECT_S, open_websocket

_TOO_LARGE: Final = 1009
OUR_FAULT: Final = frozenset({1002, 1003, 1007, _TOO_LARGE})
"""Close codes that the same message would bring about again."""


class ReconnectingConnection:
    """The connections of one client.

    Args:
        address: Where, and as whom.
        dial: Gives the streams; those of the address unless given.
        patience_s: How long a call waits for a connection that was lost, in seconds; 0 opens none again.

    Attributes:
        watches: What is told of changed resources; each new connection subscribes to theirs.
    """

    def __init__(self, address: Address, dial: Dial | None, patience_s: float) -> None:
        self._address = address
        self._dial = dial
        self._patience_s = patience_s
        self._rpc: Rpc | None = None
        self._up = anyio.Event()
        self._over: HallError | None = None
        self._why = "the connection is closed"
        self._closing = False
        self.watches = Watches()

    async def open(self) -> None:
        """Make the first connection; a checkpoint.

        Raises:
            HallError: No connection can be made.
        """
        try:
            self._rpc = await self._opened()
        except Lost as lost:
            raise HallError("unavailable", str(lost)) from None

    async def keep(self) -> None:
        """Read, and open what was lost again, until closed or until no attempt would help. Checkpoints."""
        backoff = Backoff()
        while (rpc := self._rpc) is not None:
            began = anyio.current_time()
            self._why = str(await rpc.read())
            self._rpc, self._up = None, anyio.Event()
            rpc.gone.set()
            await rpc.aclose()
            if self._closing or not self._patience_s:
                self._end(HallError("unavailable", self._why))
                return
            if anyio.current_time() - began >= HEALTHY_S:
                backoff.reset()
            await self._open_again(backoff)

    async def aclose(self) -> None:
        """Close the connection, if there is one; a checkpoint."""
        self._closing = True
        if self._rpc is not None:
            await self._rpc.aclose()

    async def call(self, tool: str, arguments: dict[str, Any] | msgspec.Raw, *, again: bool) -> dict[str, Any]:
        """Call a tool and return its structured content; a checkpoint.

        Args:
            tool: Its name.
            arguments: Its arguments.
            again: Whether the call may be repeated where its outcome is unknown.

        Raises:
            HallError: The tool refused, or could not be asked.
        """
        return await self._asked(tool, lambda rpc: rpc.call_tool(tool, arguments), again=again)

    async def request(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """Make a request that changes nothing and return its result; a checkpoint.

        Raises:
            HallError: The hall answered with an error, or could not be asked.
        """
        return await self._asked(method, lambda rpc: rpc.request(method, params), again=True)

    async def _asked(
        self, what: str, ask: Callable[[Rpc], Awaitable[dict[str, Any]]], *, again: bool
    ) -> dict[str, Any]:
        until: float | None = None
        while True:
            rpc = self._rpc
            if rpc is None:
                until = until if until is not None else anyio.current_time() + self._patience_s
                rpc = await self._connected(until)
            try:
                return await ask(rpc)
            except Lost as lost:
                until = until if until is not None else anyio.current_time() + self._patience_s
                self._check(lost, what, again=again)
                with anyio.move_on_after(until - anyio.current_time()):
                    await rpc.gone.wait()

    def _check(self, lost: Lost, what: str, *, again: bool) -> None:
        """Raise where the call that was under way is not to be repeated."""
        if lost.code in OUR_FAULT:
            raise HallError("too_large" if lost.code == _TOO_LARGE else "invalid", str(lost))
        if not again or not self._patience_s:
            raise HallError("unavailable", f"{lost}; whether {what} was done is unknown")

    async def _connected(self, until: float) -> Rpc:
        with anyio.move_on_after(until - anyio.current_time()):
            while self._rpc is None and self._over is None:
                await self._up.wait()
        if self._rpc is not None:
            return self._rpc
        if self._over is not None:
            raise HallError(self._over.code, self._over.message, self._over.detail)
        raise HallError("unavailable", f"no connection for {self._patience_s:g} seconds: {self._why}")

    async def _open_again(self, backoff: Backoff) -> None:
        while self._rpc is None:
            await anyio.sleep(backoff.pause_s())
            try:
                self._rpc = await self._opened()
            except Lost as lost:
                self._why = str(lost)
            except HallError as error:
                if error.code != "unavailable":
                    self._end(error)
                    return
        self._up.set()

    def _end(self, error: HallError) -> None:
        self._over = error
        self.watches.end(error)
        self._up.set()

    async def _opened(self) -> Rpc:
        try:
            websocket = await open_websocket(self._address, self._dial)
        except ValueError as error:
            raise HallError("invalid", str(error)) from None
        except Refused as refused:
            code = "forbidden" if refused.for_good else "unavailable"
            raise HallError(code, str(refused), {"status": refused.status}) from None
        rpc = Rpc(websocket, self.watches.tell)
        begun = False
        try:
            with anyio.move_on_after(CONNECT_S):
                await rpc.initialize()
                for uri in self.watches.uris:
                    await rpc.subscribe_again(uri)
                begun = True
        finally:
            if not begun:
                await rpc.aclose()
        if not begun:
            raise Lost(f"{self._address.place} did not answer within {CONNECT_S:g} seconds")
        return rpc
