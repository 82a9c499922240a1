"""What one tool is: its name, its schemas, and the functions that run it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

import msgspec

from actors.desk.gate import Gate
from transport.mcp.request_context import RequestContext
from transport.mcp.tools.schema import Arguments

T = TypeVar("T")

Handler = Callable[[Gate, RequestContext, Any], Awaitable[msgspec.Struct]]
HandlerNowait = Callable[[Gate, RequestContext, Any], msgspec.Struct]
Sender = Callable[[Gate, RequestContext, Any], Callable[[], Awaitable[msgspec.Struct]]]


class Tool(msgspec.Struct, frozen=True):
    """One tool.

    Attributes:
        name: As the contract names it.
        description: What it does, for an agent.
        arguments: What it takes.
        result: What it gives.
        run: Does it: `run(gate, context, arguments)`. Raises `Refusal` and the kernel's `ActorError`s.
        run_nowait: Does the same without a checkpoint, or raises `trio.WouldBlock`; None where it never can.
        send: Does the first part of the same without a checkpoint, so that what is sent later comes later, and returns
            what gives the result; where it has done nothing, raises `trio.WouldBlock` or what `run` does.
        ordered: Whether the calls of one connection keep the order of their arrival.
        changes: Whether the tool changes the hall without keeping an order.
    """

    name: str
    description: str
    arguments: type[Arguments]
    result: type[msgspec.Struct]
    run: Handler
    run_nowait: HandlerNowait | None = None
    send: Sender | None = None
    ordered: bool = False
    changes: bool = False

    @property
    def reads_only(self) -> bool:
        """Whether the tool changes nothing that others see."""
        return not self.ordered and not self.changes


def converted(kind: type[T], value: Any) -> T:
    """Return a struct of another kind with the fields of the same names."""
    return msgspec.convert(value, kind, from_attributes=True)
