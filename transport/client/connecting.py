"""`connect`: a client for the length of a block, of a hall that is named or of the one of this repository."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from anyio.abc import ByteStream

from transport.client.hall_client import PATIENCE_S, HallClient, connect_by
from transport.client.rpc import HallError
from transport.dial.address import Address
from transport.discovery.find_hall import Given, find_hall
from transport.discovery.hall import Misused, NotFound
from transport.discovery.private_directory import NotBelieved


@asynccontextmanager
async def connect(
    url: str | None = None,
    *,
    data: str | Path | None = None,
    token: str | None = None,
    tls_ca: str | Path | None = None,
    patience_s: float = PATIENCE_S,
) -> AsyncGenerator[HallClient]:
    """Connect to a hall for the length of a block.

    Args:
        url: As the server's ready line gives it: `ws://127.0.0.1:8765/mcp`, or `wss://...`; without one the hall is
            found as by the command line: MOOTHALL_URL, else the server on the data directory, over its unix socket.
        data: The data directory, where there is no URL; by default MOOTHALL_DATA, else that of this repository.
        token: The agent's token; without a URL by default MOOTHALL_TOKEN, else the token of the data directory.
        tls_ca: A PEM file with what to trust a `wss` server by; None for what the system trusts.
        patience_s: How long a call waits for a lost connection to come back, in seconds; 0 opens none again.

    Raises:
        HallError: `unavailable` where nothing answers there, `forbidden` where the hall does not let the client in,
            `invalid` where what was given cannot be used.

    Example:
        async with connect("ws://127.0.0.1:8765/mcp", token=token) as hall:
            verdict = await hall.validate("Bash", {"command": "git status"})
    """
    if url is not None:
        async with connect_by(Address(url, token, tls_ca), patience_s=patience_s) as hall:
            yield hall
        return
    given = Given(data=data, token=token, tls_ca=tls_ca)

    async def dial() -> ByteStream:  # a server that comes back may have another socket
        try:
            found = await anyio.to_thread.run_sync(find_hall, given)  # it reads files, and may ask git
            return await Address.of(found).dial()
        except (NotFound, Misused, NotBelieved) as error:
            raise OSError(str(error)) from None

    async with connect_by(_found(given), dial, patience_s=patience_s) as hall:
        yield hall


def _found(given: Given) -> Address:
    try:
        return Address.of(find_hall(given))
    except NotFound as error:
        raise HallError("unavailable", str(error)) from None
    except (NotBelieved, Misused) as error:
        raise HallError("invalid", str(error)) from None
