"""The Python client that an agent or a simulation uses: the hall's tools as typed methods, over one websocket.

It runs under Trio, speaks plain JSON-RPC with the handshake of 2025-11-25 and does not import the MCP SDK, which alone
would cost more than everything else here. Any number of requests may be under way at once.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Literal, TypeVar
from urllib.parse import urlsplit

import msgspec
import trio

from transport.rpc import HallError, Rpc, open_websocket
from transport.schemas import (
    ActivateResult,
    AppendResult,
    BatchResult,
    ExplainResult,
    HealthResult,
    PendingApprovalResult,
    PendingApprovalsResult,
    ProposeResult,
    QueryResult,
    TreeResult,
    VerdictResult,
    WhoAmIResult,
)

CLOSE_S: Final = 5.0
"""How long the end of a connection may take, in seconds."""

T = TypeVar("T")

__all__ = ["HallClient", "HallError", "connect", "connect_stream"]


class HallClient:
    """One connection to a hall; made by `connect`. Every method is a checkpoint and may raise `HallError`."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc

    async def health(self) -> HealthResult:
        """Return how the hall is."""
        return await self._call("health", {}, HealthResult)

    async def tree(self) -> TreeResult:
        """Return the tree of what runs in the hall."""
        return await self._call("tree", {}, TreeResult)

    async def whoami(self) -> WhoAmIResult:
        """Return who the hall takes this client for."""
        return await self._call("whoami", {}, WhoAmIResult)

    async def append(
        self,
        events: Sequence[dict[str, Any]],
        *,
        stream: str | None = None,
        expected_revision: int | Literal["any", "no_stream", "exists"] | None = None,
        fail_if: dict[str, Any] | None = None,
        command_id: str | None = None,
    ) -> AppendResult:
        """Append events, all or none; each is `{type, data?, stream?, correlation_id?, causation_id?, metadata?}`.

        After `deadline`, `unavailable` or a cancellation the outcome is unknown: retry with the same `command_id`.
        """
        optional = {
            "stream": stream,
            "expected_revision": expected_revision,
            "fail_if": fail_if,
            "command_id": command_id,
        }
        return await self._call("append_events", {"events": list(events), **_given(optional)}, AppendResult)

    async def query(self, **filters: Any) -> QueryResult:
        """Return a page of events; takes the arguments of `query_events`."""
        return await self._call("query_events", _given(filters), QueryResult)

    async def validate(
        self,
        tool: str,
        input: dict[str, Any],  # noqa: A002 - the contract's name
        *,
        cwd: str | None = None,
        wait_s: float | None = None,
    ) -> VerdictResult:
        """Ask whether an action may be taken."""
        arguments = {"tool": tool, "input": input, **_given({"cwd": cwd, "wait_s": wait_s})}
        return await self._call("validate", arguments, VerdictResult)

    async def validate_batch(self, requests: Sequence[dict[str, Any]]) -> list[VerdictResult]:
        """Ask for up to 1,000 actions, each `{tool, input, cwd?}`; the verdicts come in order."""
        return (await self._call("validate_batch", {"requests": list(requests)}, BatchResult)).verdicts

    async def explain(self, tool: str, input: dict[str, Any], *, cwd: str | None = None) -> ExplainResult:  # noqa: A002
        """Return a verdict and how it came about."""
        return await self._call("explain", {"tool": tool, "input": input, **_given({"cwd": cwd})}, ExplainResult)

    async def pending_approvals(self) -> list[PendingApprovalResult]:
        """Return what waits for a decision; for experts and admins."""
        return (await self._call("pending_approvals", {}, PendingApprovalsResult)).approvals

    async def decide(
        self,
        approval: str,
        decision: Literal["allow", "deny"],
        *,
        reason: str | None = None,
        remember: Literal["no", "exact", "rule"] | None = None,
    ) -> VerdictResult:
        """Allow or deny what waits for a decision; for experts and admins. Returns what those who wait are told."""
        arguments = {"id": approval, "decision": decision, **_given({"reason": reason, "remember": remember})}
        return await self._call("decide", arguments, VerdictResult)

    async def propose_rule(self, approval: str) -> str:
        """Return which commands a decision would be for that is remembered as a rule; for admins."""
        return (await self._call("propose_rule", {"id": approval}, ProposeResult)).rule

    async def forget_decision(self, approval: str) -> str:
        """Let a remembered decision hold no longer; for admins. Returns the version that governs then."""
        return (await self._call("forget_decision", {"id": approval}, ActivateResult)).policy

    async def activate_policy(
        self, name: str, text: str, sha256: str, *, layer: Literal["organisation", "project"] | None = None
    ) -> str:
        """Let a policy's text govern as a layer; for admins. Returns the version that governs then."""
        arguments = {"name": name, "text": text, "sha256": sha256, **_given({"layer": layer})}
        return (await self._call("activate_policy", arguments, ActivateResult)).policy

    async def _call(self, tool: str, arguments: dict[str, Any], kind: type[T]) -> T:
        content = await self._rpc.call_tool(tool, arguments)
        try:
            return msgspec.convert(content, kind)
        except msgspec.ValidationError as error:
            raise HallError("invalid", f"the hall answered {tool} in a form not understood here: {error}") from error


def _given(optional: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in optional.items() if value is not None}


@asynccontextmanager
async def connect(url: str, *, token: str | None = None) -> AsyncGenerator[HallClient]:
    """Connect to a hall for the length of a block.

    Args:
        url: As the server's ready line gives it: `ws://127.0.0.1:8765/mcp`.
        token: The agent's token.

    Raises:
        HallError: `unavailable` where nothing answers there, `forbidden` where the hall lets the client not in.

    Example:
        async with connect("ws://127.0.0.1:8765/mcp", token=token) as hall:
            verdict = await hall.validate("Bash", {"command": "git status"})
    """
    where = urlsplit(url)
    if where.scheme != "ws" or where.hostname is None:
        raise HallError("invalid", f"{url!r} is no address of a hall; write ws://HOST:PORT/mcp")
    try:
        stream = await trio.open_tcp_stream(where.hostname, where.port if where.port is not None else 80)
    except OSError as error:
        raise HallError("unavailable", f"cannot reach {where.netloc}: {error}; is `moothall serve` running?") from None
    target = f"{where.path}?{where.query}" if where.query else where.path
    async with connect_stream(stream, token=token, host=where.netloc, target=target) as hall:
        yield hall


@asynccontextmanager
async def connect_stream(
    stream: trio.abc.Stream, *, token: str | None = None, host: str = "localhost", target: str = "/mcp"
) -> AsyncGenerator[HallClient]:
    """Connect over a stream that is open already, such as one of `transport.memory`; see `connect`."""
    try:
        async with stream, trio.open_nursery() as nursery:
            headers = [] if token is None else [(b"Authorization", f"Bearer {token}".encode())]
            rpc = Rpc(await open_websocket(nursery, stream, host, target, headers))
            await rpc.start(nursery)
            try:
                yield HallClient(rpc)
            finally:
                with trio.move_on_after(CLOSE_S, shield=True):
                    await rpc.aclose()
                nursery.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # The nursery is an inner matter: what its block raised goes on as it was.
        inner, *others = group.exceptions
        if others:
            raise
        raise inner from inner.__cause__
