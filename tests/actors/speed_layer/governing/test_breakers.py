"""What fails is `ask`, never `allow`; healthy traffic opens nothing; what is open shows. All under virtual time."""

from __future__ import annotations

import functools

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.desk.gate import Call, Caller
from actors.kernel import ActorError, resume, suspend
from actors.kernel.messages.mailbox import Envelope
from actors.session.messages import Principal
from actors.speed_layer.audit.buffer import STALLED_S
from actors.speed_layer.governing.adoption import adopted_events
from actors.speed_layer.governing.breaker import FAILURES, MAX_PAUSE_S, PAUSE_S, Breaker
from actors.speed_layer.governing.breaker_events import BREAKERS_STREAM, MAX_TOLD
from actors.speed_layer.governing.guarded_judging import BUDGET_S
from actors.speed_layer.governing.quotas import Quotas
from actors.speed_layer.policy import engine as policy_engine
from actors.speed_layer.policy.engine import FAULT, Judged, Policy, PolicySource, Request, Ruling, packs
from actors.speed_layer.policy.loading.sources import PolicyError
from actors.speed_layer.policy.ruling import Limit
from store import NewEvent

OTHER = Caller(Principal("other", "agent"), 8)
CWD = "/home/dev/project"
LIST = Call("Bash", {"command": "ls -la"}, CWD)
STATUS = Call("Bash", {"command": "git status"}, CWD)
WIPE = Call("Bash", {"command": "rm -rf /"}, CWD)
DEPLOY = Call("deploy", {}, CWD)
LIMITED = """[[tool]]
id = "mine.deploy"
reason = "r"
verdict = "allow"
tools = ["deploy"]
at_most = "3/min"

[[command]]
id = "mine.frob"
reason = "r"
verdict = "allow"
argv = ["frob"]
args = "any*"
at_most = "2/min"
"""


@pytest.fixture(scope="module")
def limited():
    return Policy.load([*packs(), PolicySource("mine.toml", LIMITED)], check_examples=False)


@pytest.fixture
def limited_world(make_world, limited):
    world = make_world()
    world.hall._policy = limited
    return world


def crash(system, name):
    system.mailboxes[name].put_nowait(Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", ""))


def breakers(world):
    return [(e.type.rpartition(".")[2], e.data["breaker"]) for e in world.log.read() if e.stream == BREAKERS_STREAM]


async def ask(world, caller, call=LIST):
    (verdict,) = await world.gate.validate(caller, [call])
    return verdict


def distinct(n):
    return Call("Bash", {"command": f"ls -la dir{n}"}, CWD)


class Engine:
    """A policy engine that fails or dawdles on demand."""

    def __init__(self, monkeypatch, clock):
        self.clock = clock
        self.fails = False
        self.takes_s = 0.0
        self.judged = 0
        tool_name = policy_engine.tool_name

        def patched(tool):
            self.judged += 1
            self.clock.jump(self.takes_s)
            if self.fails:
                raise ZeroDivisionError
            return tool_name(tool)

        monkeypatch.setattr(policy_engine, "tool_name", patched)


@pytest.fixture
def engine(monkeypatch, autojump_clock):
    return Engine(monkeypatch, autojump_clock)


@pytest.mark.parametrize("fault", ["fails", "dawdles"])
async def test_an_agent_whose_requests_fail_in_a_row_is_no_longer_judged_and_others_are(
    autojump_clock, world, scout, engine, fault
):
    engine.fails, engine.takes_s = (True, 0.0) if fault == "fails" else (False, 2 * BUDGET_S)
    for n in range(FAILURES):
        assert (await ask(world, scout, distinct(n))).verdict == ("ask" if fault == "fails" else "allow")
    judged = engine.judged
    engine.fails, engine.takes_s = False, 0.0
    verdict = await ask(world, scout, STATUS)
    assert (verdict.verdict, verdict.approval, engine.judged) == ("ask", None, judged)
    assert "pauses" in verdict.reason
    assert (await ask(world, OTHER, STATUS)).verdict == "allow"
    await trio.sleep(2.0)
    health = world.gate.health()
    assert (health.status, health.components["speed_layer"].status) == ("degraded", "degraded")
    assert "'scout'" in health.components["speed_layer"].detail
    assert breakers(world) == [("opened", "judging/scout")]


async def test_one_request_probes_after_the_pause_and_its_success_closes_the_breaker(
    autojump_clock, world, scout, engine
):
    engine.fails = True
    for n in range(FAILURES):
        await ask(world, scout, distinct(n))
    await trio.sleep(PAUSE_S + 0.1)
    assert "failed (" in (await ask(world, scout, distinct(8))).reason  # the probe, and it fails
    await trio.sleep(PAUSE_S + 0.1)
    assert "pauses" in (await ask(world, scout, distinct(9))).reason  # the pause is twice as long now
    engine.fails = False
    await trio.sleep(PAUSE_S)
    assert (await ask(world, scout)).verdict == "allow"
    assert (await ask(world, scout, STATUS)).verdict == "allow"
    await trio.sleep(2.0)
    assert breakers(world) == [("opened", "judging/scout"), ("closed", "judging/scout")]
    assert world.gate.health().status == "ok"


async def test_failures_between_successes_open_nothing(autojump_clock, world, scout, engine):
    for n in range(10 * FAILURES):
        engine.fails = n % FAILURES != 0
        await ask(world, scout, distinct(n))
    assert breakers(world) == []


async def test_a_breaker_that_was_open_in_a_crash_is_closed_in_the_log_when_the_speed_layer_starts_again(
    autojump_clock, world, scout, engine
):
    engine.fails = True
    for n in range(FAILURES):
        await ask(world, scout, distinct(n))
    await trio.sleep(1.0)
    crash(world.system, "speed_layer")
    engine.fails = False
    await trio.sleep(5.0)
    assert breakers(world) == [("opened", "judging/scout"), ("closed", "judging/scout")]
    assert (await ask(world, scout)).verdict == "allow"
    assert "judging" not in world.gate.health().components["speed_layer"].detail


@given(st.lists(st.tuples(st.booleans(), st.floats(0.0, 2 * MAX_PAUSE_S)), max_size=60))
def test_a_breaker_is_open_only_after_failures_in_a_row_and_lets_one_through_a_pause(attempts):
    breaker, now, row = Breaker(), 0.0, 0
    for fails, later_s in attempts:
        now += later_s
        admitted = breaker.admits(now)
        assert admitted or row >= FAILURES
        if not admitted:
            assert 0.0 < breaker.left_s(now) <= MAX_PAUSE_S
            continue
        assert not (breaker.open and breaker.admits(now))  # one probe, not two
        opened_or_closed = breaker.failed(now) if fails else breaker.succeeded()
        assert opened_or_closed == (row + 1 == FAILURES if fails else row >= FAILURES)
        row = row + 1 if fails else 0
        assert breaker.open == (row >= FAILURES)


def test_a_breaker_says_how_long_it_lets_nothing_through_and_probes_once_a_pause():
    breaker = Breaker()
    assert breaker.left_s(0.0) == 0.0
    assert [breaker.failed(100.0) for _ in range(FAILURES + 1)] == [False] * (FAILURES - 1) + [True, False]
    assert breaker.left_s(100.0) == 2 * PAUSE_S  # one more failed while it was open
    assert breaker.left_s(101.0) == 2 * PAUSE_S - 1.0
    assert not breaker.admits(100.0 + 2 * PAUSE_S - 0.1)
    assert breaker.left_s(1000.0) == 0.0
    assert (breaker.admits(1000.0), breaker.admits(1000.1)) == (True, False)
    assert (breaker.succeeded(), breaker.left_s(1000.1), breaker.failures) == (True, 0.0, 0)
    assert not breaker.succeeded()


async def test_while_the_audit_cannot_be_written_nothing_is_allowed_and_denials_stand(autojump_clock, world, scout):
    assert (await ask(world, scout)).verdict == "allow"
    await trio.sleep(1.0)
    await suspend(world.system, "event_store")
    assert world.gate.validate_nowait(scout, [LIST])[0].verdict == "allow"
    await trio.sleep(STALLED_S - 1.0)
    assert world.gate.validate_nowait(scout, [LIST])[0].verdict == "allow"
    await trio.sleep(6.0)
    with pytest.raises(trio.WouldBlock):
        world.gate.validate_nowait(scout, [LIST])
    for call, verdict in ((LIST, "ask"), (STATUS, "ask"), (WIPE, "deny")):
        given = await ask(world, scout, call)
        assert (given.verdict, given.approval) == (verdict, None)
    explained, _ = await world.gate.explain(scout, LIST)
    assert explained.verdict == "ask"
    assert world.gate.health().components["speed_layer"].detail.startswith("audit: verdicts cannot be stored")
    await resume(world.system, "event_store")
    await trio.sleep(2.0)
    assert (await ask(world, scout)).verdict == "allow"
    await trio.sleep(1.0)
    assert breakers(world) == [("opened", "audit"), ("closed", "audit")]
    assert world.gate.health().status == "ok"


async def test_a_backlog_that_is_being_stored_opens_nothing(autojump_clock, make_world, scout):
    async def disk(function):
        await trio.sleep(4.0)  # a slow disk, and more to store than it takes
        return function()

    async with make_world(run_sync=disk).open() as world:
        for _ in range(30):
            assert {each.verdict for each in await world.gate.validate(scout, [LIST] * 1000)} == {"allow"}
            await trio.sleep(1.0)
        assert world.views.audit.held > 2000
        assert breakers(world) == []


async def test_a_rule_allows_each_agent_as_often_as_it_says_and_asks_about_more(
    autojump_clock, limited_world, scout, rover
):
    async with limited_world.open() as world:
        await trio.sleep(60.0)
        given = [(await ask(world, scout, DEPLOY)) for _ in range(5)]
        assert [each.verdict for each in given] == ["allow"] * 3 + ["ask"] * 2
        assert not any(each.cached for each in given)
        assert (given[4].rule, given[4].approval, "3 times in 60 s" in given[4].reason) == ("mine.deploy", None, True)
        assert (await ask(world, rover, DEPLOY)).verdict == "allow"
        await trio.sleep(20.1)
        assert [(await ask(world, scout, DEPLOY)).verdict for _ in range(2)] == ["allow", "ask"]


async def test_a_limit_counts_a_rule_anywhere_in_a_line_and_a_crash_does_not_fill_it(
    autojump_clock, limited_world, scout
):
    line = Call("Bash", {"command": "ls && frob x"}, CWD)
    async with limited_world.open() as world:
        assert (await ask(world, scout, line)).verdict == "ask"  # what was allowed before the start is not known
        await trio.sleep(60.0)
        assert [(await ask(world, scout, line)).verdict for _ in range(3)] == ["allow", "allow", "ask"]
        crash(world.system, "speed_layer")
        await trio.sleep(3.0)
        assert (await ask(world, scout, line)).verdict == "ask"


@given(
    st.lists(st.tuples(st.sampled_from(["ada", "bob"]), st.floats(0.0, 100.0)), max_size=80),
    st.integers(1, 5),
    st.sampled_from([1.0, 60.0]),
)
def test_a_quota_never_allows_more_than_its_rate_and_one_burst(times, count, per_s):
    quotas, now = Quotas(0.0), 0.0
    limit = Limit("r", count, per_s)
    allowed = {"ada": [], "bob": []}
    for agent, later_s in times:
        now += later_s
        if quotas.exceeded([limit], agent, now) is None:
            allowed[agent].append(now)
    for moments in allowed.values():
        for first in range(len(moments)):
            for last in range(first, len(moments)):
                most = count + (moments[last] - moments[first]) * count / per_s
                assert last - first + 1 <= most + 1e-6
            assert first + 1 <= moments[first] * count / per_s + 1e-6  # nothing is there at the start


def test_quotas_hold_a_bounded_number_of_agents_and_ask_about_the_rest():
    quotas, limit = Quotas(0.0), Limit("r", 1, 60.0)
    outcomes = [quotas.exceeded([limit], f"agent-{n}", 60.0) is None for n in range(10_050)]
    assert outcomes.count(True) == 10_000
    assert quotas.exceeded([limit], "late", 121.0) is None  # those that are full again made room


@pytest.mark.parametrize("text", ["20", "0/min", "20/week", "x/min"])
def test_a_limit_that_is_none_refuses_the_policy_with_its_line(text):
    with pytest.raises(PolicyError, match=r"mine\.toml:1: at_most"):
        Policy.load([PolicySource("mine.toml", LIMITED.replace("3/min", text))])


def test_a_limit_is_for_rules_that_allow():
    with pytest.raises(PolicyError, match="allows nothing"):
        Policy.load([PolicySource("mine.toml", LIMITED.replace('"allow"', '"deny"'))])


async def test_health_names_a_few_troubles_and_counts_the_rest(autojump_clock, world, engine):
    engine.fails = True
    for agent in range(MAX_TOLD + 2):
        for n in range(FAILURES):
            await ask(world, Caller(Principal(f"agent-{agent}", "agent"), agent), distinct(f"{agent}-{n}"))
    await trio.sleep(2.0)
    assert world.gate.health().components["speed_layer"].detail.endswith("and 2 more")


REQUESTS = (LIST, STATUS, WIPE, DEPLOY, Call("Bash", {"command": "frob x; ls"}, CWD), Call("frobnicate", {}, CWD))


class FaultyPolicy:
    """A policy whose engine fails on demand."""

    def __init__(self, policy):
        self.policy, self.version, self.sources = policy, policy.version, policy.sources
        self.explain_and_judge, self.scopes = policy.explain_and_judge, policy.scopes
        self.fails = False

    def judge(self, request):
        return Judged(Ruling("ask", f"{FAULT} (test)", None, False)) if self.fails else self.policy.judge(request)


class Faults:
    """What can go wrong in a hall, each as a method that makes it so, or lets it pass."""

    def __init__(self, world):
        self.world = world
        self.hanging = False

    async def nothing(self):
        await trio.lowlevel.checkpoint()

    async def engine(self):
        self.world.hall._policy.fails = not self.world.hall._policy.fails

    async def time(self):
        await trio.sleep(7.0)

    async def full(self):
        self.world.views.audit._capacity = 1

    async def layer_crash(self):
        await self._crash("speed_layer")

    async def store_crash(self):
        await self._crash("event_store")

    async def store_hangs(self):
        if "event_store" in self.world.system.mailboxes:
            self.hanging = not self.hanging
            await (suspend if self.hanging else resume)(self.world.system, "event_store")

    async def _crash(self, victim):
        mailbox = self.world.system.mailboxes.get(victim)
        if not self.hanging and mailbox is not None and not mailbox.closed:
            crash(self.world.system, victim)
            await trio.sleep(0.01)


FAULTS = [name for name in vars(Faults) if not name.startswith("_")]
STEPS = st.tuples(st.sampled_from(FAULTS), st.sampled_from(REQUESTS), st.sampled_from(["ada", "bob"]))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(STEPS, max_size=40))
def test_no_sequence_of_faults_allows_what_would_not_be_allowed_without(limited, make_world, steps):
    world = make_world()
    world.hall._policy = FaultyPolicy(limited)
    trio.run(functools.partial(_faulty_run, world, limited, steps), clock=trio.testing.MockClock(autojump_threshold=0))


async def _faulty_run(world, policy, steps):
    began, allowed = trio.current_time(), {}
    async with world.open():
        faults = Faults(world)
        for fault, call, name in steps:
            await getattr(faults, fault)()
            try:
                verdict = await ask(world, Caller(Principal(name, "agent"), 1), call)
            except ActorError:
                continue  # no verdict is no allow
            without = policy.decide(Request(call.tool, call.input, call.cwd))
            assert verdict.verdict != "allow" or without.verdict == "allow"
            for limit in without.limits if verdict.verdict == "allow" else ():
                moments = allowed.setdefault((limit.rule, name), [])
                moments.append(trio.current_time())
                assert len(moments) <= (moments[-1] - began) * limit.count / limit.per_s + 1e-6
        if faults.hanging:
            await faults.store_hangs()


async def test_what_an_adopted_log_says_of_breakers_ends_no_start(autojump_clock, make_world):
    world = make_world()
    world.log.append([NewEvent(type="moothall.breaker.opened", data={"x": 1})], stream="moothall/breakers", agent="a")
    world.log.append(adopted_events("elsewhere"), agent="moothall")
    async with world.open():
        await trio.sleep(2.0)
        assert world.gate.health().status == "ok"
