"""Where an agent runs: a repository with a hall, a home directory, a network of its own, and a model that is played."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import trio

from store import EventLog

from fake_model import FakeModel, Script
from network import Network

LIMIT_S = 120
MOOTHALL = str(Path(sys.executable).with_name("moothall"))


class Ran(NamedTuple):
    """How an agent's run ended, and what it said."""

    code: int
    out: str
    err: str


class Machine:
    """A repository, its hall and the surroundings of an agent there.

    Attributes:
        project: The repository's folder.
        server: The hall; `start_hall` starts it.
        home: The home directory of the agent.
    """

    def __init__(self, commands: Path, network: Network, checkout: Any, server: Any, home: Path) -> None:
        self.commands = commands
        self.network = network
        self.command_line = checkout
        self.project: Path = checkout.project
        self.server = server
        self.home = home
        self.hall_url = ""
        home.mkdir()
        (self.project / ".git" / "hooks").mkdir()
        path = f"{commands}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        self.environment = {
            **{key: value for key, value in checkout.environment.items() if not key.endswith(("_API_KEY", "_proxy"))},
            "HOME": str(home),
            "PATH": path,
            "PWD": str(self.project),  # OpenCode goes by it
            "NO_COLOR": "1",
        }

    async def start_hall(self) -> None:
        """Start the hall in the network; when it starts again, on the port of HTTP that it had."""
        ports = ("--port", "0", "--http-port", self.hall_url.rpartition(":")[2] or "0")
        await self.server.start(preexec_fn=self.network.enter, cwd=self.project, ports=ports)
        self.hall_url = self.server.ready["http"]

    async def settings(self, agent: str, *options: str) -> str:
        """Return what `moothall hook AGENT --settings` prints."""
        code, out, err = await self.command_line("hook", agent, "--settings", *options)
        assert code == 0, err
        return str(out)

    def home_file(self, name: str, content: Any) -> Path:
        """Write a file of the home directory: a text, or JSON."""
        path = self.home / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content if isinstance(content, str) else json.dumps(content))
        return path

    @asynccontextmanager
    async def model(self, api: Any, script: Script) -> AsyncGenerator[tuple[FakeModel, str]]:
        """Have a model play a script; yields it, and its URL."""
        model = FakeModel(api, script)
        made = self.network.listener()
        made.setblocking(False)
        url = f"http://127.0.0.1:{made.getsockname()[1]}"
        listener = trio.SocketListener(trio.socket.from_stdlib_socket(made))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(model.serve, listener)
            yield model, url
            nursery.cancel_scope.cancel()

    async def run(self, *command: str, **environment: str) -> Ran:
        """Run an agent's command in the repository, inside of the network, and return how it ended."""
        with trio.fail_after(LIMIT_S):
            done = await trio.run_process(
                [*command],
                cwd=self.project,
                env={**self.environment, **environment},
                stdin=subprocess.DEVNULL,
                capture_stdout=True,
                capture_stderr=True,
                check=False,
                preexec_fn=self.network.enter,
                start_new_session=True,
                deliver_cancel=_end_all,
            )
        return Ran(done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))

    # What happens to the hall while an agent works.

    async def hall_ends(self) -> None:
        await self.server.end(signal.SIGKILL)

    async def hall_hangs(self) -> None:
        self.server.process.send_signal(signal.SIGSTOP)

    async def hall_goes_on(self) -> None:
        """Let it go on, and wait until it answers: on a busy machine that may take longer than a hook waits."""
        self.server.process.send_signal(signal.SIGCONT)
        code, _, err = await self.command_line("tree")
        assert code == 0, err

    async def token_is_wrong(self) -> None:
        """Have the file of the agent's token hold another one."""
        (self.server.data / "agent.token").write_text("a" * 43)

    async def audit(self, *types: str) -> list[Any]:
        """End the hall, and return the events of these types from its log, in their order."""
        if self.server.process.returncode is None:
            await self.server.end()
        with EventLog.open(self.server.data) as log:
            return list(log.read(types=types))


async def _end_all(process: trio.Process) -> None:
    """End an agent and all that it has started: some start themselves anew."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
