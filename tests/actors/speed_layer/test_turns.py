"""No agent's requests hold the others up: they are judged in slices and in turns, and what they take is charged.

Time stands still here but for what the engine is made to take: each judgement lets the clock go on by its steps, a
microsecond each, or by what a test says.
"""

from __future__ import annotations

import pytest
import trio
import trio.testing

from actors.desk.gate import Call, Caller, Refusal
from actors.session.messages import Principal, session_name
from actors.session.prepaid_tokens import AHEAD, TOKEN_S
from actors.speed_layer.command.steps import MAX_STEPS
from actors.speed_layer.governing import turns
from actors.speed_layer.governing.turns import MAX_WAITING_OF_AN_AGENT, SLICE_REQUESTS, SLICE_S, Job, Turns
from actors.speed_layer.policy.engine import Judged, Policy, Ruling
from actors.speed_layer.policy.judging import shell_line
from actors.speed_layer.shell.analysis import analyse

CWD = "/home/dev/project"
CHIEF = Caller(Principal("chief", "admin"), 90)
OTHER = Caller(Principal("other", "agent"), 8)
COSTLY_S = 0.005
REMEMBERED = 15


def bash(command, cwd=CWD):
    return Call("Bash", {"command": command}, cwd)


def doubling(number):
    return f"a(){{ f{number:04};ls -la; }};b(){{ a;a; }};c(){{ b;b; }};d(){{ c;c; }};e(){{ d;d; }};e src/a/b.c"


class Engine:
    """The engine, which takes as long as its steps, or as it is told; notes what it judges, and what others do between.

    Attributes:
        judged: The lines that were judged, in order.
        since_turn_s: How long it has judged since the loop's other tasks had a turn.
        longest_s: The longest of that.
    """

    def __init__(self, monkeypatch, clock):
        self.judged = []
        self.takes_s = None
        self.since_turn_s = self.longest_s = 0.0
        judge = Policy.judge

        def patched(policy, request):
            if self.takes_s is None:
                found = judge(policy, request)
                took_s = found.steps.taken * 1e-6
            else:
                found, took_s = Judged(Ruling("deny", "r", "r", cacheable=False)), self.takes_s
            self.judged.append(request.input.get("command"))
            self.since_turn_s += took_s
            self.longest_s = max(self.longest_s, self.since_turn_s)
            clock.jump(took_s)
            return found

        monkeypatch.setattr(Policy, "judge", patched)

    async def count_turns(self, task_status=trio.TASK_STATUS_IGNORED):
        """Be one of the loop's other tasks."""
        task_status.started()
        while True:
            await trio.lowlevel.checkpoint()
            self.since_turn_s = 0.0


@pytest.fixture
def engine(monkeypatch, autojump_clock):
    return Engine(monkeypatch, autojump_clock)


@pytest.fixture
def waiting_of_an_agent(monkeypatch):
    """How many messages of an agent may wait here: few."""
    monkeypatch.setattr(turns, "MAX_WAITING_OF_AN_AGENT", 3)
    return 3


@pytest.fixture
async def limited(make_world, limits_of, scout):
    """A world whose agents have 1,000 tokens a second and 2,000 at once."""
    async with make_world(limits=limits_of(1000.0, 2000)).open() as world:
        await world.gate.validate(scout, [bash("ls")])
        yield world


@pytest.fixture
async def busy(world, scout, rover):
    """A world that both agents are known to."""
    for caller in (scout, rover):
        await world.gate.validate(caller, [bash("ls")])
    await trio.testing.wait_all_tasks_blocked()
    return world


async def remember(world, caller, count):
    for number in range(count):
        (verdict,) = await world.gate.validate(caller, [bash(f"frob{number} deploy a.toml")])
        await world.gate.decide(CHIEF, verdict.approval.id, "allow", "", "rule")


async def test_a_batch_of_80_kb_with_15_remembered_rules_stops_the_loop_no_longer_than_a_slice_and_one_request(
    autojump_clock, busy, scout, rover, engine
):
    await remember(busy, CHIEF._replace(principal=Principal("owner", "agent")), REMEMBERED)
    calls = [bash(doubling(number)) for number in range(1000)]
    assert sum(len(call.input["command"]) for call in calls) > 76_000
    answered = []
    async with trio.open_nursery() as nursery:
        await nursery.start(engine.count_turns)
        engine.longest_s, before = 0.0, len(engine.judged)

        async def flood():
            answered.extend(await busy.gate.validate(scout, calls))

        nursery.start_soon(flood)
        waits = []
        while not answered:
            began = len(engine.judged)
            assert busy.gate.health().status
            with trio.fail_after(5.0):
                await busy.gate.validate(rover, [bash(f"frobnicate {began}")])
            waits.append(len(engine.judged) - began)
            if len(waits) > 20:
                break
        nursery.cancel_scope.cancel()
    assert len(engine.judged) > before
    assert engine.longest_s <= 2 * SLICE_S + 2 * MAX_STEPS * 1e-6
    assert max(waits) <= 2 * SLICE_REQUESTS


async def test_a_request_is_taken_apart_once_whatever_is_remembered(autojump_clock, world, scout, monkeypatch):
    await remember(world, CHIEF._replace(principal=Principal("owner", "agent")), REMEMBERED)
    taken = []
    monkeypatch.setattr(shell_line, "analyse", lambda text, cwd: taken.append(text) or analyse(text, cwd))
    for line in (doubling(9999), "frobnicate sync once", "frob3 deploy b.toml", "frob " + "a" * 600):
        taken.clear()
        await world.gate.validate(scout, [bash(line)])
        assert taken == [line]


async def test_a_thousand_costly_lines_of_one_agent_give_no_other_a_deadline_and_cost_it_one_slice_each(
    autojump_clock, busy, scout, rover, engine
):
    engine.takes_s = COSTLY_S
    async with trio.open_nursery() as nursery:
        nursery.start_soon(busy.gate.validate, scout, [bash(f"ls {n}") for n in range(1000)])
        for _ in range(10):
            await trio.lowlevel.checkpoint()
        before = len(engine.judged)
        for number in range(50):
            began = len(engine.judged)
            (verdict,) = await busy.gate.validate(rover, [bash("x" * 600 + str(number))])
            assert verdict.verdict == "deny"
            assert len(engine.judged) - began <= 4
        assert before < len(engine.judged) < 400  # the batch has far to go
        nursery.cancel_scope.cancel()


async def test_a_batch_whose_asker_has_gone_is_not_judged_to_its_end(autojump_clock, busy, scout, engine):
    engine.takes_s = COSTLY_S
    with trio.move_on_after(20 * COSTLY_S):
        await busy.gate.validate(scout, [bash(f"ls {n}") for n in range(1000)])
    await trio.testing.wait_all_tasks_blocked()
    assert len(engine.judged) < 50


async def test_rulings_in_the_tasks_of_requests_share_one_slice_of_each_turn_of_the_loop(
    autojump_clock, busy, scout, engine
):
    engine.takes_s = SLICE_S / 2
    at_once, before = 0, len(engine.judged)
    for number in range(100):  # as if a hundred connections had one line each in the same turn
        try:
            busy.gate.validate_nowait(scout, [bash(f"ls {number}")])
            at_once += 1
        except trio.WouldBlock:
            pass
    assert at_once == len(engine.judged) - before <= 3
    for _ in range(3):
        await trio.lowlevel.checkpoint()
    assert busy.gate.validate_nowait(scout, [bash("ls again")])


@pytest.mark.parametrize("published", [True, False])
async def test_what_judging_takes_is_taken_out_of_the_agents_own_limit(
    autojump_clock, limited, scout, engine, published
):
    engine.takes_s, before = COSTLY_S, len(engine.judged)
    lines = [bash(("ls " if published else "x" * 600) + str(n)) for n in range(100)]
    with pytest.raises(Refusal) as refused:
        for line in lines:
            await limited.gate.validate(scout, [line])
    judged, each = len(engine.judged) - before, COSTLY_S / TOKEN_S
    assert refused.value.code == "rate_limited"
    assert 2000 / each <= judged <= 2000 / each + AHEAD
    wait_s = refused.value.detail["retry_after_s"]
    assert wait_s == pytest.approx((each * judged - 2000) / 1000.0 - judged * COSTLY_S, abs=0.2)
    assert (await limited.gate.validate(OTHER, [bash("ls b")]))[0].verdict == "deny"
    await trio.sleep(wait_s)
    assert await limited.gate.validate(scout, [lines[0]])


async def test_usual_requests_cost_a_token_each_and_no_more(autojump_clock, limited, scout, engine):
    engine.takes_s = TOKEN_S * 0.9
    for number in range(200):
        await limited.gate.validate(scout, [bash(f"ls {number}")])
    assert limited.views.prepaid[session_name(scout.principal)].owed == 0


async def test_an_agent_with_more_waiting_than_it_may_have_is_asked_about_the_rest_and_others_are_judged(
    autojump_clock, busy, scout, engine, waiting_of_an_agent
):
    engine.takes_s = COSTLY_S
    given = []

    async def ask(number):
        given.extend(await busy.gate.validate(scout, [bash("x" * 600 + str(number))]))

    async with trio.open_nursery() as nursery:
        for number in range(10):
            nursery.start_soon(ask, number)
        await trio.lowlevel.checkpoint()
        assert (await busy.gate.validate(OTHER, [bash("y" * 600)]))[0].verdict == "deny"
    refused = [each for each in given if "too many requests wait" in each.reason]
    assert {each.verdict for each in refused} == {"ask"}
    assert 10 - 2 * waiting_of_an_agent <= len(refused) <= 10 - waiting_of_an_agent
    assert {each.approval for each in refused} == {None}


async def test_agents_take_turns_by_time_however_many_messages_each_has(autojump_clock):
    done, charged = [], []

    def working(name, requests, takes_s):
        for left in reversed(range(requests)):
            done.append(name)
            autojump_clock.jump(takes_s)
            if left:
                yield

    queue = Turns(lambda agent, role, used_s, requests: charged.append((agent, role, round(used_s, 6), requests)))
    for _ in range(20):
        queue.add("many", Job("agent", working("many", 5, SLICE_S / 2), lambda: True))
    queue.add("heavy", Job("agent", working("heavy", 40, 5 * SLICE_S), lambda: True))
    queue.add("one", Job("expert", working("one", 1, SLICE_S / 2), lambda: True))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(queue.run)
        await queue.drained()
        nursery.cancel_scope.cancel()
    assert done.index("one") <= 4
    both = done[: len(done) - done[::-1].index("many")]
    assert both.count("heavy") * 5 <= both.count("many") / 2 + 10  # as much time, a fifth as often
    assert sum(used_s for agent, _, used_s, _ in charged if agent == "heavy") == pytest.approx(40 * 5 * SLICE_S)
    assert ("one", "expert", SLICE_S / 2, 1) in charged
    assert queue.add("many", Job("agent", iter(()), lambda: True))


async def test_a_queue_that_is_full_takes_nothing_more(autojump_clock):
    queue = Turns(lambda *_used: None)
    assert all(queue.add("one", Job("agent", iter(()), lambda: True)) for _ in range(MAX_WAITING_OF_AN_AGENT))
    assert not queue.add("one", Job("agent", iter(()), lambda: True))
    assert queue.add("other", Job("agent", iter(()), lambda: True))


async def test_an_agent_whose_message_is_refused_leaves_nothing_behind(autojump_clock, monkeypatch):
    monkeypatch.setattr(turns, "MAX_WAITING", 1)
    queue = Turns(lambda *_used: None)
    assert queue.add("one", Job("agent", iter(()), lambda: True))
    for number in range(10):
        assert not queue.add(f"late {number}", Job("agent", iter(()), lambda: True))
    assert list(queue._waiting) == ["one"]
