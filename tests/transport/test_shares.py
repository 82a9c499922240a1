"""What one principal has under way over all its connections is bounded, and what is refused is charged to it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from actors.desk.gate import Caller, Refusal
from actors.desk.shares import REQUESTS, SUBSCRIBED
from actors.session.messages import Principal
from transport.mcp import in_flight
from transport.mcp.resource_updates import PERIOD_S

SCOUT = Principal("scout", "agent")
APPEND = {"events": [{"type": "note"}]}


def fill(share: Any, bounds: Any, principal: Principal = SCOUT) -> None:
    for _ in range(bounds.each):
        share.take(principal)


def error_of(answer: Any) -> Any:
    return answer["result"]["structuredContent"]["error"]


async def test_one_agent_has_no_more_requests_under_way_for_having_more_connections(front: Any, autojump_clock: Any):
    per_connection = 256
    async with front() as running:
        running.gate.stall()
        for n in range(REQUESTS.each // per_connection):
            raw = await running.raw()
            for number in range(per_connection):
                await raw.call(number, ("whoami", "query_events")[n % 2])
        await trio.testing.wait_all_tasks_blocked()
        raw = await running.raw()
        for number, tool in enumerate(("whoami", "query_events", "append_events")):
            await raw.call(number, tool, APPEND if tool == "append_events" else {})
            refused = error_of(await raw.message())
            assert (refused["code"], refused["retry_after_s"] > 0) == ("rate_limited", True)
        await raw.call(7, "health")
        assert (await raw.message())["result"]["isError"] is False
        running.gate.resume()
        for name in ("another", "root"):
            running.token = running.tokens.add(name, role="admin" if name == "root" else "agent")
            other = await running.raw()
            await other.call(1, "query_events")
            assert (await other.message())["result"]["isError"] is False


async def test_an_append_that_could_be_sent_at_once_counts_until_it_is_answered(front: Any, autojump_clock: Any):
    async with front() as running:
        running.gate.sends = True
        running.gate.stall()
        raw = await running.raw()
        for number in range(3):
            await raw.call(number, "append_events", APPEND)
        await trio.testing.wait_all_tasks_blocked()
        requests = running.gate.shares.requests
        assert requests._held[SCOUT] == 3
        await raw.text('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":0}}')
        await trio.testing.wait_all_tasks_blocked()
        assert requests._held[SCOUT] == 2
        fill(requests, REQUESTS._replace(each=REQUESTS.each - 2))
        head = running.gate.log.head
        await raw.call(9, "append_events", APPEND)
        assert error_of(await raw.message())["code"] == "rate_limited"
        assert running.gate.log.head == head
        await raw.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        assert requests._held[SCOUT] == REQUESTS.each - 2


async def test_large_requests_under_way_are_bounded_over_all_connections(
    front: Any, autojump_clock: Any, monkeypatch: Any
):
    monkeypatch.setattr(in_flight, "PRINCIPAL_BYTES", 10_000)
    large = {"events": [{"type": "t", "data": "x" * 6000}]}
    async with front() as running:
        running.gate.stall()
        one, two = await running.raw(), await running.raw()
        await one.call(1, "append_events", large)
        await trio.testing.wait_all_tasks_blocked()
        await two.call(1, "append_events", large)
        refused = (await two.message())["error"]
        assert (refused["code"], refused["data"]["error"]["code"]) == (-32005, "rate_limited")
        assert refused["data"]["error"]["retry_after_s"] > 0
        await one.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        running.gate.resume()
        await two.call(2, "append_events", large)
        assert "result" in await two.message()


async def test_what_a_connection_had_under_way_when_it_was_cut_is_given_back(front: Any, autojump_clock: Any):
    async with front() as running:
        await running.raw()
        (connection,) = running.gateway._open.values()
        held = running.gateway._under_way.of(SCOUT)
        connection._in_flight.begin("one that nobody settles", size=5000, ordered=False)
        assert held.bytes == 5000
        connection.cut()
        await trio.testing.wait_all_tasks_blocked()
        assert held.bytes == 0


async def test_the_subscriptions_of_all_connections_are_bounded_together(front: Any, autojump_clock: Any):
    async with front() as running:
        share = running.gate.shares.subscriptions
        fill(share, SUBSCRIBED._replace(each=SUBSCRIBED.each - 1))
        raw = await running.raw()
        for number, (stream, expected) in enumerate([("s", "result"), ("s", "result"), ("other", "error")]):
            await raw.request(number, "resources/subscribe", {"uri": f"events://streams/{stream}"})
            answer = await raw.message()
            assert expected in answer
        assert answer["error"]["code"] == -32005
        assert answer["error"]["data"]["error"]["code"] == "rate_limited"
        await raw.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        share.take(SCOUT)
        with pytest.raises(Refusal):
            share.take(SCOUT)


async def test_an_agent_whose_client_does_not_read_delays_no_other_agents_updates(front: Any, autojump_clock: Any):
    async with front() as running:
        slow, told = [], []

        async def stuck(uri: str) -> None:
            slow.append(uri)
            await trio.sleep_forever()

        async def prompt(uri: str) -> None:
            told.append(trio.current_time())

        updates = running.gateway._server.updates
        await running.raw()  # the task that announces runs
        for number in range(100):
            session: Any = type("S", (), {"send_resource_updated": staticmethod(stuck)})()
            updates.subscribe(Caller(Principal("greedy", "agent"), 1000 + number), "events://log", session)
        session = type("S", (), {"send_resource_updated": staticmethod(prompt)})()
        updates.subscribe(Caller(SCOUT, 1), "events://log", session)
        began = trio.current_time()
        raw = await running.raw()
        for _ in range(3):
            await raw.call(1, "append_events", APPEND)
            await raw.message()
            await trio.sleep(1.0)
        assert len(told) == 3
        assert told[-1] - began < 2 + 3 * PERIOD_S
        assert len(slow) > 1


INVALID = {"tool": 1, "input": {}}


async def test_refused_requests_are_charged_by_their_bytes_on_the_websocket(front: Any, autojump_clock: Any):
    async with front() as running:
        raw, charged = await running.raw(), running.gate.charged
        for text in ('{"jsonrpc"', '{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}'):
            await raw.text(text)
            await raw.message()
            assert charged.pop() == len(text)
        for number, tool in enumerate(("validate", "whoami")):  # in the fast lane, and by the SDK
            call = {"name": tool, "arguments": {**INVALID, "pad": "x" * 5000}}
            text = msgspec.json.encode({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": call})
            await raw.text(text.decode())
            assert error_of(await raw.message())["code"] == "invalid"
            assert charged.pop() == len(text)
        await raw.call(3, "append_events", {"events": [{"type": "t"}] * 1001})
        assert error_of(await raw.message())["code"] == "too_large"
        assert charged.pop() > 10_000
        await raw.call(4, "whoami")
        await raw.message()
        assert charged == []


@pytest.mark.parametrize(("size", "waits"), [(1000, False), (100_000, True)])
async def test_a_large_message_is_not_read_before_its_sender_has_paid(
    front: Any, autojump_clock: Any, size: int, waits: bool
):
    async with front() as running:
        paid = trio.Event()

        async def admit_large(principal: Principal, size: int) -> None:
            assert principal == SCOUT
            await paid.wait()

        running.gate.admit_large = admit_large
        raw = await running.raw()
        await raw.call(1, "append_events", {"events": [{"type": "t", "data": "x" * size}]})
        await trio.testing.wait_all_tasks_blocked()
        assert (running.gate.log.head == 0) is waits
        paid.set()
        assert "result" in await raw.message()
