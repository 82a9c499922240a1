"""What docs/connect.md and docs/websocket.md show is what happens."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import trio
from mcp import Client, StdioServerParameters
from mcp.client.stdio import stdio_client
from trio_websocket import open_websocket_url

from transport.cli.agents import hook_start
from transport.cli.agents.hook_settings import hook_settings
from transport.client import connect

ROOT = Path(__file__).parents[2]
CONNECT = (ROOT / "docs" / "connect.md").read_text()
WEBSOCKET = (ROOT / "docs" / "websocket.md").read_text()
pytestmark = pytest.mark.slow


def block(page: str, name: str, language: str) -> str:
    (found,) = re.findall(rf"<!-- example: {name} -->\n```{language}\n(.*?)```", page, re.DOTALL)
    return str(found)


def functions(page: str, name: str) -> dict[str, Any]:
    names: dict[str, Any] = {}
    exec(compile(block(page, name, "python"), f"docs example {name}", "exec"), names)
    return names


@pytest.fixture
async def hall(server):
    await server.start()
    server.agent = (server.data / "agent.token").read_text()
    return server


async def test_the_python_client_of_the_page_works(hall):
    await functions(CONNECT, "python-client")["agent"](hall.ready["ws"], hall.agent)


async def test_the_watching_client_of_the_page_is_told_under_asyncio(hall):
    next_of = functions(CONNECT, "python-watch")["next_of"]
    told = trio.Event()

    async def write() -> None:
        async with connect(hall.ready["ws"], token=hall.agent) as writer:
            while not told.is_set():
                await writer.append([{"type": "note", "data": 7}], stream="told")
                await trio.sleep(0.1)

    with trio.fail_after(60):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(write)
            watched = next_of(hall.ready["ws"], hall.agent, "told")
            assert (await trio.to_thread.run_sync(asyncio.run, watched))["data"] == 7
            told.set()


async def test_the_plain_http_of_the_page_works(hall):
    may_i = functions(CONNECT, "python-http")["may_i"]
    arguments = (hall.ready["http"], hall.agent, "Bash", {"command": "git status"})
    assert (await trio.to_thread.run_sync(may_i, *arguments))["verdict"] == "allow"


async def test_the_sdks_client_of_the_page_works(hall):
    assert await functions(CONNECT, "python-mcp")["verdict"](hall.ready["http"], hall.agent) == "allow"


@pytest.mark.parametrize("name", ["handshake", "stateless"])
async def test_both_lifecycles_of_the_page_work(hall, name):
    result = await functions(WEBSOCKET, name)[name](hall.ready["ws"], hall.agent)
    assert result["structuredContent"]["agent"] == "agent"


async def test_a_cancelled_request_of_the_page_is_not_answered(hall):
    headers = [("Authorization", f"Bearer {hall.agent}")]
    async with open_websocket_url(hall.ready["ws"], subprotocols=["mcp"], extra_headers=headers) as socket:
        me = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
        await socket.send_message(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": me}))
        await socket.get_message()
        await socket.send_message('{"jsonrpc": "2.0", "method": "notifications/initialized"}')
        await functions(WEBSOCKET, "cancel")["wait_and_give_up"](socket)
        await socket.send_message('{"jsonrpc": "2.0", "id": 8, "method": "ping"}')
        with trio.fail_after(30):
            assert json.loads(await socket.get_message())["id"] == 8


def test_the_hook_of_the_page_is_the_one_that_is_printed():
    shown = block(CONNECT, "claude-code-hook", "json")
    placed = shown.replace("/path/to/python", sys.executable).replace("/path/to/hook_start.py", hook_start.__file__)
    printed = json.loads(hook_settings("claude-code", "ID"))["hooks"]
    assert json.loads(placed)["hooks"]["PreToolUse"] == printed.pop("PreToolUse")
    around = {"SessionStart", "SessionEnd", "SubagentStart", "SubagentStop", "Stop"}
    assert printed.keys() == {"PostToolUse", "PostToolUseFailure", *around}


async def test_the_managed_hooks_command_answers_as_the_page_says(hall, plain_environment):
    (group,) = json.loads(block(CONNECT, "managed-hook", "json"))["hooks"]["PreToolUse"]
    (hook,) = group["hooks"]
    line = hook["command"].replace("/opt/moothall/bin/moothall", str(Path(sys.executable).with_name("moothall")))
    line = line.replace("/srv/moothall/hall-agents", str(hall.data))
    asked = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "rm -rf /"}}
    shell, said = ["/bin/sh", "-c", line], json.dumps(asked).encode()
    done = await trio.run_process(shell, stdin=said, capture_stdout=True, env=plain_environment)
    assert b"deny" in done.stdout


async def test_the_halls_own_tools_need_no_rule_and_those_of_another_server_the_rule_of_the_page(
    project, server, tmp_path
):
    async def decision(tool):
        asked = {"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": {}}
        _, said, _ = await project("hook", "claude-code", stdin=json.dumps(asked).encode())
        return json.loads(said)["hookSpecificOutput"]["permissionDecision"]

    assert await decision("mcp__moothall__whoami") == "allow"
    assert await decision("mcp__tracker__get_issue") == "ask"
    (tmp_path / "servers.toml").write_text(block(CONNECT, "server-rule", "toml"))
    admin = server.data / "admin.token"
    code, _, err = await project("policy", "activate", tmp_path / "servers.toml", "--token-file", admin)
    assert (code, err) == (0, "")
    assert await decision("mcp__tracker__get_issue") == "allow"
    assert await decision("mcp__tracker__delete_issue") == "ask"


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
@pytest.mark.parametrize("name", ["cursor", "vscode"])
async def test_the_files_for_clients_that_start_a_command_start_a_bridge(hall, plain_environment, name, mode, tmp_path):
    (servers,) = json.loads(block(CONNECT, name, "json")).values()
    (server,) = servers.values()
    assert server["command"] == "moothall"
    command = StdioServerParameters(
        command=sys.executable,
        args=["-c", "from transport.cli.entry import main; main()", *server["args"]],
        cwd=tmp_path,
        env={
            **plain_environment,
            "PYTHONPATH": str(ROOT),
            "MOOTHALL_URL": hall.ready["ws"],
            "MOOTHALL_TOKEN": hall.token("scout"),
        },
    )
    with trio.fail_after(30):
        async with Client(stdio_client(command), mode=mode) as client:
            assert (await client.call_tool("whoami", {})).structured_content["agent"] == "scout"
