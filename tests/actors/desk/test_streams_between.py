"""Which streams have something new: what the server tells those who have subscribed to them."""

from __future__ import annotations

import pytest

from store import Append, NewEvent


@pytest.mark.parametrize("most", [1, 1000, 2500])
async def test_every_stream_with_an_event_between_is_told_and_no_other(autojump_clock, world, scout, most):
    whoami = await world.gate.whoami(scout)
    assert whoami.agent == "scout"
    before = world.log.head
    for start in range(0, most, 500):
        events = [NewEvent(type="t", stream=f"notes/{n}") for n in range(start, min(most, start + 500))]
        await world.gate.append_events(scout, Append(events=events, agent="scout"))
    after = world.log.head
    await world.gate.append_events(scout, Append(events=[NewEvent(type="t", stream="later")], agent="scout"))
    assert await world.gate.streams_between(before, after) == {f"notes/{n}" for n in range(most)}
    assert await world.gate.streams_between(after, after) == set()
    assert await world.gate.streams_between(after, world.log.head) == {"later"}
    assert await world.gate.streams_between(after, world.log.head + 5) == {"later"}
