"""Decisions that hold from now on: for one action, or for the commands of a pattern. Pure.

Where more than one speaks of a request the strictest holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

import msgspec

from actors.speed_layer.governing.adoption import ADOPTED
from actors.speed_layer.governing.command_patterns import Pattern, covers
from actors.speed_layer.messages import Decision
from actors.speed_layer.policy.engine import Request
from actors.speed_layer.policy.judging.plain_command import PlainCommand
from actors.speed_layer.policy.loading.audiences import BY_ROLE, Audiences
from store import NewEvent

POLICY_STREAM: Final = "moothall/policy"
REMEMBERED: Final = "moothall.policy.remembered"
FORGOTTEN: Final = "moothall.policy.forgotten"


class Remembered(msgspec.Struct, frozen=True, omit_defaults=True):
    """A decision that holds from now on.

    Attributes:
        approval: Where it was taken; its name from now on.
        role: The role that it is for.
        request: The hash of the canonical action.
        verdict: `allow` or `deny`.
        by: Who decided.
        reason: Why.
        pattern: The commands that it is for; None where it is for that action alone.
        agent: The first who asked; the decision is for whom the rules that govern do not tell apart from them.
        labels: The labels of the first who asked.
    """

    approval: str
    role: str
    request: str
    verdict: Decision
    by: str
    reason: str
    pattern: Pattern | None = None
    agent: str = ""
    labels: tuple[str, ...] = ()


class RememberedDecisions:
    """What is remembered; changed by making another one.

    Args:
        decisions: The oldest first; of two on the same action the later one holds.
        audiences: Which agents the rules tell apart.
    """

    def __init__(self, decisions: Iterable[Remembered] = (), audiences: Audiences = BY_ROLE) -> None:
        self._audiences = audiences
        self._all: dict[str, Remembered] = {}
        self._exact: dict[tuple[str, str], Remembered] = {}
        for decision in decisions:
            if decision.pattern is None:
                action = self._audience(decision), decision.request
                former = self._exact.get(action)
                if former is not None:
                    del self._all[former.approval]
                self._exact[action] = decision
            self._all[decision.approval] = decision
        self._patterns = [
            (self._audience(each), each, each.pattern) for each in self._all.values() if each.pattern is not None
        ]

    def _audience(self, of: Remembered | Request) -> str:
        return self._audiences.of(of.role, of.agent, of.labels)

    def __bool__(self) -> bool:
        return bool(self._all)

    def __contains__(self, approval: str) -> bool:
        return approval in self._all

    def adding(self, decision: Remembered) -> RememberedDecisions:
        """Return these and one more."""
        return RememberedDecisions([*self._all.values(), decision], self._audiences)

    def under(self, audiences: Audiences) -> RememberedDecisions:
        """Return these under rules that tell these apart: each is for the audience that its first asker has there."""
        return self if audiences == self._audiences else RememberedDecisions(self._all.values(), audiences)

    def without(self, approval: str) -> RememberedDecisions:
        """Return these but the one that was taken there."""
        return RememberedDecisions((each for each in self._all.values() if each.approval != approval), self._audiences)

    def listed(self) -> list[Remembered]:
        """Return all, the oldest first."""
        return list(self._all.values())

    def content(self) -> list[Any]:
        """Return what makes one set of decisions another, for the policy's version."""
        return sorted(
            [self._audience(each), each.request, each.verdict, *([] if each.pattern is None else [str(each.pattern)])]
            for each in self._all.values()
        )

    def on(self, request: Request, plain_command: Callable[[], PlainCommand | None]) -> Remembered | None:
        """Return the decision that answers what the rules ask about a request; without a directory it has none.

        Args:
            request: The request.
            plain_command: Returns the plain command that it is, if it is one; called once, whatever is remembered.
        """
        if request.cwd is None:
            return None
        audience = self._audience(request)
        exact = self._exact.get((audience, request.hashed))
        found = [] if exact is None else [exact]
        about = [(each, pattern) for for_whom, each, pattern in self._patterns if for_whom == audience]
        if request.scripts:  # no pattern allows what a script holds; what denies needs to know nothing of it
            about = [(each, pattern) for each, pattern in about if each.verdict == "deny"]
        if about:
            plain = plain_command()
            found += [each for each, pattern in about if covers(pattern, plain, request.cwd)]
        return next((each for each in found if each.verdict == "deny"), found[0] if found else None)


def remembered_in(events: Iterable[tuple[str, Any]]) -> RememberedDecisions:
    """Return what the events of the policy's stream, oldest first, each its type and data, leave remembered."""
    found: dict[str, Remembered] = {}
    for kind, data in events:
        if kind == ADOPTED:
            found.clear()
        elif kind == REMEMBERED:
            found[data["approval"]] = msgspec.convert(data, Remembered)
        elif kind == FORGOTTEN:
            found.pop(data["approval"], None)
    return RememberedDecisions(found.values())


def remembered_event(decision: Remembered) -> NewEvent:
    """Return the event that a decision holds from now on."""
    return NewEvent(type=REMEMBERED, data=msgspec.to_builtins(decision), stream=POLICY_STREAM)


def forgotten_event(approval: str, by: str) -> NewEvent:
    """Return the event that a decision holds no longer."""
    return NewEvent(type=FORGOTTEN, data={"approval": approval, "by": by}, stream=POLICY_STREAM)
