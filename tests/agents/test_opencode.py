"""OpenCode itself, with our plugin, and a model that is played by a script."""

from __future__ import annotations

import pytest

from chat_api import ChatApi
from fake_model import Call
from machine import MOOTHALL
from outages import GATED, Interpreter, broken_hooks, made, outages

pytestmark = pytest.mark.slow
MAIN = "the main task"
CONFIG = {
    "model": "played/model",
    "small_model": "played/model",
    "permission": {"*": "allow"},
    "autoupdate": False,
    "share": "disabled",
    "mcp": {"moothall": {"type": "local", "command": [MOOTHALL, "connect"], "enabled": True, "timeout": 60_000}},
}
"""OpenCode itself lets everything run: what did not run, the plugin has held."""

ALONE = {"OPENCODE_DISABLE_AUTOUPDATE": "1", "OPENCODE_DISABLE_MODELS_FETCH": "1", "npm_config_offline": "true"}
"""What keeps OpenCode from waiting for a network that is not there."""


class OpenCode:
    """OpenCode on a machine, set up as docs/connect.md says."""

    def __init__(self, machine):
        self.machine = machine

    async def set_up(self, changed=lambda plugin: plugin):
        plugin = changed(await self.machine.settings("opencode"))
        self.machine.home_file(".config/opencode/plugin/moothall.js", plugin)

    async def session(self, main, **others):
        script = {MAIN: main, **{f"the {name} task": steps for name, steps in others.items()}}
        async with self.machine.model(ChatApi(), script) as (fake, url):
            provider = {
                "npm": "@ai-sdk/openai-compatible",
                "name": "played",
                "options": {"baseURL": f"{url}/v1", "apiKey": "none"},
                "models": {"model": {"name": "model", "tool_call": True}},
            }
            self.machine.home_file(".config/opencode/opencode.json", {**CONFIG, "provider": {"played": provider}})
            ran = await self.machine.run("opencode", "run", "do the main task", **ALONE)
        assert ran.code == 0, ran
        return fake

    def write(self, name):
        return Call("write", {"filePath": str(self.machine.project / name), "content": "x = 1\n"})


def shell(command):
    return Call("bash", {"command": command, "description": "does it"})


def task(prompt):
    return Call("task", {"description": "a part", "prompt": prompt, "subagent_type": "general"})


@pytest.fixture
def opencode(machine):
    return OpenCode(machine)


async def test_what_is_allowed_runs_what_is_not_does_not_and_subagents_are_told_apart(opencode, machine):
    await opencode.set_up()
    await machine.start_hall()
    main = [
        opencode.write("notes.py"),
        opencode.write(".git/hooks/pre-commit"),
        shell("git push --force origin main"),
        Call("moothall_whoami", {}),
        [task("the scout task"), task("the rover task")],
    ]
    model = await opencode.session(main, scout=[shell("git status")], rover=[shell("git branch")])
    assert (machine.project / "notes.py").read_text() == "x = 1\n"
    assert not (machine.project / ".git/hooks/pre-commit").exists()
    assert "files.unknown-settings" in model.result(MAIN, 1)
    assert "git.push-force" in model.result(MAIN, 2)
    assert "connected_since" in model.result(MAIN, 3)
    given = [event.data for event in await machine.audit("moothall.verdict.given")]
    by_command = {each["input"]["command"]: each for each in given if each["tool"] == "bash"}
    main_id = next(each["session_id"] for each in given if each["tool"] == "write")
    assert len({by_command["git status"]["session_id"], by_command["git branch"]["session_id"], main_id}) == 3


async def test_without_a_hall_that_answers_nothing_runs(opencode, machine):
    await opencode.set_up()
    await machine.start_hall()
    script = outages(machine, opencode.write)
    model = await opencode.session(script)
    assert len(model.results[MAIN]) == len(script)
    assert made(machine) == set(GATED)


async def test_with_a_hook_that_fails_nothing_runs(opencode, machine):
    interpreter = Interpreter(machine)
    await opencode.set_up(lambda plugin: interpreter.named_in(plugin).replace("LIMIT_MS = 30_000", "LIMIT_MS = 2_000"))
    await machine.start_hall()
    script = broken_hooks(interpreter, opencode.write)
    model = await opencode.session(script)
    assert len(model.results[MAIN]) == len(script)
    assert made(machine) == {"works"}
