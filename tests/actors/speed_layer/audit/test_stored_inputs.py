"""An input that is asked about again is in the audit once, and whoever reads an event finds it."""

import msgspec
import pytest
import trio
import trio.testing

from actors.desk.gate import Call
from actors.kernel.messages.mailbox import Envelope
from actors.speed_layer.audit.buffer import AUDIT_STREAM, Entry
from actors.speed_layer.audit.secret_masks import Masked
from actors.speed_layer.audit.stored_inputs import WINDOW, StoredInputs
from actors.speed_layer.audit.verdict_events import VerdictEvents, standing_alone
from actors.speed_layer.call_and_verdict import Verdict
from actors.speed_layer.policy.engine import Policy, PolicySource, packs
from actors.speed_layer.policy.replay import replay

LARGE = Call("Bash", {"command": "ls " + "a" * 2000}, "/home/dev/project")
SMALL = Call("Bash", {"command": "ls -la"}, "/home/dev/project")
DURABLE = '[[tool]]\nid = "mine.deploy"\nreason = "r"\nverdict = "allow"\ntools = ["deploy"]\naudit = "durable"\n'


def audited(world):
    return world.log.query(stream=AUDIT_STREAM, limit=1000).events


def input_of(world, event):
    """Return the input of a recorded verdict, as the documentation says that it is found."""
    if "input" in event.data:
        return event.data["input"]
    at = event.data["input_at"]
    (found,) = world.log.query(after=(at if at > 0 else event.sequence + at) - 1, limit=1).events
    assert found.data["request"] == event.data["request"]
    return found.data["input"]


async def ask(world, caller, *calls):
    await world.gate.validate(caller, list(calls))
    await trio.sleep(1.0)


async def test_an_input_that_is_repeated_is_stored_once_and_found_from_every_verdict(autojump_clock, world, scout):
    await ask(world, scout, LARGE, LARGE, SMALL, LARGE)
    for _ in range(5):
        await ask(world, scout, LARGE)
        await ask(world, scout, SMALL)
    events = audited(world)
    assert len(events) == 14
    assert sum("input" in event.data for event in events) == 2
    assert [input_of(world, event) for event in events[4:]] == [LARGE.input, SMALL.input] * 5
    assert [input_of(world, event) for event in events[:4]] == [each.input for each in (LARGE, LARGE, SMALL, LARGE)]
    assert all(event.data["whole"] for event in events)


async def test_so_is_that_of_a_durable_rule(autojump_clock, make_world, scout):
    world = make_world()
    world.hall._policy = Policy.load([*packs(), PolicySource("mine.toml", DURABLE)], check_examples=False)
    call = Call("deploy", {"to": "x" * 100})
    async with world.open():
        for _ in range(3):
            await ask(world, scout, call, call)
        events = audited(world)
        assert [input_of(world, event) for event in events] == [call.input] * 6
        assert sum("input" in event.data for event in events) == 1


async def test_a_masked_input_is_stored_once_too_and_still_says_that_it_is_not_whole(autojump_clock, world, scout):
    secret = Call("frobnicate", {"token": "hunter2"})
    for _ in range(2):
        await ask(world, scout, secret)
    first, again = audited(world)
    assert (input_of(world, again), first.data["whole"], again.data["whole"]) == ({"token": "MASKED"}, False, False)


async def test_after_a_restart_an_input_is_stored_again(autojump_clock, make_world, make_memory, scout):
    log = make_memory()
    for _ in range(2):
        async with make_world(log=log).open() as world:
            await ask(world, scout, LARGE, LARGE)
    events = audited(world)
    assert ["input" in event.data for event in events] == [True, False, True, False]
    assert [input_of(world, event) for event in events] == [LARGE.input] * 4


@pytest.mark.parametrize("victim", ["speed_layer", "event_store"])
async def test_a_crash_leaves_no_verdict_without_its_input(autojump_clock, make_world, make_memory, scout, victim):
    async with make_world().open() as world:
        for n in range(10):
            await ask(world, scout, LARGE, SMALL)
            if n % 3 == 0:
                world.system.mailboxes[victim].put_nowait(
                    Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", "")
                )
                await trio.sleep(5.0)
        events = audited(world)
        assert [input_of(world, event) for event in events] == [LARGE.input, SMALL.input] * 10
        assert sum("input" in event.data for event in events) == 2


async def test_an_event_that_the_log_refuses_takes_no_other_ones_input_with_it(autojump_clock, world, scout, rover):
    stage = world.log.steps.stage

    def picky(appends, cleared):
        for append in appends:
            for event in append.events:
                if "whole" in event.data and event.data["agent"] == "scout":
                    event.data["late_ms"] = {1}  # a set: nothing that the log keeps
        return stage(appends, cleared)

    world.log.steps.stage = picky
    await world.gate.validate(scout, [LARGE])
    await world.gate.validate(rover, [SMALL, LARGE])
    await trio.sleep(1.0)
    bare, *others = audited(world)
    assert (bare.data["agent"], "whole" in bare.data) == ("scout", False)
    assert [input_of(world, event) for event in others] == [SMALL.input, LARGE.input]


def entry(*requests):
    verdicts = [Verdict("allow", "r", None, "p", False, each, 1) for each in requests]
    return Entry("scout", "agent", [Call("Bash", {"command": each}) for each in requests], verdicts, 0.0)


def events_of(stored, *requests):
    made, asked = VerdictEvents(stored, lambda _rule: ""), entry(*requests)
    for n, call in enumerate(asked.calls):
        made.add(asked, n, lambda call=call: Masked(call.input))
    return made.events


def test_no_reference_reaches_back_further_than_the_window_and_no_more_is_remembered():
    head = 2
    stored = StoredInputs(lambda: head)
    stored.note(events_of(stored, "a", "b"), 1, {})
    head = WINDOW + 1  # whoever appended what is in between
    assert "input" in events_of(stored, "a")[0].data
    assert events_of(stored, "b")[0].data["input_at"] == 2
    for n in range(3):
        first, head = head + 1, head + WINDOW
        stored.note(events_of(stored, *(f"{n}-{each}" for each in range(WINDOW))), first, {})
        assert len(stored) <= WINDOW


def test_the_reason_of_a_repetition_tells_no_more_than_that_of_the_first_and_is_made_once():
    """What an input masks is masked in every reason of it, also where the input itself is not stored again."""
    stored, masked = StoredInputs(lambda: 7), []

    def made(reason, *requests):
        asked, verdicts = entry(*requests), VerdictEvents(stored, lambda _rule: "")
        for n, _ in enumerate(requests):
            asked.verdicts[n] = msgspec.structs.replace(asked.verdicts[n], reason=reason)
            verdicts.add(asked, n, lambda: masked.append(1) or Masked({"password": "hunter2-and-more"}))
        return verdicts

    first = made("quotes 'hunter2-and-more'", "a", "a")
    stored.note(first.events, 6, first.reasons)
    again, other = made("quotes 'hunter2-and-more'", "a"), made("also hunter2-and-more", "a")
    reasons = [event.data["reason"] for each in (first, again, other) for event in each.events]
    assert "hunter2" not in repr(reasons)
    assert [event.data.get("input_at") for event in again.events] == [6]
    assert len(masked) == 2


def test_events_that_are_appended_apart_say_themselves_what_another_one_said():
    stored = StoredInputs(lambda: 7)
    stored.note(events_of(stored, "known"), 7, {})
    apart = standing_alone(events_of(stored, "a", "known", "a", "a"))
    inputs = [event.data.get("input", event.data.get("input_at")) for event in apart]
    assert inputs == [{"command": "a"}, 7, {"command": "a"}, {"command": "a"}]


def test_a_replay_judges_repetitions_by_the_input_that_was_stored_before():
    policy = Policy.load([*packs()], check_examples=False)
    record = {
        "agent": "a",
        "role": "agent",
        "tool": "Bash",
        "cwd": "/x",
        "verdict": "deny",
        "rule": None,
        "whole": True,
    }
    first, again = (
        {**record, "request": "1", "input": {"command": "git status"}},
        {**record, "request": "1", "input_at": 1},
    )
    gone = {**record, "request": "2", "input_at": 1}
    outcome = replay([first, again, again, gone], policy)
    assert (outcome.judged, outcome.skipped) == (3, 1)
    assert [(change.times, change.input) for change in outcome.changes] == [(3, {"command": "git status"})]
