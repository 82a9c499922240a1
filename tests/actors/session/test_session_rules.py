"""Who may do what, and how often: the pure rules of a session."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.session.messages import Admit, Principal
from actors.session.role_rules import refusal_of
from actors.token_bucket import TokenBucket

SCOUT = Principal("scout", "agent")


def append(*streams, types=("note",)):
    return Admit(1, "append", 1, streams, types)


@pytest.mark.parametrize("stream", ["agent/scout", "tasks", "agentless", "moothallish/x"])
def test_an_agent_may_append_to_its_own_stream_and_to_shared_ones(stream):
    assert refusal_of(SCOUT, append(stream)) is None


@pytest.mark.parametrize(
    "stream",
    [
        "agent/rover",
        "agent/",
        "agent/scout/x",
        "Agent/scout",
        "\uff41gent/rover",
        "moothall",
        "moothall/sessions",
        "MOOTHALL/policy",
        "moot\u200bhall/policy",
    ],
)
def test_nobody_appends_to_the_stream_of_another_agent_or_of_the_server(stream):
    refusal = refusal_of(SCOUT, append("tasks", stream))
    assert refusal is not None
    assert refusal.code == "forbidden"
    assert repr(stream) in refusal.message


def test_not_even_an_admin_writes_the_servers_streams():
    assert refusal_of(Principal("root", "admin"), append("moothall/policy")) is not None


def test_event_types_of_the_server_are_its_own():
    refusal = refusal_of(SCOUT, append("tasks", types=("note", "moothall.session.started")))
    assert refusal is not None
    assert "'moothall.session.started'" in refusal.message


@pytest.mark.parametrize(("operation", "allowed"), [("read", True), ("append", False), ("validate", False)])
def test_an_observer_only_reads(operation, allowed):
    assert (refusal_of(Principal("eye", "observer"), Admit(1, operation)) is None) is allowed


def test_a_bucket_gives_its_burst_then_its_rate():
    bucket = TokenBucket(10.0, 3, now=100.0)
    assert [bucket.take(1, 100.0) for _ in range(3)] == [None] * 3
    assert bucket.take(1, 100.0) == pytest.approx(0.1)
    assert bucket.take(1, 100.2) is None


def test_a_bucket_takes_what_a_batch_costs_and_lets_one_beyond_its_burst_through_when_full():
    bucket = TokenBucket(10.0, 30, now=0.0)
    assert bucket.take(20, 0.0) is None
    assert bucket.take(20, 0.0) == pytest.approx(1.0)
    assert bucket.take(1000, 5.0) is None


def test_a_bucket_without_a_rate_never_refuses():
    bucket = TokenBucket(None, 0, now=0.0)
    assert all(bucket.take(1, 0.0) is None for _ in range(1000))
    assert bucket.full_in_s(0.0) == 0.0


@given(
    rate=st.floats(0.1, 1000.0),
    burst=st.integers(1, 100),
    steps=st.lists(st.floats(0.0, 1.0), max_size=200),
)
def test_a_bucket_never_gives_more_than_its_burst_and_rate_allow(rate, burst, steps):
    now, given_out = 0.0, 0
    bucket = TokenBucket(rate, burst, now)
    for step in steps:
        now += step
        given_out += bucket.take(1, now) is None
    assert given_out <= burst + rate * now + 1e-6


@given(rate=st.floats(0.1, 1000.0), burst=st.integers(1, 100), taken=st.integers(0, 100))
def test_a_bucket_that_says_when_gives_then(rate, burst, taken):
    bucket = TokenBucket(rate, burst, 0.0)
    for _ in range(taken):
        bucket.take(1, 0.0)
    wait_s = bucket.take(1, 0.0)
    if wait_s is not None:
        assert bucket.take(1, wait_s + 1e-9) is None
