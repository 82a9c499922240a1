"""`POST /v1/hooks/AGENT`: hooks over HTTP get a decision in their agent's words, and never a status to pass by."""

import msgspec
import pytest

from actors.desk.gate import Refusal
from actors.kernel import ActorNotFound
from transport.mcp.message_parser import LARGE_BYTES

EVENT = {
    "hook_event_name": "PreToolUse",
    "session_id": "s1",
    "tool_use_id": "t1",
    "tool_name": "Read",
    "tool_input": {"file_path": "/tmp/x"},
    "cwd": "/",
}


def decision(reply):
    assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
    specific = reply.json["hookSpecificOutput"]
    return specific["permissionDecision"], specific["permissionDecisionReason"]


async def test_claude_code_hears_the_verdict_as_its_hook_prints_it(serve_http, autojump_clock):
    async with serve_http() as hall:
        assert decision(await hall.connect().post("/v1/hooks/claude-code", EVENT))[0] == "allow"
        said = await hall.connect().post("/v1/hooks/gemini", {**EVENT, "hook_event_name": "BeforeTool"})
        assert said.json["decision"] == "allow"
        said = await hall.connect().post("/v1/hooks/codex", EVENT)
        assert (said.status, said.json) == (200, {})
        assert (await hall.connect().post("/v1/hooks/nobody", EVENT)).status == 404


@pytest.mark.parametrize("error", [Refusal("rate_limited", "slow down", {"retry_after_s": 1}), ActorNotFound("x")])
async def test_what_cannot_be_judged_is_an_ask_with_status_200(serve_http, fake_gate, autojump_clock, error):
    gate = fake_gate()

    async def refuse(*_):
        raise error

    gate.validate = refuse
    async with serve_http(gate=gate) as hall:
        said, reason = decision(await hall.connect().post("/v1/hooks/claude-code", EVENT))
        assert (said, reason.startswith("moothall could not judge this")) == ("ask", True)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"{}", b'{"tool_name": 1, "tool_input": {}}', b"\xff"])
async def test_what_is_no_event_of_a_tool_is_an_ask(serve_http, autojump_clock, body):
    async with serve_http() as hall:
        assert decision(await hall.connect().request("POST", "/v1/hooks/claude-code", body))[0] == "ask"


async def test_what_cannot_be_read_and_what_is_large_costs_its_sender_by_its_bytes(
    serve_http, fake_gate, autojump_clock
):
    gate, large = fake_gate(), []

    async def admit_large(_principal, size):
        large.append(size)

    gate.admit_large = admit_large
    broken, whole = b"{" + b"x" * LARGE_BYTES, msgspec.json.encode({**EVENT, "more": "x" * LARGE_BYTES})
    async with serve_http(gate=gate) as hall:
        for body in (b"{", b"\xff\xff", msgspec.json.encode(EVENT)):
            await hall.connect().request("POST", "/v1/hooks/claude-code", body)
        assert (gate.charged, large) == ([1, 2], [])
        for body in (broken, whole):
            await hall.connect().request("POST", "/v1/hooks/claude-code", body)
        assert (gate.charged, large) == ([1, 2, len(broken)], [len(broken), len(whole)])


@pytest.mark.parametrize(
    ("name", "recorded"),
    [
        ("PostToolUse", "moothall.tool.ran"),
        ("PostToolUseFailure", "moothall.tool.ran"),
        ("AfterTool", "moothall.tool.ran"),
        ("SessionStart", "moothall.session.started"),
        ("SubagentStart", "moothall.subagent.started"),
        ("SubagentStop", "moothall.subagent.stopped"),
        ("Stop", "moothall.turn.ended"),
        ("SessionEnd", "moothall.session.ended"),
    ],
)
async def test_what_happened_is_recorded_and_gets_no_answer(serve_http, fake_gate, autojump_clock, name, recorded):
    told = []

    class Hooks:
        async def tool_ran(self, _caller, tool, origin, **_more):
            told.append(("moothall.tool.ran", tool, origin.session_id))

        async def told(self, _caller, event_type, origin, _data):
            told.append((event_type, "", origin.session_id))

    gate = fake_gate()
    gate.hooks = Hooks()
    event = {"hook_event_name": name, "session_id": "s1", "source": "startup"}
    ran = recorded == "moothall.tool.ran"
    async with serve_http(gate=gate) as hall:
        reply = await hall.connect().post("/v1/hooks/claude-code", {**event, **({"tool_name": "Bash"} if ran else {})})
        assert (reply.status, reply.json) == (200, {})
    assert told == [(recorded, "Bash" if ran else "", "s1")]
