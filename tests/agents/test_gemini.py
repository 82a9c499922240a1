"""Gemini CLI itself, with our hooks, and a model that is played by a script."""

from __future__ import annotations

import json

import pytest

from fake_model import Call
from gemini_api import GeminiApi
from machine import MOOTHALL
from outages import GATED, Interpreter, broken_hooks, made, outages

pytestmark = pytest.mark.slow
MAIN = "the main task"


class Gemini:
    """Gemini CLI on a machine, set up as docs/connect.md says."""

    def __init__(self, machine):
        self.machine = machine

    async def set_up(self, changed=lambda settings: settings):
        settings = json.loads(changed(await self.machine.settings("gemini")))
        around = {
            "security": {"auth": {"selectedType": "gemini-api-key"}},
            "mcpServers": {"moothall": {"command": MOOTHALL, "args": ["connect"]}},
            "general": {"enableAutoUpdate": False},
            "privacy": {"usageStatisticsEnabled": False},
        }
        self.machine.home_file(".gemini/settings.json", {**settings, **around})

    async def session(self, main):
        async with self.machine.model(GeminiApi(), {MAIN: main}) as (fake, url):
            words = ("--approval-mode", "yolo", "--model", "gemini-2.5-pro", "--prompt", "do the main task")
            where = {"GOOGLE_GEMINI_BASE_URL": url, "GEMINI_CLI_TRUST_WORKSPACE": "true"}
            ran = await self.machine.run("gemini", *words, GEMINI_API_KEY="none", **where)
        assert ran.code == 0, ran
        return fake

    def write(self, name):
        return Call("write_file", {"file_path": str(self.machine.project / name), "content": "x = 1\n"})


def shell(command, **more):
    return Call("run_shell_command", {"command": command, "description": "does it", **more})


@pytest.fixture
def gemini(machine):
    return Gemini(machine)


async def test_what_is_allowed_runs_what_is_asked_or_denied_does_not_and_the_halls_tools_are_called(gemini, machine):
    await gemini.set_up()
    await machine.start_hall()
    main = [
        gemini.write("notes.py"),
        shell("echo x > .git/hooks/pre-commit"),
        shell("git push --force origin main"),
        Call("mcp_moothall_whoami", {}),
    ]
    model = await gemini.session(main)
    assert (machine.project / "notes.py").read_text() == "x = 1\n"
    assert not (machine.project / ".git/hooks/pre-commit").exists()
    assert "an agent without a terminal cannot" in model.result(MAIN, 1)
    assert "git.push-force" in model.result(MAIN, 2)
    assert "connected_since" in model.result(MAIN, 3)


async def test_two_sessions_are_told_apart_in_the_log(gemini, machine):
    await gemini.set_up()
    await machine.start_hall()
    await gemini.session([shell("git status")])
    await gemini.session([shell("git branch")])
    given = [event.data for event in await machine.audit("moothall.verdict.given")]
    assert [each["input"]["command"] for each in given] == ["git status", "git branch"]
    assert len({each["session_id"] for each in given} - {None}) == 2


async def test_without_a_hall_that_answers_nothing_runs(gemini, machine):
    await gemini.set_up()
    await machine.start_hall()
    script = outages(machine, gemini.write)
    model = await gemini.session(script)
    assert len(model.results[MAIN]) == len(script)
    assert made(machine) == set(GATED)


async def test_with_a_hook_that_fails_nothing_runs_unless_it_outlasts_geminis_patience(gemini, machine):
    interpreter = Interpreter(machine)
    await gemini.set_up(lambda settings: interpreter.named_in(settings).replace('"timeout": 30000', '"timeout": 2000'))
    await machine.start_hall()
    script = broken_hooks(interpreter, gemini.write)
    model = await gemini.session(script)
    assert len(model.results[MAIN]) == len(script)
    assert made(machine) == {"works", "hangs"}
