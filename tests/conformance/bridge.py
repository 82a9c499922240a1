"""Let the conformance suite, which speaks streamable HTTP, reach a websocket: `bridge.py WS_URL`; prints its own URL.

What the bridge supplies, because a websocket has no place for it: HTTP itself (POST in, JSON or an event stream out,
405 for GET), the session id of the handshake's lifecycle, the checks of HTTP's own headers against the body, and the
HTTP status that goes with an error's code. A session is one websocket. In the stateless lifecycle each request has a
websocket of its own, on which `server/discover` goes first, as a client's does: a websocket's first message decides its
lifecycle. Host and Origin are passed on to the handshake and judged by the server. All messages are the server's but
one: a stateless `initialize` is answered -32601 with a 404, as HTTP wants it; on a socket the SDK answers -32022 with
the versions that it speaks.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import hypercorn.trio
import trio
from hypercorn.config import Config
from mcp.shared.inbound import ERROR_CODE_HTTP_STATUS, InboundLadderRejection, classify_inbound_request
from mcp_types import METHOD_NOT_FOUND
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route
from trio_websocket import ConnectionClosed, ConnectionRejected, WebSocketConnection, wrap_client_stream

from actors.kernel import first

SESSION = "mcp-session-id"
Message = dict[str, Any]
META = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
}
DISCOVER: Message = {"jsonrpc": "2.0", "id": "bridge", "method": "server/discover", "params": {"_meta": META}}


class Session:
    """One websocket; what comes for no request in particular goes to the one that began last."""

    def __init__(self, websocket: WebSocketConnection) -> None:
        self._websocket = websocket
        self._waiting: dict[Any, trio.MemorySendChannel[Message]] = {}

    async def read(self) -> None:
        try:
            while True:
                message = json.loads(await self._websocket.get_message())
                waiting = self._waiting.get(message.get("id")) if "method" not in message else None
                if waiting is None and self._waiting:
                    waiting = list(self._waiting.values())[-1]
                if waiting is not None:
                    await waiting.send(message)
        except ConnectionClosed:
            for waiting in self._waiting.values():
                waiting.close()

    async def send(self, message: Message) -> None:
        await self._websocket.send_message(json.dumps(message))

    async def answers(self, message: Message) -> AsyncIterator[Message]:
        """Send a request; yield what comes while it is under way, its response last."""
        send, receive = trio.open_memory_channel[Message](100)
        self._waiting[message["id"]] = send
        try:
            await self.send(message)
            async for answer in receive:
                yield answer
                if "method" not in answer and answer.get("id") == message["id"]:
                    return
        finally:
            del self._waiting[message["id"]]


class Bridge:
    """The ASGI application's handlers."""

    def __init__(self, url: str, nursery: trio.Nursery) -> None:
        where = urlsplit(url)
        self._host, self._port = where.hostname or "", where.port or 80
        self._nursery = nursery
        self._sessions: dict[str, tuple[Session, trio.CancelScope]] = {}

    async def handle(self, request: Request) -> Response:
        try:
            if request.method == "DELETE":
                return self._delete(request)
            if request.method != "POST":
                return Response(status_code=405, headers={"Allow": "POST, DELETE"})
            version = request.headers.get("mcp-protocol-version")
            if version is None or version in HANDSHAKE_PROTOCOL_VERSIONS:
                return await self._in_session(request)
            return await self._alone(request)
        except BaseExceptionGroup as group:
            refusal = first(group, ConnectionRejected)
            return Response(refusal.body, refusal.status_code)

    def _delete(self, request: Request) -> Response:
        _, scope = self._sessions.pop(request.headers.get(SESSION, ""), (None, None))
        if scope is None:
            return Response(status_code=404)
        scope.cancel()
        return Response(status_code=200)

    async def _in_session(self, request: Request) -> Response:
        message = await request.json()
        name = request.headers.get(SESSION)
        if name is None and message.get("method") != "initialize":
            return Response(status_code=400)
        if name is None:
            name = secrets.token_hex(16)
            self._sessions[name] = await self._nursery.start(self._run_session, request)
        if name not in self._sessions:
            return Response(status_code=404)
        session, _ = self._sessions[name]
        if "method" not in message or "id" not in message:
            await session.send(message)
            return Response(status_code=202, headers={SESSION: name})
        return await _answer(session.answers(message), {SESSION: name})

    async def _run_session(self, request: Request, task_status: trio.TaskStatus[Any]) -> None:
        with trio.CancelScope() as scope:
            async with await trio.open_tcp_stream(self._host, self._port) as stream, trio.open_nursery() as nursery:
                origin = [(b"Origin", request.headers["origin"].encode())] if "origin" in request.headers else []
                websocket = await wrap_client_stream(
                    nursery, stream, request.headers["host"], "/mcp", subprotocols=["mcp"], extra_headers=origin
                )
                session = Session(websocket)
                task_status.started((session, scope))
                await session.read()

    async def _alone(self, request: Request) -> Response:
        message = await request.json()
        if "id" not in message:
            return Response(status_code=202)
        verdict = classify_inbound_request(message, headers=dict(request.headers))
        if isinstance(verdict, InboundLadderRejection):
            error = {"code": verdict.code, "message": verdict.message, "data": verdict.data}
            return _json({"jsonrpc": "2.0", "id": message["id"], "error": error}, {})
        if message.get("method") == "initialize":
            error = {"code": METHOD_NOT_FOUND, "message": "Method not found"}
            return _json({"jsonrpc": "2.0", "id": message["id"], "error": error}, {})
        return await _answer(self._answers_alone(request, message), {})

    async def _answers_alone(self, request: Request, message: Message) -> AsyncIterator[Message]:
        session, scope = await self._nursery.start(self._run_session, request)
        try:
            async for _ in session.answers(DISCOVER):
                pass
            async for answer in session.answers(message):
                yield answer
        finally:
            scope.cancel()


async def _answer(answers: AsyncIterator[Message], headers: dict[str, str]) -> Response:
    first = await anext(answers)
    if "method" not in first:
        await answers.aclose()  # type: ignore[attr-defined]
        return _json(first, headers)

    async def events() -> AsyncIterator[str]:
        yield f"event: message\ndata: {json.dumps(first)}\n\n"
        async for message in answers:
            yield f"event: message\ndata: {json.dumps(message)}\n\n"

    return StreamingResponse(events(), media_type="text/event-stream", headers=headers)


def _json(message: Message, headers: dict[str, str]) -> Response:
    status = ERROR_CODE_HTTP_STATUS.get(message["error"]["code"], 200) if "error" in message else 200
    return JSONResponse(message, status, headers)


async def main(url: str) -> None:
    listener = (await trio.open_tcp_listeners(0, host="127.0.0.1"))[0].socket
    config = Config()
    port = listener.getsockname()[1]
    config.bind = [f"fd://{listener.detach()}"]
    async with trio.open_nursery() as nursery:
        app = Starlette(routes=[Route("/mcp", Bridge(url, nursery).handle, methods=["GET", "POST", "DELETE"])])
        print(json.dumps({"http": f"http://127.0.0.1:{port}/mcp"}), flush=True)
        await hypercorn.trio.serve(app, config)


if __name__ == "__main__":
    trio.run(partial(main, sys.argv[1]))
