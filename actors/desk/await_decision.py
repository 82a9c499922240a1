"""What the task of one request runs while it waits for a decision: an expert's, or that of the person at its client.

The person is asked by the transport (`Person`), and only where the server's configuration lets their answer count. It
is an answer to that agent's request alone: others who ask the same wait on for an expert.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, Literal, NamedTuple

import trio

from actors.desk.admission import Caller
from actors.kernel import ActorError, AskTimeout, Ref
from actors.speed_layer.messages import Answer, AnswerOwn, Answers, AwaitDecision, Decision, Evaluate
from actors.speed_layer.policy.engine import Request

RETRY_S: Final = 0.1
"""How long who waits for a decision gives a speed layer that restarts, in seconds."""

Person = Callable[[Request, Answer], Awaitable[Decision | Literal["later"] | None]]
"""Asks the person at the client about a pending approval; `later` ends the wait, None leaves it to others."""


class Given(NamedTuple):
    """An answer, and the version of the policy that gave it."""

    policy: str
    answer: Answer


def is_pending(answer: Answer) -> bool:
    """Say whether an answer may still become a decision."""
    return answer.approval is not None and answer.approval.state == "pending"


class Waiting:
    """Waits for decisions. Every coroutine is a checkpoint.

    Args:
        speed_layer: Where approvals are.
    """

    def __init__(self, speed_layer: Ref) -> None:
        self._speed_layer = speed_layer

    async def decisions(
        self,
        found: dict[bytes, Given],
        missing: dict[bytes, Request],
        caller: Caller,
        *,
        until: float,
        person: Person | None,
    ) -> dict[bytes, Given]:
        """Wait for what is pending, all at once; returns all answers, each with the policy that gave it.

        Args:
            found: Answers, by the requests' keys.
            missing: The requests.
            caller: Who waits.
            until: How long, on Trio's clock.
            person: Asks the person at the caller's client, if their answer counts.
        """
        decided = dict(found)

        async def wait(key: bytes) -> None:
            decided[key] = await self._decided(found[key], _One(missing[key], caller.principal.agent, until, person))

        async with trio.open_nursery() as nursery:
            for key, given in found.items():
                if is_pending(given.answer):
                    nursery.start_soon(wait, key)
        return decided

    async def _decided(self, given: Given, one: _One) -> Given:
        """Wait for whoever decides first: somebody at the hall, or the person at the client."""
        if one.person is None:
            return await self._awaited(given, one)
        said: list[Decision | Literal["later"]] = []
        outcome = given

        async with trio.open_nursery() as nursery:

            async def ask(person: Person) -> None:
                told = await person(one.request, given.answer)
                if told is not None:
                    said.append(told)
                    nursery.cancel_scope.cancel()

            nursery.start_soon(ask, one.person)
            outcome = await self._awaited(given, one)
            nursery.cancel_scope.cancel()
        if not said or said[0] == "later" or given.answer.approval is None:
            return outcome
        settled = await self._speed_layer.ask(AnswerOwn(given.answer.approval.id, one.agent, said[0]))
        return Given(settled.policy, given.answer if settled.answer is None else settled.answer)

    async def _awaited(self, given: Given, one: _One) -> Given:
        """Wait for one decision; a speed layer that restarts meanwhile is asked again, and has the same approval."""
        request, agent = one.request, one.agent
        hashed = request.hashed
        while given.answer.approval is not None and given.answer.approval.state == "pending":
            left_s = one.until - trio.current_time()
            if left_s <= 0:
                break
            told: Answers | None = None
            try:
                message = AwaitDecision(given.answer.approval.id, agent, request.role, hashed, request.labels)
                told = await self._speed_layer.ask(message, timeout_s=left_s)
                if told.answers[0].approval is None:
                    told = await self._speed_layer.ask(Evaluate([request], agent))
            except AskTimeout:
                break
            except ActorError:
                await trio.sleep(min(RETRY_S, left_s))
                told = await self._asked_again(request, agent)
            if told is not None:
                given = Given(told.policy, told.answers[0])
        return given

    async def _asked_again(self, request: Request, agent: str) -> Answers | None:
        try:
            return await self._speed_layer.ask(Evaluate([request], agent))
        except ActorError:
            return None


class _One:
    """One request that waits."""

    __slots__ = ("agent", "person", "request", "until")

    def __init__(self, request: Request, agent: str, until: float, person: Person | None) -> None:
        self.request = request
        self.agent = agent
        self.until = until
        self.person = person
