"""Rules for named agents and labels: those whom a rule tells apart share nothing, all others what they ever did."""

from __future__ import annotations

import hashlib

import pytest
import trio

from actors.desk.gate import Call, Caller
from actors.kernel.messages.mailbox import Envelope
from actors.session.messages import Principal
from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM
from actors.speed_layer.audit.buffer import AUDIT_STREAM
from actors.speed_layer.policy.engine import Policy, PolicySource, packs
from actors.speed_layer.policy.replay import replay

CWD = "/home/dev/project"
DEPLOY = Call("deploy", {"to": "production"}, CWD)
FROB = Call("Bash", {"command": "frob deploy web.toml"}, CWD)
STATUS = Call("Bash", {"command": "git status"}, CWD)
CHIEF = Caller(Principal("chief", "admin"), 90)
SAGE = Caller(Principal("sage", "expert"), 91)
PLAIN = Caller(Principal("plain", "agent"), 1)
OTHER = Caller(Principal("other", "agent"), 2)
SHIP = Caller(Principal("ship", "agent", ("deploy",)), 3)
SHIP_TOO = Caller(Principal("ship-too", "agent", ("deploy", "unspoken-of")), 4)
SCOUT = Caller(Principal("scout", "agent", ("unspoken-of",)), 5)

FOR_DEPLOY = """
[[tool]]
id = "mine.deploy"
reason = "its work"
verdict = "allow"
tools = ["deploy"]
labels = ["deploy"]
"""
NOT_SCOUT = """
[[command]]
id = "mine.scout"
reason = "it looks at nothing"
verdict = "deny"
argv = ["git", "status"]
agents = ["scout"]
"""
SPOKEN_OF = """
[[tool]]
id = "mine.else"
reason = "something else"
verdict = "ask"
tools = ["something-else"]
labels = ["deploy"]
"""
DENIED = FOR_DEPLOY.replace('"allow"', '"deny"')


async def ask(world, caller, call=DEPLOY, wait_s=0.0):
    (verdict,) = await world.gate.validate(caller, [call], wait_s)
    return verdict


async def activate(world, text):
    digest = hashlib.sha256(text.encode()).hexdigest()
    return await world.gate.activate_policy(CHIEF, "mine.toml", text, digest, "project")


async def restart(world):
    envelope = Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", "")
    world.system.mailboxes["speed_layer"].put_nowait(envelope)
    await trio.sleep(5.0)


def story(world):
    return [event.type.rpartition(".")[2] for event in world.log.read() if event.stream == APPROVALS_STREAM]


def verdict_data(world):
    return [{**event.data, "at": "2030-01-07T12:00:00Z"} for event in world.log.read() if event.stream == AUDIT_STREAM]


async def test_a_rule_for_a_label_or_a_name_is_nothing_to_the_others(world):
    await activate(world, FOR_DEPLOY + NOT_SCOUT)
    assert [(await ask(world, each)).verdict for each in (SHIP, SHIP_TOO, PLAIN, SCOUT)] == [
        "allow", "allow", "ask", "ask",
    ]  # fmt: skip
    assert [(await ask(world, each, STATUS)).verdict for each in (SCOUT, PLAIN, SHIP)] == ["deny", "allow", "allow"]
    for each in (SCOUT, PLAIN):
        (verdict,) = world.gate.validate_nowait(each, [STATUS])
        assert verdict.verdict == ("deny" if each is SCOUT else "allow")
        explained, _ = await world.gate.explain(each, STATUS)
        assert explained.verdict == verdict.verdict


@pytest.mark.parametrize("first", [PLAIN, SHIP, SCOUT])
@pytest.mark.parametrize("call", [STATUS, DEPLOY])
async def test_no_verdict_is_shared_by_agents_whom_a_rule_tells_apart(world, first, call):
    await activate(world, FOR_DEPLOY + NOT_SCOUT)
    await ask(world, first, call)
    await trio.sleep(0.1)
    for other in {PLAIN, SHIP, SCOUT} - {first}:
        verdict = await ask(world, other, call)
        wanted = {"scout": "deny"} if call is STATUS else {"ship": "allow"}
        assert verdict.verdict == wanted.get(other.principal.agent, "allow" if call is STATUS else "ask")
        assert not verdict.cached


async def test_agents_whom_no_rule_tells_apart_share_verdicts_and_approvals_as_ever(world):
    for text, sharing in (
        (SPOKEN_OF.replace('labels = ["deploy"]', ""), (PLAIN, SHIP)),
        (FOR_DEPLOY, (SHIP, SHIP_TOO)),
    ):
        await activate(world, text)
        await ask(world, sharing[0], STATUS)
        await trio.sleep(0.1)
        assert (await ask(world, sharing[1], STATUS)).cached
    assert (await ask(world, PLAIN)).approval.id == (await ask(world, SCOUT)).approval.id
    assert world.views.audience_of(SCOUT.principal) == world.views.audience_of(PLAIN.principal) == "agent"


async def test_no_approval_is_shared_by_agents_whom_a_rule_tells_apart_and_each_decision_is_for_its_own(
    autojump_clock, world
):
    await activate(world, SPOKEN_OF)
    plain, ship = await ask(world, PLAIN), await ask(world, SHIP)
    assert plain.approval.id != ship.approval.id
    assert (await ask(world, SHIP_TOO)).approval.id == ship.approval.id
    listed = (await world.gate.pending_approvals(SAGE)).approvals
    assert [(each.agent, each.labels) for each in listed] == [("plain", ()), ("ship", ("deploy",))]
    await world.gate.decide(SAGE, ship.approval.id, "allow")
    assert (await ask(world, PLAIN)).verdict == "ask"
    assert [(await ask(world, each)).verdict for each in (SHIP, SHIP_TOO)] == ["allow", "allow"]


async def test_an_answer_that_is_owed_is_not_collected_under_the_same_name_with_other_labels(world):
    await activate(world, SPOKEN_OF)
    ship = await ask(world, SHIP)
    await world.gate.decide(SAGE, ship.approval.id, "allow")
    stripped = Caller(Principal("ship", "agent"), 6)
    assert (await ask(world, stripped)).verdict == "ask"
    assert (await ask(world, SHIP)).verdict == "allow"


@pytest.mark.parametrize("restarted", [False, True])
@pytest.mark.parametrize("first", [PLAIN, SHIP])
async def test_a_policy_that_tells_apart_who_waits_together_parts_them(autojump_clock, world, first, restarted):
    second = SHIP if first is PLAIN else PLAIN
    given = {}

    async def wait(caller):
        given[caller] = await ask(world, caller, wait_s=600.0)

    async with trio.open_nursery() as nursery:
        for caller in (first, second):
            nursery.start_soon(wait, caller)
            await trio.sleep(1.0)
        assert story(world) == ["requested", "joined"]
        if restarted:
            await restart(world)
        await activate(world, SPOKEN_OF)
        await trio.sleep(1.0)
        listed = (await world.gate.pending_approvals(SAGE)).approvals
        assert sorted((each.agent, each.waiting) for each in listed) == [("plain", 1), ("ship", 1)]
        for each in listed:
            await world.gate.decide(SAGE, each.id, "allow" if each.agent == "ship" else "deny")
    assert {each.principal.agent: verdict.verdict for each, verdict in given.items()} == {
        "ship": "allow",
        "plain": "deny",
    }


async def test_who_waits_alone_keeps_their_approval_when_a_policy_speaks_of_them(autojump_clock, world):
    before = await ask(world, SHIP)
    await activate(world, SPOKEN_OF)
    assert (await ask(world, SHIP)).approval.id == before.approval.id
    assert (await ask(world, PLAIN)).approval.id != before.approval.id
    await restart(world)
    assert (await ask(world, SHIP)).approval.id == before.approval.id
    await activate(world, "")
    assert (await ask(world, OTHER)).approval.id == before.approval.id  # the oldest of those that now are one


async def test_a_policy_that_denies_one_of_two_who_wait_together_denies_it_alone(autojump_clock, world):
    given = {}

    async def wait(caller):
        given[caller.principal.agent] = await ask(world, caller, wait_s=600.0)

    async with trio.open_nursery() as nursery:
        for caller in (PLAIN, SHIP):
            nursery.start_soon(wait, caller)
            await trio.sleep(1.0)
        await activate(world, DENIED)
        await trio.sleep(1.0)
        (left,) = (await world.gate.pending_approvals(SAGE)).approvals
        await world.gate.decide(SAGE, left.id, "allow")
    assert {name: verdict.verdict for name, verdict in given.items()} == {"ship": "deny", "plain": "allow"}


class SlowDisk:
    takes_s = 0.0

    async def __call__(self, function):
        await trio.sleep(self.takes_s)
        return function()


async def test_a_decision_that_is_being_stored_while_a_policy_tells_its_askers_apart_is_for_none_of_them(
    autojump_clock, make_world
):
    disk = SlowDisk()
    async with make_world(run_sync=disk).open() as world:
        waiting = [await ask(world, each) for each in (PLAIN, SHIP)]
        assert len({each.approval.id for each in waiting}) == 1
        for each in (CHIEF, SAGE):
            await world.gate.whoami(each)
        disk.takes_s = 1.0
        async with trio.open_nursery() as nursery:
            nursery.start_soon(activate, world, SPOKEN_OF)
            await trio.sleep(1.5)  # compiled, and on its way to the log
            told = await world.gate.decide(SAGE, waiting[0].approval.id, "allow")
        disk.takes_s = 0.0
        assert (told.verdict, "tells apart" in told.reason) == ("ask", True)
        assert [(await ask(world, each)).verdict for each in (PLAIN, SHIP)] == ["ask", "ask"]
        assert world.crashes == []


async def test_what_is_remembered_is_for_those_whom_no_rule_tells_apart_from_who_asked(autojump_clock, world):
    waiting = await ask(world, SHIP, FROB)
    await world.gate.decide(SAGE, waiting.approval.id, "allow", "", "exact")
    assert [(await ask(world, each, FROB)).verdict for each in (PLAIN, SHIP)] == ["allow", "allow"]
    await activate(world, SPOKEN_OF)
    for restarted in (False, True):
        if restarted:
            await restart(world)
        found = [(await ask(world, each, FROB)).verdict for each in (PLAIN, SHIP, SHIP_TOO)]
        assert found == ["ask", "allow", "allow"]
    waiting = await ask(world, PLAIN, FROB)
    await world.gate.decide(SAGE, waiting.approval.id, "deny", "", "exact")
    assert [(await ask(world, each, FROB)).verdict for each in (OTHER, SHIP)] == ["deny", "allow"]
    await activate(world, "")
    assert (await ask(world, SHIP, FROB)).verdict == "deny"  # the later of the two, as ever


async def test_a_remembered_rule_is_for_its_audience_too(world):
    await activate(world, SPOKEN_OF)
    waiting = await ask(world, SHIP, FROB)
    await world.gate.decide(CHIEF, waiting.approval.id, "allow", "", "rule")
    like_it = Call("Bash", {"command": "frob deploy db.toml"}, CWD)
    assert [(await ask(world, each, like_it)).verdict for each in (SHIP_TOO, PLAIN)] == ["allow", "ask"]


async def test_a_verdict_event_says_which_labels_its_agent_had_and_a_replay_judges_by_them(autojump_clock, world):
    for each in (PLAIN, SHIP, SHIP_TOO, SCOUT):
        await ask(world, each)
    await trio.sleep(1.0)
    data = verdict_data(world)
    assert [each.get("labels") for each in data] == [None, ["deploy"], ["deploy", "unspoken-of"], ["unspoken-of"]]
    mine = Policy.load([*packs(), PolicySource("mine.toml", DENIED)], check_examples=False)
    outcome = replay(data, mine)
    assert [(each.audience, each.times, each.after) for each in outcome.changes] == [
        ("agent, labelled deploy", 2, "deny")
    ]
    scouts = Policy.load(
        [*packs(), PolicySource("mine.toml", DENIED.replace('labels = ["deploy"]', 'agents = ["scout", "plain"]'))],
        check_examples=False,
    )
    outcome = replay(data, scouts)
    assert sorted((each.audience, each.times) for each in outcome.changes) == [
        ("agent, named plain", 1),
        ("agent, named scout", 1),
    ]


async def test_the_person_at_one_agents_client_answers_for_it_as_the_policy_now_sees_it(autojump_clock, world):
    """A policy that denies this label while the person thinks has the last word on it."""
    thinking = trio.Event()

    async def person(_request, _answer):
        thinking.set()
        await trio.sleep(10.0)
        return "allow"

    given = []

    async def wait():
        (verdict,) = await world.gate.validate(SHIP, [DEPLOY], 600.0, person)
        given.append(verdict.verdict)

    async with trio.open_nursery() as nursery:
        await ask(world, PLAIN)  # the first of the two
        nursery.start_soon(wait)
        await thinking.wait()
        await activate(world, DENIED)
    assert given == ["deny"]
