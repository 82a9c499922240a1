"""Asks the person at a client about what its agent waits for (MCP elicitation), in both lifecycles.

An answer comes over the connection of the agent that asks, with its token: the hall cannot tell the person from the
agent, and nobody decides their own request. So this is off unless the server's configuration says that the clients of a
role put such questions to a person (`elicitation`). With a handshake the client is sent `elicitation/create` while the
call waits; without one the call's result is `input_required`, and the answer comes with the next call.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal

import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import ValidationError

from actors.session.messages import Role
from actors.speed_layer.messages import Answer, Decision
from actors.speed_layer.policy.engine import Request
from transport.logs import Logger
from transport.visible import visible, visible_request

log = Logger(__name__)

Elicitation = Literal["off", "experts", "all"]

ROLES: Final[dict[Elicitation, frozenset[Role]]] = {
    "off": frozenset(),
    "experts": frozenset({"expert", "admin"}),
    "all": frozenset({"agent", "expert", "admin"}),
}
"""The roles whose clients ask a person."""

SHOWN_BYTES: Final = 4096
"""The longest action that a person is asked about, as JSON: nobody decides what they cannot see whole."""

SCHEMA: Final[dict[str, Any]] = {
    "type": "object",
    "properties": {"decision": {"type": "string", "enum": ["allow", "deny"], "title": "Decision"}},
    "required": ["decision"],
}


class PersonAtClient:
    """The person at one client, for one call.

    Args:
        context: The call's.
        responses: What the client's person has answered to an earlier call, by approval.

    Attributes:
        question: What the call's result must be, so that the client asks its person and calls again; None if nothing.
    """

    def __init__(
        self, context: ServerRequestContext[Any, Any], responses: Mapping[str, types.InputResponse] | None
    ) -> None:
        self._context = context
        self._responses: Mapping[str, types.InputResponse] = responses if responses is not None else {}
        self.question: types.InputRequiredResult | None = None

    async def ask(self, request: Request, answer: Answer) -> Decision | Literal["later"] | None:
        """Ask about a pending approval; a checkpoint. See `actors.desk.await_decision.Person`."""
        message = _message(request, answer)
        if message is None or answer.approval is None:
            return None
        if self._context.session.protocol_version not in MODERN_PROTOCOL_VERSIONS:
            return await self._asked_now(message)
        approval = answer.approval.id
        if approval in self._responses:
            return _decision(self._responses[approval])
        params = types.ElicitRequestFormParams(message=message, requested_schema=SCHEMA)
        self.question = types.InputRequiredResult(input_requests={approval: types.ElicitRequest(params=params)})
        return "later"

    async def _asked_now(self, message: str) -> Decision | None:
        try:
            return _decision(await self._context.session.elicit_form(message, SCHEMA, self._context.request_id))
        except (MCPError, ValidationError) as error:
            log.info("elicitation.failed", error=str(error))
            return None


def offered(context: ServerRequestContext[Any, Any]) -> bool:
    """Say whether a call's client can ask its person; a bare capability means forms."""
    session = context.session
    found = session.client_capabilities
    if found is None or found.elicitation is None:
        return False
    by_form = found.elicitation.form is not None or found.elicitation.url is None
    return by_form and (session.can_send_request or session.protocol_version in MODERN_PROTOCOL_VERSIONS)


def _message(request: Request, answer: Answer) -> str | None:
    asked = visible_request(request.tool, request.input)
    if len(asked.encode()) > SHOWN_BYTES:
        return None
    where = f" in {visible(request.cwd)}" if request.cwd is not None else ""
    return f"Your agent wants to do this{where}: {asked}\n{visible(answer.ruling.reason)}. May it?"


def _decision(response: types.InputResponse) -> Decision | None:
    """Return what a person has said; anyone who dismisses the question has said nothing."""
    if not isinstance(response, types.ElicitResult) or response.action == "cancel":
        return None
    if response.action == "decline":
        return "deny"
    said = (response.content or {}).get("decision")
    return "allow" if said == "allow" else "deny" if said == "deny" else None
