"""The speed layer's door: what may be asked of it and what comes back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from actors.kernel import Ask
from actors.speed_layer.policy.engine import Explanation, Request, Ruling
from actors.speed_layer.policy.rule_tables import Layer
from actors.speed_layer.policy.ruling import Files

NAME = "speed_layer"

ApprovalState = Literal["pending", "decided", "expired", "cancelled"]
Decision = Literal["allow", "deny"]
Remember = Literal["no", "exact", "rule"]
RefusalCode = Literal["invalid", "forbidden"]


class ApprovalInfo(msgspec.Struct, frozen=True, array_like=True):
    """How a decision stands that somebody was asked for.

    Attributes:
        id: The approval's name.
        state: Where it is.
        expires_ns: Until when it may be decided, in nanoseconds since the epoch.
    """

    id: str
    state: ApprovalState
    expires_ns: int


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """A ruling, and the approval that it waits for or came from.

    Attributes:
        ruling: The ruling.
        approval: The approval, if there is one.
        files: Which files the request writes and runs, where that matters.
    """

    ruling: Ruling
    approval: ApprovalInfo | None = None
    files: Files | None = None


class Answers(msgspec.Struct, frozen=True, array_like=True):
    """The answers to a batch of requests, in order, and the version of the policy that gave them."""

    policy: str
    answers: list[Answer]


class Evaluate(Ask[Answers], frozen=True):
    """Judge requests, all in one message; what stays `ask` is brought to an expert or admin.

    Attributes:
        requests: What is to be judged.
        agent: Who asks.
        opens: Whether what stays `ask` opens approvals; else it joins those that are pending, and no more. An approval
            that nobody waits for would only take the place of another.
    """

    requests: list[Request]
    agent: str
    opens: bool = True


class AwaitDecision(Ask[Answers], frozen=True):
    """Answer when an approval ends, with one answer. The deadline of the ask is how long that may take.

    Attributes:
        id: The approval's name.
        agent: Who waits.
        role: In which role.
        request: The hash of the canonical action.
        labels: The labels of who waits.
    """

    id: str
    agent: str
    role: str
    request: str
    labels: tuple[str, ...] = ()


class Explained(msgspec.Struct, frozen=True, array_like=True):
    """An explanation, and the version of the policy that it speaks of."""

    policy: str
    explanation: Explanation


class Explain(Ask[Explained], frozen=True):
    """Judge one request and say which rules matched and why.

    Attributes:
        request: What is to be judged.
        agent: Who asks.
    """

    request: Request
    agent: str


class PendingApproval(msgspec.Struct, frozen=True, array_like=True):
    """What waits for a decision.

    Attributes:
        id: The approval's name.
        tool: The tool as it was named.
        input: Its arguments; in a list long ones are cut, see `whole`.
        cwd: The working directory.
        agent: The first who asked.
        role: In which role.
        reason: Why no rule decides.
        waiting: How many requests wait now.
        since_ns: Since when, in nanoseconds since the epoch.
        expires_ns: Until when.
        rule: Which rule asks; None where it is that no rule decides.
        scripts: What the files hold that it runs: SHA-256 by path, None for what could not be read.
        whole: Whether nothing of the input is missing here.
        labels: The labels of the first who asked.
    """

    id: str
    tool: str
    input: dict[str, Any]
    cwd: str | None
    agent: str
    role: str
    reason: str
    waiting: int
    since_ns: int
    expires_ns: int
    rule: str | None = None
    scripts: Mapping[str, str | None] | None = None
    whole: bool = True
    labels: tuple[str, ...] = ()


class PendingPage(msgspec.Struct, frozen=True, array_like=True):
    """A part of what waits for a decision, the oldest first.

    Attributes:
        approvals: What waits.
        next: What to pass as `after` for what follows.
        has_more: Whether something does.
    """

    approvals: list[PendingApproval]
    next: int = 0
    has_more: bool = False


class ListPending(Ask[PendingPage], frozen=True):
    """What waits for a decision, the oldest first? As much as fits on a page.

    Attributes:
        after: Only what came after this place, as a page's `next` gives it.
        limit: At most so many.
        id: This one alone, and whole, whatever `after` says; the page is empty where it is not pending.
    """

    after: int = 0
    limit: int = 100
    id: str = ""


class ChangeOutcome(msgspec.Struct, frozen=True, array_like=True):
    """What became of a decision or an activation: `code` says why it was refused.

    Attributes:
        policy: The version that governs now.
        answer: With a decision: what those who wait are told.
        request: With a decision: the hash of the canonical action.
        code: None if it was carried out.
        message: Why not, and what to do next.
    """

    policy: str
    answer: Answer | None = None
    request: str = ""
    code: RefusalCode | None = None
    message: str = ""


class Decide(Ask[ChangeOutcome], frozen=True):
    """Decide a pending approval; answered when the decision is durable.

    Attributes:
        id: The approval's name.
        decision: Whether it may be done.
        by: Who decides.
        reason: Why.
        remember: `exact` decides the same action of the same audience from now on, `rule` also commands like it (see
            `Propose`).
    """

    id: str
    decision: Decision
    by: str
    reason: str = ""
    remember: Remember = "no"


class AnswerOwn(Ask[ChangeOutcome], frozen=True):
    """The person at an asking agent's client has answered; for that agent alone. Answered when that is durable.

    Attributes:
        id: The approval's name.
        agent: Who asked.
        decision: What the person says.
    """

    id: str
    agent: str
    decision: Decision


class Propose(Ask[ChangeOutcome], frozen=True):
    """Which commands would a decision be for that is remembered as a rule? Told as the outcome's message."""

    id: str


class Forget(Ask[ChangeOutcome], frozen=True):
    """Let a remembered decision hold no longer; answered when that is durable.

    Attributes:
        approval: Where it was taken.
        by: Who says so.
    """

    approval: str
    by: str


class Activate(Ask[ChangeOutcome], frozen=True):
    """Let a policy's text govern as a layer, in place of what that layer was; answered when that is durable.

    Attributes:
        name: What errors call it.
        text: The policy, as TOML.
        sha256: The hash of the text, in hexadecimal digits: what the admin has looked at.
        layer: Which layer it becomes.
        by: Who activates it.
    """

    name: str
    text: str
    sha256: str
    layer: Layer
    by: str


Messages = Evaluate | AwaitDecision | Explain | ListPending | Decide | AnswerOwn | Propose | Forget | Activate
