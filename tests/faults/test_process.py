"""A server meets a bad disk, a bad directory or another server: the exit codes of the contract, and nothing lost."""

from __future__ import annotations

import json
import os
import re
import resource
import subprocess
import sys
from contextlib import AsyncExitStack, suppress

import pytest
import trio

from actors.kernel import contains
from store import EventLog, NewEvent
from transport.client import HallError, connect

pytestmark = pytest.mark.slow


def fill(data, count):
    with EventLog.open(data) as log:
        for n in range(count):
            log.append([NewEvent(type="note", data={"n": n, "text": "x" * 50})], stream="s")


def segments(data):
    return sorted(data.glob("*.segment"))


async def run(*arguments):
    process = await trio.run_process(
        [sys.executable, "-m", "transport.cli.main", *map(str, arguments)],
        capture_stdout=True,
        capture_stderr=True,
        check=False,
    )
    return process.returncode, process.stdout.decode(), process.stderr.decode()


async def test_a_second_server_on_the_same_directory_exits_4_and_names_the_first(server):
    await server.start()
    code, out, err = await run("serve", "--data", server.data, "--port", "0", "--http-port", "0")
    assert (code, out) == (4, "")
    assert str(server.process.pid) in err


async def test_a_second_server_on_the_same_directory_and_port_is_told_of_the_directory(server):
    url = await server.start()
    code, _, err = await run("serve", "--data", server.data, "--port", url.split(":")[2].split("/")[0])
    assert code == 4
    assert str(server.process.pid) in err


async def test_a_port_in_use_by_somebody_else_is_said_in_one_line(server, tmp_path):
    url = await server.start()
    code, _, err = await run("serve", "--data", tmp_path / "other", "--port", url.split(":")[2].split("/")[0])
    assert code == 1
    assert "in use" in err
    assert len(err.strip().splitlines()) == 1


async def test_sockets_without_a_token_cannot_take_the_logs_descriptors(server):
    def few_descriptors():
        resource.setrlimit(resource.RLIMIT_NOFILE, (160, 160))

    url = await server.start(preexec_fn=few_descriptors)
    host, port = url.split("/")[2].split(":")
    async with AsyncExitStack() as sockets:
        for _ in range(150):
            await sockets.enter_async_context(await trio.open_tcp_stream(host, int(port)))
        await trio.sleep(0.2)  # the server's own time to take them all
    token, appended = server.token("writer"), False
    with trio.fail_after(30):
        while not appended:  # it is answered 503 until the server has noticed that the others have gone
            with suppress(HallError):
                async with connect(url, token=token, patience_s=0) as hall:
                    appended = bool(await hall.append([{"type": "note"}]))
    assert await server.end() == 0


async def test_a_disk_that_fails_the_last_sync_of_an_ordered_stop_ends_the_process_with_6(server):
    url = await server.start("--fsync", "never", program=["-c", FAILING_DISK, "1"])
    async with connect(url, token=server.token("writer"), patience_s=0) as hall:
        await hall.append([{"type": "note"}])
    assert await server.end() == 6


async def test_a_truncated_last_segment_is_cut_back_to_what_is_whole(server):
    fill(server.data, 50)
    (segment,) = segments(server.data)
    (server.data / "clean").unlink()
    with segment.open("rb+") as file:
        file.truncate(segment.stat().st_size - 7)
    url = await server.start()
    async with connect(url, token=server.token("reader"), patience_s=0) as hall:
        page = await hall.query(stream="s", limit=1000)
        assert [event.data["n"] for event in page.events] == list(range(49))


async def test_a_flipped_byte_in_the_middle_exits_5_and_says_where(server):
    fill(server.data, 50)
    (segment,) = segments(server.data)
    content = bytearray(segment.read_bytes())
    content[len(content) // 2] ^= 0x01
    segment.write_bytes(content)
    assert await server.start() is None
    assert server.process.returncode == 5
    assert segment.name in server.logged()
    code, out, _ = await run("events", "verify", "--data", server.data, "--json")
    assert code == 5
    report = json.loads(out)
    assert report["ok"] is False
    assert report["problems"]


async def test_a_full_disk_refuses_appends_keeps_what_was_acknowledged_and_heals(server):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))

    acknowledged = []
    url = await server.start(preexec_fn=small_files)
    token = server.token("writer")
    async with connect(url, token=token, patience_s=0) as hall:
        with pytest.raises(HallError) as caught:
            for n in range(1000):
                result = await hall.append([{"type": "note", "data": {"n": n, "text": "x" * 500}}], stream="s")
                acknowledged.append(result.first_sequence)
        assert caught.value.code == "unavailable"
        assert "space" in caught.value.message
        page = await hall.query(stream="s", limit=1000)
        assert [event.sequence for event in page.events] == acknowledged
    assert await server.end() == 0
    url = await server.start()
    async with connect(url, token=token, patience_s=0) as hall:
        page = await hall.query(stream="s", limit=1000)
        assert [event.sequence for event in page.events] == acknowledged
        await hall.append([{"type": "note"}], stream="s")


FAILING_DISK = """
import os, sys
from functools import partial
import transport.server
from store import EventLog

class FailingOnce:
    def __init__(self):
        self.left = int(sys.argv.pop(1))
    def __call__(self, fd):
        self.left -= 1
        if self.left == 0:
            raise OSError(5, "Input/output error")
        os.fdatasync(fd)

class Log(EventLog):
    open = partial(EventLog.open, sync=FailingOnce())

transport.server.EventLog = Log
from transport.cli.main import main
main()
"""


async def test_a_disk_that_fails_to_sync_once_ends_the_process_with_6_and_acknowledges_nothing_more(server):
    url = await server.start(program=["-c", FAILING_DISK, "12"])
    acknowledged = []
    token = server.token("writer")
    with pytest.raises((HallError, ExceptionGroup)) as caught:
        async with connect(url, token=token, patience_s=0) as hall:
            for n in range(1000):
                await hall.append([{"type": "note", "data": {"n": n}}], stream="s")
                acknowledged.append(n)
    assert contains(caught.value, HallError)
    assert await server.process.wait() == 6
    assert re.search(r"could not be synced", server.logged())
    with EventLog.open(server.data) as log:
        stored = [event.data["n"] for event in log.query(stream="s", limit=1000).events]
    assert stored[: len(acknowledged)] == acknowledged
    assert 0 < len(acknowledged) < 1000


async def test_sigterm_ends_the_connections_and_exits_0_with_nothing_lost(server):
    url = await server.start()
    token = server.token("writer")
    acknowledged = []
    with pytest.raises((HallError, ExceptionGroup)) as caught:
        async with connect(url, token=token, patience_s=0) as hall, trio.open_nursery() as nursery:
            nursery.start_soon(server.end)
            for n in range(100_000):
                result = await hall.append([{"type": "note", "data": {"n": n}}], stream="s")
                acknowledged.append(result.first_sequence)
    assert contains(caught.value, HallError)
    assert await server.process.wait() == 0
    with EventLog.open(server.data) as log:
        stored = {event.sequence for event in log.read()}
    assert set(acknowledged) <= stored


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["frobnicate"], 2),
        (["serve", "--port", "many"], 2),
        (["serve", "--fsync", "sometimes"], 2),
        (["serve", "--auth", "none", "--host", "0.0.0.0"], 2),
        (["events", "query", "--url", "ws://127.0.0.1:9/mcp"], 3),
        (["events", "append", "note", "{"], 2),
        (["policy", "explain", "--tool", "Bash", "--input", "[]"], 2),
    ],
)
async def test_a_command_that_cannot_be_done_says_why_in_one_line(tmp_path, arguments, code):
    if arguments[0] == "serve":
        arguments = [*arguments, "--data", str(tmp_path / "data"), "--http-port", "0"]
        arguments += [] if "--port" in arguments else ["--port", "0"]
    actual, out, err = await run(*arguments)
    assert actual == code, err
    assert out == ""
    assert err.startswith("moothall: ")
    assert len(err.strip().splitlines()) == 1


async def test_an_unknown_key_of_the_configuration_is_an_error(tmp_path):
    (tmp_path / "hall.toml").write_text("prot = 1\n")
    code, _, err = await run("serve", "--data", tmp_path / "data", "--config", tmp_path / "hall.toml")
    assert code == 2
    assert "prot" in err


def test_an_unknown_variable_of_the_environment_is_an_error(tmp_path):
    environment = {**os.environ, "MOOTHALL_PROT": "1"}
    command = [sys.executable, "-m", "transport.cli.main", "serve", "--data", str(tmp_path / "data")]
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert result.returncode == 2
    assert "prot" in result.stderr


async def test_a_server_whose_stderr_nobody_reads_serves_on_and_stops(server):
    process = await trio.lowlevel.open_process(
        [
            sys.executable,
            "-m",
            "transport.cli.main",
            "serve",
            "--data",
            str(server.data),
            "--port",
            "0",
            "--http-port",
            "0",
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    ready = json.loads(await process.stdout.receive_some())
    await process.stderr.aclose()
    async with connect(ready["ws"], token=server.token("scout")) as hall:
        for _ in range(500):
            with pytest.raises(HallError, match="forbidden"):
                await hall.append([{"type": "note"}], stream="moothall/x")
        assert (await hall.health()).status == "ok"
    process.terminate()
    with trio.fail_after(30):
        assert await process.wait() == 0


@pytest.mark.parametrize("port", ["70000", "-1"])
async def test_a_port_that_is_none_is_refused(tmp_path, port):
    code, _, err = await run("serve", "--data", tmp_path / "data", "--port", port)
    assert code == 2
    assert "port" in err


async def test_a_data_directory_that_cannot_be_one_is_said_in_one_line(tmp_path):
    (tmp_path / "file").write_text("not a directory")
    code, _, err = await run("serve", "--data", tmp_path / "file", "--port", "0", "--http-port", "0")
    assert code == 1
    assert len(err.strip().splitlines()) == 1
    assert str(tmp_path / "file") in err


async def test_a_full_disk_shows_in_health_until_there_is_space_again(server):
    def small_files():
        resource.setrlimit(resource.RLIMIT_FSIZE, (64 * 1024, resource.RLIM_INFINITY))

    url = await server.start(preexec_fn=small_files)
    async with connect(url, token=server.token("writer"), patience_s=0) as hall:
        with pytest.raises(HallError, match="space"):
            for _ in range(1000):
                await hall.append([{"type": "note", "data": {"text": "x" * 500}}], stream="s")
        await trio.sleep(2.0)
        health = await hall.health()
        assert (health.status, health.components["event_store"].status) == ("degraded", "degraded")
        assert "space" in health.components["event_store"].detail
