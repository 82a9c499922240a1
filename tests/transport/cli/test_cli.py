"""The command line against a running server, as an engineer uses it."""

from __future__ import annotations

import hashlib
import json
import signal
import subprocess
from contextlib import asynccontextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
import trio

from transport.client import connect

pytestmark = pytest.mark.slow

HANGS_S = 600.0
"""After how long a command counts as hanging; however busy the machine is, it takes less."""


class Started:
    """A command that runs: lines go in and come out, and each is waited for however long it takes."""

    def __init__(self, process):
        self.process = process
        self._rest = b""

    async def put(self, *messages):
        await self.process.stdin.send_all(b"".join(message + b"\n" for message in messages))

    async def line(self):
        """Return the next line of stdout as JSON."""
        while b"\n" not in self._rest:
            more = await self.process.stdout.receive_some()
            assert more, f"the command has ended: {await self.complaints()}"
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return json.loads(line)

    async def complaints(self):
        return b"".join([part async for part in self.process.stderr]).decode()


@asynccontextmanager
async def started(project, *arguments):
    """Start a command, and leave none behind."""
    process = await trio.lowlevel.open_process(
        [*project.program, *arguments],
        cwd=project.project,
        env=project.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    try:
        with trio.fail_after(HANGS_S):
            yield Started(process)
    finally:
        process.kill()
        with trio.CancelScope(shield=True):
            await process.wait()
            for stream in (process.stdio, process.stderr):
                await stream.aclose()


async def test_events_go_in_and_come_out_through_the_server(project):
    code, out, _ = await project("events", "append", "note", '{"n": 1}', "--stream", "s", "--json")
    assert (code, json.loads(out)["revisions"]) == (0, {"s": 1})
    code, out, err = await project(
        "events", "append", "note", "{}", "--stream", "s", "--expected-revision", "no_stream"
    )
    assert code == 1
    assert "revision_conflict" in err
    code, out, _ = await project("events", "query", "--stream", "s", "--json")
    assert [json.loads(line)["data"] for line in out.splitlines()] == [{"n": 1}]
    code, out, _ = await project("events", "query", "--type", "note")
    assert out.strip().endswith('{"n":1}')
    await project("events", "append", "note", '{"n": 2}', "--stream", "s")
    code, out, _ = await project("events", "query", "--stream", "s", "--after-revision", "1", "--json")
    assert [json.loads(line)["revision"] for line in out.splitlines()] == [2]
    code, out, _ = await project("events", "query", "--stream", "s", "--before-revision", "2", "--json")
    assert [json.loads(line)["revision"] for line in out.splitlines()] == [1]
    code, out, _ = await project("events", "verify", "--json")
    assert (code, json.loads(out)["ok"]) == (0, True)


async def test_the_log_of_a_running_server_can_be_read_beside_it_and_not_be_opened_to_write(project, server):
    await project("events", "append", "note", "{}", "--stream", "s")
    code, out, _ = await project("events", "query", "--data", server.data, "--stream", "s", "--json")
    assert (code, [json.loads(line)["type"] for line in out.splitlines()]) == (0, ["note"])
    code, _, err = await project("events", "append", "note", "{}", "--data", server.data)
    assert code == 4
    assert str(server.process.pid) in err
    assert "without --data" in err


async def test_tail_prints_what_comes_until_it_is_interrupted(project, server):
    async with started(project, "events", "tail", "--stream", "s", "--after", "0", "--json") as tail:
        await project("events", "append", "note", '{"n": 1}', "--stream", "s")
        assert (await tail.line())["data"] == {"n": 1}
        tail.process.send_signal(signal.SIGINT)
        assert await tail.process.wait() == 0


async def test_a_token_is_shown_once_works_and_stops_working_when_revoked(project):
    code, token, _ = await project("agent", "add", "scout", "--role", "observer")
    assert code == 0
    project.environment["MOOTHALL_TOKEN"] = token.strip()
    assert (await project("events", "query"))[0] == 0
    code, _, err = await project("events", "append", "note")
    assert code == 1
    assert "forbidden" in err
    _, listed, _ = await project("agent", "list", "--json")
    assert {json.loads(line)["name"] for line in listed.splitlines()} == {"agent", "admin", "scout"}
    assert token.strip() not in listed
    assert (await project("agent", "revoke", "scout"))[0] == 0
    code, _, err = await project("events", "query")
    assert code == 3
    assert "401" in err


async def test_the_tree_of_the_server_is_drawn(project):
    code, out, _ = await project("tree")
    assert code == 0
    assert "event_store  EventStore, permanent" in out
    assert "session:agent/agent  Session, temporary" in out
    code, out, _ = await project("tree", "--json")
    assert json.loads(out)["name"] == "root"


async def test_connect_bridges_a_client_that_only_starts_a_command(project):
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    messages = [
        {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello},
        {"jsonrpc": "2.0", "method": "notifications/initialized"},
        {"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}},
        {"jsonrpc": "2.0", "id": 3, "method": "tools/list"},
    ]
    async with started(project, "connect") as bridge:
        await bridge.put(*(json.dumps(message).encode() for message in messages), b"this is no JSON")
        answers = {answer["id"]: answer for answer in [await bridge.line() for _ in range(4)]}
        # Only then: once stdin has ended, a bridge waits for answers no longer than `DRAIN_S`, which may be too short.
        await bridge.process.stdin.aclose()
        assert (await bridge.process.wait(), await bridge.complaints()) == (0, "")
    assert answers[2]["result"]["structuredContent"]["agent"] == "agent"
    assert len(answers[3]["result"]["tools"]) >= 7
    assert answers[None]["error"]["code"] == -32700


async def test_connect_may_be_started_before_the_server(checkout, server):
    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    async with started(checkout, "connect") as bridge:
        await bridge.put(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": hello}).encode())
        said = b""
        while not said.endswith(b"\n"):
            said += await bridge.process.stderr.receive_some()
        assert b"waiting for it up to 30 seconds" in said
        assert b"moothall serve" in said
        await server.start()
        assert (await bridge.line())["result"]["serverInfo"]["name"] == "moothall"
        await bridge.process.stdin.aclose()
        assert (await bridge.process.wait(), await bridge.complaints()) == (0, "")


@pytest.mark.parametrize(("told", "status"), [([], 200), (["strict"], 404)])
async def test_a_session_over_http_outlives_a_restart_unless_the_server_is_strict(
    checkout, server, tmp_path, told, status
):
    file = tmp_path / "hall.toml"
    file.write_text("".join(f'http_sessions = "{each}"\n' for each in told))

    def post(session, message):
        url, token = server.ready["http"], (server.data / "agent.token").read_text().strip()
        accept = {"Content-Type": "application/json", "Accept": "application/json", **session}
        request = Request(f"{url}/mcp", json.dumps(message).encode(), {**accept, "Authorization": f"Bearer {token}"})
        try:
            with urlopen(request) as response:
                return response.status, response.headers["Mcp-Session-Id"]
        except HTTPError as error:
            with error:
                return error.code, None

    hello = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    await server.start("--config", str(file))
    opening = {"jsonrpc": "2.0", "id": 0, "method": "initialize", "params": hello}
    _, session = await trio.to_thread.run_sync(post, {}, opening)
    await server.end()
    await server.start("--config", str(file))
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}}
    found, _ = await trio.to_thread.run_sync(post, {"Mcp-Session-Id": session}, call)
    assert found == status


async def test_whoever_expects_tls_where_there_is_none_is_told(project, server):
    code, _, err = await project("tree", "--url", server.ready["ws"].replace("ws://", "wss://"))
    assert code == 3
    assert "a hall without TLS takes ws://" in err


async def test_connect_says_when_there_is_no_server_or_no_entry(project, server):
    code, _, err = await project("connect", "--token", "wrong")
    assert code == 3
    assert "token" in err
    await server.end()
    code, _, err = await project("connect")
    assert code == 3
    assert "moothall serve" in err


async def test_a_hook_gets_its_verdict_from_the_server_of_the_project(project, server):
    event = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "cwd": str(project.project)}
    for command, expected in (("git status", "allow"), ("rm -rf /", "deny")):
        stdin = json.dumps({**event, "tool_input": {"command": command}}).encode()
        code, out, err = await project("hook", "claude-code", stdin=stdin)
        assert (code, err) == (0, "")
        assert json.loads(out)["hookSpecificOutput"]["permissionDecision"] == expected
    await server.end()
    code, out, _ = await project("hook", "claude-code", stdin=stdin)
    assert (code, json.loads(out)["hookSpecificOutput"]["permissionDecision"]) == (0, "ask")


async def test_a_policy_is_explained_and_checked_offline(project, tmp_path):
    code, out, _ = await project(
        "policy", "explain", "--offline", "--tool", "Bash", "--input", '{"command": "git status; rm -rf /"}'
    )
    assert code == 1
    explained = json.loads(out)
    assert explained["ruling"]["verdict"] == "deny"
    assert explained["commands"] == [["git", "status"], ["rm", "-rf", "/"]]
    (tmp_path / "bad.toml").write_text("this is no policy")
    code, _, err = await project("policy", "check", tmp_path / "bad.toml")
    assert code == 1
    assert "bad.toml:1" in err


TESTS = ("policy", "explain", "--offline", "--tool", "Bash", "--input", '{"command": "pytest -q"}')


async def verdict_of(project, *arguments):
    _, out, err = await project(*arguments)
    assert out, err
    return json.loads(out)["ruling"]["verdict"]


async def test_offline_the_workspace_is_the_checkout_that_one_stands_in_or_the_one_that_is_named(project, tmp_path):
    folder, elsewhere = project.project / "sub", tmp_path / "elsewhere"
    folder.mkdir()
    elsewhere.mkdir()
    assert await verdict_of(project, *TESTS, "--cwd", folder) == "allow"
    assert await verdict_of(project, *TESTS, "--cwd", elsewhere) == "ask"
    assert await verdict_of(project, *TESTS, "--cwd", elsewhere, "--workspace", elsewhere) == "allow"
    assert await verdict_of(project, *TESTS, "--cwd", folder, "--workspace", elsewhere) == "ask"
    code, _, err = await project(*TESTS, "--workspace", elsewhere / "nowhere")
    assert (code, "is no directory" in err) == (2, True)
    project.project = elsewhere  # outside of any checkout the working directory counts
    assert await verdict_of(project, *TESTS, "--cwd", folder) == "allow"


async def test_a_rule_for_a_label_is_explained_offline_and_checked_against_the_agents_of_the_hall(project, tmp_path):
    text = (
        '[[tool]]\nid = "mine.deploy"\nreason = "its work"\nverdict = "allow"\ntools = ["deploy"]\n'
        'labels = ["deploy"]\nagents = ["ship"]\n'
    )
    rules = tmp_path / "rules.toml"
    rules.write_text(text)
    asked = ("policy", "explain", "--tool", "deploy", "--input", "{}")
    both = ("--agent", "ship", "--label", "x", "--label", "deploy")
    assert await verdict_of(project, *asked, "--policy", rules, *both) == "allow"
    assert await verdict_of(project, *asked, "--policy", rules, "--agent", "ship") == "ask"
    assert await verdict_of(project, *asked, "--policy", rules, *both[2:], "--agent", "shop") == "ask"
    for idle in (("--label", "deploy"), ("--agent", "ship"), ("--role", "agent"), ("--workspace", "/")):
        code, _, err = await project(*asked, *idle)
        assert (code, f"{idle[0]} goes with --offline" in err) == (2, True)
    code, _, err = await project(*asked, "--offline", "--label", "Deploy")
    assert (code, "is no label" in err) == (2, True)
    for given, fits in ((("shop", "--label", "deploy"), False), (("ship", "--label", "x", "--label", "deploy"), True)):
        assert (await project("agent", "add", *given))[0] == 0
        code, _, err = await project("policy", "check", rules)
        assert (code, "rule 'mine.deploy' is for no agent" in err) == (0, not fits)
    _, listed, _ = await project("agent", "list", "--json")
    assert [json.loads(line)["labels"] for line in listed.splitlines()][-2:] == [["deploy"], ["deploy", "x"]]
    _, listed, _ = await project("agent", "list")
    assert listed.splitlines()[-1].endswith("\tdeploy,x")


async def test_an_agent_with_a_label_has_what_rules_allow_it_and_is_told_its_labels(project, server, tmp_path):
    rules = '[[tool]]\nid = "mine.deploy"\nreason = "r"\nverdict = "allow"\ntools = ["deploy"]\nlabels = ["deploy"]\n'
    (tmp_path / "rules.toml").write_text(rules)
    admin = server.data / "admin.token"
    assert (await project("policy", "activate", tmp_path / "rules.toml", "--token-file", admin))[0] == 0
    tokens = [
        (await project("agent", "add", name, *more))[1].strip() for name, *more in (("a",), ("b", "--label", "deploy"))
    ]
    for token, verdict, labels in zip(tokens, ("ask", "allow"), ([], ["deploy"]), strict=True):
        async with connect(server.ready["ws"], token=token) as hall:
            assert (await hall.validate("deploy", {})).verdict == verdict
            assert (await hall.whoami()).labels == labels


async def test_a_policy_is_explained_by_the_hall_that_runs(project, server, tmp_path):
    rules = '[[tool]]\nid = "mine.deploy"\nreason = "fine"\nverdict = "allow"\ntools = ["deploy"]\n'
    (tmp_path / "rules.toml").write_text(rules)
    asked = ("policy", "explain", "--tool", "deploy", "--input", "{}")
    code, out, err = await project(*asked)
    assert (code, json.loads(out)["verdict"], "answered by the running hall" in err) == (1, "ask", True)
    admin = server.data / "admin.token"
    assert (await project("policy", "activate", tmp_path / "rules.toml", "--token-file", admin))[0] == 0
    code, out, err = await project(*asked)
    explained = json.loads(out)
    assert (code, explained["rule"], explained["policy"] in err) == (0, "mine.deploy", True)
    code, out, err = await project(*asked, "--offline")
    assert (code, json.loads(out)["ruling"]["verdict"], "answered by files alone" in err) == (1, "ask", True)
    await server.end()
    assert (await project(*asked))[0] == 3


async def test_a_checked_policy_shows_its_hash_and_the_rules_that_show_nothing(project, tmp_path):
    text = '[[command]]\nid = "mine.zork"\nreason = "r"\nverdict = "deny"\nargv = ["zork"]\n'
    (tmp_path / "rules.toml").write_text(text)
    code, out, err = await project("policy", "check", tmp_path / "rules.toml")
    assert (code, hashlib.sha256(text.encode()).hexdigest() in out) == (0, True)
    assert "rules.toml:1: rule 'mine.zork' has no `match` examples" in err
    (tmp_path / "rules.toml").write_text(text + 'match = ["zork x"]\n')
    assert (await project("policy", "check", tmp_path / "rules.toml"))[2] == ""


async def test_the_data_directory_and_its_tokens_are_the_owners_alone(project, server):
    assert server.data.stat().st_mode & 0o077 == 0
    for name in ("agent.token", "admin.token", "tokens.json"):
        assert (server.data / name).stat().st_mode & 0o077 == 0
    assert (server.data / ".gitignore").read_text() == "*\n"
    assert server.ready["data"] == str(server.data)


async def test_the_events_that_a_token_may_read_are_exported_through_the_server(project, tmp_path):
    for n in range(3):
        await project("events", "append", "note", f'{{"n": {n}}}', "--stream", "s")
    code, out, _ = await project("events", "export")
    lines = [json.loads(line) for line in out.splitlines()]
    assert [line["data"]["n"] for line in lines if line["stream"] == "s"] == [0, 1, 2]
    code, out, _ = await project("events", "query", "--stream", "s", "--json")
    assert [json.loads(line) for line in out.splitlines()] == [line for line in lines if line["stream"] == "s"]
    code, out, _ = await project("events", "export", tmp_path / "x", "--format", "msgpack", "--json")
    assert (code, json.loads(out)["events"]) == (0, len(lines))
