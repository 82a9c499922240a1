"""Results of the tools that tell about the hall itself; they take no arguments."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from transport.mcp.tools.schema import Time

Status = Literal["ok", "degraded", "failing"]


class Component(msgspec.Struct, frozen=True):
    """The state of one part of the hall."""

    status: Status
    detail: str


class HealthResult(msgspec.Struct, frozen=True):
    """How the hall is."""

    status: Status
    version: str
    uptime_s: float
    sequence: int
    sessions: int
    connections: int
    components: dict[str, Component]


class RoleLimits(msgspec.Struct, frozen=True):
    """What the caller's role may use."""

    requests_per_s: float | None
    burst: int
    batch: int
    event_bytes: int
    depth: int


class WhoAmIResult(msgspec.Struct, frozen=True):
    """Who the caller is."""

    agent: str
    role: str
    session: str
    connected_since: Time
    limits: RoleLimits
    labels: list[str] = []


class TreeResult(msgspec.Struct, frozen=True):
    """What runs in the hall.

    Attributes:
        text: The tree, drawn.
        root: The tree as data: each node has name, kind, state, restart, statistics and children.
    """

    text: str
    root: dict[str, Any]
