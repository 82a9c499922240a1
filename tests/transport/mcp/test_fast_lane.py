"""The fast lane answers as the SDK does: the same frames through both, good, bad and cancelled, in both lifecycles."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, NamedTuple, cast

import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp.server.runner import serve_dual_era_loop
from mcp_types.methods import CLIENT_REQUESTS
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS, LATEST_HANDSHAKE_VERSION
from trio_websocket import ConnectionClosed

from actors.desk.gate import Caller
from actors.session.messages import Principal
from store import MemoryLog
from transport.access.bytes_per_principal import HeldBytes
from transport.mcp import tool_calls
from transport.mcp.fast_lane import LANE, FastLane
from transport.mcp.in_flight import InFlight
from transport.mcp.protocol_era import Era
from transport.mcp.server import _listed, make_server
from transport.mcp.sessionless_limits import SessionlessLimit
from transport.mcp.tools.toolset import TOOLS
from transport.websocket.incoming_messages import Inbound
from transport.websocket.outgoing_messages import Outbound

CALLER = Caller(Principal("scout", "agent"), 1)
ENVELOPE: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "0"},
    "io.modelcontextprotocol/clientCapabilities": {},
}


class Socket:
    """Stands where a websocket does."""

    def __init__(self) -> None:
        self.to_server, self._inbox = trio.open_memory_channel[str](64)
        self.heard: list[Any] = []

    async def get_message(self) -> str:
        try:
            return await self._inbox.receive()
        except trio.EndOfChannel:
            raise ConnectionClosed(None) from None

    async def send_messages(self, texts: list[str]) -> None:
        await trio.lowlevel.checkpoint()
        self.heard += map(json.loads, texts)


class Wired:
    """One connection in memory: with the fast lane, or with the SDK alone."""

    def __init__(self, gate: Any, nursery: trio.Nursery, *, fast: bool) -> None:
        self.socket, self.in_flight = Socket(), InFlight(8, 1 << 20)
        server = make_server(gate, "0-test")
        era, websocket = Era(server.server_info_stamp), cast("Any", self.socket)
        start_soon, in_flight = nursery.start_soon, self.in_flight
        self.outbound = Outbound(
            self.socket.send_messages,
            in_flight,
            era,
            messages=64,
            queued_bytes=1 << 30,
            held=HeldBytes(),
            write_s=30.0,
            overflow=_never,
            stuck=_never,
        )
        lane = FastLane(gate, CALLER, era=era, in_flight=in_flight, answers=self.outbound, start_soon=start_soon)
        self.inbound = Inbound(
            websocket,
            self.outbound,
            in_flight,
            gate,
            CALLER,
            era=era,
            sessionless=SessionlessLimit("admin", 1.0, 1),
            lane=lane if fast else None,
            message_bytes=4 << 20,
            drain_s=0.5,
            close=_never,
        )
        self.passed = 0
        start_soon(self.outbound.write_all)
        start_soon(partial(serve_dual_era_loop, server, self, self.outbound, lifespan_state={}))

    def __aiter__(self) -> Wired:
        return self

    async def __anext__(self) -> Any:
        """Be the SDK's read stream, and count what passes."""
        item = await anext(self.inbound)
        self.passed += 1
        return item

    async def aclose(self) -> None:
        await self.inbound.aclose()

    async def say(self, *texts: str) -> list[Any]:
        """Send texts at once; return what has come back when nothing moves any more, in a fixed order."""
        for text in texts:
            self.socket.to_server.send_nowait(text)
        await trio.testing.wait_all_tasks_blocked()
        answers, self.socket.heard = self.socket.heard, []
        return sorted(answers, key=json.dumps)


@pytest.fixture
def hall_of(fake_gate: Any) -> Any:
    """Return an async context manager that yields (gate, connection): a gate that answers without a hall."""

    @asynccontextmanager
    async def run(*, fast: bool, opening: list[str] | None = None) -> AsyncGenerator[tuple[Any, Wired]]:
        gate = fake_gate()
        async with trio.open_nursery() as nursery:
            wired = Wired(gate, nursery, fast=fast)
            for frame in (initialize(), INITIALIZED) if opening is None else opening:
                await wired.say(frame)
            yield gate, wired
            nursery.cancel_scope.cancel()

    return run


def _never(*why: object) -> None:
    raise AssertionError(f"the connection was closed: {why}")


class Steps(NamedTuple):
    """How a connection begins, and the groups of frames that are sent at once."""

    opening: list[str]
    groups: list[list[str]]


def through(make_world: Any, steps: Steps, *, fast: bool) -> list[Any]:
    """Return what a hall answers to each group, how many requests are left under way, and what the log holds."""

    async def main() -> list[Any]:
        async with make_world(log=MemoryLog(clock_ns=lambda: 7)).open() as world, trio.open_nursery() as nursery:
            wired = Wired(world.gate, nursery, fast=fast)
            heard = [await wired.say(frame) for frame in steps.opening]
            heard += [await wired.say(*group) for group in steps.groups]
            heard.append(len(wired.in_flight))
            heard.append([[event.type, event.stream, event.data] for event in world.log.query(limit=1000).events])
            nursery.cancel_scope.cancel()
        return heard

    return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def message(**fields: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", **fields}, separators=(",", ":"))


def initialize(version: str = LATEST_HANDSHAKE_VERSION) -> str:
    client = {"name": "raw", "version": "0"}
    return message(
        id="i", method="initialize", params={"protocolVersion": version, "capabilities": {}, "clientInfo": client}
    )


INITIALIZED = message(method="notifications/initialized")
STATELESS = message(id="i", method="tools/list", params={"_meta": ENVELOPE})
OPENINGS = [
    *([initialize(version), INITIALIZED] for version in HANDSHAKE_PROTOCOL_VERSIONS),
    [initialize("1999-01-01"), INITIALIZED],
    [initialize()],
    [INITIALIZED],
    [message(id="i", method="initialize", params={})],
    [message(id="i", method="ping")],
    [STATELESS],
    [STATELESS, initialize()],
    [initialize(), STATELESS],
    [],
]


# Frames, made from the tools' schemas and then damaged.


def from_schema(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Return values that fit a schema of ours, and some at its edges."""
    if "anyOf" in schema:
        return st.one_of(*(from_schema(each) for each in schema["anyOf"]))
    kind = "enum" if "enum" in schema else schema.get("type", "any")
    return {
        "enum": lambda: st.sampled_from(schema["enum"]),
        "object": lambda: objects(schema),
        "array": lambda: st.lists(from_schema(schema["items"]), max_size=3),
        "string": lambda: TEXTS,
        "integer": lambda: numbers(schema),
        "number": lambda: numbers(schema),
        "boolean": st.booleans,
        "null": st.none,
        "any": lambda: JUNK,
    }[kind]()


def objects(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    fields = {name: from_schema(each) for name, each in schema.get("properties", {}).items()}
    if not fields:
        return PAYLOADS
    required = schema.get("required", [])
    return st.fixed_dictionaries(
        {name: fields[name] for name in required},
        optional={name: each for name, each in fields.items() if name not in required},
    )


def numbers(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    low, high = schema.get("minimum", -1), schema.get("maximum", 3)
    return st.sampled_from([low, high, low - 1, high + 1, float(low), 0.5])


TEXTS = st.sampled_from(["Bash", "Read", "a", "é", "x" * 256, "", "a\x00", "x" * 257, "2026-01-02T03:04:05Z"])
JUNK = st.sampled_from([None, True, 0, -1, 1.5, 1.0, "", "x", [], {}, [1], {"a": 1}])
PAYLOADS = st.sampled_from(
    [{}, {"command": "ls"}, {"command": "rm -rf /"}, {"command": 7}, {"file_path": "/x"}, {"a": [{}]}]
)


@st.composite
def arguments_of(draw: st.DrawFn, tool: str) -> Any:
    schema = _listed(TOOLS[tool])["inputSchema"]
    arguments = draw(from_schema(schema))
    if draw(st.integers(0, 3)) == 0:
        arguments[draw(st.sampled_from([*schema["properties"], "nonsense"]))] = draw(JUNK)
    return arguments


METAS = [
    ENVELOPE,
    ENVELOPE | {"progressToken": 1},
    ENVELOPE | {"progressToken": True},
    ENVELOPE | {"io.modelcontextprotocol/logLevel": "debug"},
    ENVELOPE | {"io.modelcontextprotocol/logLevel": "shout"},
    ENVELOPE | {"io.modelcontextprotocol/clientCapabilities": []},
    ENVELOPE | {"io.modelcontextprotocol/clientInfo": {"name": 1}},
    ENVELOPE | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"},
    ENVELOPE | {"io.modelcontextprotocol/protocolVersion": 7},
    {key: ENVELOPE[key] for key in list(ENVELOPE)[:2]},
    {key: ENVELOPE[key] for key in list(ENVELOPE)[1:]},
    {"progressToken": 5},
    {"progressToken": "five", "more": {"x": 1}},
    {"progressToken": 1.5},
    {"progressToken": True},
    {},
    None,
    7,
    [],
]
PARAMS = st.sampled_from(["name", "arguments", "task", "inputResponses", "requestState", "x"])
IDS = st.sampled_from([0, 1, -7, 2**63, 2**64 - 1, "", "a", "7", 7, 'q"\\é']) | st.integers(100, 200)


@st.composite
def frames(draw: st.DrawFn) -> str:
    """A call of a tool, more or less as it should be."""
    tool = draw(st.sampled_from([*LANE, *LANE, *LANE, "whoami", "nonsense"]))
    params: dict[str, Any] = {"name": tool, "arguments": draw(arguments_of(tool)) if tool in TOOLS else {}}
    if draw(st.booleans()):
        params["_meta"] = ENVELOPE
    call: dict[str, Any] = {"id": draw(IDS), "method": "tools/call", "params": params}
    match draw(st.integers(0, 11)):
        case 0:
            params["_meta"] = draw(st.sampled_from(METAS))
        case 1:
            params[draw(st.sampled_from(["name", "arguments", "task", "inputResponses", "requestState", "x"]))] = draw(
                JUNK
            )
        case 2:
            del params[draw(st.sampled_from(list(params)))]
        case 3:
            call[draw(st.sampled_from(["id", "method", "params", "x"]))] = draw(JUNK)
        case 4:
            del call[draw(st.sampled_from(list(call)))]
        case _:
            pass
    indent = draw(st.sampled_from([None, None, 1]))
    return json.dumps({"jsonrpc": "2.0", **call}, indent=indent, ensure_ascii=draw(st.booleans()))


@st.composite
def steps(draw: st.DrawFn) -> Steps:
    one_by_one = draw(st.lists(frames().map(lambda frame: [frame]), min_size=1, max_size=6))
    return Steps(draw(st.sampled_from(OPENINGS)), one_by_one)


HALLS_ARE_NEW = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""The fixture only makes halls; each example has two of its own."""


@HALLS_ARE_NEW
@given(script=steps())
def test_whatever_is_sent_the_answers_are_those_of_the_sdk(make_world: Any, script: Steps):
    assert through(make_world, script, fast=True) == through(make_world, script, fast=False)


def call(request_id: Any, tool: str, arguments: dict[str, Any], **params: Any) -> str:
    return message(id=request_id, method="tools/call", params={"name": tool, "arguments": arguments, **params})


def cancelled(request_id: Any) -> str:
    return message(method="notifications/cancelled", params={"requestId": request_id})


KNOWN = {"tool": "Bash", "input": {"command": "ls"}, "cwd": "/home/dev/project"}
NOTE = {"events": [{"type": "note"}]}


@pytest.mark.parametrize("fast", [True, False])
async def test_a_cancelled_call_is_never_answered_and_gives_its_id_back(hall_of, autojump_clock, fast: bool):
    async with hall_of(fast=fast) as (gate, wired):
        gate.stall()
        ids = [1, "a", "7", 8]
        assert await wired.say(*(call(each, "append_events", NOTE) for each in ids)) == []
        assert await wired.say(cancelled(1), cancelled("a"), cancelled(7), cancelled("8"), cancelled(99)) == []
        assert len(wired.in_flight) == 0
        gate.resume()
        answers = await wired.say(*(call(each, "append_events", NOTE) for each in ids))
        assert {answer["id"] for answer in answers} == set(ids)
        assert len(gate.log.query().events) == len(ids)


@pytest.mark.parametrize("fast", [True, False])
async def test_what_is_under_way_when_the_client_hangs_up_ends(hall_of, autojump_clock, fast: bool):
    async with hall_of(fast=fast) as (gate, wired):
        gate.stall()
        await wired.say(call(1, "append_events", NOTE), call(2, "validate", KNOWN))
        wired.socket.to_server.close()
        answers = await wired.say()
        assert [(each["id"], each["error"]) for each in answers] == [
            (request_id, {"code": -32000, "message": "Connection closed"}) for request_id in (1, 2)
        ]
        assert len(wired.in_flight) == 0
        assert gate.log.query().events == []


@pytest.mark.parametrize("fast", [True, False])
async def test_appends_keep_their_order_whichever_lane_each_takes(hall_of, autojump_clock, fast: bool):
    async with hall_of(fast=fast) as (gate, wired):

        async def slower_first(_operation: str, append: Any) -> None:
            await trio.sleep(8 - append.events[0].data)

        gate.before = slower_first
        texts = [
            call(
                number, "append_events", {"events": [{"type": "t", "data": number}]}, **({"x": 1} if number % 3 else {})
            )
            for number in range(8)
        ]
        await wired.say(*texts)
        await trio.sleep(100)
        assert [event.data for event in gate.log.query().events] == list(range(8))


def note(number: int) -> str:
    return call(number, "append_events", {"events": [{"type": "t", "data": number}]})


async def test_an_append_has_its_place_in_the_log_before_the_next_frame_is_read(hall_of, autojump_clock):
    async with hall_of(fast=True) as (gate, wired):
        gate.sends = True
        for number in range(8):
            wired.inbound._accept(note(number))
        assert [event.data for event in gate.log.query().events] == list(range(8))
        assert [answer["id"] for answer in await wired.say()] == list(range(8))
        assert len(wired.in_flight) == 0


async def test_an_append_does_not_overtake_one_that_waits_for_its_turn(hall_of, autojump_clock):
    async with hall_of(fast=True) as (gate, wired):

        async def slow(_operation: str, _append: Any) -> None:
            await trio.sleep(1)

        gate.before = slow
        await wired.say(note(0))
        gate.sends = True
        await wired.say(note(1))
        await trio.sleep(3)
        assert [event.data for event in gate.log.query().events] == [0, 1]
        await wired.say(note(2))
        assert [event.data for event in gate.log.query().events] == [0, 1, 2]


async def test_arguments_that_fit_no_schema_get_one_slow_second_look_and_large_ones_none(
    hall_of, autojump_clock, monkeypatch
):
    looked: list[Any] = []
    fits, large = tool_calls._fits, [{"type": 7}] * 300
    monkeypatch.setattr(tool_calls, "_fits", lambda kind, given: looked.append(given) or fits(kind, given))
    async with hall_of(fast=True) as (gate, wired):
        gate.sends = True
        (answer,) = await wired.say(call(1, "append_events", {"events": [{"type": 7}]}))
        assert answer["result"]["structuredContent"]["error"]["code"] == "invalid"
        assert len(looked) == 1
        (answer,) = await wired.say(call(2, "append_events", {"events": large}))
        assert answer["result"]["structuredContent"]["error"]["code"] == "invalid"
        assert len(looked) == 1


async def test_an_append_that_was_sent_can_be_cancelled_and_then_is_not_answered(hall_of, autojump_clock):
    async with hall_of(fast=True) as (gate, wired):
        gate.sends = True
        gate.stall()
        assert await wired.say(note(1), cancelled(1)) == []
        assert len(wired.in_flight) == 0


async def test_the_cap_on_requests_under_way_counts_both_lanes(hall_of, autojump_clock):
    async with hall_of(fast=True) as (gate, wired):
        gate.stall()
        calls = [
            call(number, "whoami" if number % 2 else "validate", {} if number % 2 else KNOWN) for number in range(9)
        ]
        (refused,) = await wired.say(*calls)
        assert refused["error"]["data"]["error"]["code"] == "rate_limited"
        (refused,) = await wired.say(call(0, "whoami", {}))
        assert refused["error"]["code"] == -32600


@pytest.mark.parametrize(
    ("text", "goes_to_the_sdk"),
    [
        (call(1, "validate", KNOWN), False),
        (call(1, "validate", KNOWN, _meta={"progressToken": 3}), False),
        (call(1, "validate", {**KNOWN, "wait_s": 0}), False),
        (call(1, "validate_batch", {"requests": [KNOWN]}), False),
        (call(1, "health", {}), False),
        (message(id=1, method="tools/call", params={"name": "health"}), False),
        (call(1, "append_events", NOTE), False),
        (call(1, "query_events", {"stream": "s", "wait_s": 0}), False),
        (call(1, "query_events", {"stream": "s", "wait_s": 1}), True),
        (call(1, "validate", {"tool": 7}), False),
        (call(1, "validate", {**KNOWN, "wait_s": 1}), True),
        (call(1, "validate", KNOWN, task={"ttl": 1}), True),
        (call(1, "validate", KNOWN, _meta=ENVELOPE), True),
        (call(1, "validate", KNOWN, _meta={"progressToken": []}), True),
        (call(1, "whoami", {}), True),
        (call(1, "nonsense", {}), True),
        (message(id=1, method="tools/list"), True),
    ],
)
async def test_the_lane_takes_what_it_can_prove_and_nothing_else(
    hall_of, autojump_clock, text: str, goes_to_the_sdk: bool
):
    async with hall_of(fast=True) as (_, wired):
        before = wired.passed
        (answer,) = await wired.say(text)
        assert answer["id"] == 1
        assert (wired.passed > before) == goes_to_the_sdk


@pytest.mark.parametrize("opening", [[], [INITIALIZED], [message(id="i", method="initialize", params={})]])
async def test_before_the_handshake_nothing_takes_the_lane(hall_of, autojump_clock, opening: list[str]):
    async with hall_of(fast=True, opening=opening) as (_, wired):
        before = wired.passed
        await wired.say(call(1, "health", {}))
        assert wired.passed > before


async def test_a_stateless_call_takes_the_lane_with_an_envelope_the_sdk_would_take(hall_of, autojump_clock):
    async with hall_of(fast=True, opening=[call("i", "health", {}, _meta=ENVELOPE)]) as (_, wired):
        assert wired.passed == 1
        for number, meta in enumerate(METAS):
            before = wired.passed
            (answer,) = await wired.say(call(number, "health", {}, _meta=meta))
            assert (wired.passed > before) == ("error" in answer)


def test_every_version_with_a_handshake_has_the_same_form_of_a_call():
    assert len({CLIENT_REQUESTS["tools/call", version] for version in HANDSHAKE_PROTOCOL_VERSIONS}) == 1


async def test_a_known_verdict_is_given_at_once_and_leaves_nothing_under_way(make_world, autojump_clock):
    async with make_world().open() as world, trio.open_nursery() as nursery:
        wired = Wired(world.gate, nursery, fast=True)
        for frame in (initialize(), INITIALIZED, call(1, "validate", KNOWN)):
            await wired.say(frame)
        tasks = len(nursery.child_tasks)
        wired.inbound._accept(call(2, "validate", KNOWN))
        assert (len(nursery.child_tasks), len(wired.in_flight)) == (tasks, 0)
        (answer,) = await wired.say()
        assert (answer["id"], answer["result"]["structuredContent"]["cached"]) == (2, True)
        nursery.cancel_scope.cancel()
