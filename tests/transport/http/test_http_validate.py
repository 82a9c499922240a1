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
