"""`POST /v1/validate`: a verdict for whoever speaks plain HTTP."""

import pytest

from actors.desk.gate import Refusal
from actors.kernel import ActorNotFound, AskTimeout

ASK = {"tool": "Read", "input": {"file_path": "/tmp/x"}}


def refusing(error):
    async def refuse(*_):
        raise error

    return refuse


async def test_it_answers_with_the_verdict_that_the_tool_gives(serve_http, autojump_clock):
    async with serve_http() as hall:
        reply = await hall.connect().post("/v1/validate", {**ASK, "cwd": "/"})
        assert (reply.status, reply.headers["content-type"]) == (200, "application/json")
        by_tool = await (await hall.session()).call(1, "validate", {**ASK, "cwd": "/"})
        assert reply.json == by_tool["result"]["structuredContent"]
        assert reply.json["verdict"] == "allow"


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"{}", b'{"tool":1,"input":{}}', b'{"tool":"a","tool":"b"}', b"\xff"]
)
async def test_what_is_no_question_is_invalid_and_gets_no_verdict(serve_http, autojump_clock, body):
    async with serve_http() as hall:
        reply = await hall.connect().request("POST", "/v1/validate", body)
        assert (reply.status, reply.json["error"]["code"]) == (400, "invalid")
        assert "verdict" not in reply.json


@pytest.mark.parametrize(
    "cwd", ["work", "/work/", "/a/../b", "/a\nb2  rover", "/a\x1b[2K", "/a\x9b1A", "/" + "a" * 4096]
)
async def test_a_directory_that_is_no_absolute_normal_path_is_a_bad_request(serve_http, autojump_clock, cwd):
    async with serve_http() as hall:
        reply = await hall.connect().post("/v1/validate", {**ASK, "cwd": cwd})
        assert (reply.status, reply.json["error"]["code"]) == (400, "invalid")


async def test_a_path_beyond_4096_bytes_is_a_bad_request(serve_http, autojump_clock):
    async with serve_http() as hall:
        reply = await hall.connect().post("/v1/validate", {"tool": "Read", "input": {"file_path": "ü" * 2049}})
        assert (reply.status, reply.json["error"]["code"]) == (400, "invalid")


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Refusal("forbidden", "no"), 403, "forbidden"),
        (Refusal("rate_limited", "slow down", {"retry_after_s": 1.2}), 429, "rate_limited"),
        (ActorNotFound("speed_layer"), 503, "unavailable"),
        (AskTimeout("speed_layer", 5.0), 504, "deadline"),
        (ZeroDivisionError("a fault"), 503, "unavailable"),
    ],
)
async def test_what_cannot_be_answered_is_an_error_and_gets_no_verdict(serve_http, autojump_clock, error, status, code):
    async with serve_http() as hall:
        hall.gate.before = refusing(error)
        reply = await hall.connect().post("/v1/validate", ASK)
        assert (reply.status, reply.json["error"]["code"]) == (status, code)
        assert reply.headers.get("retry-after") == ("2" if code == "rate_limited" else None)


async def test_only_hooks_say_from_which_session_a_call_comes(serve_http, fake_gate, autojump_clock):
    gate, origins = fake_gate(), []
    judge = gate.validate

    def validate(caller, calls, *more):
        origins.append([call.origin and call.origin.session_id for call in calls])
        return judge(caller, calls, *more)

    gate.validate = validate
    said = {**ASK, "origin": {"session_id": "s1", "tool_use_id": "t1"}}
    event = {"hook_event_name": "PreToolUse", "tool_name": "Read", "tool_input": ASK["input"], "session_id": "s1"}
    async with serve_http(gate=gate) as hall:
        await hall.connect().post("/v1/validate", said)
        await hall.connect().post("/v1/hooks/claude-code", event)
        session = await hall.session()
        await session.call(1, "validate", said)
        await session.call(2, "validate_batch", {"requests": [said, said]})
    assert origins == [["s1"], ["s1"], [None], [None, None]]
