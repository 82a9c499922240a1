"""A batch of verdicts is in the log once, whatever becomes of the answers of the store, and gives its place back."""

from __future__ import annotations

import itertools

import pytest
import trio

from actors.event_store.messages import Refused, Stored
from actors.ports import inline
from actors.speed_layer.audit.buffer import AUDIT_STREAM, AuditBuffer, Entry
from actors.speed_layer.audit.form_search import MASK
from actors.speed_layer.audit.secret_masks import Masked
from actors.speed_layer.audit.verdict_events import GAP
from actors.speed_layer.audit.writer import RETRY_S, AuditWriter
from actors.speed_layer.call_and_verdict import Call, Verdict

from lossy_store import LossyStore

CALL = Call("Bash", {"command": "ls"}, "/home/dev/project")
GIVEN = Verdict("allow", "r", None, "p", False, "0" * 32, 1)


@pytest.fixture
def store():
    return LossyStore()


@pytest.fixture
def buffer():
    return AuditBuffer(100, capacity_bytes=1000)


@pytest.fixture
async def writer(store, buffer):
    names = itertools.count()
    made = AuditWriter(buffer, store, lambda: f"batch-{next(names)}", lambda _why: None, inline)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        yield made
        nursery.cancel_scope.cancel()


def given(buffer, n):
    buffer.add(Entry(f"agent-{n}", "agent", [CALL], [GIVEN], trio.current_time(), 400))


def stored(store):
    return [event.data["agent"] for event in store.log.read() if event.stream == AUDIT_STREAM]


@pytest.mark.parametrize("fault", [None, "lost on the way there", "lost on the way back", "unavailable"])
async def test_a_batch_is_stored_once_whatever_becomes_of_its_answer(autojump_clock, store, buffer, writer, fault):
    store.faults = [None, fault, fault, fault]
    for n in range(3):
        given(buffer, n)
        await trio.sleep(10 * RETRY_S)
        assert buffer.held == 0
    assert stored(store) == ["agent-0", "agent-1", "agent-2"]


async def test_a_batch_that_a_stop_gave_up_keeps_its_name_for_the_next_try(autojump_clock, store, buffer, writer):
    given(buffer, 1)
    store.faults = ["lost on the way back"]
    with trio.move_on_after(0.1):
        await trio.sleep_forever()
    store.faults = ["lost on the way back", "unavailable"]
    await writer.drain()
    await writer.drain()
    assert stored(store) == ["agent-1"]


async def test_inputs_are_kept_again_once_what_waited_is_stored(autojump_clock, store, buffer, writer):
    for n in range(6):
        given(buffer, n)
        await trio.sleep(10 * RETRY_S)
    assert len(stored(store)) == 6
    inputs = [event.data.get("input", event.data.get("input_at")) for event in store.log.read()]
    assert inputs == [CALL.input, 1, 1, 1, 1, 1]


@pytest.mark.parametrize(
    "name", ["password", "token", "api_key", "API-Key", "cookie", "authorization", "client_secret"]
)
def test_a_field_is_masked_by_its_name_whatever_is_in_it_and_however_deep(name):
    masked = Masked({"outer": [{"list": [{name: "plain words", "other": "kept"}]}]})
    assert masked.value == {"outer": [{"list": [{name: MASK, "other": "kept"}]}]}
    assert not masked.whole


def test_what_is_not_masked_is_whole_and_can_be_judged_again():
    asked = {"command": "ls -la", "n": 1, "list": ["a", {"b": None}], "empty": {"password": ""}}
    masked = Masked(asked)
    assert (masked.value, masked.whole) == (asked, True)


@pytest.mark.parametrize("takes", ["bare events", "gaps", "nothing"])
async def test_an_event_that_is_refused_bare_too_is_a_gap_and_is_split_no_further(
    autojump_clock, store, buffer, writer, takes
):
    """What the log takes not even as a gap is tried again under one name, until nothing is allowed any more."""
    tried = []

    class Picky:
        async def ask(self, message):
            (event, *others), name = message.append.events, message.append.command_id
            tried.append(name)
            bare = takes == "bare events" and "reason" not in event.data
            if others or not (bare or (event.type == GAP and takes != "nothing")):
                await trio.lowlevel.checkpoint()
                return Stored(refused=Refused("invalid", "no"))
            return await store.ask(message)

    writer._store = Picky()
    given(buffer, 1)
    given(buffer, 2)
    await trio.sleep(100 * RETRY_S)
    each = {"bare events": (".bare",), "gaps": (".bare", ".bare.gap"), "nothing": (".bare", ".bare.gap")}[takes]
    expected = ["batch-0", "batch-0.1", *(f"batch-0.1{end}" for end in each)]
    if takes != "nothing":
        expected += ["batch-0.2", *(f"batch-0.2{end}" for end in each)]
    assert list(dict.fromkeys(tried)) == expected
    assert (buffer.held, buffer.stalled(trio.current_time())) == ((2, True) if takes == "nothing" else (0, False))
    kept = [(event.type == GAP, event.data.get("count")) for event in store.log.read()]
    assert kept == {"bare events": [(False, None)] * 2, "gaps": [(True, 1)] * 2, "nothing": []}[takes]
