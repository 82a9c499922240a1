"""Shared by all tests: the whole hall in one process under virtual time, and a server process that may be killed.

The hall here is without sockets, disks or time: in-memory log, inline sync port, a clock that jumps."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
import pytest
import trio

VERSION = "0-test"


def pytest_collection_modifyitems(config, items):
    """Leave out what is slow, unless it is asked for: by `-m`, by `-k`, or by the name of its file."""
    if config.option.markexpr or config.option.keyword or any(".py" in argument for argument in config.args):
        return
    slow = [item for item in items if item.get_closest_marker("slow")]
    items[:] = [item for item in items if not item.get_closest_marker("slow")]
    config.hook.pytest_deselected(items=slow)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Let a skip be a failure where none is allowed, as in CI: what is missing there would hide what is broken."""
    report = yield
    if report.skipped and os.environ.get("HALL_NO_SKIP") == "1" and not hasattr(report, "wasxfail"):
        reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: {reason} (a skip is a failure with HALL_NO_SKIP=1)"
    return report


def pytest_terminal_summary(terminalreporter):
    """Print the figures that tests report and do not assert."""
    reports = [each for kind in ("passed", "failed") for each in terminalreporter.stats.get(kind, ())]
    figures = [(each.nodeid, name, value) for each in reports for name, value in each.user_properties]
    if figures:
        terminalreporter.section("figures")
    for nodeid, name, value in figures:
        terminalreporter.line(f"{nodeid.partition('::')[2]}: {name} {value}")


@pytest.fixture(scope="session")
def policy():
    from actors.speed_layer.policy.engine import Policy

    return Policy.default()


def crash_safe_memory():
    """A log in memory that plays the disk: whoever opens it again finds all that was written to it."""
    from store import MemoryLog

    class CrashSafeMemory(MemoryLog):
        def close(self):
            for staged in list(self.steps._unsettled):
                staged.flushed = True
                self.steps.settle(staged)

    return CrashSafeMemory()


@pytest.fixture
def make_memory():
    return crash_safe_memory


class World:
    """A hall, what it stands on, and the crashes that it has reported."""

    def __init__(self, policy, **options):
        from actors.hall import Hall
        from actors.kernel import System
        from actors.ports import Ports, inline

        self.system = System(random.Random(1))
        self.log = options.pop("log", None) or crash_safe_memory()
        counter = itertools.count(1 + self.log.head)  # names that are given after a restart are others
        self.crashes = []
        self.ports = Ports(
            run_sync=options.pop("run_sync", inline),
            clock_ns=lambda: 1_700_000_000_000_000_000 + round(trio.current_time() * 1e9),
            random_bytes=lambda n: next(counter).to_bytes(n, "big"),
        )
        self.hall = Hall(
            open_log=lambda: self.log,
            policy=policy,
            version=VERSION,
            ports=self.ports,
            system=self.system,
            on_crash=lambda name, error: self.crashes.append((name, error)),
            **options,
        )
        self.gate = self.hall.gate
        self.views = self.hall.views

    @asynccontextmanager
    async def open(self):
        from actors.kernel import Supervisor, running

        root = Supervisor([self.hall.spec()], on_crash=self.hall.on_crash)
        async with running(root, system=self.system):
            yield self


@pytest.fixture
def make_world(policy):
    return lambda **options: World(policy, **options)


@pytest.fixture
async def world(make_world):
    async with make_world().open() as opened:
        yield opened


@pytest.fixture
def scout():
    from actors.desk.gate import Caller
    from actors.session.messages import Principal

    return Caller(Principal("scout", "agent"), 1)


@pytest.fixture
def rover():
    from actors.desk.gate import Caller
    from actors.session.messages import Principal

    return Caller(Principal("rover", "agent"), 2)


def slow_limits(rate, burst):
    from actors.session.role_rules import LIMITS

    return {**LIMITS, "agent": msgspec.structs.replace(LIMITS["agent"], requests_per_s=rate, burst=burst)}


@pytest.fixture
def limits_of():
    return slow_limits


def clean_environment():
    left_out = ("MOOTHALL_", "CLAUDE_", "XDG_")
    return {key: value for key, value in os.environ.items() if not key.startswith(left_out)}


def new_repository(folder):
    """Make what git takes for a repository, faster than git does; return the folder."""
    git = folder / ".git"
    for name in ("objects", "refs/heads"):
        (git / name).mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "config").write_text("[core]\n\trepositoryformatversion = 0\n\tbare = false\n")
    return folder


class ServerProcess:
    """`moothall serve` on a data directory; its log is kept beside it."""

    def __init__(self, data, runtime):
        self.data = data
        self.log_path = data.parent / "server.log"
        self.environment = {**clean_environment(), "XDG_RUNTIME_DIR": runtime}
        self.process = None
        self.log = self.log_path.open("ab")

    async def start(
        self, *options, program=("-m", "transport.cli.main"), preexec_fn=None, port=0, ports=None, cwd=None
    ):
        """Return the websocket's URL, or None if the server ends before it is ready."""
        ports = ("--port", str(port), "--http-port", "0") if ports is None else ports
        self.process = await trio.lowlevel.open_process(
            [sys.executable, *program, "serve", "--data", str(self.data), *ports, *options],
            stdout=subprocess.PIPE,
            stderr=self.log,
            env=self.environment,
            cwd=self.log_path.parent if cwd is None else cwd,  # outside of any checkout, so that it has no workspace
            preexec_fn=preexec_fn,
        )
        line = b""
        with trio.fail_after(60):
            while not line.endswith(b"\n"):
                more = await self.process.stdout.receive_some()
                if not more:
                    await self.process.wait()
                    return None
                line += more
        self.ready = json.loads(line)
        return self.ready["ws"]

    def token(self, name):
        from transport.access.tokens import Tokens

        tokens = Tokens(self.data)
        if any(entry.name == name for entry in tokens.entries()):
            tokens.revoke(name)
        return tokens.add(name)

    async def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        with trio.fail_after(60):
            return await self.process.wait()

    def logged(self):
        return self.log_path.read_text()


@pytest.fixture
def command_line():
    return CommandLine


@pytest.fixture
def make_repository():
    return new_repository


@pytest.fixture
def plain_environment():
    """The environment without Moothall's own variables."""
    return clean_environment()


class CommandLine:
    """Runs `moothall` in a repository, as a user of its own whose state is beside it."""

    program = (sys.executable, "-m", "transport.cli.main")

    def __init__(self, project, environment):
        self.project = project
        self.environment = environment

    @property
    def data(self):
        """The data directory of the repository."""
        from transport.discovery.data_directory import folder_name

        return Path(self.environment["XDG_STATE_HOME"]) / "moothall" / folder_name(self.project / ".git")

    async def __call__(self, *arguments, stdin=b""):
        done = await trio.run_process(
            [*self.program, *map(str, arguments)],
            cwd=self.project,
            env=self.environment,
            stdin=stdin,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )
        return done.returncode, done.stdout.decode(), done.stderr.decode()


@pytest.fixture
def checkout(server, tmp_path):
    """A git checkout whose data directory is the server's, which is yet to start."""
    state = tmp_path / "state"
    for folder in (state, state / "moothall"):
        folder.mkdir(mode=0o700)
    made = CommandLine(new_repository(tmp_path / "project"), {**server.environment, "XDG_STATE_HOME": str(state)})
    server.data, server.environment = made.data, made.environment
    return made


@pytest.fixture
async def project(checkout, server):
    """A git checkout with a server whose data directory is found by itself."""
    await server.start()
    return checkout


@pytest.fixture
async def server(tmp_path):
    with tempfile.TemporaryDirectory(prefix="moothall-test-") as runtime:  # a socket's path must be short
        made = ServerProcess(tmp_path / "data", runtime)
        yield made
        if made.process is not None and made.process.returncode is None:
            await made.end(signal.SIGKILL)
        made.log.close()
