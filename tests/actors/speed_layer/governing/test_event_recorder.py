"""The speed layer's own events are in the log once, in order, whatever becomes of the answers of the store."""

from __future__ import annotations

import pytest
import trio

from actors.speed_layer.governing.event_recorder import RETRY_S, EventRecorder
from store import NewEvent

from lossy_store import LossyStore


async def record(store, count=3):
    """Record events one after the other, and tell which of them were told to be durable."""
    told = []
    recorder = EventRecorder(store)
    await recorder.read("s")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(recorder.run)
        for n in range(count):
            recorder.add([NewEvent(type="own", data={"n": n}, stream="s")], lambda n=n: told.append(n))
            await trio.sleep(10 * RETRY_S)
        await recorder.drained()
        nursery.cancel_scope.cancel()
    return told


def stored(store):
    return [event.data["n"] for event in store.log.read() if event.type == "own"]


@pytest.mark.parametrize("fault", [None, "lost on the way there", "lost on the way back", "unavailable"])
async def test_events_are_stored_once_and_told_once_whatever_becomes_of_an_answer(autojump_clock, fault):
    store = LossyStore()
    store.faults = [None, fault, fault]
    assert await record(store) == [0, 1, 2]
    assert stored(store) == [0, 1, 2]


async def test_a_stream_that_somebody_else_writes_to_ends_the_speed_layer(autojump_clock):
    store = LossyStore()
    store.faults = ["another writer"]
    with pytest.raises(ExceptionGroup) as ended:
        await record(store)
    assert ended.group_contains(RuntimeError, match="does not take")
