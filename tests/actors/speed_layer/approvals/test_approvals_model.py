"""The approvals' state machine against a model, and rebuilt from its events after every step."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from actors.speed_layer.approvals.approval import ApprovalRefused
from actors.speed_layer.approvals.approval_events import from_event, to_event
from actors.speed_layer.approvals.approval_states import EXPIRES_NS, Approvals
from actors.speed_layer.policy.engine import Request, Ruling

AGENTS = ("ada", "bob", "eve")
ACTIONS = ("h1", "h2")
ROLES = ("agent", "expert")
ASK = Ruling("ask", "no rule", None, False)

agents, actions, roles = st.sampled_from(AGENTS), st.sampled_from(ACTIONS), st.sampled_from(ROLES)


class ApprovalsAgainstAModel(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.approvals = Approvals()
        self.log: list[object] = []
        self.now = 0
        self.count = 0
        self.pending: dict[tuple[str, str], tuple[str, set[str], int]] = {}  # what must be pending
        self.answered: dict[str, set[str]] = {}  # who has an answer of the person at their client
        self.entitled: dict[tuple[str, str, str], tuple[str, int]] = {}  # what must be owed

    def record(self, event: object) -> None:
        self.log.append(to_event(event))  # type: ignore[arg-type]

    @rule(agent=agents, action=actions, role=roles)
    def ask(self, agent: str, action: str, role: str) -> None:
        approval = self.approvals.find(role, action)
        assert (approval is not None) == ((role, action) in self.pending)
        if approval is not None:
            joined = self.approvals.join(approval, agent)
            _, askers, _ = self.pending[role, action]
            assert (joined is None) == (agent in askers)
            askers.add(agent)
            if joined is not None:
                self.record(joined)
            return
        self.count += 1
        requested = self.approvals.request(
            f"a{self.count}", Request("t", {}, None, role), action, agent=agent, ruling=ASK, policy="p", now_ns=self.now
        )
        assert not isinstance(requested, str)
        self.record(requested)
        self.pending[role, action] = requested.id, {agent}, requested.expires_ns

    @rule(by=agents, action=actions, role=roles, decision=st.sampled_from(["allow", "deny"]), served=st.sets(agents))
    def decide(self, by: str, action: str, role: str, decision: str, served: set[str]) -> None:
        if (role, action) not in self.pending:
            with pytest.raises(ApprovalRefused):
                self.approvals.decide("none", "allow", by=by, reason="", remember="no", policy="p")
            return
        approval_id, askers, expires = self.pending[role, action]
        if by in askers:
            with pytest.raises(ApprovalRefused, match="their own"):
                self.approvals.decide(approval_id, "allow", by=by, reason="", remember="no", policy="p")
            return
        decided = self.approvals.decide(approval_id, decision, by=by, reason="", remember="no", policy="p")  # type: ignore[arg-type]
        with pytest.raises(ApprovalRefused):
            self.approvals.decide(approval_id, "allow", by=by, reason="", remember="no", policy="p")
        ended = self.approvals.apply(decided)
        assert ended is not None
        assert set(ended.askers) == askers
        self.record(decided)
        self.approvals.owe(ended, served, Ruling(decision, "r", None, False))  # type: ignore[arg-type]
        for agent in askers - served - self.answered.get(approval_id, set()):
            self.entitled[role, action, agent] = decision, expires
        del self.pending[role, action]

    @rule(agent=agents, action=actions, role=roles, decision=st.sampled_from(["allow", "deny"]))
    def answer_own(self, agent: str, action: str, role: str, decision: str) -> None:
        approval_id, askers, _ = self.pending.get((role, action), ("none", set[str](), 0))
        if agent not in askers:
            with pytest.raises(ApprovalRefused):
                self.approvals.answer(approval_id, agent, decision, "p")  # type: ignore[arg-type]
            return
        answered = self.approvals.answer(approval_id, agent, decision, "p")  # type: ignore[arg-type]
        assert self.approvals.apply(answered) is None
        self.record(answered)
        self.answered.setdefault(approval_id, set()).add(agent)
        cancelled = self.approvals.cancel_if_answered(approval_id)
        assert (cancelled is not None) == (self.answered[approval_id] == askers)
        if cancelled is not None:
            self.record(cancelled)
            del self.pending[role, action]

    @rule(action=actions, role=roles)
    def cancel(self, action: str, role: str) -> None:
        approval = self.approvals.find(role, action)
        if approval is not None:
            self.record(self.approvals.cancel(approval, "why"))
            del self.pending[role, action]

    @rule(agent=agents, action=actions, role=roles)
    def collect(self, agent: str, action: str, role: str) -> None:
        owed = self.approvals.collect(role, action, agent, self.now)
        expected = self.entitled.pop((role, action, agent), None)
        if expected is None or expected[1] <= self.now:
            assert owed is None
        else:
            assert owed is not None
            assert owed.ruling.verdict == expected[0]
        assert self.approvals.collect(role, action, agent, self.now) is None  # once

    @rule(part=st.sampled_from([0.1, 0.5, 1.0]))
    def time_passes(self, part: float) -> None:
        self.now += round(EXPIRES_NS * part)
        for event, _ in self.approvals.due(self.now):
            self.record(event)
        self.pending = {key: each for key, each in self.pending.items() if each[2] > self.now}
        due = self.approvals.next_due_ns()
        assert due is None or due > self.now

    @invariant()
    def what_is_pending_is_what_the_model_says_and_what_the_log_rebuilds(self) -> None:
        rebuilt = Approvals()
        for event in self.log:
            rebuilt.apply(from_event(event.type, event.data))  # type: ignore[attr-defined]
        for approvals in (self.approvals, rebuilt):
            shown = {
                (each.requested.role, each.requested.request): (name, set(each.askers), each.requested.expires_ns)
                for name, each in approvals.pending.items()
            }
            assert shown == self.pending


TestApprovals = ApprovalsAgainstAModel.TestCase
TestApprovals.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
