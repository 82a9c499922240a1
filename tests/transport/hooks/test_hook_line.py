"""The line that a hook's settings hold: nothing in the workspace turns it, and where it cannot run it refuses."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from test_hooks import EVENT, VERDICT, answer, one_answer

from transport.cli.agents.hook_settings import ASKING, hook_line, hook_settings, hook_words
from transport.discovery.server_file import ServerInfo, write_server_info

HALL = "project-1"
REFUSED = 2
TURNED = {"hookSpecificOutput": {"hookEventName": "PreToolUse", "permissionDecision": "allow"}}
TRAP = f"import os\nos.write(1, {json.dumps(TURNED).encode()!r})\nos._exit(0)\n"
TRAPS = (
    *(
        "json.py",
        "ssl.py",
        "re.py",
        "socket.py",
        "signal.py",
        "typing.py",
        "__future__.py",
        "sitecustomize.py",
        "usercustomize.py",
    ),
    *(
        "transport/__init__.py",
        "transport/cli/agents/hook.py",
        "transport/cli/entry.py",
        "trio/__init__.py",
        "_socket.py",
    ),
)


@pytest.fixture
def workspace(tmp_path):
    """A directory that holds a module of each name that a hook may import."""
    for name in TRAPS:
        trap = tmp_path / "workspace" / name
        trap.parent.mkdir(parents=True, exist_ok=True)
        trap.write_text(TRAP)
    return tmp_path / "workspace"


@pytest.fixture
def run(tmp_path, workspace, plain_environment):
    """Return a function that runs a line in the hostile workspace, whose hall answers on this socket."""
    data = tmp_path / "state" / "moothall" / HALL
    data.mkdir(parents=True, mode=0o700)
    data.parent.chmod(0o700)
    (data / "agent.token").write_text("the-token")

    def run(line, at="/nowhere", event=EVENT, **environment):
        write_server_info(data, ServerInfo("ws://x/mcp", "http://x", "/none", at, os.getpid()))
        hostile = {
            "XDG_STATE_HOME": str(tmp_path / "state"),
            "PYTHONPATH": f"{workspace}:",
            "PYTHONHOME": str(workspace),
            "PYTHONSTARTUP": str(workspace / "json.py"),
            "PYTHONINSPECT": "1",
            "CLAUDE_PROJECT_DIR": str(workspace),
        }
        return subprocess.run(
            ["/bin/sh", "-c", line],
            input=json.dumps(event).encode(),
            capture_output=True,
            check=False,
            cwd=workspace,
            env={**plain_environment, **hostile, **environment},
            timeout=60,
        )

    return run


def decision(done):
    assert (done.returncode, done.stderr) == (0, b"")
    return json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"]


def test_no_module_of_the_workspace_and_no_variable_of_python_turns_the_hook(run):
    with one_answer(answer({**VERDICT, "verdict": "deny"})) as (at, asked):
        assert decision(run(hook_line("claude-code", HALL), at)) == "deny"
    assert b"Bearer the-token\r\n" in asked[0]
    assert decision(run(hook_line("claude-code", HALL))) == "ask"


def test_the_command_for_people_is_not_turned_by_modules_that_pythonpath_names_either(run, workspace, tmp_path):
    for name in ("json.py", "ssl.py", "socket.py", "signal.py"):
        (tmp_path / "path").mkdir(exist_ok=True)
        (tmp_path / "path" / name).write_text(TRAP)
    python_path = {"PYTHONPATH": str(tmp_path / "path"), "PYTHONHOME": "", "PYTHONINSPECT": ""}
    command = f"{Path(sys.executable).with_name('moothall')} hook claude-code --hall {HALL}"
    with one_answer(answer({**VERDICT, "verdict": "deny"})) as (at, _):
        assert decision(run(command, at, **python_path)) == "deny"


@pytest.mark.parametrize(
    "broken",
    [
        lambda line: line.replace(sys.executable, "/no/such/python"),
        lambda line: line.replace("hook_start.py", "hook_end.py"),
        lambda line: line.replace("claude-code", "nobody"),
        lambda line: line.replace(" || ", " >&- || "),
        lambda line: line.replace(f"{sys.executable} ", f"{sys.executable} -c 'import os; os.kill(os.getpid(), 9)' "),
        lambda line: line.replace(f"{sys.executable} ", f"{sys.executable} -c 'import os; os._exit(1)' "),
    ],
)
def test_a_hook_that_cannot_run_refuses_the_call_and_says_so(run, broken):
    line = hook_line("claude-code", HALL)
    assert broken(line) != line
    done = run(broken(line))
    assert (done.returncode, done.stdout) == (REFUSED, b"")
    assert b"moothall" in done.stderr


def test_a_hook_that_cannot_run_refuses_the_call_by_itself(run):
    for line in ("nobody --hall x", "claude-code --hall"):
        done = run(f"{shlex.join(hook_words('claude-code', HALL)[:-3])} {line}")
        assert (done.returncode, done.stdout) == (REFUSED, b"")
        assert b"usage: moothall hook" in done.stderr


def test_a_hook_that_does_not_even_hear_its_deadline_is_ended_by_the_system(plain_environment):
    program = (
        "import time\n"
        "from transport.cli.agents import hook, hook_words\n"
        "def deaf():\n"
        "    while True:\n"
        "        try: time.sleep(60)\n"
        "        except Exception: pass\n"
        "hook.DEADLINE_S = hook.LAST_S = 0.1\n"
        "hook._event = deaf\n"
        "hook.hook(hook_words.Told('claude-code'))\n"
    )
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, capture_output=True, check=False, env=plain_environment, timeout=60)
    assert (done.returncode, done.stdout) == (-14, b"")


def test_a_hook_starts_without_what_takes_long_to_import(run):
    line = hook_line("claude-code", HALL).replace(" -I ", " -I -X importtime ", 1)
    with one_answer(answer(VERDICT)) as (at, _):
        done = run(line, at)
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "allow"
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.decode().splitlines()}
    dear = {
        "site",
        "typing",
        "pathlib",
        "socket",
        "ssl",
        "subprocess",
        "http.client",
        "urllib.parse",
        "inspect",
        "hashlib",
    }
    assert imported & dear == set()
    assert {"json", "transport.cli.agents.hook"} <= imported
    assert len(imported) < 85  # 72 with Python 3.11: of these 40 are what it starts with, `json` and `re`


def test_a_hook_that_names_no_hall_steps_aside_where_none_was_ever_made_and_one_that_does_asks(run):
    for event in (EVENT, {**EVENT, "tool_input": {"command": "rm -rf /"}}):
        done = run(" ".join(hook_words("claude-code", "x")[:-2]), event=event)
        assert (done.returncode, done.stdout) == (0, b"")
        assert decision(run(hook_line("claude-code", "another-2"), event=event)) == "ask"
    told = run(" ".join(hook_words("claude-code", "x")[:-2]), MOOTHALL_TOKEN="given")
    assert decision(told) == "ask"


@pytest.mark.parametrize("name", ["", ".", "..", "../state", "/etc", "a/b", "-x", "a\n", "ä"])
def test_what_is_no_halls_id_leads_nowhere(run, name):
    done = run(hook_line("claude-code", name))
    assert done.returncode == REFUSED or json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "ask"


@pytest.mark.parametrize(
    ("agent", "event", "limit"),
    [("claude-code", "PreToolUse", 90), ("codex", "PreToolUse", 90), ("gemini", "BeforeTool", 90_000)],
)
def test_the_settings_of_an_agent_hold_the_line_and_more_time_than_the_hook_takes(agent, event, limit):
    (group,) = json.loads(hook_settings(agent, HALL, 60))["hooks"][event]
    (hook,) = group["hooks"]
    assert hook["command"] == hook_line(agent, HALL, 60)
    assert hook["timeout"] == limit
    assert hook.get("onFailure") == ("block" if agent == "claude-code" else None)


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini"])
def test_a_hook_that_only_tells_what_happened_holds_nothing_up_even_where_it_cannot_run(run, agent):
    settings = json.loads(hook_settings(agent, HALL))["hooks"]
    told = {event: groups[0]["hooks"][0] for event, groups in settings.items() if event not in ASKING}
    assert "SessionEnd" in told
    for hook in told.values():
        assert "onFailure" not in hook
        done = run(hook["command"].replace(sys.executable, "/no/such/python"))
        assert (done.returncode, done.stdout) == (0, b"")


def test_codex_which_takes_the_users_own_shell_is_given_a_line_that_any_shell_knows():
    shell, option, line = shlex.split(hook_line("codex", HALL))
    assert (shell, option) == ("/bin/sh", "-c")
    assert line.startswith(f"{shlex.join(hook_words('codex', HALL))} || ")


def test_a_hook_takes_all_that_it_is_given_also_what_is_too_long_to_be_judged(run):
    long = {**EVENT, "tool_input": {"command": "x" * 4_000_000}}
    words = shlex.join(hook_words("codex", HALL))
    done = run(f"{{ cat; echo $? >&2; }} | {words}", event=long)
    assert json.loads(done.stdout)["hookSpecificOutput"]["permissionDecision"] == "deny"
    assert done.stderr == b"0\n"


def test_opencode_gets_a_plugin_that_runs_the_same_words():
    plugin = hook_settings("opencode", HALL)
    assert json.dumps(hook_words("opencode", HALL)) in plugin
    assert "HOOK_START" not in plugin
    assert json.loads(hook_settings("cursor", HALL))["hooks"]["preToolUse"][0]["failClosed"] is True
