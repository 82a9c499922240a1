"""What agents ask the speed layer to judge: it waits for its agent's turn, and is answered from there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import msgspec

from actors.kernel import LATER, Later, Reply
from actors.speed_layer.approvals.escalation import Escalation
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.turns import MAX_WAITING_OF_AN_AGENT, Charge, Job, Turns
from actors.speed_layer.messages import Answer, Answers, Evaluate, Explain, Explained
from actors.speed_layer.policy.engine import Explanation, RuleTrace, Ruling
from actors.speed_layer.written.written_files import RULE, WrittenFiles


class JudgingTurns:
    """Judges the messages of agents in turns. Only `run` and `drained` checkpoint.

    Args:
        escalation: Judges a request, and brings it to somebody where no rule decides.
        policy: Returns the policy that governs.
        charge: Told what each agent has used.
        written: What agents have written.

    Attributes:
        run: Judges what waits, for ever.
        drained: Waits until nothing does.
    """

    def __init__(
        self, escalation: Escalation, policy: Callable[[], GoverningPolicy], charge: Charge, written: WrittenFiles
    ) -> None:
        self._written = written
        self._escalation = escalation
        self._policy = policy
        self._turns = Turns(charge)
        self.run = self._turns.run
        self.drained = self._turns.drained

    def evaluate(self, message: Evaluate, reply: Reply) -> Answers | Later:
        """Have a batch judged and answered; returns the answer where too much waits already."""
        job = Job(message.requests[0].role, self._judging(message, reply), lambda: reply.wanted)
        if self._turns.add(message.agent, job):
            return LATER
        return Answers(self._policy().version, [Answer(_too_many(message.agent))] * len(message.requests))

    def explain(self, message: Explain, reply: Reply) -> Explained | Later:
        """Have a request explained; as `evaluate`."""
        job = Job(message.request.role, self._explaining(message, reply), lambda: reply.wanted)
        if self._turns.add(message.agent, job):
            return LATER
        return Explained(self._policy().version, Explanation(_too_many(message.agent), [], [], []))

    def _judging(self, message: Evaluate, reply: Reply) -> Iterator[None]:
        """Judge one request a step, all under the policy that governs at the first, and answer."""
        policy, answers = self._policy(), list[Answer]()
        last = len(message.requests) - 1
        for number, request in enumerate(message.requests):
            answers.append(self._escalation.judge(policy, request, message.agent, opens=message.opens))
            if number < last:
                yield
        reply(Answers(policy.version, answers))

    def _explaining(self, message: Explain, reply: Reply) -> Iterator[None]:
        policy, request = self._policy(), message.request
        explanation = policy.explain(request)
        files = partial(policy.files, request)
        held = self._written.held(explanation.ruling, message.agent, request.session, files, request.scripts)
        if held is not None:
            trace = RuleTrace(RULE, True, held.reason)
            explanation = msgspec.structs.replace(explanation, ruling=held, rules=[*explanation.rules, trace])
        reply(Explained(policy.version, explanation))
        yield from ()


def _too_many(agent: str) -> Ruling:
    why = f"too many requests wait to be judged, {MAX_WAITING_OF_AN_AGENT} of {agent!r} at the most; ask again soon"
    return Ruling("ask", why, None, False)
