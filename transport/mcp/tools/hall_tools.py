"""The tools that tell about the hall itself: `health`, `whoami` and `tree`."""

from __future__ import annotations

from typing import Final

import msgspec

from actors.desk.gate import Gate
from actors.kernel import render
from store.model.times import to_rfc3339
from transport.mcp.request_context import RequestContext
from transport.mcp.tools.hall_schemas import HealthResult, RoleLimits, TreeResult, WhoAmIResult
from transport.mcp.tools.schema import Nothing
from transport.mcp.tools.tool import Tool, converted


async def _health(gate: Gate, context: RequestContext, arguments: Nothing) -> HealthResult:
    return _health_nowait(gate, context, arguments)


def _health_nowait(gate: Gate, _context: RequestContext, _arguments: Nothing) -> HealthResult:
    return converted(HealthResult, gate.health())


async def _whoami(gate: Gate, context: RequestContext, _arguments: Nothing) -> WhoAmIResult:
    info = await gate.whoami(context.caller)
    return WhoAmIResult(
        agent=info.agent,
        role=info.role,
        session=info.session,
        connected_since=to_rfc3339(info.connected_since),
        limits=converted(RoleLimits, info.limits),
        labels=list(context.caller.principal.labels),
    )


async def _tree(gate: Gate, context: RequestContext, _arguments: Nothing) -> TreeResult:
    root = await gate.tree(context.caller)
    return TreeResult(text=render(root), root=msgspec.to_builtins(root))


HALL_TOOLS: Final = (
    Tool(
        "health",
        "How the hall is: status, version, counts and components.",
        Nothing,
        HealthResult,
        _health,
        _health_nowait,
    ),
    Tool("whoami", "Who you are here, in which role, with which limits.", Nothing, WhoAmIResult, _whoami),
)
TREE: Final = Tool(
    "tree", "The hall's tree of supervisors and actors, as text and as data.", Nothing, TreeResult, _tree
)
