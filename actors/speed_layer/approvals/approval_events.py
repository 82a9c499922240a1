"""What happens to an approval, as events in the log. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from actors.speed_layer.messages import Decision, Remember
from store import NewEvent

APPROVALS_STREAM: Final = "moothall/approvals"


class Requested(msgspec.Struct, frozen=True, omit_defaults=True):
    """Somebody asked for what no rule decides.

    Attributes:
        id: The approval's name.
        role: The role that asks.
        agent: The first who asked.
        tool: The tool as it was named.
        action: The canonical action, as JSON.
        request: Its hash.
        policy: The version of the policy that asks.
        reason: Why it asks.
        rule: Which rule asks, if one does.
        since_ns: When, in nanoseconds since the epoch.
        expires_ns: Until when it may be decided.
        labels: The labels of the first who asked.
    """

    id: str
    role: str
    agent: str
    tool: str
    action: str
    request: str
    policy: str
    reason: str
    rule: str | None
    since_ns: int
    expires_ns: int
    labels: tuple[str, ...] = ()

    @property
    def asked(self) -> tuple[str | None, dict[str, Any], dict[str, str | None] | None]:
        """The working directory, the tool's input, and what the files hold that it runs."""
        _, cwd, arguments, *scripts = msgspec.json.decode(self.action, type=list[Any])
        return cwd, arguments, scripts[0] if scripts else None

    @property
    def workspace(self) -> str | None:
        """The project's root; None where the hall had none."""
        _, _, _, *more = msgspec.json.decode(self.action, type=list[Any])
        return more[1] if len(more) > 1 else None


class Joined(msgspec.Struct, frozen=True, omit_defaults=True):
    """Another agent of the audience asks for the same."""

    id: str
    agent: str
    labels: tuple[str, ...] = ()


class Decided(msgspec.Struct, frozen=True):
    """An expert or admin has decided."""

    id: str
    decision: Decision
    by: str
    reason: str
    remember: Remember
    policy: str


class Answered(msgspec.Struct, frozen=True):
    """The person at an asking agent's client has answered for that agent alone."""

    id: str
    agent: str
    decision: Decision
    policy: str


class Expired(msgspec.Struct, frozen=True):
    """Nobody decided in time."""

    id: str


class Cancelled(msgspec.Struct, frozen=True):
    """There is nothing left to decide."""

    id: str
    why: str


ApprovalEvent = Requested | Joined | Decided | Answered | Expired | Cancelled

_KINDS: Final[dict[str, type[ApprovalEvent]]] = {
    "moothall.approval.requested": Requested,
    "moothall.approval.joined": Joined,
    "moothall.approval.decided": Decided,
    "moothall.approval.answered": Answered,
    "moothall.approval.expired": Expired,
    "moothall.approval.cancelled": Cancelled,
}
_NAMES: Final = {kind: name for name, kind in _KINDS.items()}


def to_event(event: ApprovalEvent) -> NewEvent:
    """Return the event as the log takes it."""
    return NewEvent(type=_NAMES[type(event)], data=msgspec.to_builtins(event), stream=APPROVALS_STREAM)


def from_event(kind: str, data: Any) -> ApprovalEvent:
    """Return an event of the log.

    Raises:
        msgspec.ValidationError: The data does not fit the type.
    """
    return msgspec.convert(data, _KINDS[kind])
