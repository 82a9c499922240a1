"""A client that asks for progress is told of it while its call waits, in both lifecycles; nobody else is."""

from __future__ import annotations

import pytest
import trio

META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}


async def seen_while_waiting(front, meta, *, initialized):
    async with front() as running:
        raw = await running.raw(initialized=initialized)

        async def wait(operation, what):
            await trio.sleep(3.5)

        running.gate.before = wait
        call = {"name": "query_events", "arguments": {"stream": "s", "wait_s": 10}, "_meta": meta}
        await raw.request(1, "tools/call", call)
        seen = []
        while (message := await raw.message()).get("id") != 1:
            seen.append(message)
        assert not message["result"]["isError"]
        return seen


@pytest.mark.parametrize(("meta", "initialized"), [({}, True), (META, False)], ids=["handshake", "stateless"])
async def test_progress_is_told_each_second(front, autojump_clock, meta, initialized):
    seen = await seen_while_waiting(front, {**meta, "progressToken": "p"}, initialized=initialized)
    assert {message["method"] for message in seen} == {"notifications/progress"}
    assert [message["params"]["progress"] for message in seen] == [1.0, 2.0, 3.0]
    assert {(message["params"]["progressToken"], message["params"]["total"]) for message in seen} == {("p", 10.0)}


@pytest.mark.parametrize(("meta", "initialized"), [({}, True), (META, False)], ids=["handshake", "stateless"])
async def test_who_did_not_ask_is_told_nothing(front, autojump_clock, meta, initialized):
    assert await seen_while_waiting(front, meta, initialized=initialized) == []
