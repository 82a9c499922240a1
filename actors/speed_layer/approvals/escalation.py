"""Brings what no rule decides to an expert or admin, and takes their answer to everyone who waits for it.

`approval_states.py` holds the approvals themselves. Their effects are here: events in the log, replies to the request
tasks that wait, and the clock. Nobody is told a decision before it is durable.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import msgspec
import trio

from actors.kernel import Reply
from actors.ports import Ports
from actors.speed_layer.approvals import pending_pages
from actors.speed_layer.approvals.answers import (
    TOLD_APART,
    answer_owed,
    info,
    is_outdated,
    leaves_open,
    ruling_of,
    said_by,
    with_files,
)
from actors.speed_layer.approvals.approval import Approval
from actors.speed_layer.approvals.approval_events import (
    APPROVALS_STREAM,
    Answered,
    ApprovalEvent,
    Decided,
    from_event,
    to_event,
)
from actors.speed_layer.approvals.approval_states import Approvals
from actors.speed_layer.approvals.memorable import check_memorable, pattern_of, remembered
from actors.speed_layer.governing.adoption import since_adoption
from actors.speed_layer.governing.event_recorder import EventRecorder
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.guarded_judging import Guard, GuardedRuling
from actors.speed_layer.governing.remembered_decisions import Remembered
from actors.speed_layer.governing.stored_bytes import Spend, spent
from actors.speed_layer.governing.turns import SLICE_S
from actors.speed_layer.messages import (
    Answer,
    AnswerOwn,
    Answers,
    AwaitDecision,
    Decision,
    ListPending,
    PendingPage,
    Remember,
)
from actors.speed_layer.policy.engine import Request, Ruling
from actors.speed_layer.written.written_files import WrittenFiles


class Escalation:
    """The speed layer's approvals at work. Only `run`, `restore` and `review` checkpoint.

    Args:
        recorder: Stores their events.
        ports: The clock, and where names come from.
        guard: Judges.
        policy: Returns the policy that governs.
        spend: Counts what is stored for each agent.
        written: What agents have written.
    """

    def __init__(
        self,
        recorder: EventRecorder,
        ports: Ports,
        guard: Guard,
        policy: Callable[[], GoverningPolicy],
        *,
        spend: Spend,
        written: WrittenFiles,
    ) -> None:
        self._written = written
        self._spend = spend
        self._recorder = recorder
        self._guard = guard
        self._policy = policy
        self._ports = ports
        self._approvals = Approvals()
        self._waiting: dict[str, list[tuple[str, Reply]]] = {}
        self._changed = trio.Event()

    async def restore(self) -> None:
        """Rebuild what is pending from the log; a checkpoint."""
        for event in since_adoption(await self._recorder.read(APPROVALS_STREAM)):
            self._approvals.apply(from_event(event.type, event.data))
        self.regroup()

    def regroup(self) -> None:
        """Let nobody share an approval whom the policy tells apart that governs now: who waits on one asks again."""
        policy = self._policy()
        for cancelled, approval in self._approvals.regroup(policy.audiences):
            self._record(cancelled)
            self._answer_all(policy, approval.requested.id, TOLD_APART)
            self._changed.set()

    async def run(self) -> None:
        """Expire what nobody decides in time, for ever; a checkpoint."""
        while True:
            self._changed = trio.Event()
            for expired, approval in self._approvals.due(self._ports.clock_ns()):
                self._record(expired)
                ruling = Ruling("ask", "nobody decided in time; ask again", None, False)
                self._answer_all(self._policy(), expired.id, Answer(ruling, info(approval.requested, "expired")))
            due_ns = self._approvals.next_due_ns()
            left_s = float("inf") if due_ns is None else max(0.001, (due_ns - self._ports.clock_ns()) / 1e9)
            with trio.move_on_after(left_s):
                await self._changed.wait()

    def judge(self, policy: GoverningPolicy, request: Request, agent: str, *, opens: bool = True) -> Answer:
        """Judge a request; what stays `ask` joins the approval that is pending, or opens one where it `opens` any."""
        return with_files(self._judged(policy, request, agent, opens=opens), policy, request)

    def _judged(self, policy: GoverningPolicy, request: Request, agent: str, *, opens: bool) -> Answer:
        if not self._approvals:
            ruling, decidable = self._ruling(policy, request, agent)
            if ruling.verdict != "ask" or not decidable or not opens:
                return Answer(ruling)
            return self._open(policy, request, request.hashed, agent, ruling)
        hashed, audience = request.hashed, self._approvals.audience_of(request)
        approval = self._approvals.find(audience, hashed)
        if approval is not None and not self._approvals.owes(audience, hashed, agent):
            joined = self._approvals.join(approval, agent, request.labels)
            if joined is not None:
                self._record(joined)
            return Answer(approval.ruling, info(approval.requested, "pending"))
        ruling, decidable = self._ruling(policy, request, agent)
        if ruling.verdict != "ask" or not decidable:
            return Answer(ruling)
        return self._undecided(policy, request, hashed, agent, ruling, opens=opens)

    def _ruling(self, policy: GoverningPolicy, request: Request, agent: str) -> GuardedRuling:
        ruling, decidable = self._guard.decide(policy, request, agent)
        held = self._written.held(ruling, agent, request.session, partial(policy.files, request), request.scripts)
        return (ruling, decidable) if held is None else (held, decidable)

    def _undecided(
        self, policy: GoverningPolicy, request: Request, hashed: str, agent: str, ruling: Ruling, *, opens: bool
    ) -> Answer:
        """Answer by what is owed, by what is pending, or by a new approval."""
        audience = self._approvals.audience_of(request)
        owed = self._approvals.collect(audience, hashed, agent, self._ports.clock_ns())
        if owed is not None and not is_outdated(owed, ruling):
            return answer_owed(owed)
        approval = self._approvals.find(audience, hashed)
        if approval is not None:
            return Answer(approval.ruling, info(approval.requested, "pending"))
        return self._open(policy, request, hashed, agent, ruling) if opens else Answer(ruling)

    def wait(self, message: AwaitDecision, reply: Reply) -> Answers | None:
        """Have a reply made when an approval ends; returns the answer where there is one now."""
        policy, approval_id, agent = self._policy(), message.id, message.agent
        if approval_id not in self._approvals.pending:
            audience = self._approvals.audiences.of(message.role, agent, message.labels)
            owed = self._approvals.collect(audience, message.request, agent, self._ports.clock_ns())
            answer = Answer(Ruling("ask", "the approval has ended; ask again", None, False))
            return Answers(policy.version, [answer if owed is None else answer_owed(owed)])
        waiting = self._waiting.setdefault(approval_id, [])
        entry = (agent, reply)
        waiting.append(entry)
        reply.on_abandoned(lambda: waiting.remove(entry) if entry in waiting else None)
        return None

    def pending(self, message: ListPending) -> PendingPage:
        """Return a page of what waits for a decision, or one that does."""
        if message.id:
            return pending_pages.whole(self.find(message.id), self._waiting_for)
        pending = self._approvals.pending.values()
        return pending_pages.page_of(pending, self._waiting_for, after=message.after, limit=message.limit)

    def find(self, approval_id: str) -> Approval | None:
        """Return a pending approval."""
        return self._approvals.pending.get(approval_id)

    def decide(
        self,
        approval: Approval,
        policy: GoverningPolicy,
        *,
        decision: Decision,
        by: str,
        reason: str,
        remember: Remember,
    ) -> tuple[Decided, Ruling, Remembered | None]:
        """Close an approval; `settle` finishes it once its events are durable.

        Returns:
            The event, the ruling of those who wait, and the decision that holds from now on, if one does.

        Raises:
            ApprovalRefused: It may not be decided, or not by them, or not be remembered in this way.
        """
        if remember != "no":
            check_memorable(approval)
        pattern = pattern_of(approval, policy) if remember == "rule" else None
        decided = self._approvals.decide(
            approval.requested.id, decision, by=by, reason=reason, remember=remember, policy=policy.version
        )
        kept = None if remember == "no" else remembered(decided, approval, pattern)
        return decided, ruling_of(decision, by, reason), kept

    def settle(self, decided: Decided, ruling: Ruling, policy: GoverningPolicy) -> tuple[Answer, str]:
        """Tell all who wait, and keep the answer for those who had gone; returns the answer and the action's hash.

        A policy that came between the decision and now has the last word.
        """
        ended = self._approvals.apply(decided)
        assert ended is not None
        self._changed.set()
        if ended.told_apart_by(policy.audiences):
            self._answer_all(policy, decided.id, TOLD_APART)
            return TOLD_APART, ended.requested.request
        now = policy.decide(ended.action)
        answer = with_files(Answer(said_by(ruling, now, ended), info(ended.requested, "decided")), policy, ended.action)
        served = self._answer_all(policy, decided.id, answer)
        if decided.remember == "no":
            self._approvals.owe(ended, served, ruling)
        return answer, ended.requested.request

    def answer_own(self, message: AnswerOwn, policy: GoverningPolicy) -> tuple[Answered, Approval]:
        """Answer one who asked, as the person at their client says; `settle_own` finishes it once that is durable.

        Raises:
            ApprovalRefused: It is not pending, or this agent did not ask.
        """
        answered = self._approvals.answer(message.id, message.agent, message.decision, policy.version)
        return answered, self._approvals.pending[message.id]

    def settle_own(self, answered: Answered, approval: Approval, policy: GoverningPolicy) -> Answer:
        """Return what the agent is told; a policy that came meanwhile has the last word."""
        self._approvals.apply(answered)
        cancelled = self._approvals.cancel_if_answered(answered.id)
        if cancelled is not None:
            self._record(cancelled)
            ended = Ruling("ask", "the person at the client has answered another request; ask again", None, False)
            self._answer_all(policy, answered.id, Answer(ended, info(approval.requested, "decided")))
            self._changed.set()
        own = approval.asked_by(answered.agent)
        now = policy.decide(own)
        said = ruling_of(answered.decision, f"the person at the client of {answered.agent}")
        answer = Answer(said_by(said, now, approval), info(approval.requested, "decided"))
        return with_files(answer, policy, own)

    async def review(self) -> None:
        """Judge all that is pending again, by the policy that governs, a slice at a time; a checkpoint."""
        until = trio.current_time() + SLICE_S
        for approval in list(self._approvals.pending.values()):
            if trio.current_time() >= until:
                await trio.lowlevel.checkpoint()
                until = trio.current_time() + SLICE_S
            self.review_one(approval, self._policy())
        await trio.lowlevel.checkpoint()

    def review_one(self, approval: Approval, policy: GoverningPolicy) -> Answer | None:
        """Judge one again; returns the ruling that makes a decision needless, if there is one."""
        if approval.closed or approval.requested.id not in self._approvals.pending:
            return None
        ruling = policy.decide(approval.action)
        if leaves_open(ruling, approval):
            return None
        why = f"policy {policy.version} says {ruling.verdict}: {ruling.reason}"
        self._record(self._approvals.cancel(approval, why))
        answer = Answer(ruling, info(approval.requested, "cancelled"))
        self._answer_all(policy, approval.requested.id, answer)
        return answer

    def _open(self, policy: GoverningPolicy, request: Request, hashed: str, agent: str, ruling: Ruling) -> Answer:
        now_ns, new_id = self._ports.clock_ns(), self._ports.random_bytes(8).hex()
        spend = partial(spent, self._spend, agent, request.role, trio.current_time())
        requested = self._approvals.request(
            new_id, request, hashed, agent=agent, ruling=ruling, policy=policy.version, now_ns=now_ns, spend=spend
        )
        if isinstance(requested, str):
            reason = f"{ruling.reason}; nobody is asked to decide, since {requested}"
            return Answer(msgspec.structs.replace(ruling, reason=reason))
        self._record(requested)
        self._changed.set()
        return Answer(ruling, info(requested, "pending"))

    def _waiting_for(self, approval_id: str) -> int:
        return len(self._waiting.get(approval_id, ()))

    def _record(self, event: ApprovalEvent) -> None:
        self._recorder.add([to_event(event)])

    def _answer_all(self, policy: GoverningPolicy, approval_id: str, answer: Answer) -> set[str]:
        """Reply to all who wait; returns the agents that were there to hear it."""
        waiting = list(self._waiting.pop(approval_id, []))
        answers = Answers(policy.version, [answer])
        return {agent for agent, reply in waiting if reply.wanted and reply(answers)}
