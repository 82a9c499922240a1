"""Masking holds up nobody: the characters between two turns of the others are bounded, whatever an agent asks."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from actors.desk.gate import Call
from actors.ports import inline
from actors.speed_layer.audit import secret_repetitions, verdict_events
from actors.speed_layer.audit.buffer import AuditBuffer, Batch, Entry
from actors.speed_layer.audit.secret_masks import MAX_TEXT, Masked
from actors.speed_layer.audit.secret_repetitions import MAX_SOUGHT, MAX_SOUGHT_TEXT
from actors.speed_layer.audit.writer import AuditWriter
from actors.speed_layer.call_and_verdict import Verdict
from actors.speed_layer.policy.engine import Policy, PolicySource, packs

SECRETS = {f"token_{n}": f"{n:04}" * (MAX_TEXT // 4) for n in range(64)}
NAMES = {f"{n:04}" * 64: n for n in range(64)}
ITEMS = 16
DURABLE = '[[tool]]\nid = "mine.deploy"\nreason = "r"\nverdict = "allow"\ntools = ["deploy"]\naudit = "durable"\n'


class Turns(trio.abc.Instrument):
    """Counts the characters of inputs that are masked between two steps of any tasks."""

    def __init__(self, monkeypatch):
        self.most = self._since = self.masked = 0
        monkeypatch.setattr(verdict_events, "Masked", self._mask)

    def before_task_step(self, task):
        self._since = 0

    def _mask(self, value):
        self._since += sum(len(str(name)) + len(str(each)) for name, each in value.items())
        self.most = max(self.most, self._since)
        self.masked += 1
        return Masked(value)


@pytest.fixture
def turns(monkeypatch):
    return Turns(monkeypatch)


def characters(fields):
    return sum(len(name) + len(str(value)) for name, value in fields.items())


@pytest.mark.parametrize("fields", [SECRETS, NAMES], ids=["secrets", "names"])
async def test_between_two_turns_no_more_than_one_large_input_is_masked(turns, fields):
    calls = [Call("frob", {**fields, "n": n}) for n in range(ITEMS)]
    given = [Verdict("ask", "no rule covers `frob`", None, "p", False, f"{n:032}", 1) for n in range(ITEMS)]
    writer = AuditWriter(AuditBuffer(), None, str, lambda _why: None, inline)
    trio.lowlevel.add_instrument(turns)
    made = await writer._events(Batch([Entry("scout", "agent", calls, given, 0.0)]))
    trio.lowlevel.remove_instrument(turns)
    assert len(made.events) == turns.masked == ITEMS
    assert turns.most < characters(fields) + 100


async def test_between_two_turns_of_a_durable_request_no_more_than_one_large_input_is_masked(
    autojump_clock, make_world, scout, turns
):
    world = make_world()
    world.hall._policy = Policy.load([*packs(), PolicySource("mine.toml", DURABLE)], check_examples=False)
    async with world.open():
        trio.lowlevel.add_instrument(turns)
        await world.gate.validate(scout, [Call("deploy", {**SECRETS, "n": n}) for n in range(4)])
        trio.lowlevel.remove_instrument(turns)
    assert turns.masked == 4
    assert turns.most < characters(SECRETS) + 100


@pytest.mark.parametrize("count", [1, 2, MAX_SOUGHT, MAX_SOUGHT + 1])
@pytest.mark.parametrize("length", [8, 100, MAX_TEXT])
def test_no_more_than_so_many_characters_of_secrets_are_looked_for_in_reasons(monkeypatch, count, length):
    sought, stretches = [], secret_repetitions._stretches
    monkeypatch.setattr(secret_repetitions, "_stretches", lambda secrets: sought.append(secrets) or stretches(secrets))
    masked = Masked({f"token_{n}": f"{n:08}" + "x" * (length - 8) for n in range(count)})
    reasons = [masked.reason(f"no rule covers 'frob {n}' 0000000{n}") for n in range(3)]
    looked = count <= MAX_SOUGHT and count * length <= MAX_SOUGHT_TEXT
    assert [sum(map(len, secrets)) for secrets in sought] == [count * length] * looked
    assert not any("0000000" in reason for reason in reasons if looked)
    assert not any("frob" in reason for reason in reasons if not looked)
