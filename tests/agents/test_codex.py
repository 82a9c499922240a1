"""Codex itself, with our hooks, and a model that is played by a script."""

from __future__ import annotations

import json

import pytest

from fake_model import Call
from machine import MOOTHALL
from outages import GATED, Interpreter, broken_hooks, made, outages
from responses_api import ResponsesApi

pytestmark = pytest.mark.slow
MAIN = "the main task"
DIRECT, CODE = "gpt-5.5", "gpt-6.2-sol"
"""A model that calls tools one by one, and one that calls them from code; Codex asks its hooks for each call."""

CONFIG = """
model = "{model}"
model_provider = "played"
approval_policy = "never"
sandbox_mode = "danger-full-access"

[model_providers.played]
name = "played"
base_url = "{url}/v1"
wire_api = "responses"
env_key = "PLAYED_KEY"
request_max_retries = 0
stream_max_retries = 0

[mcp_servers.moothall]
command = "{moothall}"
args = ["connect"]
env_vars = ["XDG_STATE_HOME", "XDG_RUNTIME_DIR"]
required = true
"""
"""Nothing is asked and there is no sandbox: what did not run, a hook has held."""


class Codex:
    """Codex on a machine, set up as docs/connect.md says."""

    def __init__(self, machine):
        self.machine = machine

    async def set_up(self, changed=lambda settings: settings):
        self.machine.home_file(".codex/hooks.json", changed(await self.machine.settings("codex")))

    async def session(self, main, model=DIRECT, trust=("--dangerously-bypass-hook-trust",), **others):
        script = {MAIN: main, **{f"the {name} task": steps for name, steps in others.items()}}
        async with self.machine.model(ResponsesApi(), script) as (fake, url):
            config = CONFIG.format(model=model, url=url, moothall=MOOTHALL)
            self.machine.home_file(".codex/config.toml", config)
            ran = await self.machine.run("codex", "exec", *trust, "do the main task", PLAYED_KEY="none")
        assert ran.code == 0, ran
        return fake

    def write(self, name):
        return Call("apply_patch", {"input": f"*** Begin Patch\n*** Add File: {name}\n+x = 1\n*** End Patch\n"})


def shell(command, **more):
    return Call("exec_command", {"cmd": command, **more})


def code(tool, argument):
    return Call("functions/exec", {"input": f"text(JSON.stringify(await tools.{tool}({json.dumps(argument)})))"})


@pytest.fixture
def codex(machine):
    return Codex(machine)


async def test_what_is_allowed_runs_what_is_not_does_not_and_subagents_are_told_apart(codex, machine):
    await codex.set_up()
    await machine.start_hall()
    words = ("the scout task", "the rover task")
    main = [
        codex.write("notes.py"),
        codex.write(".git/hooks/pre-commit"),
        shell("git push --force origin main"),
        shell("git status", workdir="/"),
        *(Call("multi_agent_v1/spawn_agent", {"message": word}) for word in words),
        shell("true")._replace(waits_for=words),
    ]
    model = await codex.session(main, scout=[shell("git status")], rover=[shell("git branch")])
    assert (machine.project / "notes.py").read_text() == "x = 1\n"
    assert not (machine.project / ".git/hooks/pre-commit").exists()
    assert "files.unknown-settings" in model.result(MAIN, 1)
    assert "git.push-force" in model.result(MAIN, 2)
    assert "it runs in /, outside the workspace" in model.result(MAIN, 3)
    given = [event.data for event in await machine.audit("moothall.verdict.given")]
    assert {(each["tool"], each["verdict"]) for each in given} >= {("apply_patch", "ask"), ("Bash", "deny")}
    by_command = {each["input"]["command"]: each for each in given if each["agent_id"] and each["tool"] == "Bash"}
    scout, rover = by_command["git status"], by_command["git branch"]
    assert len({scout["agent_id"], rover["agent_id"]}) == 2


async def test_calls_that_a_model_makes_from_code_are_judged_each_and_the_halls_tools_are_among_them(codex, machine):
    await codex.set_up()
    await machine.start_hall()
    main = [
        code("apply_patch", codex.write("notes.py").arguments["input"]),
        code("apply_patch", codex.write(".git/hooks/pre-commit").arguments["input"]),
        code("exec_command", {"cmd": "git push --force origin main"}),
        code("mcp__moothall__whoami", {}),
    ]
    model = await codex.session(main, CODE)
    assert made(machine) == {"notes.py"}
    assert not (machine.project / ".git/hooks/pre-commit").exists()
    assert "files.unknown-settings" in model.result(MAIN, 1)
    assert "git.push-force" in model.result(MAIN, 2)
    assert "connected_since" in model.result(MAIN, 3)
    given = [(event.data["tool"], event.data["verdict"]) for event in await machine.audit("moothall.verdict.given")]
    assert given[-1] == ("mcp__moothall__whoami", "allow")


@pytest.mark.parametrize("model", [DIRECT, CODE])
async def test_without_a_hall_that_answers_nothing_runs(codex, machine, model):
    await codex.set_up()
    await machine.start_hall()
    script = outages(machine, codex.write)
    if model == CODE:
        script = [code("apply_patch", call.arguments["input"])._replace(before=call.before) for call in script]
    model = await codex.session(script, model)
    assert len(model.results[MAIN]) == len(script)
    assert made(machine) == set(GATED)


async def test_with_a_hook_that_fails_nothing_runs_unless_it_outlasts_codexs_patience(codex, machine):
    interpreter = Interpreter(machine)
    await codex.set_up(lambda settings: interpreter.named_in(settings).replace('"timeout": 30', '"timeout": 2'))
    await machine.start_hall()
    script = broken_hooks(interpreter, codex.write)
    model = await codex.session(script)
    assert len(model.results[MAIN]) == len(script)
    assert made(machine) == {"works", "hangs"}


async def test_a_call_that_is_longer_than_the_hall_takes_does_not_run(codex, machine):
    await codex.set_up()
    await machine.start_hall()
    text = codex.write("long.py").arguments["input"].replace("x = 1", "\n+".join(["x = 1  # and so on"] * 100_000))
    model = await codex.session([Call("apply_patch", {"input": text})])
    assert "more than 1048576 bytes" in model.result(MAIN, 0)
    assert made(machine) == set()


async def test_a_hook_that_nobody_has_trusted_is_passed_over_as_the_page_says(codex, machine):
    await codex.set_up()
    await machine.start_hall()
    await codex.session([codex.write("notes.py"), codex.write(".git/hooks/pre-commit")], trust=())
    assert (machine.project / ".git/hooks/pre-commit").exists()
    assert await machine.audit("moothall.verdict.given") == []
