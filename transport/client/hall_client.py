"""The Python client that an agent or a simulation uses: the hall's tools as typed methods, over one websocket.

It runs under Trio and under asyncio, speaks plain JSON-RPC with the handshake of 2025-11-25 and does not import the MCP
SDK, which alone would cost more than everything else here. Any number of requests may be under way at once.

A connection that is lost is opened again, and what was under way is asked again where that changes nothing: whatever
only reads or judges, every `append`, because the hall knows it by its `command_id`, and `erase_stream`. `decide`,
`forget_decision` and `activate_policy` are not: they fail with `unavailable`.
"""

from __future__ import annotations

import itertools
import secrets
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Final, Literal, TypeVar

import anyio
import msgspec
import trio

from transport.client.batching import Batching
from transport.client.following import Following
from transport.client.reconnecting import ReconnectingConnection
from transport.client.rpc import HallError
from transport.client.watching import Watching
from transport.dial.address import Address, Dial
from transport.dial.anyio_stream import AnyioStream
from transport.mcp.tools.decision_schemas import (
    ActivateResult,
    PendingApprovalResult,
    PendingApprovalsResult,
    ProposeResult,
)
from transport.mcp.tools.gate_schemas import BatchResult, ExplainResult, VerdictResult
from transport.mcp.tools.hall_schemas import HealthResult, TreeResult, WhoAmIResult
from transport.mcp.tools.log_schemas import AppendResult, EraseResult, QueryResult

PATIENCE_S: Final = 30.0
"""How long a call waits for a lost connection to come back, in seconds, unless told otherwise."""

POLL_S: Final = 30.0
"""How long one question of `follow` waits for something new, in seconds."""

UNSUBSCRIBE_S: Final = 1.0
"""How long the end of `watch` may take, in seconds."""

T = TypeVar("T")

__all__ = ["HallClient", "HallError", "connect_by", "connect_stream"]


class HallClient:
    """One client of a hall; made by `connect`. Every method is a checkpoint and may raise `HallError`."""

    def __init__(self, connection: ReconnectingConnection) -> None:
        self._connection = connection
        self._batching = Batching(self._judge)
        self._command = f"client-{secrets.token_hex(12)}"
        self._numbers = itertools.count(1)

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
        expected: dict[str, int | Literal["any", "no_stream", "exists"]] | None = None,
    ) -> AppendResult:
        """Append events, all or none.

        Each is `{type, data?, stream?, correlation_id?, causation_id?, metadata?, tags?}`.

        Asked again over a new connection it is stored once. After `deadline`, `unavailable` or a cancellation the
        outcome is unknown: give a `command_id` of your own and retry with the same.
        """
        command_id = command_id if command_id is not None else f"{self._command}-{next(self._numbers)}"
        optional = {
            "stream": stream,
            "expected_revision": expected_revision,
            "fail_if": fail_if,
            "command_id": command_id,
            "expected": expected,
        }
        return await self._call("append_events", {"events": list(events), **_given(optional)}, AppendResult)

    async def query(self, **filters: Any) -> QueryResult:
        """Return a page of events; takes the arguments of `query_events`.

        Raises:
            EventsGone: What is asked for has left the log, and it was not said to `skip_gone`.
        """
        return await self._call("query_events", _given(filters), QueryResult)

    async def erase_stream(self, stream: str) -> EraseResult:
        """Erase what the events of a stream hold, for good; for admins. Asked again, what was erased does not count."""
        return await self._call("erase_stream", {"stream": stream}, EraseResult)

    def follow(self, *, after: int | None = None, **filters: Any) -> Following:
        """Return each event as it comes, for `async for`: in order and without a gap, also across lost connections.

        Args:
            after: The sequence to begin behind; None for now.
            **filters: As in `query`; not `before`, `until`, `order` and `wait_s`. With `skip_gone`, what has left the
                log before it was read is passed over; else it raises `EventsGone`.
        """

        async def ask(cursor: int) -> QueryResult:
            return await self.query(**filters, after=cursor, wait_s=POLL_S)

        async def now() -> int:
            return (await self.health()).sequence

        return Following(ask, now, after)

    async def read(self, uri: str) -> Any:
        """Return what a resource holds, such as `policy://active` or `events://streams/agent%2Frover`."""
        result = await self._connection.request("resources/read", {"uri": uri})
        try:
            return msgspec.json.decode(result["contents"][0]["text"])
        except (LookupError, TypeError, msgspec.DecodeError) as error:
            raise HallError("invalid", f"the hall answered in a form not understood here: {error!r}") from error

    @asynccontextmanager
    async def watch(self, *uris: str) -> AsyncGenerator[Watching]:
        """Be told of changed resources for the length of a block, also across lost connections.

        Changes that come while nobody looks are told once. After a lost connection everything counts as changed.

        Example:
            async with hall.watch("policy://active") as changes:
                async for _ in changes:
                    policy = await hall.read("policy://active")
        """
        watching, watches = Watching(uris), self._connection.watches
        watches.add(watching)
        try:
            for uri in watching.uris:
                await self._connection.request("resources/subscribe", {"uri": uri})
            yield watching
        finally:
            unwatched = watches.remove(watching)
            with anyio.move_on_after(UNSUBSCRIBE_S, shield=True), suppress(HallError):
                for uri in unwatched:
                    await self._connection.request("resources/unsubscribe", {"uri": uri})

    async def validate(
        self,
        tool: str,
        input: dict[str, Any],  # noqa: A002 - the contract's name
        *,
        cwd: str | None = None,
        wait_s: float | None = None,
        scripts: dict[str, str | None] | None = None,
        origin: dict[str, str] | None = None,
        existing: list[str] | None = None,
    ) -> VerdictResult:
        """Ask whether an action may be taken. What is asked while an answer is awaited goes as one batch."""
        more = {"cwd": cwd, "scripts": scripts, "origin": origin, "existing": existing}
        request = {"tool": tool, "input": input, **_given(more)}
        if wait_s is not None:
            return await self._call("validate", {**request, "wait_s": wait_s}, VerdictResult)
        return await self._batching.ask(request)

    async def validate_batch(self, requests: Sequence[dict[str, Any]]) -> list[VerdictResult]:
        """Ask for up to 1,000 actions, each `{tool, input, cwd?}`; the verdicts come in order."""
        return (await self._call("validate_batch", {"requests": list(requests)}, BatchResult)).verdicts

    async def explain(self, tool: str, input: dict[str, Any], *, cwd: str | None = None) -> ExplainResult:  # noqa: A002
        """Return a verdict and how it came about."""
        return await self._call("explain", {"tool": tool, "input": input, **_given({"cwd": cwd})}, ExplainResult)

    async def pending_approvals(self) -> list[PendingApprovalResult]:
        """Return all that waits for a decision, page after page, long inputs cut (`whole`); for experts and admins."""
        approvals: list[PendingApprovalResult] = []
        after, more = 0, True
        while more:
            page = await self._call("pending_approvals", {"after": after}, PendingApprovalsResult)
            approvals += page.approvals
            after, more = page.next, page.has_more
        return approvals

    async def pending_approval(self, approval: str) -> PendingApprovalResult:
        """Return one that waits for a decision, with all of its input; for experts and admins."""
        return (await self._call("pending_approvals", {"id": approval}, PendingApprovalsResult)).approvals[0]

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
        return await self._call("decide", arguments, VerdictResult, again=False)

    async def propose_rule(self, approval: str) -> str:
        """Return which commands a decision would be for that is remembered as a rule; for admins."""
        return (await self._call("propose_rule", {"id": approval}, ProposeResult)).rule

    async def forget_decision(self, approval: str) -> str:
        """Let a remembered decision hold no longer; for admins. Returns the version that governs then."""
        return (await self._call("forget_decision", {"id": approval}, ActivateResult, again=False)).policy

    async def activate_policy(
        self, name: str, text: str, sha256: str, *, layer: Literal["organisation", "project"] | None = None
    ) -> str:
        """Let a policy's text govern as a layer; for admins. Returns the version that governs then."""
        arguments = {"name": name, "text": text, "sha256": sha256, **_given({"layer": layer})}
        return (await self._call("activate_policy", arguments, ActivateResult, again=False)).policy

    async def _judge(self, requests: list[msgspec.Raw]) -> list[VerdictResult]:
        if len(requests) == 1:
            return [await self._call("validate", requests[0], VerdictResult)]
        return (await self._call("validate_batch", {"requests": requests}, BatchResult)).verdicts

    async def _call(
        self, tool: str, arguments: dict[str, Any] | msgspec.Raw, kind: type[T], *, again: bool = True
    ) -> T:
        content = await self._connection.call(tool, arguments, again=again)
        try:
            return msgspec.convert(content, kind)
        except msgspec.ValidationError as error:
            raise HallError("invalid", f"the hall answered {tool} in a form not understood here: {error}") from error


def _given(optional: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in optional.items() if value is not None}


@asynccontextmanager
async def connect_stream(
    stream: trio.abc.Stream, *, token: str | None = None, host: str = "localhost", target: str = "/mcp"
) -> AsyncGenerator[HallClient]:
    """Connect over a Trio stream that is open already, such as an in-memory one; see `connect`."""

    async def dial() -> AnyioStream:
        return AnyioStream(stream)

    async with stream, connect_by(Address(f"ws://{host}{target}", token), dial, patience_s=0) as hall:
        yield hall


@asynccontextmanager
async def connect_by(
    address: Address, dial: Dial | None = None, *, patience_s: float = PATIENCE_S
) -> AsyncGenerator[HallClient]:
    """Connect to an address, or over the streams that a function gives, one for each connection; see `connect`.

    Args:
        address: Where, and as whom.
        dial: Gives a stream; None for those of the address.
        patience_s: How long a call waits for a lost connection to come back, in seconds; 0 opens none again.
    """
    connection = ReconnectingConnection(address, dial, patience_s)
    await connection.open()
    try:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(connection.keep)
            try:
                yield HallClient(connection)
            finally:
                with anyio.CancelScope(shield=True):  # what closes has its own time
                    await connection.aclose()
                tasks.cancel_scope.cancel()
    except BaseExceptionGroup as group:
        # The task group is an inner matter: what its block raised goes on as it was.
        inner, *others = group.exceptions
        if others:
            raise
        raise inner from inner.__cause__
