"""One approval: what was asked, by whom, and how one of them is asked for it. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

import msgspec

from actors.speed_layer.approvals.approval_events import Requested
from actors.speed_layer.messages import RefusalCode
from actors.speed_layer.policy.engine import Request, Ruling
from actors.speed_layer.policy.loading.audiences import Audiences


class ApprovalRefused(Exception):  # noqa: N818 - an answer, not a fault
    """A decision that may not be taken.

    Args:
        code: The contract's error code.
        message: Why, and what to do next.
    """

    def __init__(self, code: RefusalCode, message: str) -> None:
        super().__init__(message)
        self.code: RefusalCode = code
        self.message = message


@dataclass
class Approval:
    """One that is pending.

    Attributes:
        requested: How it began.
        number: Which it is of all that were opened, from 1: the oldest has the smallest.
        size: How many bytes its canonical action has.
        audience: Who shares it.
        askers: Who has asked while it was pending, each with the labels that they had.
        answered: For whom the person at their own client has answered; nobody else's answer is owed to them.
        closed: Whether a decision is on its way to the log; nobody joins any more.
    """

    requested: Requested
    number: int
    size: int
    audience: str
    askers: dict[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    answered: set[str] = field(default_factory=set[str])
    closed: bool = False

    @property
    def ruling(self) -> Ruling:
        """The `ask` that stands until somebody decides."""
        return Ruling("ask", self.requested.reason, self.requested.rule, False)

    @property
    def action(self) -> Request:
        """What is to be decided, as the first asked it."""
        requested = self.requested
        cwd, arguments, scripts = requested.asked
        return Request(
            requested.tool,
            arguments,
            cwd,
            requested.role,
            scripts=scripts,
            workspace=requested.workspace,
            agent=requested.agent,
            labels=requested.labels,
        )

    def asked_by(self, agent: str) -> Request:
        """Return what is to be decided, as one who asked it."""
        return msgspec.structs.replace(self.action, agent=agent, labels=self.askers[agent])

    def told_apart_by(self, audiences: Audiences) -> bool:
        """Say whether rules tell apart who asked."""
        role, first = self.requested.role, (self.requested.agent, self.requested.labels)
        return len({audiences.of(role, agent, labels) for agent, labels in (first, *self.askers.items())}) > 1


@dataclass(frozen=True)
class OwedAnswer:
    """What an agent that had gone will be told once."""

    requested: Requested
    ruling: Ruling
    labels: tuple[str, ...] = ()
