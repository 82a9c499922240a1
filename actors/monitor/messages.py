"""The monitor's door: it hears of crashes by message and publishes health (`actors/views.py`)."""

from __future__ import annotations

from typing import Literal

import msgspec

from actors.kernel import Tell

NAME = "monitor"

Status = Literal["ok", "degraded", "failing"]


class Component(msgspec.Struct, frozen=True):
    """The state of one part of the hall."""

    status: Status
    detail: str


class Health(msgspec.Struct, frozen=True):
    """What the `health` tool tells; see the contract."""

    status: Status
    version: str
    uptime_s: float
    sequence: int
    sessions: int
    connections: int
    components: dict[str, Component]


class Crashed(Tell, frozen=True):
    """An actor has crashed; its supervisor decides what follows."""

    name: str
    error: str


Messages = Crashed
