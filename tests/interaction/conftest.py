"""A real `moothall serve` in a process of its own, and what a session with foreign clients needs around it."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

READY_WITHIN_S = 60.0


class HallServer(NamedTuple):
    """A server that runs.

    Attributes:
        url: Its websocket.
        http: Its HTTP listener, without a path.
        token: An agent's token.
        admin_token: An admin's token.
    """

    url: str
    http: str
    token: str
    admin_token: str

    @property
    def url_with_token(self) -> str:
        """The URL for clients that cannot set headers."""
        return f"{self.url}?access_token={self.token}"


@pytest.fixture(scope="module")
def hall_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HallServer]:
    """Start a server on a free port, and stop it with SIGTERM."""
    data = tmp_path_factory.mktemp("hall")
    environment = {key: value for key, value in os.environ.items() if not key.startswith("MOOTHALL_")}
    environment["MOOTHALL_ELICITATION"] = "all"
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "transport.cli.main",
                "serve",
                "--data",
                str(data),
                "--port",
                "0",
                "--http-port",
                "0",
            ],
            cwd=data,  # outside of any checkout, so that it has no workspace
            env=environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        ready = json.loads(_first_line(process, data / "log"))
        assert ready["event"] == "ready"
        yield HallServer(
            ready["ws"], ready["http"], (data / "agent.token").read_text(), (data / "admin.token").read_text()
        )
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=READY_WITHIN_S) == 0
    finally:
        process.kill()
        process.communicate()


def _first_line(process: subprocess.Popen[str], log: Path) -> str:
    lines: queue.Queue[str] = queue.Queue()

    def read() -> None:
        assert process.stdout is not None
        lines.put(process.stdout.readline())

    threading.Thread(target=read, daemon=True).start()
    try:
        line = lines.get(timeout=READY_WITHIN_S)
    except queue.Empty:
        line = ""
    if not line:
        pytest.fail(f"the server did not get ready; it says:\n{log.read_text()[-3000:]}")
    return line


@pytest.fixture(scope="session")
def run_round() -> Callable[..., dict[str, object]]:
    """Return a function that runs a program which does a whole round and prints what it saw as one JSON line."""

    def run(command: list[str], cwd: Path) -> dict[str, object]:
        done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        found: dict[str, object] = json.loads(done.stdout.strip().splitlines()[-1])
        return found

    return run


@pytest.fixture(scope="session")
def check_round() -> Callable[..., None]:
    """Return a function that judges what a round saw: the same for every client, `told` for those that subscribe."""

    def check(seen: dict[str, object], *, told: bool = False) -> None:
        assert seen["server"] == "moothall"
        assert set(TOOLS) <= set(seen["tools"])
        assert seen["appended"]["revisions"] == {seen["stream"]: 2}
        assert [event["data"] for event in seen["page"]["events"]] == [{"n": 1}, {"n": 2, "ü": "é"}]
        assert {event["agent"] for event in seen["page"]["events"]} == {"agent"}
        assert seen["verdict"]["verdict"] == "allow"
        assert seen["refused"]["error"]["code"] == "revision_conflict"
        assert seen["refused"]["error"]["actual"] == 2
        assert [each["verdict"] for each in seen["batch"]["verdicts"]] == ["allow", "deny"]
        assert (seen["answered"]["verdict"], seen["answered"]["approval"]["state"]) == ("allow", "decided")
        assert [event["data"] for event in seen["followed"]["events"]] == [{"n": 3}]
        assert (seen["once"]["deduplicated"], seen["again"]["deduplicated"]) == (False, True)
        assert seen["again"]["first_sequence"] == seen["once"]["first_sequence"]
        assert seen["whoami"]["agent"] == "agent"
        if told:
            assert seen["told"] == f"events://streams/{seen['stream']}"

    return check


TOOLS = ("health", "whoami", "append_events", "query_events", "validate", "validate_batch", "explain")
