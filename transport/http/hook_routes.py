"""Hooks over HTTP: `POST /v1/hooks/AGENT` takes what an agent's hook sends, and answers in the agent's words.

Claude Code posts a hook's event itself (`"type": "http"`); the hook's command posts what happened. A call that cannot
be judged is answered with 200 and `ask`, since a client may take another status for leave to go on.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from actors.desk.gate import Gate, Refusal
from actors.kernel import ActorError
from actors.speed_layer.call_and_verdict import Origin
from transport.hooks.agents import AGENTS, in_words
from transport.hooks.hook_answer import Judgement, Unusable, judgement, origin, question
from transport.hooks.hook_event import happened, is_told
from transport.http.request_checks import CHECKED_REQUEST, CheckedRequest
from transport.logs import Logger
from transport.mcp.message_parser import LARGE_BYTES, Malformed, decode, text_of
from transport.mcp.request_context import RequestContext
from transport.mcp.tool_calls import run_tool
from transport.mcp.tools.toolset import TOOLS

log = Logger(__name__)

ROUTE: Final = "/v1/hooks/{agent}"

_encode = msgspec.json.Encoder().encode


class HookRoute:
    """Answers the hooks of agents.

    Args:
        gate: Asked for verdicts, and told what happened.
    """

    def __init__(self, gate: Gate) -> None:
        self._gate = gate

    async def answer(self, request: Request) -> Response:
        """Answer one event of a hook; a checkpoint."""
        checked: CheckedRequest = request.scope[CHECKED_REQUEST]
        agent: str = request.path_params["agent"]
        if agent not in AGENTS:
            return Response(f"no agent of that name; there are {', '.join(AGENTS)}", 404)
        size = len(checked.body)
        if size > LARGE_BYTES:
            await self._gate.admit_large(checked.caller.principal, size)
        event: Any = None
        try:
            event = decode(text_of(checked.body))
            if is_told(event):
                await self._record(checked, event)
                return _json({})
            judged = await self._judged(checked, event)
        except Malformed as malformed:
            await self._gate.charge_refused(checked.caller.principal, size)
            judged = Judgement("ask", f"moothall could not judge this: {malformed.message}")
        except Unusable as unusable:
            judged = Judgement("ask", f"moothall could not judge this: {unusable}")
        return _json(in_words(agent, event, judged) or {})

    async def _judged(self, checked: CheckedRequest, event: Any) -> Judgement:
        asked = question(event)
        context = RequestContext(checked.caller, size=len(checked.body), by_hook=True)
        outcome = await run_tool(self._gate, TOOLS["validate"], context, asked)
        return judgement(503 if outcome.is_error else 200, msgspec.to_builtins(outcome.content))

    async def _record(self, checked: CheckedRequest, event: dict[str, Any]) -> None:
        """Record what happened; what cannot be recorded is logged, since it happened all the same."""
        told, caller, said = happened(event), checked.caller, Origin(**origin(event))
        try:
            if told.tool:
                hooks = self._gate.hooks
                await hooks.tool_ran(caller, told.tool, said, failed=told.failed, cwd=told.cwd, mode=told.mode)
            else:
                await self._gate.hooks.told(caller, told.type, said, {"source": told.source, "cwd": told.cwd})
        except (Refusal, ActorError) as error:
            log.info("hook.not_recorded", agent=caller.principal.agent, type=told.type, error=str(error))


def _json(content: Any) -> Response:
    return Response(_encode(content), media_type="application/json")
