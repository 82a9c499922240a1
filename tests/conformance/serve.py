"""Serve the suite's fixtures on the hall's own transport code: `serve.py`; prints one JSON line with both URLs."""

from __future__ import annotations

import itertools
import json
import signal
from types import SimpleNamespace
from typing import Any

import trio
from fixtures import make_fixture_server

from actors.kernel import ChildSpec, Supervisor, running
from actors.monitor.messages import Health
from actors.views import Views
from transport.access.authentication import Authenticator
from transport.http.listener import HttpServer
from transport.logs import configure
from transport.websocket.gateway import Gateway


class NoUpdates:
    """Stands where the hall's own server announces changed resources: the fixtures' never change."""

    run = staticmethod(trio.sleep_forever)

    def forget(self, connection: int) -> None:
        """Forget nothing."""


async def main() -> None:
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    http = await trio.open_tcp_listeners(0, host="127.0.0.1")
    server, authenticator, numbers = make_fixture_server(), Authenticator(None), itertools.count(1)
    server.updates = NoUpdates()
    views = Views("1")
    views.health = Health("ok", "1", 0.0, 0, 0, 0, {})
    gate: Any = SimpleNamespace(views=views, health=lambda: views.health, disconnected=lambda _: None)
    common: dict[str, Any] = {"server": server, "gate": gate, "authenticator": authenticator, "numbers": numbers}
    children = [
        ChildSpec("gateway", lambda: Gateway(listeners, **common)),
        ChildSpec("http", lambda: HttpServer(http, **common)),
    ]
    async with running(Supervisor(children)):
        ws_port, http_port = (each[0].socket.getsockname()[1] for each in (listeners, http))
        urls = {"ws": f"ws://127.0.0.1:{ws_port}/mcp", "http": f"http://127.0.0.1:{http_port}/mcp"}
        print(json.dumps(urls), flush=True)
        with trio.open_signal_receiver(signal.SIGTERM, signal.SIGINT) as signals:
            await anext(signals)


# Standard output is for the URLs; nobody reads more from there.
configure()
trio.run(main)
