"""A token is taken as it was meant, and never shown where it cannot be one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.access.token_text import token_in, without_secrets
from transport.cli.agents import hook
from transport.cli.agents.hook_words import Told
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import find_server
from transport.client import HallError, connect
from transport.dial.address import Address
from transport.discovery.find_hall import Given

TOKEN = "mh_4fGh-77_token"
SLIPS = [f"{TOKEN} {TOKEN}", f"{TOKEN}\r\nX-Admin: 1", f"{TOKEN}\u200b", "", " \n", f"Bearer {TOKEN}"]


@pytest.mark.parametrize("text", [TOKEN, f"{TOKEN}\n", f"{TOKEN}\r\n", f" {TOKEN} "])
def test_what_stands_around_a_token_is_left_out(text):
    assert token_in(text) == TOKEN
    assert Address("ws://h/mcp", text).headers() == [(b"Authorization", f"Bearer {TOKEN}".encode())]


@given(st.text())
def test_what_is_taken_fits_into_a_header(text):
    try:
        token = token_in(text)
    except ValueError:
        return
    assert token.isascii()
    assert len(token.split()) == 1


@pytest.mark.parametrize("slip", SLIPS)
def test_what_is_not_a_token_is_refused_and_not_shown(slip):
    with pytest.raises(ValueError, match="not one") as refused:
        token_in(slip)
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("slip", SLIPS[:4])
async def test_the_client_refuses_it_before_it_connects(slip):
    with pytest.raises(HallError) as refused:
        async with connect("ws://127.0.0.1:9/mcp", token=slip):
            pass
    assert "not one" in str(refused.value)
    assert TOKEN not in str(refused.value)


def test_a_command_refuses_it_as_a_wrong_use(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOOTHALL_TOKEN", SLIPS[0])
    monkeypatch.setenv("MOOTHALL_URL", "ws://127.0.0.1:9/mcp")
    with pytest.raises(CommandFailed) as refused:
        find_server(Given())
    assert refused.value.code == Exit.USAGE
    assert TOKEN not in str(refused.value)


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "ws://127.0.0.1:9/mcp"])
def test_a_hook_asks_and_shows_nothing_of_it(url, monkeypatch, capsys):
    monkeypatch.setenv("MOOTHALL_TOKEN", SLIPS[0])
    monkeypatch.setenv("MOOTHALL_URL", url)
    event = {"hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/"}
    monkeypatch.setattr(hook, "_event", lambda: event)
    hook.hook(Told("claude-code"))
    answer = capsys.readouterr().out
    assert '"ask"' in answer
    assert "not one" in answer
    assert TOKEN not in answer


@pytest.mark.parametrize(
    "url", [f"ws://u:{TOKEN}@h/mcp", f"ws://h/mcp?access_token={TOKEN}", f"ftp://{TOKEN}@h/x?{TOKEN}"]
)
def test_no_part_of_a_url_that_may_hold_a_token_is_shown(url, monkeypatch, capsys):
    assert TOKEN not in without_secrets(url)
    monkeypatch.setenv("MOOTHALL_URL", url.replace("ws://", "ftp://"))
    monkeypatch.setattr(hook, "_event", lambda: {"tool_name": "Bash", "tool_input": {"command": "ls"}, "cwd": "/"})
    hook.hook(Told("claude-code"))
    with pytest.raises(CommandFailed) as refused:
        find_server(Given())
    assert TOKEN not in capsys.readouterr().out + str(refused.value)
