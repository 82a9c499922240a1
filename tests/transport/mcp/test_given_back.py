"""What a connection held is given back when it leaves, and nothing of another request goes with it."""

from __future__ import annotations

from collections import Counter
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
import trio

from actors.desk.gate import Caller
from actors.session.messages import Principal
from transport.mcp.cancellation import CancelScopes
from transport.mcp.fast_lane import FastLane
from transport.mcp.in_flight import InFlight
from transport.mcp.resource_updates import ResourceUpdates
from transport.mcp.ticket_queue import TicketQueue
from transport.mcp.tool_calls import Outcome


@pytest.fixture
def updates() -> ResourceUpdates:
    views = SimpleNamespace(sequence=0, policy="", health=None)
    return ResourceUpdates(SimpleNamespace(views=views, shares=SimpleNamespace(subscriptions=Counted())))  # type: ignore[arg-type]


class Counted:
    """Counts what each principal has."""

    def __init__(self) -> None:
        self.held: Counter[Principal] = Counter()

    def take(self, principal: Principal) -> None:
        self.held[principal] += 1

    def give_back(self, principal: Principal) -> None:
        self.held[principal] -= 1


def test_resources_that_nobody_is_subscribed_to_any_more_are_forgotten(updates: Any):
    for connection in (1, 2):
        for number in range(3):
            updates.subscribe(Caller(Principal("scout", "agent"), connection), f"events://streams/{number}", "session")
    updates.unsubscribe(1, "events://streams/0")
    updates.unsubscribe(1, "events://streams/0")
    updates.unsubscribe(3, "events://streams/0")
    assert len(updates._subscribers) == 3
    updates.forget(1)
    assert all(list(subscribers) == [2] for subscribers in updates._subscribers.values())
    updates.forget(2)
    assert (updates._subscribers, updates._subscribed) == ({}, {})
    assert set(updates._gate.shares.subscriptions.held.values()) == {0}


async def test_a_request_that_has_run_takes_no_scope_of_another_one_with_an_id_like_its_own():
    scopes = CancelScopes()
    first = scopes.open(1)
    second = scopes.open("1")
    scopes.close(1, first)
    scopes.cancel({"requestId": "1"})
    assert (first.cancel_called, second.cancel_called) == (False, True)
    scopes.close("1", second)
    third = scopes.open(3)
    scopes.close(3, third)
    assert scopes.cancel_all() == []
    assert not third.cancel_called


async def test_a_ticket_that_was_given_up_before_its_turn_holds_up_nobody(autojump_clock: Any):
    queue = TicketQueue()
    first, second, third, fourth = (queue.take() for _ in range(4))
    second.finish()
    third.finish()
    assert len(queue) == 4
    first.finish()
    assert len(queue) == 1
    with trio.fail_after(1.0):
        await fourth.wait()
    fourth.finish()
    assert len(queue) == 0


async def test_tickets_have_their_turns_in_order(autojump_clock: Any):
    queue = TicketQueue()
    first, second = queue.take(), queue.take()
    with trio.move_on_after(1.0) as waiting:
        await second.wait()
    assert waiting.cancelled_caught
    await first.wait()
    first.finish()
    await second.wait()


async def test_an_answer_that_is_ready_in_the_step_in_which_its_client_cancels_is_not_given():
    answered: list[str] = []
    answers = SimpleNamespace(put=answered.append)
    in_flight = InFlight(8, 1000)
    lane: Any = FastLane(
        SimpleNamespace(),  # type: ignore[arg-type]
        Caller(Principal("scout", "agent"), 1),
        era=SimpleNamespace(tail=""),  # type: ignore[arg-type]
        in_flight=in_flight,
        answers=answers,  # type: ignore[arg-type]
        start_soon=lambda *_: None,
    )

    async def run(cancelled: bool) -> Outcome:
        if cancelled:
            lane.cancel({"requestId": 1})
        return Outcome({}, is_error=False)

    for cancelled, expected in ((False, 1), (True, 1)):
        in_flight.begin(1, size=10, ordered=False)
        await lane._run(1, lane._scopes.open(1), partial(run, cancelled))
        assert (len(answered), len(in_flight)) == (expected, 0)
