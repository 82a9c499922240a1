"""Sessions that are begun again, and those that were ended: no agent makes another wait, or forgets for it."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from actors.desk.shares import REQUESTS
from actors.session.messages import Principal
from transport.http import reopened_sessions
from transport.http.reopened_sessions import HANDSHAKE_S, TURN_S, EndedSessions, ReopeningTurns
from transport.http.sessions import Sessions

CALL = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "whoami", "arguments": {}}}
VERSION = "2025-11-25"
SCOUT, GREEDY, THIRD = Principal("scout", "agent"), Principal("greedy", "agent"), Principal("third", "agent")


def named(number: int) -> dict[str, str]:
    """Return the headers of a request in a session that nobody knows."""
    return {"mcp_session_id": f"{number:032x}", "mcp_protocol_version": VERSION}


def ids(start: int, count: int) -> list[str]:
    return [f"{number:032x}" for number in range(start, start + count)]


def remembered(ended: EndedSessions, principal: Principal, session_ids: list[str]) -> int:
    return sum((principal, each) in ended for each in session_ids)


async def test_nobody_waits_for_the_sessions_that_another_agent_begins_again(
    serve_http: Any, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
):
    shake_hands = Sessions._shake_hands

    async def slow_for_the_greedy(sessions: Any, session_id: str, principal: Principal, version: str | None) -> None:
        if principal.agent == "greedy":
            await trio.sleep_forever()
        await shake_hands(sessions, session_id, principal, version)

    monkeypatch.setattr(Sessions, "_shake_hands", slow_for_the_greedy)
    async with serve_http() as hall, trio.open_nursery() as nursery:
        token = hall.tokens.add("greedy")
        for number in range(20):
            nursery.start_soon(lambda n: hall.connect(token).post("/mcp", CALL, **named(n)), number)
        await trio.testing.wait_all_tasks_blocked()
        began = trio.current_time()
        reply = await hall.connect().post("/mcp", CALL, **named(99))
        assert reply.message["result"]["structuredContent"]["agent"] == "scout"
        assert trio.current_time() - began < HANDSHAKE_S
        nursery.cancel_scope.cancel()


async def test_who_waits_too_long_for_sessions_of_its_own_is_told_to_come_again(
    serve_http: Any, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
):
    async def stuck(*_: Any) -> None:
        await trio.sleep_forever()

    monkeypatch.setattr(Sessions, "_shake_hands", stuck)
    answers: list[tuple[int, float]] = []
    async with serve_http() as hall:

        async def ask(number: int) -> None:
            reply = await hall.connect().post("/mcp", CALL, **named(number))
            answers.append((reply.status, trio.current_time() - began))
            if reply.status == 429:
                assert reply.json["error"]["data"]["error"]["code"] == "rate_limited"
                assert reply.headers["retry-after"] == "2"

        began = trio.current_time()
        async with trio.open_nursery() as nursery:
            for number in range(8):
                nursery.start_soon(ask, number)
    assert [status for status, _ in sorted(answers)] == [404] * 2 + [429] * 6
    assert max(waited for _, waited in answers) < TURN_S + HANDSHAKE_S + 1


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_who_waits_for_a_session_to_begin_again_is_counted_among_the_requests_under_way(
    serve_http: Any, autojump_clock: Any, method: str
):
    async with serve_http() as hall:
        requests = hall.gate.shares.requests
        for _ in range(REQUESTS.each):
            requests.take(SCOUT)
        if method == "POST":
            reply = await hall.connect().post("/mcp", CALL, **named(1))
        else:
            with trio.fail_after(60):  # else it is a stream, which has no end
                reply = await hall.connect().request("GET", "/mcp", accept="text/event-stream", **named(1))
        assert (reply.status, reply.headers["retry-after"]) == (429, "2")
        assert reply.json["error"]["data"]["error"]["code"] == "rate_limited"
        for _ in range(REQUESTS.each):
            requests.give_back(SCOUT)
        assert (await hall.connect().post("/mcp", CALL, **named(1))).status == 200
        assert not requests._held


async def test_of_two_agents_that_begin_the_same_session_at_once_one_has_it_and_the_other_none(
    serve_http: Any, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
):
    shake_hands, both_are_there, there = Sessions._shake_hands, trio.Event(), list[str]()
    owners: dict[str, str] = {}

    async def at_once(sessions: Any, session_id: str, principal: Principal, version: str | None) -> None:
        there.append(principal.agent)
        if len(there) == 2:
            both_are_there.set()
        await both_are_there.wait()
        await shake_hands(sessions, session_id, principal, version)
        owners.update({each: known.caller.principal.agent for each, known in sessions._known.items()})

    monkeypatch.setattr(Sessions, "_shake_hands", at_once)
    async with serve_http() as hall:
        tokens = {"scout": hall.token, "other": hall.tokens.add("other")}

        async def ask(agent: str) -> None:
            reply = await hall.connect(tokens[agent]).post("/mcp", CALL, **named(1))
            if reply.status == 200:
                assert reply.message["result"]["structuredContent"]["agent"] == agent
            statuses[agent] = reply.status

        answers = list[dict[str, int]]()
        for _ in range(2):
            statuses: dict[str, int] = {}
            with trio.fail_after(60):
                async with trio.open_nursery() as both:
                    for agent in tokens:
                        both.start_soon(ask, agent)
            answers.append(statuses)
        assert sorted(there) == ["other", "scout"]
        assert sorted(answers[0].values()) == [200, 404]
        assert answers[1] == answers[0]
        assert answers[0][owners[named(1)["mcp_session_id"]]] == 200
        assert hall.crashes == []


async def test_a_principals_sessions_are_begun_one_at_a_time_and_others_have_turns_of_their_own(autojump_clock: Any):
    turns, log = ReopeningTurns(), list[tuple[str, float]]()

    async def begin(principal: Principal) -> None:
        async with turns.of(principal):
            await trio.sleep(1)
            log.append((principal.agent, round(trio.current_time() - began, 3)))

    began = trio.current_time()
    async with trio.open_nursery() as nursery:
        for principal in (GREEDY, GREEDY, GREEDY, SCOUT):
            nursery.start_soon(begin, principal)
    assert sorted(log) == [("greedy", 1.0), ("greedy", 2.0), ("greedy", 3.0), ("scout", 1.0)]
    assert len(turns) == 0


async def test_a_turn_is_kept_while_somebody_waits_for_it_and_forgotten_with_the_last(autojump_clock: Any):
    turns = ReopeningTurns()

    async def wait() -> None:
        async with turns.of(SCOUT):
            await trio.sleep_forever()

    async with trio.open_nursery() as nursery:
        async with turns.of(SCOUT):
            for _ in range(2):
                nursery.start_soon(wait)
            await trio.testing.wait_all_tasks_blocked()
        await trio.testing.wait_all_tasks_blocked()
        assert len(turns) == 1
        nursery.cancel_scope.cancel()
    assert len(turns) == 0


def test_however_many_sessions_an_agent_ends_those_that_another_has_ended_stay_ended():
    ended, own = EndedSessions(), ids(0, 10)
    for each in own:
        ended.add(SCOUT, each)
    invented = ids(1000, 20_000)
    for each in invented:
        ended.add(GREEDY, each)
    assert remembered(ended, SCOUT, own) == 10
    assert remembered(ended, GREEDY, invented) == remembered(ended, GREEDY, invented[-1000:]) == 1000


def test_where_all_agents_have_ended_too_many_sessions_whoever_has_ended_the_most_forgets_the_first(
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(reopened_sessions, "MOST_ENDED_TOGETHER", 5)
    ended = EndedSessions()
    for each in ids(0, 4):
        ended.add(GREEDY, each)
    for principal in (SCOUT, THIRD, SCOUT):
        ended.add(principal, ids(len(ended), 1)[0])
    assert len(ended) == 5
    assert remembered(ended, GREEDY, ids(0, 2)) == 0
    assert remembered(ended, GREEDY, ids(2, 2)) == 2


def test_an_agent_of_whom_nothing_is_remembered_is_forgotten_itself(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(reopened_sessions, "MOST_ENDED_TOGETHER", 2)
    ended = EndedSessions()
    for number in range(50):
        ended.add(Principal(f"agent {number}", "agent"), ids(number, 1)[0])
    assert (len(ended), len(ended._ended)) == (2, 2)


def test_a_session_that_is_ended_again_counts_once():
    ended = EndedSessions()
    for _ in range(2000):
        ended.add(SCOUT, "0" * 32)
    assert len(ended) == 1


async def test_what_no_agent_could_begin_again_is_not_remembered_as_ended(
    serve_http: Any, autojump_clock: Any, monkeypatch: pytest.MonkeyPatch
):
    noted: list[tuple[str, str]] = []
    monkeypatch.setattr(EndedSessions, "add", lambda _ended, principal, each: noted.append((principal.agent, each)))
    async with serve_http() as hall:
        session, other = await hall.session(), hall.tokens.add("other")
        for headers in (session.headers, {**session.headers, "mcp_session_id": "x"}):
            await hall.connect(other).request("DELETE", "/mcp", **headers)
        assert noted == []
        await hall.connect().request("DELETE", "/mcp", **session.headers)
        assert noted == [("scout", session.headers["mcp_session_id"])]
