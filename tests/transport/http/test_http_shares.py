"""The bounds of a principal hold over HTTP too, and what is refused there is charged."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
import trio.testing

from actors.desk.shares import REQUESTS
from actors.session.messages import Principal

INVALID = {"tool": 1, "input": {}}


def error_of(answer: Any) -> Any:
    return answer["result"]["structuredContent"]["error"]


@pytest.mark.parametrize("stateless", [True, False])
async def test_over_http_the_same_bound_holds(serve_http: Any, autojump_clock: Any, stateless: bool):
    async with serve_http() as hall:
        session = await hall.session()
        for _ in range(REQUESTS.each):
            hall.gate.shares.requests.take(Principal("scout", "agent"))
        if stateless:
            reply = await hall.connect().post("/v1/validate", {"tool": "Read", "input": {}})
            assert (reply.status, reply.headers["retry-after"]) == (429, "2")
        else:
            for tool in ("whoami", "query_events"):
                assert error_of(await session.call(1, tool, {}))["code"] == "rate_limited"


async def test_refused_requests_are_charged_by_their_bytes_over_http(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        session, charged = await hall.session(), hall.gate.charged
        body = b'{"jsonrpc":' + b" " * 3000
        assert (await hall.connect().request("POST", "/mcp", body, content_type="application/json")).status == 400
        assert charged.pop() == len(body)
        for tool in ("validate", "whoami"):
            assert error_of(await session.call(1, tool, INVALID))["code"] == "invalid"
            assert charged.pop() > 50
        for content in (INVALID, [1]):
            assert (await hall.connect().post("/v1/validate", content)).status == 400
            assert charged.pop() == len(json.dumps(content, separators=(",", ":")))
        assert (await hall.connect().request("POST", "/v1/validate", b"{" * 100)).status == 400
        assert charged == [100]


@pytest.mark.parametrize(("size", "waits"), [(1000, False), (100_000, True)])
@pytest.mark.parametrize("mcp", [True, False])
async def test_a_large_body_is_not_parsed_before_its_sender_has_paid(
    serve_http: Any, autojump_clock: Any, mcp: bool, size: int, waits: bool
):
    async with serve_http() as hall, trio.open_nursery() as nursery:
        session, paid, answers = await hall.session(), trio.Event(), []

        async def admit_large(principal: Principal, size: int) -> None:
            assert principal == Principal("scout", "agent")
            await paid.wait()

        async def ask() -> None:
            if mcp:
                answers.append(await session.call(1, "append_events", {"events": [{"type": "t", "data": "x" * size}]}))
            else:
                asked = {"tool": "Read", "input": {"file_path": "x" * size}}
                answers.append(await hall.connect().post("/v1/validate", asked))

        hall.gate.admit_large = admit_large
        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        assert (answers == []) is waits
        paid.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(answers) == 1
