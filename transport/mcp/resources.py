"""What the hall shows as MCP resources: the log, each stream, the policy that governs, its own health.

Events are read through the tool `query_events`, so who may read what, and how often, is decided there alone. A read
gives the latest page in ascending order; its `next` is what to pass to `query_events` as `after` to go on from there.
"""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote, unquote

import msgspec
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    ReadResourceResult,
    Resource,
    ResourceTemplate,
    TextResourceContents,
)

from actors.desk.gate import Gate
from actors.session.messages import Role
from actors.session.stream_visibility import hidden_from
from transport.mcp.request_context import RequestContext
from transport.mcp.tool_calls import Outcome, run_tool
from transport.mcp.tools.log_schemas import QueryResult
from transport.mcp.tools.toolset import TOOLS

LOG: Final = "events://log"
STREAMS: Final = "events://streams/"
STREAM_TEMPLATE: Final = "events://streams/{stream}"
POLICY: Final = "policy://active"
HEALTH: Final = "health://status"
NAME_CHARACTERS: Final = 256
"""The longest name of a stream."""

LONGEST_URI: Final = len(STREAMS) + 12 * NAME_CHARACTERS
"""The longest URI of a stream: a character may take 4 bytes, and a byte 3 characters."""

PAGE: Final = 100
"""How many events a read returns at most: the default of `query_events`, with which clients go on."""

_JSON: Final = "application/json"

RESOURCES: Final = [
    Resource(uri=LOG, name="log", title="The event log", description="The latest events of all.", mime_type=_JSON),
    Resource(uri=POLICY, name="policy", title="The policy", description="Which version governs now.", mime_type=_JSON),
    Resource(uri=HEALTH, name="health", title="Health", description="How the hall and its parts are.", mime_type=_JSON),
]
TEMPLATES: Final = [
    ResourceTemplate(
        uri_template=STREAM_TEMPLATE,
        name="stream",
        title="A stream",
        description="The latest events of one stream, such as `agent/<name>`.",
        mime_type=_JSON,
    )
]

_encode = msgspec.json.Encoder().encode


def stream_of(uri: str) -> str | None:
    """Return the stream that a URI names, percent-encoded or not; None where it names none."""
    if not uri.startswith(STREAMS) or len(uri) > LONGEST_URI:
        return None
    stream = unquote(uri.removeprefix(STREAMS))
    return stream if 0 < len(stream) <= NAME_CHARACTERS else None


def canonical(uri: str) -> str:
    """Return the one URI of all by which clients may know a resource that is the same for each of them."""
    stream = stream_of(uri)
    return uri if stream is None else STREAMS + quote(stream, safe="")


def uris_of(stream: str) -> set[str]:
    """Return the URIs by which clients know a stream: as RFC 6570 expands the template, and as it stands."""
    return {STREAMS + quote(stream, safe=""), STREAMS + stream}


def check(uri: str) -> None:
    """Make sure that there is such a resource.

    Raises:
        MCPError: There is not.
    """
    if uri not in {LOG, POLICY, HEALTH} and stream_of(uri) is None:
        raise MCPError(INVALID_PARAMS, f"no such resource: {uri}; resources/list shows what there is", {"uri": uri})


def check_readable(uri: str, role: Role) -> None:
    """Make sure that there is such a resource, and that a role may read it: whoever may not is not told of it either.

    Raises:
        MCPError: There is not, or it may not.
    """
    check(uri)
    if stream_of(uri) in hidden_from(role):
        raise MCPError(INVALID_REQUEST, f"{uri} is read by experts and admins; ask one of them", {"uri": uri})


async def read(gate: Gate, context: RequestContext, uri: str) -> ReadResourceResult:
    """Read a resource; a checkpoint.

    Raises:
        MCPError: There is no such resource, or the hall refuses; its data holds the contract's error.
    """
    check(uri)
    if uri == POLICY:
        content: Any = {"version": gate.views.policy}
    elif uri == HEALTH:
        content = _content(await run_tool(gate, TOOLS["health"], context, {}))
    else:
        stream = stream_of(uri)
        filters = {"order": "desc", "limit": PAGE} | ({} if stream is None else {"stream": stream})
        content = _ascending(_content(await run_tool(gate, TOOLS["query_events"], context, filters)))
    text = TextResourceContents(uri=uri, mime_type=_JSON, text=_encode(content).decode())
    return ReadResourceResult(contents=[text])


def _content(outcome: Outcome) -> Any:
    if outcome.is_error and isinstance(outcome.content, dict):
        raise MCPError(INVALID_REQUEST, outcome.content["error"]["message"], outcome.content)
    return outcome.content


def _ascending(page: QueryResult) -> QueryResult:
    events = page.events[::-1]
    return QueryResult(events=events, next=events[-1].sequence if events else 0, has_more=page.has_more)
