"""What no rule decides is asked once, decided once, and told to those who asked; all under virtual time."""

from __future__ import annotations

import hashlib

import pytest
import trio
import trio.testing

from actors.desk.gate import Call, Caller, Refusal
from actors.kernel.messages.mailbox import Envelope
from actors.session.messages import Principal
from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM
from actors.speed_layer.approvals.approval_states import EXPIRES_NS
from actors.speed_layer.approvals.room import MAX_ACTION_BYTES, MAX_PENDING_OF_A_ROLE, MAX_PENDING_OF_AN_AGENT
from actors.speed_layer.policy.engine import Policy
from store import Limits, MemoryLog, Query

DEPLOY = Call("deploy", {"to": "production"}, "/home/dev/project")
CHIEF = Caller(Principal("chief", "admin"), 90)
SAGE = Caller(Principal("sage", "expert"), 91)
DENIES = '[[tool]]\nid = "mine.deploy"\nreason = "frozen"\nverdict = "deny"\ntools = ["deploy"]\n'
ALLOWS = DENIES.replace('"deny"', '"allow"')


def agent(n, role="agent"):
    return Caller(Principal(f"agent-{n}", role), n)


def crash(system, name):
    system.mailboxes[name].put_nowait(Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", ""))


def story(world):
    return [event.type.rpartition(".")[2] for event in world.log.read() if event.stream == APPROVALS_STREAM]


async def ask(world, caller, call=DEPLOY, wait_s=0.0):
    (verdict,) = await world.gate.validate(caller, [call], wait_s)
    return verdict


async def activate(world, text, layer="project"):
    return await world.gate.activate_policy(CHIEF, "mine.toml", text, hashlib.sha256(text.encode()).hexdigest(), layer)


class Crowd:
    """Agents that wait for the same decision."""

    def __init__(self, world, nursery):
        self.world = world
        self.nursery = nursery
        self.verdicts = {}
        self.scopes = {}

    def send(self, callers, call=DEPLOY, wait_s=600.0):
        for caller in callers:
            self.nursery.start_soon(self._wait, caller, call, wait_s)

    async def _wait(self, caller, call, wait_s):
        with trio.CancelScope() as self.scopes[caller.principal.agent]:
            self.verdicts[caller.principal.agent] = await ask(self.world, caller, call, wait_s)


@pytest.mark.parametrize("disconnected", [0, 500])
async def test_a_thousand_agents_that_ask_the_same_get_one_approval_one_evaluation_and_equal_answers(
    autojump_clock, make_world, policy, monkeypatch, disconnected
):
    evaluated = []
    judge = Policy.judge

    def counting(self, request):
        evaluated.append(request.tool)
        return judge(self, request)

    monkeypatch.setattr(Policy, "judge", counting)
    async with make_world().open() as world, trio.open_nursery() as nursery:
        crowd = Crowd(world, nursery)
        for start in range(0, 1000, 100):
            crowd.send([agent(n) for n in range(start, start + 100)])
            await trio.sleep(0.1)
        assert evaluated == ["deploy"]
        (pending,) = (await world.gate.pending_approvals(SAGE)).approvals
        assert (pending.waiting, pending.agent in {f"agent-{n}" for n in range(100)}) == (1000, True)
        for n in range(disconnected):
            crowd.scopes[f"agent-{n}"].cancel()
        await trio.testing.wait_all_tasks_blocked()
        assert (await world.gate.pending_approvals(SAGE)).approvals[0].waiting == 1000 - disconnected
        told = await world.gate.decide(SAGE, pending.id, "allow", "go on")
        await trio.sleep(1.0)
        answers = {(v.verdict, v.reason, v.policy, v.request, v.approval) for v in crowd.verdicts.values()}
        assert len(crowd.verdicts) == 1000 - disconnected
        assert answers == {("allow", "allowed by sage: go on", told.policy, told.request, told.approval)}
        assert story(world).count("requested") == story(world).count("decided") == 1


@pytest.mark.parametrize("disconnected", [0, 500])
async def test_a_restart_in_the_middle_still_leaves_one_approval_and_everybody_is_answered(
    autojump_clock, make_world, disconnected
):
    async with make_world().open() as world, trio.open_nursery() as nursery:
        crowd = Crowd(world, nursery)
        for start in range(0, 1000, 100):
            crowd.send([agent(n) for n in range(start, start + 100)])
            await trio.sleep(0.1)
        for n in range(disconnected):  # the first who asked among them
            crowd.scopes[f"agent-{n}"].cancel()
            world.gate.disconnected(agent(n))
        for victim in ("speed_layer", "event_store"):
            crash(world.system, victim)
            await trio.sleep(5.0)
        (pending,) = (await world.gate.pending_approvals(SAGE)).approvals
        assert pending.waiting == 1000 - disconnected
        await world.gate.decide(SAGE, pending.id, "deny", "no")
        await trio.sleep(1.0)
        assert {v.verdict for v in crowd.verdicts.values()} == {"deny"}
        assert len(crowd.verdicts) == 1000 - disconnected
        assert story(world).count("requested") == story(world).count("decided") == 1


async def test_a_batch_evaluates_distinct_requests_once_and_opens_an_approval_for_each(
    autojump_clock, world, scout, monkeypatch
):
    evaluated = []
    judge = Policy.judge

    def counting(self, request):
        evaluated.append(request.input["to"])
        return judge(self, request)

    monkeypatch.setattr(Policy, "judge", counting)
    calls = [Call("deploy", {"to": f"place-{n % 10}"}, DEPLOY.cwd) for n in range(1000)]
    verdicts = await world.gate.validate(scout, calls)
    assert sorted(evaluated) == sorted({call.input["to"] for call in calls})
    assert len({verdict.approval.id for verdict in verdicts}) == 10
    assert [verdict.request for verdict in verdicts[:10]] == [verdict.request for verdict in verdicts[990:]]


async def test_the_same_question_of_two_roles_is_two_approvals_and_one_grant_serves_one_role(autojump_clock, world):
    async with trio.open_nursery() as nursery:
        crowd = Crowd(world, nursery)
        crowd.send([agent(n) for n in range(50)])
        crowd.send([agent(n, "expert") for n in range(50, 100)])
        await trio.sleep(1.0)
        pending = {each.role: each for each in (await world.gate.pending_approvals(CHIEF)).approvals}
        assert {role: each.waiting for role, each in pending.items()} == {"agent": 50, "expert": 50}
        await world.gate.decide(CHIEF, pending["agent"].id, "allow")
        await trio.sleep(1.0)
        assert set(crowd.verdicts) == {f"agent-{n}" for n in range(50)}
        await world.gate.decide(CHIEF, pending["expert"].id, "deny")
    assert {crowd.verdicts[f"agent-{n}"].verdict for n in range(50, 100)} == {"deny"}


async def test_a_grant_that_nobody_fetched_is_void_after_the_approval_would_have_expired(autojump_clock, world, scout):
    waiting = await ask(world, scout)
    await world.gate.decide(SAGE, waiting.approval.id, "allow")
    await trio.sleep(EXPIRES_NS / 1e9 + 1.0)
    assert (await ask(world, scout)).verdict == "ask"


async def test_what_is_pending_survives_a_stop_and_a_start(autojump_clock, make_world, scout, rover):
    world = make_world()
    async with world.open():
        first = await ask(world, scout)
        await ask(world, rover)
        await trio.sleep(1.0)
    world = make_world(log=world.log)
    async with world.open():
        (pending,) = (await world.gate.pending_approvals(SAGE)).approvals
        assert (pending.id, pending.tool, pending.input, pending.cwd) == (
            first.approval.id, "deploy", DEPLOY.input, DEPLOY.cwd
        )  # fmt: skip
        with pytest.raises(Refusal, match="nobody decides their own"):
            await world.gate.decide(Caller(Principal("rover", "expert"), 5), pending.id, "allow")


async def test_a_grant_serves_each_who_asked_once_and_nobody_later(autojump_clock, world, scout, rover):
    waiting = await ask(world, scout)
    assert (waiting.verdict, waiting.approval.state) == ("ask", "pending")
    await world.gate.decide(SAGE, waiting.approval.id, "allow", "once")
    assert (await ask(world, rover)).verdict == "ask"  # never asked while it was pending
    served = await ask(world, scout)
    assert (served.verdict, served.approval.state, served.cached) == ("allow", "decided", False)
    await trio.testing.wait_all_tasks_blocked()  # were it kept for others, it would be by now
    again = await ask(world, scout)
    assert (again.verdict, again.approval.state) == ("ask", "pending")
    assert again.approval.id != waiting.approval.id


async def test_who_was_served_while_waiting_is_not_served_again(autojump_clock, world):
    async with trio.open_nursery() as nursery:
        crowd = Crowd(world, nursery)
        crowd.send([agent(1)])
        await trio.sleep(1.0)
        await world.gate.decide(SAGE, (await world.gate.pending_approvals(SAGE)).approvals[0].id, "allow")
    assert crowd.verdicts["agent-1"].verdict == "allow"
    assert (await ask(world, agent(1))).verdict == "ask"


async def test_a_grant_is_for_this_action_and_this_role_alone(autojump_clock, world, scout):
    waiting = await ask(world, scout)
    await ask(world, scout._replace(principal=Principal("scout", "expert")))
    await world.gate.decide(SAGE, waiting.approval.id, "allow")
    others = [Call("deploy", {"to": "staging"}, DEPLOY.cwd), Call("deploy", DEPLOY.input, "/"), Call("Deploy2", {})]
    for call in others:
        assert (await ask(world, scout, call)).verdict == "ask"
    assert (await ask(world, scout._replace(principal=Principal("scout", "expert")))).verdict == "ask"
    assert (await ask(world, scout, Call("DEPLOY", DEPLOY.input, DEPLOY.cwd))).verdict == "allow"


async def test_a_remembered_decision_makes_a_new_policy_version_that_survives_a_restart(
    autojump_clock, make_world, scout, rover
):
    world = make_world()
    async with world.open():
        waiting = await ask(world, scout)
        told = await world.gate.decide(SAGE, waiting.approval.id, "allow", "always", "exact")
        assert told.policy != waiting.policy
    world = make_world(log=world.log)
    async with world.open():
        for caller in (scout, rover, rover):
            verdict = await ask(world, caller)
            assert (verdict.verdict, verdict.policy) == ("allow", told.policy)
            assert verdict.rule == f"remembered.{waiting.approval.id}"
            await trio.testing.wait_all_tasks_blocked()
        assert verdict.cached
        assert (await ask(world, agent(1, "expert"))).verdict == "ask"
        await activate(world, DENIES)
        assert (await ask(world, scout)).verdict == "deny"  # remembered answers an ask, never a deny


async def test_nobody_decides_their_own_under_any_role(autojump_clock, world):
    own = await ask(world, SAGE)
    other = await ask(world, agent(1))
    await ask(world, Caller(Principal("sage", "agent"), 5))
    for approval in (own.approval.id, other.approval.id):
        with pytest.raises(Refusal) as caught:
            await world.gate.decide(SAGE, approval, "allow")
        assert caught.value.code == "forbidden"
    assert (await world.gate.decide(CHIEF, own.approval.id, "allow")).verdict == "allow"


@pytest.mark.parametrize("role", ["agent", "observer"])
async def test_agents_and_observers_decide_and_activate_nothing(autojump_clock, world, scout, role):
    waiting = await ask(world, scout)
    nobody = Caller(Principal("nobody", role), 5)
    for attempt in (
        lambda: world.gate.pending_approvals(nobody),
        lambda: world.gate.decide(nobody, waiting.approval.id, "allow"),
        lambda: world.gate.activate_policy(nobody, "x", "", hashlib.sha256(b"").hexdigest(), "project"),
        lambda: world.gate.query_events(nobody, Query(stream=APPROVALS_STREAM)),
    ):
        with pytest.raises(Refusal) as caught:
            await attempt()
        assert caught.value.code == "forbidden"
    with pytest.raises(Refusal):
        await world.gate.activate_policy(SAGE, "x", "", hashlib.sha256(b"").hexdigest(), "project")


async def test_what_is_not_pending_cannot_be_decided(autojump_clock, world, scout):
    waiting = await ask(world, scout)
    await world.gate.decide(SAGE, waiting.approval.id, "deny")
    for approval in (waiting.approval.id, "nonsense"):
        with pytest.raises(Refusal) as caught:
            await world.gate.decide(SAGE, approval, "allow")
        assert caught.value.code == "invalid"


async def test_two_who_decide_at_once_give_one_decision(autojump_clock, make_world, scout):
    async def disk(function):
        await trio.sleep(0.1)
        return function()

    async with make_world(run_sync=disk).open() as world:
        waiting = await ask(world, scout)
        outcomes = []

        async def decide(caller, decision):
            try:
                outcomes.append((await world.gate.decide(caller, waiting.approval.id, decision)).verdict)
            except Refusal as refusal:
                outcomes.append(refusal.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(decide, SAGE, "allow")
            nursery.start_soon(decide, CHIEF, "deny")
        assert sorted(outcomes) in (["allow", "invalid"], ["deny", "invalid"])
        assert story(world) == ["requested", "decided"]


async def test_a_decision_is_told_to_nobody_before_it_is_durable(autojump_clock, make_world):
    async def disk(function):
        await trio.sleep(1.0)
        return function()

    async with make_world(run_sync=disk).open() as world, trio.open_nursery() as nursery:
        crowd = Crowd(world, nursery)
        crowd.send([agent(1)])
        await trio.sleep(5.0)
        (pending,) = (await world.gate.pending_approvals(SAGE)).approvals
        nursery.start_soon(world.gate.decide, SAGE, pending.id, "allow")
        await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(0.5)
        assert not crowd.verdicts
        await trio.sleep(2.0)
        assert crowd.verdicts["agent-1"].verdict == "allow"


async def test_a_wait_that_nobody_ends_stays_ask_and_an_approval_expires(autojump_clock, world, scout):
    began = trio.current_time()
    verdict = await ask(world, scout, wait_s=30.0)
    assert (verdict.verdict, verdict.approval.state) == ("ask", "pending")
    assert trio.current_time() - began == pytest.approx(30.0, abs=0.1)
    await trio.sleep(EXPIRES_NS / 1e9)
    assert (await world.gate.pending_approvals(SAGE)).approvals == []
    assert story(world) == ["requested", "expired"]


async def test_a_policy_that_decides_meanwhile_cancels_the_approval_and_answers_who_waits(autojump_clock, world):
    for text, verdict in ((DENIES, "deny"), (ALLOWS, "allow")):
        async with trio.open_nursery() as nursery:
            crowd = Crowd(world, nursery)
            crowd.send([agent(n) for n in range(3)])
            await trio.sleep(1.0)
            assert len((await world.gate.pending_approvals(SAGE)).approvals) == 1
            version = await activate(world, text)
        assert {(v.verdict, v.rule, v.policy, v.approval.state) for v in crowd.verdicts.values()} == {
            (verdict, "mine.deploy", version, "cancelled")
        }
        assert (await world.gate.pending_approvals(SAGE)).approvals == []
        await activate(world, "")


async def test_a_grant_that_was_not_fetched_yet_does_not_stand_against_a_new_deny(autojump_clock, world, scout):
    waiting = await ask(world, scout)
    await world.gate.decide(SAGE, waiting.approval.id, "allow")
    await activate(world, DENIES)
    assert (await ask(world, scout)).verdict == "deny"


async def test_an_agent_that_asks_for_ever_more_gets_ask_without_an_approval(autojump_clock, world, scout, rover):
    verdicts = await world.gate.validate(scout, [Call("deploy", {"n": n}) for n in range(MAX_PENDING_OF_AN_AGENT + 5)])
    assert {verdict.verdict for verdict in verdicts} == {"ask"}
    assert [verdict.approval is None for verdict in verdicts].count(True) == 5
    assert f"'scout' has {MAX_PENDING_OF_AN_AGENT} approvals open already" in verdicts[-1].reason
    assert (await ask(world, rover)).approval is not None
    huge = await ask(world, rover, Call("deploy", {"text": "x" * MAX_ACTION_BYTES}))
    assert (huge.verdict, huge.approval) == ("ask", None)
    assert "too large for an approval" in huge.reason


async def test_no_role_takes_all_the_approvals_there_may_be(autojump_clock, world, scout):
    answers = []
    for n in range(MAX_PENDING_OF_A_ROLE // MAX_PENDING_OF_AN_AGENT + 1):
        answers += await world.gate.validate(
            agent(n), [Call("deploy", {"n": n, "i": i}) for i in range(MAX_PENDING_OF_AN_AGENT)]
        )
    without = [verdict for verdict in answers if verdict.approval is None]
    assert {verdict.verdict for verdict in answers} == {"ask"}
    assert len(without) == MAX_PENDING_OF_AN_AGENT
    assert f"'agent' has {MAX_PENDING_OF_A_ROLE} approvals open already" in without[0].reason
    assert (await ask(world, agent(99, "expert"))).approval is not None


async def test_a_batch_waits_for_all_that_is_pending(autojump_clock, world, scout):
    calls = [DEPLOY, Call("deploy", {"to": "staging"}), DEPLOY]

    async def decide_all():
        await trio.sleep(1.0)
        page = await world.gate.pending_approvals(SAGE)
        for pending, decision in zip(page.approvals, ("allow", "deny"), strict=True):
            await world.gate.decide(SAGE, pending.id, decision)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(decide_all)
        verdicts = await world.gate.validate(scout, calls, 60.0)
    assert [verdict.verdict for verdict in verdicts] == ["allow", "deny", "allow"]


async def test_many_large_approvals_opened_at_once_are_stored_a_few_at_a_time(autojump_clock, make_world):
    log = MemoryLog(limits=Limits(append_bytes=2 << 20))
    calls = [Call("deploy", {"text": str(n) + 200_000 * "x"}, "/home/dev/project") for n in range(20)]
    async with make_world(log=log).open() as world:
        async with trio.open_nursery() as nursery:
            for n in range(5):  # an agent may have so many bytes open
                nursery.start_soon(world.gate.validate, agent(n), calls[4 * n : 4 * n + 4])
        await trio.sleep(1)
        assert world.crashes == []
        assert story(world) == ["requested"] * 20
