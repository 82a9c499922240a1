"""A model that is played by a script, behind the API of a vendor, on 127.0.0.1.

It keeps no state: an agent sends the whole conversation with each request, so how far it has come says what is next. A
conversation is known by a word of its prompt. What else an agent asks a model (a title, a summary) has another prompt,
or no tools; it gets a word.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple, Protocol

import h11
import trio

OTHERWISE = "fine"


class Call(NamedTuple):
    """One call of a tool, by which the model answers.

    `before` runs first: it may stop the hall, say. `waits_for` names conversations in which a call must have ended.
    """

    tool: str
    arguments: dict[str, Any]
    before: Callable[[], Awaitable[None]] | None = None
    waits_for: tuple[str, ...] = ()


Script = dict[str, list[Call | list[Call]]]
"""For each word of a prompt the answers, one after the other; `Call`s in one list are made at once."""


class Heard(NamedTuple):
    """What a request holds: the prompt, how often the model has answered, what its last calls gave, and the tools."""

    prompt: str
    answered: int
    results: list[str]
    tools: list[str]


class Api(Protocol):
    """The words of a vendor's API."""

    def heard(self, path: str, body: dict[str, Any]) -> Heard | None:
        """Return what a request for an answer holds; None where it asks for something else."""

    def said(self, answer: list[Call] | str, name: str, path: str, body: dict[str, Any]) -> tuple[str, bytes]:
        """Return the type and the content of an answer: calls of tools, or a word."""


class FakeModel:
    """Plays a script.

    Attributes:
        results: What the calls gave, by the word of the prompt, in their order.
        tools: The names of the tools that the agent has offered.
        asked: All requests, as (path, body).
    """

    def __init__(self, api: Api, script: Script) -> None:
        self.api = api
        self.script = script
        self.results: dict[str, dict[int, list[str]]] = {word: {} for word in script}
        self.tools: dict[str, list[str]] = {}
        self.asked: list[tuple[str, Any]] = []
        self._ended = {word: trio.Event() for word in script}

    def result(self, word: str, index: int) -> str:
        """Return what the agent has told the model of a call, by its place in the script."""
        return "\n".join(self.results[word][index])

    async def answer(self, path: str, body: Any) -> tuple[int, str, bytes]:
        self.asked.append((path, body))
        heard = self.api.heard(path, body) if isinstance(body, dict) else None
        if heard is None:
            return 404, "application/json", b"{}"
        word = next((word for word in self.script if word in heard.prompt), None)
        if word is None or not heard.tools:
            return 200, *self.api.said(OTHERWISE, f"other_{len(self.asked)}", path, body)
        self.tools[word] = heard.tools
        steps = self.script[word]
        if heard.answered:
            self.results[word].setdefault(heard.answered - 1, heard.results)
            self._ended[word].set()
        step = steps[heard.answered] if heard.answered < len(steps) else OTHERWISE
        calls = [step] if isinstance(step, Call) else step
        for call in calls if isinstance(calls, list) else []:
            if call.before is not None:
                await call.before()
            for other in call.waits_for:
                await self._ended[other].wait()
        return 200, *self.api.said(calls, f"{word}_{heard.answered}", path, body)

    async def serve(self, listener: trio.SocketListener) -> None:
        await trio.serve_listeners(self._connection, [listener])

    async def _connection(self, stream: trio.SocketStream) -> None:
        machine = h11.Connection(h11.SERVER)
        try:
            while machine.our_state is h11.IDLE:
                await self._exchange(stream, machine)
                if machine.our_state is h11.MUST_CLOSE:
                    break
                machine.start_next_cycle()
        except (trio.BrokenResourceError, trio.ClosedResourceError, h11.RemoteProtocolError, h11.LocalProtocolError):
            pass  # the agent has gone
        finally:
            await trio.aclose_forcefully(stream)

    async def _exchange(self, stream: trio.SocketStream, machine: h11.Connection) -> None:
        async def event() -> Any:
            while (found := machine.next_event()) is h11.NEED_DATA:
                machine.receive_data(await stream.receive_some())
            return found

        request = await event()
        if not isinstance(request, h11.Request):
            raise h11.LocalProtocolError("the agent has gone")
        content = b""
        while isinstance(found := await event(), h11.Data):
            content += found.data
        try:
            body = json.loads(content) if content else None
        except ValueError:
            body = None
        status, kind, said = await self.answer(request.target.decode(), body)
        headers = [("content-type", kind), ("content-length", str(len(said)))]
        for part in (h11.Response(status_code=status, headers=headers), h11.Data(said), h11.EndOfMessage()):
            if data := machine.send(part):
                await stream.send_all(data)


def server_sent(events: list[tuple[str | None, Any]], last: str = "") -> tuple[str, bytes]:
    """Return a stream of server-sent events: names and JSON."""
    lines = [f"{f'event: {name}' + chr(10) if name else ''}data: {json.dumps(content)}\n\n" for name, content in events]
    return "text/event-stream", ("".join(lines) + last).encode()
