"""What a session admits in advance: never more than its limit, nothing that it would refuse, and all of it counted."""

from __future__ import annotations

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from actors.desk.gate import Call, Caller, Refusal
from actors.session.messages import Principal, session_name
from actors.session.prepaid_tokens import AHEAD, PrepaidTokens
from actors.speed_layer.audit.buffer import AUDIT_STREAM
from actors.token_bucket import TokenBucket
from store import Append, FailIf, NewEvent, Query

LIST = Call("Bash", {"command": "ls -la"}, "/home/dev/project")
SESSION = session_name(Principal("scout", "agent"))


def handled(world):
    return world.system.statistics()[SESSION].handled


async def test_requests_after_the_first_are_admitted_without_a_message_each(autojump_clock, world, scout):
    await world.gate.validate(scout, [LIST])
    before = handled(world)
    for _ in range(10 * AHEAD):
        await world.gate.validate(scout, [LIST])
    await trio.testing.wait_all_tasks_blocked()
    assert handled(world) - before <= 10 * AHEAD / (AHEAD // 2) + 1


async def test_a_known_verdict_for_a_known_connection_needs_no_waiting_at_all(autojump_clock, world, scout):
    (asked,) = await world.gate.validate(scout, [LIST])
    await trio.testing.wait_all_tasks_blocked()
    (at_once,) = world.gate.validate_nowait(scout, [LIST])
    assert at_once == msgspec.structs.replace(asked, cached=True, elapsed_us=at_once.elapsed_us)
    with pytest.raises(trio.WouldBlock):
        world.gate.validate_nowait(scout, [LIST, Call("Bash", {"command": "frobnicate"}, "/home/dev/project")])


async def test_a_connection_that_the_session_does_not_know_has_to_ask(autojump_clock, world, scout):
    await world.gate.validate(scout, [LIST])
    await trio.testing.wait_all_tasks_blocked()
    stranger = scout._replace(connection=99)
    with pytest.raises(trio.WouldBlock):
        world.gate.validate_nowait(stranger, [LIST])
    await world.gate.whoami(stranger)
    assert world.gate.validate_nowait(stranger, [LIST])
    world.gate.disconnected(stranger)
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(trio.WouldBlock):
        world.gate.validate_nowait(stranger, [LIST])


def notes(*texts, **how):
    return Append(events=[NewEvent(type="note", data=text) for text in texts], agent="scout", **how)


async def test_an_append_of_a_known_connection_is_queued_at_once_and_answered_later(autojump_clock, world, scout):
    await world.gate.whoami(scout)
    await trio.testing.wait_all_tasks_blocked()
    first, second = (
        world.gate.append_events_nowait(scout, notes("a", "b")),
        world.gate.append_events_nowait(scout, notes("c")),
    )
    assert ((await second()).last_sequence, (await first()).revisions) == (
        (await world.gate.query_events(scout, Query(order="desc", limit=1))).events[0].sequence,
        {"agent/scout": 2},
    )
    stored = (await world.gate.query_events(scout, Query(stream="agent/scout"))).events
    assert [event.data for event in stored] == ["a", "b", "c"]
    assert (await world.gate.whoami(scout)).counters["append"] == 2


async def test_an_append_that_its_condition_refuses_says_so_when_its_outcome_is_known(autojump_clock, world, scout):
    await world.gate.whoami(scout)
    await trio.testing.wait_all_tasks_blocked()
    outcome = world.gate.append_events_nowait(scout, notes("a", expected_revision="exists"))
    with pytest.raises(Refusal) as refused:
        await outcome()
    assert refused.value.code == "revision_conflict"


async def test_an_append_that_cannot_be_queued_at_once_leaves_nothing_behind(autojump_clock, world, scout):
    stranger = scout._replace(connection=99)
    await world.gate.whoami(scout)
    await trio.testing.wait_all_tasks_blocked()
    spent, head = world.views.prepaid[SESSION].spent, world.views.sequence
    with pytest.raises(trio.WouldBlock):
        world.gate.append_events_nowait(stranger, notes("a"))
    with pytest.raises(trio.WouldBlock):
        world.gate.append_events_nowait(scout, notes("a", stream="agent/rover"))
    with pytest.raises(Refusal, match="experts and admins"):
        world.gate.append_events_nowait(scout, notes("a", fail_if=FailIf(query=Query(stream=AUDIT_STREAM), after=0)))
    await trio.testing.wait_all_tasks_blocked()
    assert (world.views.prepaid[SESSION].spent, world.views.sequence) == (spent, head)


async def test_what_was_admitted_without_asking_is_counted_when_the_session_ends(autojump_clock, make_world, scout):
    world = make_world(session_idle_s=10.0)
    async with world.open():
        for _ in range(100):
            await world.gate.validate(scout, [LIST])
        with pytest.raises(Refusal):
            await world.gate.append_events(
                scout, Append(events=[NewEvent(type="t")], agent="scout", stream="agent/rover")
            )
        assert (await world.gate.whoami(scout)).counters == {"validate": 100, "read": 1, "forbidden": 1}
        world.gate.disconnected(scout)
        await trio.sleep(60)
        (ended,) = world.log.query(stream="moothall/sessions", types=["moothall.session.ended"]).events
        assert ended.data["counters"] == {"validate": 100, "read": 1, "forbidden": 1}
        assert world.views.prepaid == {}


async def test_a_session_that_ends_takes_its_prepaid_tokens_with_it(autojump_clock, make_world, scout):
    world = make_world(session_idle_s=10.0)
    async with world.open():
        await world.gate.validate(scout, [LIST])
        world.gate.disconnected(scout)
        await trio.sleep(60)
        with pytest.raises(trio.WouldBlock):
            world.gate.validate_nowait(scout, [LIST])
        await world.gate.validate(scout, [LIST])


async def test_no_prepaid_token_goes_beyond_the_role(autojump_clock, world):
    watcher = Caller(Principal("watcher", "observer"), 1)
    await world.gate.whoami(watcher)
    for _ in range(3):
        with pytest.raises(Refusal, match="may not validate"):
            await world.gate.validate(watcher, [LIST])


@pytest.mark.parametrize("limit", [(10.0, 5), (10.0, 80), (1000.0, 1000)])
async def test_a_limit_holds_whoever_admits(autojump_clock, make_world, limits_of, scout, limit):
    rate, burst = limit
    async with make_world(limits=limits_of(rate, burst)).open() as world:
        admitted = 0
        for tick in range(3):
            for _ in range(burst + 200):
                try:
                    await world.gate.tree(scout)
                except Refusal as refusal:
                    assert refusal.code == "rate_limited"
                else:
                    admitted += 1
                await trio.testing.wait_all_tasks_blocked()
            assert admitted == burst + tick * min(rate, burst)
            await trio.sleep(1.0)


@given(
    rate=st.floats(0.1, 1000.0),
    burst=st.integers(1, 1000),
    steps=st.lists(st.tuples(st.floats(0.0, 1.0), st.integers(1, 100), st.booleans()), max_size=200),
)
def test_prepaid_tokens_and_their_bucket_together_never_give_more_than_burst_and_rate_allow(rate, burst, steps):
    now, given_out, prepaid = 0.0, 0, PrepaidTokens(burst)
    bucket = TokenBucket(rate, burst, now, held=prepaid.unspent)
    prepaid.connections.add("c")
    for step, cost, topped_up in steps:
        now += step
        if topped_up and prepaid.wanted() > 0:
            prepaid.grant(bucket.take_up_to(prepaid.wanted(), now))
        if prepaid.spend("c", "validate", cost) or (cost <= burst - prepaid.ahead and bucket.take(cost, now) is None):
            given_out += cost
        assert 0 <= prepaid.unspent() <= prepaid.ahead
        assert given_out <= burst + rate * now + 1e-6
