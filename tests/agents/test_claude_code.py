"""Claude Code itself, with our hooks, and a model that is played by a script."""

from __future__ import annotations

import json

import pytest

from anthropic_api import AnthropicApi
from fake_model import Call
from machine import MOOTHALL
from outages import GATED, Interpreter, broken_hooks, made, outages

pytestmark = pytest.mark.slow
UNASKED = "bypassPermissions"
"""The mode in which Claude Code itself lets everything run: what did not run there, a hook has held."""


class ClaudeCode:
    """Claude Code on a machine, set up as docs/connect.md says."""

    def __init__(self, machine):
        self.machine = machine

    async def set_up(self, changed=lambda settings: settings):
        settings = await self.machine.settings("claude-code")
        self.machine.home_file(".claude/settings.json", changed(settings))

    async def run(self, *words, **environment):
        quiet = {"CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1", "IS_SANDBOX": "1"}
        return await self.machine.run("claude", *words, **quiet, **environment)

    async def session(self, script, mode="default"):
        async with self.machine.model(AnthropicApi(), script) as (model, url):
            words = ("-p", "do the main task", "--permission-mode", mode)
            ran = await self.run(*words, ANTHROPIC_BASE_URL=url, ANTHROPIC_API_KEY="sk-ant-none")
        assert (ran.code, ran.err) == (0, "")
        return model

    def write(self, name):
        return Call("Write", {"file_path": str(self.machine.project / name), "content": "x = 1\n"})


def shell(command):
    return Call("Bash", {"command": command, "description": "does it"})


def task(prompt):
    return Call("Agent", {"description": "a part", "prompt": prompt, "subagent_type": "general-purpose"})


@pytest.fixture
def claude(machine):
    return ClaudeCode(machine)


async def test_what_is_allowed_runs_what_is_not_does_not_and_subagents_are_told_apart(claude, machine):
    await claude.set_up()
    assert (await claude.run("mcp", "add", "moothall", "--", MOOTHALL, "connect")).code == 0
    await machine.start_hall()
    main = [
        claude.write("notes.py"),
        claude.write(".git/hooks/pre-commit"),
        shell("git push --force origin main"),
        Call("mcp__moothall__whoami", {}),
        [task("the scout task"), task("the rover task")],
    ]
    subagents = {"the scout task": [shell("git status")], "the rover task": [shell("git branch")]}
    model = await claude.session({"the main task": main, **subagents})
    assert (machine.project / "notes.py").read_text() == "x = 1\n"
    assert not (machine.project / ".git/hooks/pre-commit").exists()
    assert "git.push-force" in model.result("the main task", 2)
    assert '\\"agent\\":\\"agent\\"' in model.result("the main task", 3).replace("\\\\", "\\")
    given = [event.data for event in await machine.audit("moothall.verdict.given")]
    verdicts = {(each["tool"], each["verdict"]) for each in given}
    assert verdicts >= {("Write", "allow"), ("Write", "ask"), ("Bash", "deny"), ("mcp__moothall__whoami", "allow")}
    by_command = {each["input"]["command"]: each for each in given if each["tool"] == "Bash"}
    scout, rover = by_command["git status"], by_command["git branch"]
    assert scout["session_id"] == rover["session_id"]
    assert len({scout["agent_id"], rover["agent_id"], None}) == 3


async def test_a_write_that_is_asked_about_does_not_run_in_the_mode_that_asks_nobody(claude, machine):
    await claude.set_up()
    await machine.start_hall()
    main = [claude.write("notes.py"), claude.write(".git/hooks/pre-commit"), shell("git push --force origin main")]
    model = await claude.session({"the main task": main}, UNASKED)
    assert (machine.project / "notes.py").exists()
    assert not (machine.project / ".git/hooks/pre-commit").exists()
    assert "files.unknown-settings" in model.result("the main task", 1)
    assert "git.push-force" in model.result("the main task", 2)


async def test_without_a_hall_that_answers_nothing_runs(claude, machine):
    await claude.set_up()
    await machine.start_hall()
    script = outages(machine, claude.write)
    model = await claude.session({"the main task": script}, UNASKED)
    assert len(model.results["the main task"]) == len(script)
    assert made(machine) == set(GATED)


async def test_with_a_hook_that_fails_nothing_runs(claude, machine):
    interpreter = Interpreter(machine)
    await claude.set_up(lambda settings: interpreter.named_in(settings).replace('"timeout": 30', '"timeout": 2'))
    await machine.start_hall()
    script = broken_hooks(interpreter, claude.write)
    model = await claude.session({"the main task": script}, UNASKED)
    assert len(model.results["the main task"]) == len(script)
    assert made(machine) == {"works"}


async def test_hooks_over_http_that_block_when_they_fail_let_nothing_run_either(claude, machine):
    await machine.start_hall()
    hook = {
        "type": "http",
        "url": f"{machine.hall_url}/v1/hooks/claude-code",
        "headers": {"Authorization": f"Bearer {machine.server.token('scout')}"},
        "timeout": 3,
        "onFailure": "block",
    }
    claude.machine.home_file(".claude/settings.json", {"hooks": {"PreToolUse": [{"matcher": "*", "hooks": [hook]}]}})

    async def token_is_replaced():
        machine.server.token("scout")

    script = outages(machine, claude.write, unknown=token_is_replaced)
    model = await claude.session({"the main task": script}, UNASKED)
    assert len(model.results["the main task"]) == len(script)
    assert made(machine) == set(GATED), json.dumps(model.results, indent=1)
