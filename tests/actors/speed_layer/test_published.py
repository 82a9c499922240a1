"""What the rules decide is ruled by the published policy, without a hop; all else is the speed layer's."""

from __future__ import annotations

import hashlib

import pytest
import trio
import trio.testing

from actors.desk.gate import Call, Caller
from actors.kernel import resume, suspend
from actors.session.messages import Principal, session_name
from actors.session.prepaid_tokens import TOKEN_S
from actors.speed_layer.audit.buffer import AUDIT_STREAM
from actors.speed_layer.governing.breaker import FAILURES
from actors.speed_layer.governing.guarded_judging import BUDGET_S
from actors.speed_layer.policy.engine import MAX_KEPT_LENGTH, Judged, Policy, PolicySource, Ruling, packs
from actors.speed_layer.published_policy import MAX_REQUESTS

CHIEF = Caller(Principal("chief", "admin"), 90)
CWD = "/home/dev/project"
TIGHTENS = '[[command]]\nid = "mine.ls"\nreason = "no"\nverdict = "deny"\nargv = ["ls"]\n'
MINE = """[[command]]
id = "mine.limited"
reason = "r"
verdict = "allow"
argv = ["frob"]
args = "any*"
at_most = "2/min"

[[command]]
id = "mine.durable"
reason = "r"
verdict = "allow"
argv = ["twiddle"]
args = "any*"
audit = "durable"
"""


def line(command):
    return Call("Bash", {"command": command}, CWD)


def evaluated(world):
    return world.system.statistics()["speed_layer"].handled


@pytest.fixture
async def known(world, scout):
    """A world whose session knows the connection."""
    await world.gate.validate(scout, [line("ls")])
    await trio.testing.wait_all_tasks_blocked()
    return world


async def test_what_rules_decide_needs_no_waiting_is_cached_and_recorded(autojump_clock, known, scout):
    before = evaluated(known)
    (fresh,) = known.gate.validate_nowait(scout, [line("ls -la src")])
    assert (fresh.verdict, fresh.cached, fresh.policy) == ("allow", False, known.views.policy)
    (denied,) = known.gate.validate_nowait(scout, [line("rm -rf /")])
    assert (denied.verdict, denied.cached) == ("deny", False)
    assert evaluated(known) == before
    await trio.testing.wait_all_tasks_blocked()
    (again,) = known.gate.validate_nowait(scout, [line("ls -la src")])
    assert (again.verdict, again.cached) == ("allow", True)
    await trio.sleep(1.0)
    recorded = [event.data for event in known.log.read() if event.stream == AUDIT_STREAM]
    assert [(each["verdict"], each["cached"]) for each in recorded[-3:]] == [
        ("allow", False),
        ("deny", False),
        ("allow", True),
    ]


@pytest.mark.parametrize(
    "calls",
    [
        [line("frobnicate")],
        [line("ls -t"), line("frobnicate")],
        [Call("deploy", {}, CWD)],
        [line(f"ls {'a' * MAX_KEPT_LENGTH}")],
        [line(f"ls dir{n}") for n in range(MAX_REQUESTS + 1)],
    ],
    ids=["undecided", "one of two", "another tool", "long", "many"],
)
async def test_all_else_is_the_speed_layers_and_costs_nothing_before(autojump_clock, known, scout, calls):
    spent, before = known.views.prepaid[session_name(scout.principal)].spent, evaluated(known)
    with pytest.raises(trio.WouldBlock):
        known.gate.validate_nowait(scout, calls)
    assert known.views.prepaid[session_name(scout.principal)].spent == spent
    await known.gate.validate(scout, calls)
    assert evaluated(known) == before + 1


@pytest.mark.parametrize("command", ["frob a", "twiddle a"])
async def test_what_is_limited_or_recorded_first_is_the_speed_layers(autojump_clock, make_world, scout, command):
    world = make_world()
    world.hall._policy = Policy.load([*packs(), PolicySource("mine.toml", MINE)], check_examples=False)
    async with world.open():
        await world.gate.validate(scout, [line("ls")])
        before = evaluated(world)
        await world.gate.validate(scout, [line(command)])
        assert evaluated(world) == before + 1


async def test_a_batch_of_known_and_fresh_lines_comes_in_order(autojump_clock, known, scout):
    verdicts = known.gate.validate_nowait(scout, [line("git status"), line("ls"), line("rm -rf /"), line("git status")])
    assert [(each.verdict, each.cached) for each in verdicts] == [
        ("allow", False),
        ("allow", True),
        ("deny", False),
        ("allow", False),
    ]


async def test_a_policy_that_is_activated_rules_from_its_reply_on(autojump_clock, known, scout):
    (before,) = known.gate.validate_nowait(scout, [line("ls -la")])
    sha256 = hashlib.sha256(TIGHTENS.encode()).hexdigest()
    version = await known.gate.activate_policy(CHIEF, "mine.toml", TIGHTENS, sha256, "project")
    (after,) = known.gate.validate_nowait(scout, [line("ls -la")])
    assert (before.verdict, after.verdict, after.policy) == ("allow", "deny", version)


async def test_what_rules_decide_does_not_wait_for_a_busy_speed_layer(autojump_clock, known, scout):
    await suspend(known.system, "speed_layer")
    (verdict,) = await known.gate.validate(scout, [line("ls -lt")])
    await resume(known.system, "speed_layer")
    assert verdict.verdict == "allow"


async def test_what_judging_took_beyond_its_token_is_owed(autojump_clock, known, scout, monkeypatch):
    def slow(_policy, _request):
        autojump_clock.jump(10.5 * TOKEN_S)
        return Judged(Ruling("allow", "r", None, cacheable=False))

    monkeypatch.setattr(Policy, "judge", slow)
    prepaid = known.views.prepaid[session_name(scout.principal)]
    known.gate.validate_nowait(scout, [line("ls -la")])
    assert prepaid.owed == 9


async def test_an_agent_whose_lines_take_too_long_to_judge_is_given_to_the_breaker(
    autojump_clock, known, scout, monkeypatch
):
    def slow(_policy, _request):
        autojump_clock.jump(2 * BUDGET_S)
        return Judged(Ruling("allow", "r", None, cacheable=False))

    monkeypatch.setattr(Policy, "judge", slow)
    for n in range(FAILURES):
        assert (await known.gate.validate(scout, [line(f"ls {n}")]))[0].verdict == "allow"
    for n in range(2):
        (verdict,) = await known.gate.validate(scout, [line(f"ls -la {n}")])
        assert (verdict.verdict, "pauses" in verdict.reason) == ("ask", True)
        await trio.sleep(0.01)  # a new slice of time: it is not for want of one that the speed layer is asked
