"""The speed layer: holds the policy that governs, judges requests by it, and brings the rest to people who may decide.

Its handler never waits for a decision or for the disk: a request that has to wait is answered later.
"""

from __future__ import annotations

from functools import partial
from typing import Final, Protocol

import trio

from actors.event_store.messages import NAME as EVENT_STORE
from actors.kernel import LATER, Actor, Later, Reply
from actors.ports import Ports
from actors.speed_layer.approvals.approval import ApprovalRefused
from actors.speed_layer.approvals.approval_events import Decided, to_event
from actors.speed_layer.approvals.escalation import Escalation
from actors.speed_layer.approvals.judging_turns import JudgingTurns
from actors.speed_layer.approvals.memorable import pattern_of
from actors.speed_layer.audit.buffer import AuditBuffer
from actors.speed_layer.audit.writer import AuditWriter
from actors.speed_layer.governing.activation import ActiveLayer, activated, compiled, history, text_hash
from actors.speed_layer.governing.breaker_events import OpenBreakers
from actors.speed_layer.governing.command_patterns import described
from actors.speed_layer.governing.event_recorder import EventRecorder
from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.guarded_judging import Guard
from actors.speed_layer.governing.quotas import Quotas
from actors.speed_layer.governing.remembered_decisions import (
    POLICY_STREAM,
    Remembered,
    forgotten_event,
    remembered_event,
)
from actors.speed_layer.governing.turns import PublishedSlice
from actors.speed_layer.messages import (
    Activate,
    AnswerOwn,
    Answers,
    AwaitDecision,
    ChangeOutcome,
    Decide,
    Evaluate,
    Explain,
    Explained,
    Forget,
    ListPending,
    Messages,
    PendingPage,
    Propose,
    RefusalCode,
)
from actors.speed_layer.policy.engine import Policy, PolicyError, Ruling
from actors.speed_layer.policy.rule_tables import Layer
from actors.speed_layer.published_policy import PublishedPolicy
from actors.speed_layer.written.restoring import restore
from actors.speed_layer.written.written_files import WrittenFiles

NO_LONGER_LOADS = "what an admin has activated no longer loads, so nothing is allowed until another policy is activated"

DRAIN_S: Final = 1.0
"""How long what waits for its turn is judged on in an ordered stop, in seconds; whoever asked the rest is told."""


class PolicyViews(Protocol):
    """The published views of the policy and of verdicts on their way to the log; see `actors/views.py`.

    Attributes:
        policy: The version of the policy that governs now, empty until one does.
        rules: That policy, None until one governs.
        written: What agents have written.
    """

    policy: str
    rules: PublishedPolicy | None
    written: WrittenFiles

    @property
    def audit(self) -> AuditBuffer:
        """Verdicts on their way to the log."""
        ...

    def charge(self, agent: str, role: str, used_s: float, requests: int) -> None:
        """Take out of an agent's limit that judging some of its requests took so long, in seconds."""

    def tell_trouble(self, name: str, what: str) -> None:
        """Note what keeps an actor from its work; an empty text says that nothing does."""


class SpeedLayer(Actor):
    """Judges requests: pure computation, in slices and in turns, so that no agent's requests stall everybody else.

    Args:
        policy: The shipped policy, compiled; what was activated on top of it is in the log.
        views: Where the version that governs is published, and where verdicts wait for the audit.
        ports: The clock, where names come from, and where policies are compiled.
        quotas: Counts what rules with `at_most` allow; outlives the actor.
    """

    accepts = Messages
    capacity = 8192  # twice what the desk lets agents have under way

    def __init__(self, policy: Policy, views: PolicyViews, ports: Ports, quotas: Quotas) -> None:
        self._base = policy
        self._policy = GoverningPolicy(policy)
        self._layers: dict[Layer, ActiveLayer] = {}
        self._activating = trio.Lock()
        self._views = views
        self._ports = ports
        self._quotas = quotas

    async def on_start(self) -> None:
        """Take up the policy and the approvals that the log knows, and begin to write."""
        store = self.ref(EVENT_STORE)
        self._recorder = EventRecorder(store)
        self._open_breakers = OpenBreakers(self._recorder, partial(self._views.tell_trouble, self.name))
        self._guard = Guard(self._quotas, self._open_breakers.opened, self._open_breakers.closed)
        self._published = PublishedSlice()
        spend, written = self._views.audit.spend, self._views.written
        self._escalation = Escalation(
            self._recorder, self._ports, self._guard, lambda: self._policy, spend=spend, written=written
        )
        self._turns = JudgingTurns(self._escalation, lambda: self._policy, self._views.charge, written)
        self._audit_writer = AuditWriter(
            self._views.audit, store, self._new_name, self._audit_stalled, self._ports.run_sync
        )
        await self._open_breakers.restore()
        await self._take_up_policy()
        await self._escalation.restore()
        await restore(written, store)
        own = (self._recorder.run, self._audit_writer.run, self._escalation.run, self._turns.run, self._published.run)
        for task in own:
            self.nursery.start_soon(task)
        await self._escalation.review()
        await self._recorder.drained()
        self._govern(self._policy)

    async def handle(
        self,
        message: Evaluate | AwaitDecision | Explain | ListPending | Decide | AnswerOwn | Propose | Forget | Activate,
        reply: Reply,
    ) -> Answers | Explained | PendingPage | ChangeOutcome | Later:
        """Judge a batch, explain, or begin what is answered later."""
        match message:
            case Evaluate():
                return self._turns.evaluate(message, reply)
            case AwaitDecision():
                return self._escalation.wait(message, reply) or LATER
            case Explain():
                return self._turns.explain(message, reply)
            case ListPending():
                await trio.lowlevel.checkpoint()  # a page takes as long as judging several requests
                return self._escalation.pending(message)
            case Propose():
                await trio.lowlevel.checkpoint()  # here too a request is judged, and a batch of messages has no other
                return self._propose(message)
            case Decide() | AnswerOwn() | Forget() | Activate():
                await trio.lowlevel.checkpoint()
                return self._change(message, reply)

    async def on_stop(self) -> None:
        """Judge what waits, if that is little, and store the last verdicts."""
        with trio.move_on_after(DRAIN_S):
            await self._turns.drained()
        await self._audit_writer.drain()

    async def _take_up_policy(self) -> None:
        found = history(await self._recorder.read(POLICY_STREAM))
        try:
            rules = await self._ports.run_sync(partial(compiled, self._base, found.layers))
        except PolicyError as error:
            self._layers = found.layers
            self._policy = GoverningPolicy(self._base, found.remembered, withheld=f"{NO_LONGER_LOADS} ({error})")
            self._open_breakers.trouble("policy", self._policy.withheld)
            return
        self._layers = found.layers
        self._policy = GoverningPolicy(rules, found.remembered)
        if found.version != rules.version:
            self._recorder.add([activated(rules, {}, "moothall")])

    def _change(self, message: Decide | AnswerOwn | Forget | Activate, reply: Reply) -> ChangeOutcome | Later:
        if isinstance(message, Decide):
            return self._decide(message, reply)
        if isinstance(message, AnswerOwn):
            return self._answer_own(message, reply)
        if isinstance(message, Forget):
            return self._forget(message, reply)
        self.nursery.start_soon(self._activate, message, reply)
        return LATER

    def _decide(self, message: Decide, reply: Reply) -> ChangeOutcome | Later:
        approval = self._escalation.find(message.id)
        if approval is None:
            return self._unknown(message.id)
        overtaken = self._escalation.review_one(approval, self._policy)
        if overtaken is not None:
            return ChangeOutcome(self._policy.version, overtaken, approval.requested.request)
        try:
            decided, ruling, kept = self._escalation.decide(
                approval,
                self._policy,
                decision=message.decision,
                by=message.by,
                reason=message.reason,
                remember=message.remember,
            )
        except ApprovalRefused as refused:
            return self._refused(refused.code, refused.message)
        events = [to_event(decided), *([] if kept is None else [remembered_event(kept)])]
        self._recorder.add(events, partial(self._settle, decided, ruling, kept, reply))
        return LATER

    def _answer_own(self, message: AnswerOwn, reply: Reply) -> ChangeOutcome | Later:
        try:
            answered, approval = self._escalation.answer_own(message, self._policy)
        except ApprovalRefused as refused:
            return self._refused(refused.code, refused.message)

        def settle() -> None:
            reply(ChangeOutcome(self._policy.version, self._escalation.settle_own(answered, approval, self._policy)))

        self._recorder.add([to_event(answered)], settle)
        return LATER

    def _propose(self, message: Propose) -> ChangeOutcome:
        approval = self._escalation.find(message.id)
        if approval is None:
            return self._unknown(message.id)
        try:
            return ChangeOutcome(self._policy.version, message=described(pattern_of(approval, self._policy)))
        except ApprovalRefused as refused:
            return self._refused(refused.code, refused.message)

    def _forget(self, message: Forget, reply: Reply) -> ChangeOutcome | Later:
        if message.approval not in self._policy.remembered:
            what = f"nothing is remembered of {message.approval!r}; `moothall policy remembered` lists what is"
            return self._refused("invalid", what)
        event = forgotten_event(message.approval, message.by)
        self._recorder.add([event], partial(self._forgotten, message.approval, reply))
        return LATER

    def _forgotten(self, approval: str, reply: Reply) -> None:
        self._govern(self._policy.forgetting(approval))
        reply(ChangeOutcome(self._policy.version))

    def _settle(self, decided: Decided, ruling: Ruling, remembered: Remembered | None, reply: Reply) -> None:
        """Do what a decision says that is durable now."""
        if remembered is not None:
            self._govern(self._policy.remembering(remembered))
        answer, request = self._escalation.settle(decided, ruling, self._policy)
        if decided.remember == "rule":
            self.nursery.start_soon(self._escalation.review)
        reply(ChangeOutcome(self._policy.version, answer, request))

    async def _activate(self, message: Activate, reply: Reply) -> None:
        async with self._activating:
            changed: dict[Layer, ActiveLayer] = {message.layer: ActiveLayer(message.name, message.sha256, message.text)}
            layers = self._layers | changed
            if text_hash(message.text) != message.sha256:
                reply(self._refused("invalid", f"{message.name} has another hash; activate the text you looked at"))
                return
            try:
                rules = await self._ports.run_sync(partial(compiled, self._base, layers))
            except PolicyError as error:
                reply(self._refused("invalid", str(error)))
                return
            durable = trio.Event()
            self._recorder.add([activated(rules, changed, message.by)], durable.set)
            await durable.wait()
            self._layers = layers
            self._govern(GoverningPolicy(rules, self._policy.remembered))
            self._open_breakers.trouble("policy", "")
            await self._escalation.review()
            reply(ChangeOutcome(self._policy.version))

    def _unknown(self, approval: str) -> ChangeOutcome:
        return self._refused("invalid", f"no approval {approval!r} is pending; list those that are")

    def _refused(self, code: RefusalCode, message: str) -> ChangeOutcome:
        return ChangeOutcome(self._policy.version, code=code, message=message)

    def _govern(self, policy: GoverningPolicy) -> None:
        self._policy = policy
        self._escalation.regroup()
        self._views.rules = PublishedPolicy(policy, self._guard, self._published, self._views.charge)
        self._views.policy = policy.version

    def _audit_stalled(self, why: str) -> None:
        if why:
            self._open_breakers.opened("audit", why)
        else:
            self._open_breakers.closed("audit")

    def _new_name(self) -> str:
        return self._ports.random_bytes(8).hex()
