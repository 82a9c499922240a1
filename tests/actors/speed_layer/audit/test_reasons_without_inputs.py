"""Where no input is kept, the reasons of verdicts tell nothing of it either: only what a rule says is kept of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import trio

from actors.desk.gate import Call
from actors.speed_layer.audit.buffer import AUDIT_STREAM, FLUSH_S, Entry
from actors.speed_layer.audit.stored_inputs import StoredInputs
from actors.speed_layer.audit.verdict_events import VerdictEvents
from actors.speed_layer.call_and_verdict import Verdict
from actors.speed_layer.policy.engine import Policy, Request

ROWS = [json.loads(line) for line in Path("tests/actors/speed_layer/commands.jsonl").read_text("utf-8").splitlines()]
WORD = re.compile(r"\w{6,}")
OF_RULES = "\n".join(Policy.default().reasons.values())
"""Words of this may stand in any reason."""


def kept_of(call, ruling):
    """Return what is kept of the reason of a ruling where the input is not."""
    given = Verdict(ruling.verdict, ruling.reason, ruling.rule, "p", False, "0" * 32, 1)
    made = VerdictEvents(StoredInputs(lambda: 0), lambda rule: Policy.default().reasons.get(rule, ""))
    made.add(Entry("scout", "agent", [call], [given], 0.0), 0, None)
    return made.events[0].data["reason"]


def words_of(call):
    return {word for word in WORD.findall(f"{list(call.input.values())} {call.cwd}") if word not in OF_RULES}


def shows(call, reason):
    return {word for word in words_of(call) if word in reason}


def judged(call):
    return Policy.default().decide(Request(call.tool, call.input, call.cwd))


def test_no_word_of_a_command_is_in_the_reason_that_is_kept_without_it():
    told = 0
    for row in ROWS[::5]:
        call = Call("Bash", {"command": row["command"]}, row.get("cwd"))
        ruling = judged(call)
        told += bool(shows(call, ruling.reason))
        assert not shows(call, kept_of(call, ruling)), row
    assert told > 50  # else this has tried nothing


@pytest.mark.parametrize(
    "call",
    [
        Call("Read", {"file_path": "/data/customer/salaries"}, "/home/dev/project"),
        Call("Read", {"file_path": "/data/customer/" + "salaries/" * 1000}, "/home/dev/project"),
        Call("Write", {"file_path": "/etc/customer/salaries"}, "/home/dev/project"),
        Call("Read", {"file_path": "~/.ssh/customer"}, "/home/dev/project"),
        Call("Bash", {"command": "> salaries.customer"}, "/home/dev/project"),
        Call("Bash", {"command": "cd /data/customer && make salaries"}, "/home/dev/project"),
        Call("Bash", {"command": "CUSTOMER_NAME=salaries make"}, "/home/dev/project"),
        Call("Bash", {"command": "./customer/salaries it\\'s `x`"}, "/home/dev/project"),
        Call("customer'salaries`", {}, "/home/dev/project"),
    ],
)
def test_no_path_name_or_tool_is_in_the_reason_that_is_kept_without_it(call):
    kept = kept_of(call, judged(call))
    assert not re.search("customer|salaries", kept, re.IGNORECASE)


async def test_what_a_rule_says_is_kept_where_inputs_are_not(autojump_clock, make_world, scout):
    secret = Call("Read", {"file_path": "/home/dev/.ssh/customer"}, "/home/dev/project")
    asked = [Call("Bash", {"command": "ls"}, "/home/dev/project"), secret, Call("customer", {})]
    async with make_world(audit_inputs=False).open() as world:
        given = await world.gate.validate(scout, asked)
        await trio.sleep(2 * FLUSH_S)
        kept = [event.data["reason"] for event in world.log.query(stream=AUDIT_STREAM).events]
    listed, read, _ = [Policy.default().reasons.get(each.rule, "") for each in given]
    assert listed
    assert read
    assert kept == [listed, f"MASKED: {read}", "MASKED"]


async def test_a_reason_tells_nothing_of_an_input_that_there_was_no_place_for(autojump_clock, make_world, scout):
    async with make_world().open() as world:
        world.views.audit._capacity_bytes = 1
        await world.gate.validate(scout, [Call("Read", {"file_path": "/data/customer"}, "/home/dev/project")])
        await trio.sleep(2 * FLUSH_S)
        (event,) = world.log.query(stream=AUDIT_STREAM).events
    assert event.data["reason"] == "MASKED"
