"""Two things at once happen to one approval: while its decision is on its way to the log, nothing takes it away."""

from __future__ import annotations

import hashlib

import pytest
import trio

from actors.desk.gate import Call, Caller
from actors.kernel.messages.mailbox import Envelope
from actors.session.messages import Principal
from actors.speed_layer.approvals.approval import ApprovalRefused
from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM, Answered
from actors.speed_layer.approvals.approval_states import EXPIRES_NS, Approvals
from actors.speed_layer.approvals.room import MAX_PENDING_OF_A_ROLE, MAX_PENDING_OF_AN_AGENT
from actors.speed_layer.policy.canonical_request import request_hash
from actors.speed_layer.policy.engine import Request, Ruling

DEPLOY = Call("deploy", {"to": "production"}, "/home/dev/project")
SAGE = Caller(Principal("sage", "expert"), 91)
CHIEF = Caller(Principal("chief", "admin"), 90)
DENIES = '[[tool]]\nid = "mine.deploy"\nreason = "frozen"\nverdict = "deny"\ntools = ["deploy"]\n'


class SlowDisk:
    """Takes its time for all that leaves the loop."""

    def __init__(self):
        self.takes_s = 0.0

    async def __call__(self, function):
        await trio.sleep(self.takes_s)
        return function()


@pytest.fixture
def disk():
    return SlowDisk()


@pytest.fixture
async def slow_world(make_world, disk):
    async with make_world(run_sync=disk).open() as opened:
        yield opened


async def ask(world, caller, wait_s=0.0):
    (verdict,) = await world.gate.validate(caller, [DEPLOY], wait_s)
    return verdict


def story(world):
    return [event.type.rpartition(".")[2] for event in world.log.read() if event.stream == APPROVALS_STREAM]


async def restart(world):
    envelope = Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", "")
    world.system.mailboxes["speed_layer"].put_nowait(envelope)
    await trio.sleep(5.0)
    return world.crashes[1:]


async def test_an_approval_does_not_expire_while_its_decision_is_being_stored(
    autojump_clock, slow_world, disk, scout, monkeypatch
):
    monkeypatch.setattr("actors.speed_layer.approvals.approval_states.EXPIRES_NS", 20 * 10**9)
    waiting = await ask(slow_world, scout)
    await trio.sleep(19.0)
    await slow_world.gate.whoami(SAGE)  # whose session would take as long to begin
    disk.takes_s = 3.0
    told = await slow_world.gate.decide(SAGE, waiting.approval.id, "allow")
    assert told.verdict == "allow"
    assert story(slow_world) == ["requested", "decided"]
    assert slow_world.crashes == []


async def test_nobody_joins_an_approval_whose_decision_is_being_stored(autojump_clock, slow_world, disk, scout, rover):
    waiting = await ask(slow_world, scout)
    for caller in (SAGE, rover):
        await slow_world.gate.whoami(caller)
    disk.takes_s = 3.0
    async with trio.open_nursery() as nursery:
        nursery.start_soon(slow_world.gate.decide, SAGE, waiting.approval.id, "allow")
        await trio.sleep(1.0)
        assert (await ask(slow_world, rover)).verdict == "ask"
    disk.takes_s = 0.0
    await trio.sleep(5.0)
    assert "joined" not in story(slow_world)
    assert (await ask(slow_world, scout)).verdict == "allow"
    assert (await ask(slow_world, rover)).verdict == "ask"
    assert await restart(slow_world) == []


async def test_a_policy_that_comes_while_a_decision_is_being_stored_has_the_last_word(
    autojump_clock, slow_world, disk, scout
):
    told = []

    async def wait():
        told.append(await ask(slow_world, scout, 600.0))

    async def decide(approval):
        told.append(await slow_world.gate.decide(SAGE, approval, "allow"))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(wait)
        await trio.sleep(1.0)
        (pending,) = (await slow_world.gate.pending_approvals(SAGE)).approvals
        await slow_world.gate.whoami(CHIEF)
        disk.takes_s = 1.0
        digest = hashlib.sha256(DENIES.encode()).hexdigest()
        nursery.start_soon(slow_world.gate.activate_policy, CHIEF, "mine.toml", DENIES, digest, "project")
        await trio.sleep(1.5)  # compiled, and on its way to the log
        nursery.start_soon(decide, pending.id)
    assert [each.verdict for each in told] == ["deny", "deny"]
    assert slow_world.crashes == []
    assert sorted(story(slow_world)) == ["decided", "requested"]


def opened(approvals, name, agent="scout", role="agent", n=0):
    asked = Request("deploy", {"n": n}, "/home/dev/project", role)
    hashed = request_hash(asked.tool, asked.input, asked.cwd)
    ruling = Ruling("ask", "a test", None, False)
    return approvals.request(name, asked, hashed, agent=agent, ruling=ruling, policy="p", now_ns=0)


def decided(approvals, name):
    return approvals.decide(name, "allow", by="sage", reason="", remember="no", policy="p")


def test_an_answer_that_was_on_its_way_when_its_approval_ended_changes_nothing():
    approvals = Approvals()
    opened(approvals, "one")
    answered = approvals.answer("one", "scout", "allow", "p")
    approvals.apply(decided(approvals, "one"))
    assert approvals.apply(answered) is None
    assert isinstance(answered, Answered)
    assert not approvals.pending


def test_a_second_decision_is_refused_while_the_first_is_being_stored():
    approvals = Approvals()
    opened(approvals, "one")
    decided(approvals, "one")
    with pytest.raises(ApprovalRefused, match="no approval"):
        decided(approvals, "one")
    with pytest.raises(ApprovalRefused, match="waits for no approval"):
        approvals.answer("one", "scout", "allow", "p")


@pytest.mark.parametrize("ends", ["decided", "expired", "cancelled"])
def test_approvals_that_have_ended_leave_room_for_their_agent_and_their_role(ends):
    approvals = Approvals()
    for n in range(2 * MAX_PENDING_OF_A_ROLE):
        assert not isinstance(opened(approvals, f"{n}", f"agent-{n % 2}", n=n), str), n
        if n % MAX_PENDING_OF_AN_AGENT:
            continue
        for name in list(approvals.pending):
            if ends == "decided":
                approvals.apply(decided(approvals, name))
            elif ends == "cancelled":
                approvals.cancel(approvals.pending[name], "a test")
        if ends == "expired":
            assert len(approvals.due(2 * EXPIRES_NS)) > 0
        assert not approvals.pending


def test_an_agent_may_not_open_more_than_its_share_and_another_one_still_may():
    approvals = Approvals()
    for n in range(MAX_PENDING_OF_AN_AGENT):
        opened(approvals, f"{n}", n=n)
    assert "open already" in opened(approvals, "more", n=-1)
    assert not isinstance(opened(approvals, "other", "rover", n=-2), str)
