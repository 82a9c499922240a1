"""A session's door: one session actor per principal in use, whatever the number of its connections.

That a connection has ended is told past the queue, as the end of `connection_name(n)`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.kernel import Ask, Tell

SUPERVISOR = "sessions"
"""The dynamic supervisor under which sessions run."""

Role = Literal["observer", "agent", "expert", "admin"]
Operation = Literal["read", "append", "validate", "decide", "activate", "erase"]


class Principal(msgspec.Struct, frozen=True, array_like=True):
    """Who is on the other side of a connection, as its token says.

    Attributes:
        agent: The agent's name.
        role: What it may do.
        labels: Its labels, sorted: rules of a policy may be for them.
    """

    agent: str
    role: Role
    labels: tuple[str, ...] = ()


def session_name(principal: Principal) -> str:
    """Return the registered name of a principal's session. Another role is another principal."""
    return f"session:{principal.agent}/{principal.role}"  # as `session_of`, without a call: every request comes by


def session_of(agent: str, role: str) -> str:
    """Return the registered name of the session of an agent in a role."""
    return f"session:{agent}/{role}"


def connection_name(connection: int) -> str:
    """Return what a connection is called when its end is told."""
    return f"connection:{connection}"


class Limits(msgspec.Struct, frozen=True, array_like=True):
    """What one role may use.

    Attributes:
        requests_per_s: The rate at which the token bucket refills; None means without limit.
        burst: How many requests the bucket holds.
        batch: The largest number of events or requests in one call.
        event_bytes: The largest event, encoded.
        depth: How deep payloads may nest.
    """

    requests_per_s: float | None
    burst: int
    batch: int
    event_bytes: int
    depth: int


class Admission(msgspec.Struct, frozen=True, array_like=True):
    """Whether a request may go on.

    Attributes:
        code: None if it may; else `forbidden` or `rate_limited`.
        message: What to do about it.
        retry_after_s: With `rate_limited`: when the bucket holds enough again, in seconds.
    """

    code: Literal["forbidden", "rate_limited"] | None = None
    message: str = ""
    retry_after_s: float | None = None


class Admit(Ask[Admission], frozen=True):
    """May this principal do this now? Counts the request and keeps its connection on the session's list.

    Attributes:
        connection: The connection's id.
        operation: What is to be done.
        cost: How many tokens it takes: one for each thing that is to be judged, one for anything else.
        streams: The streams that an append writes to.
        types: The event types that an append writes.
    """

    connection: int
    operation: Operation
    cost: int = 1
    streams: tuple[str, ...] = ()
    types: tuple[str, ...] = ()


class Charge(Tell, frozen=True):
    """A request of this principal was refused; it is paid for all the same, by its bytes.

    Attributes:
        cost: How many tokens it takes.
    """

    cost: int


class SessionInfo(msgspec.Struct, frozen=True, array_like=True):
    """What `whoami` tells.

    Attributes:
        agent: The agent's name.
        role: Its role.
        session: The session's id.
        connected_since: When the session began, in nanoseconds since the epoch.
        limits: What its role may use.
        counters: How many requests of each operation it has made, and how many were refused.
    """

    agent: str
    role: Role
    session: str
    connected_since: int
    limits: Limits
    counters: dict[str, int]


class WhoAmI(Ask[SessionInfo], frozen=True):
    """Tell the session's own story."""

    connection: int


class TopUp(Tell, frozen=True):
    """The prepaid tokens run low; grant more of what the bucket has."""


Messages = Admit | WhoAmI | TopUp | Charge
