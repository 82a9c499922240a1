"""Hooks: what each agent sends and wants to hear, and `ask` whatever goes wrong."""

from __future__ import annotations

import io
import json
import os
import socket
import sys
import tempfile
import threading
from contextlib import contextmanager, suppress

import pytest

from transport.cli.agents import hook as command
from transport.cli.agents.hook_words import Told, told
from transport.cli.agents.plain_http import MOST_ANSWER_BYTES, post
from transport.discovery.data_directory import default_data_dir
from transport.discovery.private_directory import make_private
from transport.discovery.server_file import ServerInfo, read_server_info, write_server_info
from transport.hooks import claude_code, codex, cursor, gemini, opencode
from transport.hooks.agents import in_words
from transport.hooks.hook_answer import Judgement, Unusable, event_name, judgement, question

EVENT = {
    "session_id": "s",
    "transcript_path": "/tmp/t.jsonl",
    "cwd": "/home/dev/project",
    "permission_mode": "default",
    "hook_event_name": "PreToolUse",
    "tool_name": "Bash",
    "tool_input": {"command": "git status", "description": "look"},
    "tool_use_id": "toolu_1",
}
VERDICT = {"verdict": "allow", "reason": "reads", "rule": "git.status"}


def answer(body, status="200 OK"):
    data = json.dumps(body).encode() if not isinstance(body, bytes) else body
    return f"HTTP/1.1 {status}\r\nContent-Length: {len(data)}\r\n\r\n".encode() + data


def whole_request(connection):
    head, data = b"", b""
    while not head:
        data += connection.recv(65536)
        head, _, body = data.partition(b"\r\n\r\n") if b"\r\n\r\n" in data else (b"", b"", b"")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(body) < length:
        body += connection.recv(65536)
    return head + b"\r\n\r\n" + body


@contextmanager
def one_answer(data: bytes | None):
    """A unix socket that answers one request with these bytes, or with None accepts it and says nothing."""
    asked: list[bytes] = []
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as listener:
        listener.bind(f"{folder}/http.sock")
        listener.listen()

        def serve() -> None:
            connection, _ = listener.accept()
            with connection:
                asked.append(whole_request(connection))
                if data is None:
                    connection.recv(1)  # until the client gives up
                else:
                    with suppress(ConnectionError):  # a client may have heard enough
                        connection.sendall(data)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"{folder}/http.sock", asked  # where that fails nobody may ever ask, and the thread is left
        thread.join(60)
        assert not thread.is_alive(), "nobody has asked"


class Pieces:
    """A connection that answers in these pieces."""

    def __init__(self, pieces):
        self.pieces = list(pieces)

    def sendall(self, data):
        assert data.endswith(b"{}")

    def recv(self, _size):
        return self.pieces.pop(0) if self.pieces else b""


@pytest.fixture
def run_hook(tmp_path, monkeypatch, capsys, make_repository):
    """Return a function that runs the hook in a project whose server answers on this socket."""
    for name in ("MOOTHALL_TOKEN", "MOOTHALL_URL", "MOOTHALL_DATA", "CLAUDE_PROJECT_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.chdir(make_repository(tmp_path))
    data = default_data_dir()
    make_private(data.parent)
    make_private(data)
    (data / "agent.token").write_text("the-token")

    def run(agent, event, at=None, **given):
        if at is not None:
            write_server_info(data, ServerInfo("ws://x/mcp", "http://x", "/none", at, os.getpid()))
        stdin = event if isinstance(event, bytes) else json.dumps(event).encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        command.hook(Told(agent, **given))
        out = capsys.readouterr().out
        return json.loads(out) if out else None

    return run


def decision(out):
    specific = out["hookSpecificOutput"]
    assert specific["hookEventName"] == "PreToolUse"
    return specific["permissionDecision"], specific["permissionDecisionReason"]


def test_the_hall_is_asked_about_the_tool_its_input_and_the_directory():
    origin = {"session_id": "s", "tool_use_id": "toolu_1"}
    asked = {"tool": "Bash", "input": EVENT["tool_input"], "cwd": "/home/dev/project", "origin": origin}
    assert question(EVENT) == asked


@pytest.mark.parametrize("event", [None, [], {}, {"tool_name": "Bash"}, {"tool_name": 1, "tool_input": {}}])
def test_an_event_without_a_tool_is_not_usable(event):
    with pytest.raises(Unusable):
        question(event)
    assert event_name(event) == "PreToolUse"


@pytest.mark.parametrize("verdict", ["allow", "deny", "ask"])
def test_claude_code_hears_each_verdict_with_its_reason_and_rule(verdict):
    judged = judgement(200, {**VERDICT, "verdict": verdict})
    assert decision(claude_code.answer("PreToolUse", judged)) == (verdict, "reads (moothall: git.status)")


@pytest.mark.parametrize(
    ("status", "body"),
    [(401, "no token"), (500, ""), (200, None), (200, {}), (200, {"verdict": "maybe", "reason": "r"}), (200, [])],
)
def test_what_is_no_verdict_is_never_taken_for_one(status, body):
    with pytest.raises(Unusable):
        judgement(status, body)


def test_codex_before_a_tool_can_only_deny_so_allow_is_silence_and_ask_denies():
    assert codex.answer("PreToolUse", Judgement("allow", "r")) is None
    assert decision(codex.answer("PreToolUse", Judgement("deny", "r"))) == ("deny", "r")
    denied, reason = decision(codex.answer("PreToolUse", Judgement("ask", "r")))
    assert denied == "deny"
    assert "ask the person" in reason


def test_codex_when_a_permission_is_wanted_hears_all_three():
    def behaviour(verdict):
        out = codex.answer("PermissionRequest", Judgement(verdict, "r"))
        return None if out is None else out["hookSpecificOutput"]

    assert behaviour("ask") is None
    assert behaviour("allow") == {"hookEventName": "PermissionRequest", "decision": {"behavior": "allow"}}
    denied = {"behavior": "deny", "message": "r"}
    assert behaviour("deny") == {"hookEventName": "PermissionRequest", "decision": denied}


def test_a_hook_shows_the_agents_token_and_passes_the_verdict_on(run_hook):
    with one_answer(answer(VERDICT)) as (at, asked):
        assert decision(run_hook("claude-code", EVENT, at))[0] == "allow"
    assert b"Authorization: Bearer the-token\r\n" in asked[0]
    assert json.loads(asked[0].split(b"\r\n\r\n", 1)[1]) == {**question(EVENT), "existing": []}


def test_a_hook_that_waits_says_how_long_and_names_the_approval_that_it_waited_for(run_hook):
    approval = {"id": "a1b2", "state": "pending", "expires": "2031-01-01T00:00:00Z"}
    with one_answer(answer({**VERDICT, "verdict": "ask", "approval": approval})) as (at, asked):
        said, reason = decision(run_hook("claude-code", EVENT, at, wait_s=60.0))
    assert json.loads(asked[0].split(b"\r\n\r\n", 1)[1])["wait_s"] == 60.0
    assert (said, "`moothall approvals approve a1b2`" in reason) == ("ask", True)


def test_what_happened_is_told_without_what_the_tool_gave_back_and_never_refused(run_hook):
    event = {**EVENT, "hook_event_name": "PostToolUse", "tool_response": {"stdout": "x" * 1000}}
    with one_answer(answer({})) as (at, asked):
        assert run_hook("claude-code", event, at) is None
    assert asked[0].startswith(b"POST /v1/hooks/claude-code ")
    assert b"xxxx" not in asked[0]
    assert run_hook("claude-code", event, "/nowhere") is None
    assert run_hook("claude-code", {"hook_event_name": "Stop", "session_id": "s"}, "/nowhere") is None


def test_where_the_agent_asks_nobody_an_ask_is_a_denial(run_hook):
    event = {**EVENT, "permission_mode": "bypassPermissions"}
    with one_answer(answer({**VERDICT, "verdict": "ask"})) as (answering, _):
        assert decision(run_hook("claude-code", event, answering))[0] == "deny"
    assert decision(run_hook("claude-code", event, "/nowhere"))[0] == "deny"


def test_gemini_which_would_wait_for_ever_for_nobody_hears_a_denial_where_there_is_no_terminal():
    asks, event = Judgement("ask", "r"), {"hook_event_name": "BeforeTool"}
    assert in_words("gemini", event, asks)["decision"] == "ask"
    said = in_words("gemini", event, asks, attended=False)
    assert (said["decision"], said["reason"].startswith("ask the person")) == ("deny", True)
    assert in_words("gemini", event, Judgement("allow", "r"), attended=False)["decision"] == "allow"
    specific = in_words("claude-code", EVENT, asks, attended=False)["hookSpecificOutput"]
    assert specific["permissionDecision"] == "ask"


def test_gemini_opencode_and_cursor_hear_each_in_their_words():
    asks = Judgement("ask", "r")
    assert gemini.answer("BeforeTool", asks) == {"decision": "ask", "reason": "r"}
    assert opencode.answer("PreToolUse", asks)["decision"] == "deny"
    assert opencode.answer("PreToolUse", Judgement("allow", "r"))["decision"] == "allow"
    assert cursor.answer("preToolUse", asks)["permission"] == "deny"
    assert cursor.answer("preToolUse", Judgement("allow", "r"))["permission"] == "allow"


def test_a_token_of_the_environment_goes_first(run_hook, monkeypatch):
    monkeypatch.setenv("MOOTHALL_TOKEN", "another")
    with one_answer(answer(VERDICT)) as (at, asked):
        run_hook("claude-code", EVENT, at)
    assert b"Bearer another\r\n" in asked[0]


def test_the_project_is_the_one_the_agents_host_names_and_not_where_the_agent_went(
    run_hook, tmp_path, monkeypatch, make_repository
):
    with one_answer(answer(VERDICT)) as (at, _):
        trap = make_repository(tmp_path / "trap")
        monkeypatch.chdir(trap)
        monkeypatch.setenv("CLAUDE_PROJECT_DIR", str(tmp_path))
        assert decision(run_hook("claude-code", {**EVENT, "cwd": str(trap)}, at))[0] == "allow"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage\r\n\r\n",
        answer(b"{"),
        answer(b"\xff"),
        answer([]),
        answer({"verdict": "allow"}),
        answer(VERDICT, "202 Accepted"),
        answer(VERDICT)[:-4],
        answer({"error": {"code": "rate_limited", "message": "slow"}}, "429 Too Many Requests"),
    ],
)
def test_an_answer_that_is_no_verdict_is_an_ask(run_hook, data):
    with one_answer(data) as (at, _):
        said, reason = decision(run_hook("claude-code", EVENT, at))
    assert said == "ask"
    assert reason.startswith("moothall could not judge this: ")


@pytest.mark.parametrize("event", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 100_000, b'{"tool_name": "Bash"}'])
def test_an_event_that_cannot_be_read_is_an_ask(run_hook, event):
    assert decision(run_hook("claude-code", event, "/nowhere"))[0] == "ask"


def test_no_server_is_an_ask_that_says_how_to_start_one(run_hook):
    said, reason = decision(run_hook("claude-code", EVENT))
    assert (said, "moothall serve" in reason) == ("ask", True)
    said, reason = decision(run_hook("claude-code", EVENT, "/nowhere"))
    assert (said, "moothall serve" in reason) == ("ask", True)


def test_a_server_that_does_not_answer_is_an_ask_in_time(run_hook, monkeypatch):
    monkeypatch.setattr(command, "DEADLINE_S", 0.2)
    with one_answer(None) as (at, _):
        said, reason = decision(run_hook("claude-code", EVENT, at))
    assert said == "ask"
    assert "0.2 seconds" in reason or "timed out" in reason


def test_what_codex_cannot_have_judged_is_denied_before_a_tool_and_asked_where_a_permission_is_wanted(run_hook):
    assert decision(run_hook("codex", EVENT))[0] == "deny"
    assert run_hook("codex", {**EVENT, "hook_event_name": "PermissionRequest"}) is None


def test_what_a_server_says_of_itself_is_read_as_it_was_written(tmp_path):
    info = ServerInfo("ws://x/mcp", "http://x", "/run/ws.sock", "/run/http.sock", 7)
    write_server_info(tmp_path, info)
    assert read_server_info(tmp_path) == info


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "7", "{}", '{"ws": "", "http": "", "pid": "7"}', '{"ws": 1, "pid": 7}']
)
def test_a_file_that_is_not_what_a_server_says_names_no_server(tmp_path, text):
    (tmp_path / "server.json").write_text(text)
    assert read_server_info(tmp_path) is None
    (tmp_path / "server.json").unlink()
    assert read_server_info(tmp_path) is None


def test_a_flood_on_stdin_is_an_ask_and_is_not_read_to_its_end(run_hook, monkeypatch):
    flood = io.BytesIO(b"[" * (command.MOST_EVENT_BYTES + 2))
    monkeypatch.setattr(command, "ask_hall", lambda *_: pytest.fail("nothing should be asked"))
    assert decision(run_hook("claude-code", flood.getvalue()))[0] == "ask"


def test_an_answer_that_comes_in_pieces_is_heard_to_its_end():
    pieces = [bytes([each]) for each in answer(VERDICT)]
    status, content = post(Pieces(pieces), "localhost", "/v1/validate", "t", b"{}")
    assert (status, json.loads(content)) == (200, VERDICT)


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n{}",
        b"HTTP/1.1 2000 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"SSH-2.0\r\n\r\n",
        b"x" * 70_000,
    ],
)
def test_an_answer_that_is_not_whole_is_none(said):
    with pytest.raises(Unusable):
        post(Pieces([said]), "localhost", "/v1/validate", None, b"{}")


def test_an_answer_without_end_is_an_ask_and_is_not_read_to_its_end(run_hook):
    with one_answer(answer(b'{"verdict": "allow", "reason": "' + b"x" * MOST_ANSWER_BYTES + b'"}')) as (at, _):
        said, reason = decision(run_hook("claude-code", EVENT, at))
    assert said == "ask"
    assert f"more than {MOST_ANSWER_BYTES} bytes" in reason


def test_a_flag_and_the_environment_say_where_the_hall_is_and_the_flag_goes_first(run_hook, tmp_path, monkeypatch):
    with one_answer(answer(VERDICT)) as (at, _):
        data = tmp_path / "elsewhere"
        data.mkdir(mode=0o700)
        write_server_info(data, ServerInfo("", "", "", at, os.getpid()))
        monkeypatch.setenv("MOOTHALL_URL", "http://127.0.0.1:9")
        monkeypatch.setenv("MOOTHALL_DATA", "/nowhere")
        assert decision(run_hook("claude-code", EVENT, "/not/this/one", data=str(data)))[0] == "allow"
    monkeypatch.delenv("MOOTHALL_URL")
    with one_answer(answer(VERDICT)) as (at, _):
        write_server_info(data, ServerInfo("", "", "", at, os.getpid()))
        monkeypatch.setenv("MOOTHALL_DATA", str(data))
        assert decision(run_hook("claude-code", EVENT, "/not/this/one"))[0] == "allow"
    monkeypatch.setenv("MOOTHALL_URL", "http://127.0.0.1:9")
    said, reason = decision(run_hook("claude-code", EVENT))
    assert (said, "127.0.0.1:9" in reason) == ("ask", True)


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        (["codex"], Told("codex")),
        (["codex", "--data", "d"], Told("codex", data="d")),
        (["codex", "--url", "u", "--data", "d"], Told("codex", url="u", data="d")),
        (["gemini", "--wait", "60", "--hall", "h-1"], Told("gemini", hall="h-1", wait_s=60.0)),
        ([], None),
        (["somebody"], None),
        (["codex", "--data"], None),
        (["codex", "--data", "--url"], None),
        (["codex", "--data", "d", "--data", "e"], None),
        (["codex", "--wait", "-1"], None),
        (["codex", "--wait", "1e9"], None),
        (["codex", "--wait", "9999999"], None),
        (["codex", "--help"], None),
        (["codex", "--data=d"], None),
    ],
)
def test_plain_words_are_read_without_the_command_line_library_and_all_else_with_it(words, meant):
    assert told(words) == meant


@pytest.mark.parametrize("agent", ["claude-code", "codex", "gemini", "opencode", "cursor"])
@pytest.mark.parametrize(
    ("tool", "given", "shown"),
    [
        ("Bash", {"command": "git push --force origin main"}, "Bash: git push --force origin main"),
        ("Bash", {"command": "a\nb", "description": "x"}, 'Bash: "a\\nb"'),
        ("Bash", {"command": "a  b\u202e"}, 'Bash: "a  b\\u202e"'),
        ("Bash", {"command": '"a b"'}, 'Bash: "\\"a b\\""'),
        ("Bash", {"command": "make", "workdir": "/tmp"}, 'Bash: {"command": "make", "workdir": "/tmp"}'),
        ("Write", {"file_path": "/x", "content": "y"}, 'Write: {"file_path": "/x", "content": "y"}'),
    ],
)
def test_every_question_has_all_of_what_it_asks_about(agent, tool, given, shown):
    event = {"hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": given}
    told = json.dumps(in_words(agent, event, Judgement("ask", "reaches another machine (moothall: x)")))
    assert json.dumps(f"reaches another machine (moothall: x)\n{shown}")[1:-1] in told
    for decision in ("allow", "deny"):
        assert json.dumps(shown)[1:-1] not in json.dumps(in_words(agent, event, Judgement(decision, "r")))


def test_what_is_too_long_for_a_question_is_named_by_its_length():
    for length, missing in ((16384, 0), (16390, 6)):
        event = {"tool_name": "Bash", "tool_input": {"command": "x" * (length - 4) + "last"}}
        told = json.dumps(in_words("claude-code", event, Judgement("ask", "r")))
        assert f"({missing} characters are missing here)" in told or not missing
        assert told.count("x") + told.count("last") * 4 >= 16384


@pytest.mark.parametrize("event", [None, {}, {"tool_name": 1, "tool_input": {}}, {"tool_name": "Bash"}])
def test_a_question_about_nothing_readable_says_why_alone(event):
    told = in_words("gemini", event, Judgement("ask", "moothall could not judge this"))
    assert told["reason"] == "moothall could not judge this"
