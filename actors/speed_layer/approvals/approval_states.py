"""Approvals: what no rule decides, once for all of an audience who ask the same. A state machine over events; pure.

An approval is bound to the hash of the canonical action and to the audience: all whom the rules do not tell apart. It
is pending until somebody decides it, it expires, or a new policy decides it, or tells apart who asked, and so cancels
it. A decision serves everyone who asked while it was pending, once each. Anyone who still waits is answered at once.
Anyone who has gone finds the answer at the next identical request, until the approval expires. It serves nobody else,
and nobody decides what they asked for themselves.

`apply` alone changes what is pending, so applying the events of the log rebuilds the state. The log does not hold what
is owed to agents that have gone: after a restart they ask again.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from actors.speed_layer.approvals.approval import Approval, ApprovalRefused, OwedAnswer
from actors.speed_layer.approvals.approval_events import (
    Answered,
    ApprovalEvent,
    Cancelled,
    Decided,
    Expired,
    Joined,
    Requested,
)
from actors.speed_layer.approvals.room import Room
from actors.speed_layer.messages import Decision, Remember
from actors.speed_layer.policy.canonical_request import canonical
from actors.speed_layer.policy.engine import Request, Ruling
from actors.speed_layer.policy.loading.audiences import BY_ROLE, Audiences

EXPIRES_NS: Final = 3600 * 1_000_000_000
"""How long an approval waits for its decision, in nanoseconds: an hour."""


class Approvals:
    """All approvals that are pending, and what is still owed. Nothing here checkpoints.

    Attributes:
        audiences: Which agents the rules tell apart that govern; see `regroup`.
        pending: The approvals, by their names.
    """

    def __init__(self) -> None:
        self.audiences = BY_ROLE
        self.pending: dict[str, Approval] = {}
        self._by_action: dict[tuple[str, str], Approval] = {}
        self._room = Room()
        self._opened_ever = 0
        self._owed: dict[tuple[str, str, str], OwedAnswer] = {}

    def __bool__(self) -> bool:
        """Whether a request may find something here."""
        return bool(self.pending or self._owed)

    def audience_of(self, request: Request) -> str:
        """Return who shares an approval with whoever asks."""
        return self.audiences.of(request.role, request.agent, request.labels)

    def find(self, audience: str, request: str) -> Approval | None:
        """Return the pending approval of an action."""
        return self._by_action.get((audience, request))

    def regroup(self, audiences: Audiences) -> list[tuple[Cancelled, Approval]]:
        """Let those share approvals whom these rules do not tell apart; cancels those whose askers they do.

        One whose decision is on its way to the log is left: see `Approval.told_apart_by`.
        """
        if audiences == self.audiences:
            return []
        self.audiences = audiences
        self._by_action.clear()
        for approval in self.pending.values():
            approval.audience = self.audience_of(approval.action)
            self._by_action.setdefault((approval.audience, approval.requested.request), approval)
        self._owed = {
            (audiences.of(owed.requested.role, agent, owed.labels), request, agent): owed
            for (_, request, agent), owed in self._owed.items()
        }
        apart = [each for each in self.pending.values() if not each.closed and each.told_apart_by(audiences)]
        return [(self.cancel(each, "the policy tells apart those who asked"), each) for each in apart]

    def request(
        self,
        new_id: str,
        asked: Request,
        request: str,
        *,
        agent: str,
        ruling: Ruling,
        policy: str,
        now_ns: int,
        spend: Callable[[int], str] = lambda _size: "",
    ) -> Requested | str:
        """Open an approval for an action; returns why not, where the action is too large or there are too many.

        Args:
            new_id: The approval's name.
            asked: What is asked for.
            request: Its hash.
            agent: Who asks.
            ruling: The `ask` that stands until somebody decides.
            policy: The version that gave it.
            now_ns: The time now, in nanoseconds since the epoch.
            spend: Counts so many bytes of the agent's that are stored; returns why there is no room for them.
        """
        action = canonical(asked.tool, asked.input, asked.cwd, asked.scripts, asked.workspace)
        why_not = self._room.lacks(agent, asked.role, len(action)) or spend(len(action))
        if why_not:
            return why_not
        requested = Requested(
            id=new_id,
            role=asked.role,
            agent=agent,
            tool=asked.tool,
            action=action.decode(),
            request=request,
            policy=policy,
            reason=ruling.reason,
            rule=ruling.rule,
            since_ns=now_ns,
            expires_ns=now_ns + EXPIRES_NS,
            labels=asked.labels,
        )
        self.apply(requested)
        return requested

    def join(self, approval: Approval, agent: str, labels: tuple[str, ...] = ()) -> Joined | None:
        """Let another agent in; returns None if it is in already, or a decision is under way."""
        if approval.closed or approval.askers.get(agent) == labels:
            return None
        joined = Joined(approval.requested.id, agent, labels)
        self.apply(joined)
        return joined

    def decide(
        self,
        approval_id: str,
        decision: Decision,
        *,
        by: str,
        reason: str,
        remember: Remember,
        policy: str,
    ) -> Decided:
        """Close an approval with a decision, which counts once it is applied.

        Raises:
            ApprovalRefused: It is not pending, or the decision is its asker's own.
        """
        approval = self.pending.get(approval_id)
        if approval is None or approval.closed:
            raise ApprovalRefused("invalid", f"no approval {approval_id!r} is pending; list those that are")
        if by in approval.askers:
            raise ApprovalRefused("forbidden", f"{by!r} asked for this; nobody decides their own: ask somebody else")
        approval.closed = True
        return Decided(approval_id, decision, by, reason, remember, policy)

    def answer(self, approval_id: str, agent: str, decision: Decision, policy: str) -> Answered:
        """Answer for one who asked, as the person at their client says; counts once it is applied.

        Raises:
            ApprovalRefused: It is not pending, or this agent did not ask.
        """
        approval = self.pending.get(approval_id)
        if approval is None or approval.closed or agent not in approval.askers:
            raise ApprovalRefused("invalid", f"{agent!r} waits for no approval {approval_id!r}; ask again")
        return Answered(approval_id, agent, decision, policy)

    def due(self, now_ns: int) -> list[tuple[Expired, Approval]]:
        """Expire what nobody decided in time, and forget what nobody fetched."""
        late = [each for each in self.pending.values() if each.requested.expires_ns <= now_ns and not each.closed]
        expired = [(Expired(approval.requested.id), approval) for approval in late]
        for event, _ in expired:
            self.apply(event)
        self._owed = {key: owed for key, owed in self._owed.items() if owed.requested.expires_ns > now_ns}
        return expired

    def next_due_ns(self) -> int | None:
        """Return when something expires next."""
        times = [approval.requested.expires_ns for approval in self.pending.values() if not approval.closed]
        return min([*times, *(owed.requested.expires_ns for owed in self._owed.values())], default=None)

    def cancel(self, approval: Approval, why: str) -> Cancelled:
        """Take an approval back."""
        cancelled = Cancelled(approval.requested.id, why)
        self.apply(cancelled)
        return cancelled

    def apply(self, event: ApprovalEvent) -> Approval | None:
        """Change what is pending as an event says; returns the approval that it ended, if it did."""
        if isinstance(event, Requested):
            self._opened_ever += 1
            audience = self.audiences.of(event.role, event.agent, event.labels)
            askers = {event.agent: event.labels}
            approval = Approval(event, self._opened_ever, len(event.action.encode()), audience, askers)
            self.pending[event.id] = self._by_action[audience, event.request] = approval
            self._room.take(event.agent, event.role, approval.size)
            return None
        if isinstance(event, Joined):
            self.pending[event.id].askers[event.agent] = event.labels
            return None
        if isinstance(event, Answered):
            if event.id in self.pending:  # it may have ended while the answer was on its way to the log
                self.pending[event.id].answered.add(event.agent)
            return None
        ended = self.pending.pop(event.id)
        action = ended.audience, ended.requested.request
        if self._by_action.get(action) is ended:  # else another policy has brought two of them together
            del self._by_action[action]
        self._room.give_back(ended.requested.agent, ended.requested.role, ended.size)
        return ended

    def cancel_if_answered(self, approval_id: str) -> Cancelled | None:
        """Take an approval back that leaves nobody to decide for."""
        approval = self.pending.get(approval_id)
        if approval is None or approval.closed or not approval.answered >= approval.askers.keys():
            return None
        return self.cancel(approval, "all who asked were answered by the person at their client")

    def owe(self, ended: Approval, served: set[str], ruling: Ruling) -> None:
        """Keep a decision for those who asked and had gone, without the action: its hash finds it."""
        requested = msgspec.structs.replace(ended.requested, action="")
        for agent in ended.askers.keys() - ended.answered - served:
            self._owed[ended.audience, requested.request, agent] = OwedAnswer(requested, ruling, ended.askers[agent])

    def owes(self, audience: str, request: str, agent: str) -> bool:
        """Say whether something may be owed to an agent for an action."""
        return (audience, request, agent) in self._owed

    def collect(self, audience: str, request: str, agent: str, now_ns: int) -> OwedAnswer | None:
        """Hand out what is owed to an agent for an action, once."""
        owed = self._owed.pop((audience, request, agent), None)
        return owed if owed is not None and owed.requested.expires_ns > now_ns else None
