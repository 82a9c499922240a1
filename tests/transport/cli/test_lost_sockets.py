# ruff: noqa: ASYNC220, ASYNC240 - a test may wait for a process or a disk
"""The sockets of a server whose names go while it runs: with the runtime directory at logout, or by a sweep of /tmp."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trio

from transport.cli.server.local_sockets import WATCH_S, LocalSockets
from transport.client import connect
from transport.discovery.server_file import ServerInfo, read_server_info, write_server_info

URLS = ("ws://127.0.0.1:1/mcp", "http://127.0.0.1:2")


class Watched:
    """A server's sockets that are announced and watched; each stream they accept is told of by a byte.

    Attributes:
        sockets: They.
        data: The data directory.
        told: What the watch has told health.
    """

    def __init__(self, sockets, data):
        self.sockets = sockets
        self.data = data
        self.told = []
        self.open = []

    @property
    def info(self):
        return read_server_info(self.data)

    async def serve(self, listener):
        while True:
            self.open.append(await listener.accept())
            await self.open[-1].send_all(b"!")

    async def answers(self):
        """Say whether both sockets that the server's file names are served."""
        heard = []
        for path in (self.info.ws_socket, self.info.http_socket):
            async with await trio.open_unix_socket(path) as stream:
                heard.append(await stream.receive_some(1))
        return heard == [b"!", b"!"]


@pytest.fixture
def short(monkeypatch):
    """A short path, with a runtime directory and a temporary one in it."""
    with tempfile.TemporaryDirectory(prefix="moothall-test-") as base:
        for name, variable in (("run", "XDG_RUNTIME_DIR"), ("tmp", "TMPDIR")):
            (Path(base) / name).mkdir(mode=0o700)
            monkeypatch.setenv(variable, f"{base}/{name}")
        monkeypatch.setattr(tempfile, "tempdir", f"{base}/tmp")
        yield Path(base)


@asynccontextmanager
async def watched(data, group=None):
    data.mkdir(mode=0o700, exist_ok=True)
    sockets = LocalSockets(data, group)
    here = Watched(sockets, data)
    sockets.announce(*URLS)
    try:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(sockets.watch, here.told.append)
            for listener in (*sockets.ws, *sockets.http):
                nursery.start_soon(here.serve, listener)
            yield here
            nursery.cancel_scope.cancel()
    finally:
        sockets.withdraw()
        for each in (*sockets.ws, *sockets.http, *here.open):
            await each.aclose()


async def test_at_a_logout_the_sockets_move_to_a_directory_that_only_the_user_enters(autojump_clock, short):
    async with watched(short / "data") as here:
        before = here.info
        async with await trio.open_unix_socket(before.ws_socket) as stream:
            await stream.receive_some(1)
            shutil.rmtree(short / "run")
            await trio.sleep(WATCH_S + 1)
            folder = Path(here.info.ws_socket).parent
            assert (folder.parent, stat.S_IMODE(folder.stat().st_mode)) == (short / "tmp", 0o700)
            assert here.info == before._replace(ws_socket=f"{folder}/ws.sock", http_socket=f"{folder}/http.sock")
            assert await here.answers()
            with trio.move_on_after(1) as waited:  # what was open stays so
                await stream.receive_some(1)
            assert waited.cancelled_caught
    assert not any((short / "tmp").iterdir())


@pytest.mark.parametrize("what", ["removed", "replaced", "the file that tells of them"])
async def test_what_clients_look_for_is_put_back_where_it_was(autojump_clock, short, what):
    async with watched(short / "data") as here:
        before = here.info
        if what == "removed":
            Path(before.ws_socket).unlink()
        elif what == "replaced":
            Path(before.http_socket).unlink()
            Path(before.http_socket).touch()
        else:
            (short / "data" / "server.json").unlink()
        await trio.sleep(WATCH_S + 1)
        assert here.info == before
        assert await here.answers()
        assert sorted(path.name for path in Path(before.ws_socket).parent.iterdir()) == ["http.sock", "ws.sock"]
        assert set(here.told) == {""}


async def test_health_is_told_why_as_long_as_the_sockets_cannot_be_made(autojump_clock, short):
    async with watched(short / "data") as here:
        for name in ("run", "tmp"):
            shutil.rmtree(short / name)
        await trio.sleep(3 * WATCH_S + 1)
        assert [("cannot be made again" in each, str(short) in each) for each in here.told] == [(True, True)] * 3
        (short / "tmp").mkdir(mode=0o700)
        await trio.sleep(WATCH_S)
        assert here.told[-1] == ""
        assert await here.answers()


async def test_the_sockets_of_a_group_come_back_with_its_token(autojump_clock, short):
    short.chmod(0o755)
    data, agents = short / "data", short / "data-agents"
    data.mkdir(mode=0o700)
    (data / "agent.token").write_text("a-token")
    group = grp.getgrgid(os.getegid()).gr_name
    async with watched(data, group) as here:
        shutil.rmtree(agents)
        await trio.sleep(WATCH_S + 1)
        assert sorted(path.name for path in agents.iterdir()) == ["agent.token", "http.sock", "server.json", "ws.sock"]
        assert stat.S_IMODE(agents.stat().st_mode) == 0o750
        here.data = agents
        assert await here.answers()


async def test_nothing_is_put_back_after_an_ordered_stop(autojump_clock, short):
    async with watched(short / "data") as here:
        here.sockets.withdraw()
        await trio.sleep(3 * WATCH_S)
        assert here.info is None
        assert not [path for path in (short / "run").rglob("*") if path.is_socket()]


async def test_the_sockets_of_the_next_server_are_left_alone(autojump_clock, short):
    """It runs already where this one has lost the log's lock and is about to end."""
    async with watched(short / "data") as here:
        with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as another:
            theirs = ServerInfo(*URLS, "/theirs", "/theirs", another.pid)
            write_server_info(short / "data", theirs)
            Path(here.sockets.ws[0].path).unlink()
            await trio.sleep(3 * WATCH_S)
            assert here.info == theirs
            another.communicate()


async def test_a_server_whose_runtime_directory_goes_is_found_again_and_says_meanwhile_that_it_is_not(
    checkout, server, monkeypatch
):
    with tempfile.TemporaryDirectory(prefix="moothall-test-") as base:
        temporary = Path(base) / "t"
        temporary.mkdir(mode=0o700)
        checkout.environment |= {"XDG_RUNTIME_DIR": f"{base}/none", "TMPDIR": str(temporary)}
        await server.start()
        async with connect(server.ready["ws"], token=server.token("scout")) as hall:

            async def until(status):
                with trio.fail_after(14):
                    while (health := await hall.health()).status != status:  # noqa: ASYNC110 - published by another process
                        await trio.sleep(0.1)
                return health.components

            shutil.rmtree(temporary)
            assert "cannot be made again" in (await until("degraded"))["local_sockets"].detail
            code, _, err = await checkout("events", "query")
            assert (code, "its socket is gone" in err, "makes another" in err) == (3, True, True)
            _, out, _ = await checkout("hook", "claude-code", stdin=b'{"tool_name": "Bash", "tool_input": {}}')
            assert "its socket is gone" in out
            temporary.mkdir(mode=0o700)
            assert "local_sockets" not in await until("ok")
        assert (await checkout("events", "query"))[0] == 0
