"""kill -9 while agents append: what was acknowledged is there afterwards, in order, without a gap."""

from __future__ import annotations

import random
import signal

import pytest
import trio

from store import EventLog, verify
from transport.client import HallError, connect

ROUNDS = 20
AGENTS = 4


async def append_until_killed(url, token, agent, round_number, acknowledged):
    try:
        async with connect(url, token=token, patience_s=0) as hall:
            for n in range(1_000_000):
                event = {"type": "step", "data": {"round": round_number, "n": n}}
                result = await hall.append([event])
                acknowledged.append((agent, round_number, n, result.first_sequence))
    except* HallError as group:
        assert {error.code for error in group.exceptions} == {"unavailable"}


@pytest.mark.slow
async def test_every_acknowledged_event_survives_kill_9_in_order_and_without_a_gap(server):
    rng = random.Random(11)
    acknowledged = []
    tokens = {}
    for round_number in range(ROUNDS):
        url = await server.start()
        tokens = tokens or {f"agent-{n}": server.token(f"agent-{n}") for n in range(AGENTS)}
        wanted = len(acknowledged) + rng.randrange(20, 200)
        async with trio.open_nursery() as nursery:
            for agent, token in tokens.items():
                nursery.start_soon(append_until_killed, url, token, agent, round_number, acknowledged)
            while len(acknowledged) < wanted:  # noqa: ASYNC110 - the server's own pace decides when to kill it
                await trio.sleep(0.001)
            assert await server.end(signal.SIGKILL) == -signal.SIGKILL
    with EventLog.open(server.data) as log:
        events = list(log.read())
    assert [event.sequence for event in events] == list(range(1, len(events) + 1))
    by_sequence = {event.sequence: event for event in events}
    for agent, round_number, n, sequence in acknowledged:
        event = by_sequence[sequence]
        assert (event.agent, event.data) == (agent, {"round": round_number, "n": n})
    for agent in tokens:
        steps = [(event.data["round"], event.data["n"]) for event in events if event.agent == agent]
        assert steps == sorted(steps)
        assert len(steps) == len(set(steps))
    assert len(acknowledged) >= ROUNDS * 20
    assert verify(server.data).ok
