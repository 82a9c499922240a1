"""No principal fills the audit alone, and a batch that the log refuses holds the others up for a bounded time."""

from __future__ import annotations

import itertools

import pytest
import trio

from actors.event_store.messages import Refused, Stored
from actors.ports import inline
from actors.speed_layer.audit.buffer import BATCH, STALLED_S, AuditBuffer, Entry
from actors.speed_layer.audit.writer import MAX_SPLITS, AuditWriter
from actors.speed_layer.call_and_verdict import Call, Verdict
from store import MemoryLog

CALL = Call("Bash", {"command": "ls"}, "/home/dev/project")


def entry(agent, count=1, size=0, first=0):
    verdicts = [Verdict("allow", "r", None, "p", False, f"{first + n:032}", 1) for n in range(count)]
    return Entry(agent, "agent", [CALL] * count, verdicts, trio.current_time() if size else 0.0, size)


def stored_by(buffer):
    """Store all that a buffer holds; return how many verdicts of each agent that is, and how many are missing."""
    kept, missing = {}, 0
    while (batch := buffer.batch()).entries:
        for each in batch.entries:
            if isinstance(each, int):
                missing += each
            else:
                kept[each.agent] = kept.get(each.agent, 0) + len(each.verdicts)
        buffer.acknowledge(0.0)
    return kept, missing


def test_one_principal_leaves_room_for_every_other_one():
    buffer = AuditBuffer(1200)
    for agent in ("flood", "second", "third"):
        for _ in range(1200):
            buffer.add(entry(agent))
    buffer.add(entry("late", 100))
    kept, missing = stored_by(buffer)
    assert kept == {"flood": 600, "second": 300, "third": 150, "late": 100}
    assert missing == 600 + 900 + 1050


def test_one_principal_leaves_room_for_the_inputs_of_every_other_one():
    buffer = AuditBuffer(capacity_bytes=1000)
    for _ in range(20):
        buffer.add(entry("flood")._replace(size=100))
    buffer.add(entry("late")._replace(size=200))
    sizes = [(each.agent, each.size) for each in buffer.batch().entries]
    assert sizes == [("flood", 100)] * 5 + [("flood", None)] * 15 + [("late", 200)]


@pytest.mark.parametrize("round_", range(3))
def test_what_was_stored_leaves_room_for_its_principal(round_):
    buffer = AuditBuffer(100, capacity_bytes=1000)
    for _ in range(round_ + 1):
        buffer.add(entry("scout", 50)._replace(size=500))
        assert [each.size for each in buffer.batch().entries] == [500]
        assert stored_by(buffer) == ({"scout": 50}, 0)


class Picky:
    """A store that refuses appends with an input of some requests, and takes a while for each."""

    def __init__(self, refuses, takes_s=0.0):
        self.log = MemoryLog()
        self.asked = 0
        self._refuses = refuses
        self._takes_s = takes_s

    async def ask(self, message):
        await trio.sleep(self._takes_s)
        self.asked += 1
        if any(int(event.data["request"]) in self._refuses for event in message.append.events if "cwd" in event.data):
            return Stored(refused=Refused("invalid", "a test"))
        (outcome,) = self.log.commit([message.append])
        return Stored(appended=outcome)


def a_writer(buffer, store, told):
    names = itertools.count()
    return AuditWriter(buffer, store, lambda: f"batch-{next(names)}", told.append, inline)


async def test_a_batch_that_the_log_refuses_is_tried_a_bounded_number_of_times_and_every_verdict_is_kept(
    autojump_clock,
):
    buffer, store = AuditBuffer(), Picky(range(0, BATCH, 2))
    buffer.add(entry("scout", BATCH))
    await a_writer(buffer, store, []).drain()
    requests = [int(event.data["request"]) for event in store.log.read()]
    assert requests == list(range(BATCH))
    assert store.asked <= 3 * MAX_SPLITS + 1
    assert buffer.held == 0


async def test_one_event_that_the_log_refuses_costs_the_others_of_its_batch_nothing(autojump_clock):
    buffer, store = AuditBuffer(), Picky({617})
    buffer.add(entry("scout", BATCH))
    await a_writer(buffer, store, []).drain()
    bare = [int(event.data["request"]) for event in store.log.read() if "cwd" not in event.data]
    assert bare == [617]


async def test_a_batch_that_is_stored_in_parts_is_not_stalled_however_long_the_parts_take(autojump_clock):
    buffer, store, told, stalled = AuditBuffer(), Picky(range(0, BATCH, 100), takes_s=STALLED_S / 40), [], []
    async with trio.open_nursery() as nursery:
        nursery.start_soon(a_writer(buffer, store, told).run)
        buffer.add(entry("scout", BATCH, size=1))
        while buffer.held:
            await trio.sleep(0.1)
            stalled.append(buffer.stalled(trio.current_time()))
        nursery.cancel_scope.cancel()
    assert trio.current_time() > 1.5 * STALLED_S
    assert not any(stalled)
    assert told == []
