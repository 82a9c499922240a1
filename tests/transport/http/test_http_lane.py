"""The fast lane over HTTP answers as the SDK does: the same requests both ways, good, bad, odd and cancelled."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import pytest
import trio
import trio.testing
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

from store import MemoryLog
from transport.http.fast_lane import HttpLane
from transport.mcp.fast_lane import LANE
from transport.mcp.tools.toolset import TOOLS

from fake_front import hold

ENVELOPE: dict[str, Any] = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientInfo": {"name": "t", "version": "1"},
    "io.modelcontextprotocol/clientCapabilities": {},
}
BOTH = "application/json, text/event-stream"
KNOWN = {"tool": "Bash", "input": {"command": "ls"}, "cwd": "/home/dev"}
NOTE = {"events": [{"type": "note"}]}

directories = itertools.count()


class Sent(NamedTuple):
    """A POST: its headers as they are written, and its body."""

    headers: list[tuple[str, str]]
    body: bytes


class Script(NamedTuple):
    """The version that the session begins with, None for one that never began, and what is sent then."""

    version: str | None
    posts: list[Sent]


async def never(*_: Any) -> bool:
    return False


async def post(wire: Any, sent: Sent, session: str | None) -> list[Any]:
    """Return what comes back, as far as it should be the same: status, headers, messages."""
    headers = [("host", "localhost"), ("authorization", f"Bearer {wire.token}"), *sent.headers]
    own = [f"{name}: {value.replace('SESSION', session or '')}" for name, value in headers]
    await wire.head_as_it_is("/mcp", [*own, f"content-length: {len(sent.body)}"], sent.body)
    reply = await wire.reply()
    same = {
        name: "SESSION" if name == "mcp-session-id" else value
        for name, value in reply.headers.items()
        if name not in {"date", "content-length", "transfer-encoding"}
    }
    kind = reply.headers.get("content-type", "").partition(";")[0]
    if kind == "text/event-stream":
        return [reply.status, same, reply.events]
    return [reply.status, same, reply.json if kind == "application/json" and reply.body else reply.body]


@pytest.fixture
def through(serve_http: Any, make_world: Any, tmp_path: Any) -> Callable[..., Any]:
    """Return what sends a script to a hall: returns what came back, what the log holds then, and what took the lane."""

    def run(script: Script, *, sdk_alone: bool) -> tuple[list[Any], list[bool]]:
        lane: list[bool] = []
        take = HttpLane.take

        async def noted(self: Any, *arguments: Any) -> bool:
            lane.append(False if sdk_alone else await take(self, *arguments))
            return lane[-1]

        async def main() -> list[Any]:
            directory = tmp_path / str(next(directories))
            directory.mkdir()
            async with (
                make_world(log=MemoryLog(clock_ns=lambda: 7)).open() as world,
                serve_http(gate=world.gate, directory=directory) as hall,
            ):
                wire, session, heard = hall.connect(), None, []
                for sent in opening(script.version):
                    heard.append(await post(wire, sent, session))
                    session = session or wire.last.get("mcp-session-id")
                heard += [await post(hall.connect(), sent, session) for sent in script.posts]
                events = world.log.query(limit=1000).events
                return [heard, hall.crashes, [[event.type, event.stream, event.data] for event in events]]

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(HttpLane, "take", noted)
            return trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0)), lane

    return run


def body(**fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **fields}, separators=(",", ":")).encode()


PLAIN = [("content-type", "application/json"), ("accept", BOTH)]


def opening(version: str | None) -> list[Sent]:
    """Return the POSTs that begin a session; without a version its `initialize` fails."""
    params = {"protocolVersion": version, "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    asked = Sent(PLAIN, body(id=0, method="initialize", params={} if version is None else params))
    if version is None:
        return [asked]
    return [asked, Sent([*PLAIN, ("mcp-session-id", "SESSION")], body(method="notifications/initialized"))]


def in_session(version: str = "2025-11-25") -> list[tuple[str, str]]:
    return [*PLAIN, ("mcp-session-id", "SESSION"), ("mcp-protocol-version", version)]


def alone(tool: str) -> list[tuple[str, str]]:
    return [*PLAIN, ("mcp-protocol-version", "2026-07-28"), ("mcp-method", "tools/call"), ("mcp-name", tool)]


def call(tool: str, arguments: Any, request_id: Any = 1, **more: Any) -> bytes:
    return body(id=request_id, method="tools/call", params={"name": tool, "arguments": arguments, **more})


# Requests, good and then damaged.

JUNK = st.sampled_from([None, True, 0, -1, 1.5, 1.0, "", "x", "é\U0001f600", [], {}, [1], {"a": 1}])
ARGUMENTS: dict[str, list[Any]] = {
    "validate": [
        KNOWN,
        {**KNOWN, "input": {"command": "rm -rf /"}},
        {**KNOWN, "wait_s": 0},
        {**KNOWN, "wait_s": 1},
        {**KNOWN, "cwd": "/é"},
        {"tool": 7},
    ],
    "validate_batch": [{"requests": [KNOWN, KNOWN]}, {"requests": []}, {"requests": [{"tool": "x"}]}],
    "health": [{}, None, {"x": 1}],
    "append_events": [
        NOTE,
        {**NOTE, "stream": "s", "expected_revision": "no_stream"},
        {**NOTE, "stream": "é", "command_id": "c"},
        {"events": [{"type": "moothall.x"}]},
        {"events": []},
        {**NOTE, "expected_revision": 1.0},
    ],
    "query_events": [{}, {"stream": "s", "order": "desc"}, {"limit": 0}, {"after": -1}, {"wait_s": 1}],
    "whoami": [{}],
    "nonsense": [{}],
}
METAS: list[Any] = [
    ENVELOPE,
    ENVELOPE | {"progressToken": 1},
    ENVELOPE | {"io.modelcontextprotocol/logLevel": "shout"},
    ENVELOPE | {"io.modelcontextprotocol/clientCapabilities": []},
    ENVELOPE | {"io.modelcontextprotocol/clientInfo": {"name": 1}},
    ENVELOPE | {"io.modelcontextprotocol/protocolVersion": "2099-01-01"},
    ENVELOPE | {"io.modelcontextprotocol/protocolVersion": 7},
    {key: ENVELOPE[key] for key in list(ENVELOPE)[:2]},
    {"progressToken": 5},
    {"progressToken": True},
    {},
    None,
    7,
]
ODD: list[tuple[str, str]] = [
    ("accept", "application/json"),
    ("accept", "*/*"),
    ("accept", "text/*;q=0.5, application/*"),
    ("accept", ""),
    ("content-type", "application/json; charset=utf-8"),
    ("content-type", "application/json;charset=latin-1"),
    ("content-type", "application/jsonx"),
    ("content-type", "Application/JSON"),
    ("content-type", "text/plain, application/json"),
    ("mcp-session-id", "nobody's"),
    ("mcp-session-id", "SESSION"),
    ("mcp-protocol-version", "2025-06-18"),
    ("mcp-protocol-version", "2026-07-28"),
    ("mcp-protocol-version", "1999-01-01"),
    ("mcp-protocol-version", ""),
    ("mcp-method", "tools/list"),
    ("mcp-method", "tools/call"),
    ("mcp-name", "whoami"),
    ("mcp-name", "=?base64?aGVhbHRo?="),
    ("mcp-param-tool", "Bash"),
    ("last-event-id", "7"),
    ("x-anything", "1"),
]


@st.composite
def posts(draw: st.DrawFn) -> Sent:
    """A call of a tool, more or less as it should be, with headers that are more or less so too."""
    tool = draw(st.sampled_from([*LANE, *LANE, *LANE, "whoami", "nonsense"]))
    stateless = draw(st.booleans())
    params: dict[str, Any] = {"name": tool, "arguments": draw(st.sampled_from(ARGUMENTS[tool]))}
    if stateless:
        params["_meta"] = ENVELOPE
    message: dict[str, Any] = {
        "id": draw(st.sampled_from([0, 1, -7, 2**63, "", "a", "7", 'q"\\é'])),
        "method": "tools/call",
        "params": params,
    }
    headers = alone(tool) if stateless else in_session(draw(st.sampled_from(HANDSHAKE_PROTOCOL_VERSIONS)))
    match draw(st.integers(0, 9)):
        case 0:
            params["_meta"] = draw(st.sampled_from(METAS))
        case 1:
            params[draw(st.sampled_from(["name", "arguments", "task", "inputResponses", "x"]))] = draw(JUNK)
        case 2:
            del params[draw(st.sampled_from(list(params)))]
        case 3:
            message[draw(st.sampled_from(["id", "method", "params", "result", "x"]))] = draw(JUNK)
        case 4:
            headers = [*headers, draw(st.sampled_from(ODD))]
        case 5 | 6:
            name, value = draw(st.sampled_from(ODD))
            headers = [(name, value), *(each for each in headers if each[0] != name)]
        case 7:
            gone = draw(st.sampled_from(headers))
            headers = [each for each in headers if each != gone]
        case _:
            pass
    return Sent(headers, body(**message))


@st.composite
def scripts(draw: st.DrawFn) -> Script:
    version = draw(st.sampled_from([*HANDSHAKE_PROTOCOL_VERSIONS, "1999-01-01", None]))
    return Script(version, draw(st.lists(posts(), min_size=1, max_size=6)))


HALLS_ARE_NEW = settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
"""The fixture only makes halls; each example has two of its own."""


@HALLS_ARE_NEW
@given(script=scripts())
def test_whatever_is_posted_the_answers_are_those_of_the_sdk(through: Any, script: Script):
    fast, _ = through(script, sdk_alone=False)
    slow, _ = through(script, sdk_alone=True)
    assert fast == slow


@pytest.mark.parametrize(
    ("headers", "text", "takes_the_lane"),
    [
        (in_session(), call("validate", KNOWN), True),
        (PLAIN + in_session()[2:3], call("validate", KNOWN), True),
        (in_session("2025-03-26"), call("append_events", NOTE), True),
        (in_session(), call("validate", KNOWN, _meta={"progressToken": 3}), True),
        (in_session(), call("validate_batch", {"requests": [KNOWN]}), True),
        (in_session(), call("health", {}), True),
        (in_session(), call("query_events", {}), True),
        (in_session(), call("validate", {**KNOWN, "wait_s": 1}), False),
        (in_session(), call("validate", KNOWN, task={"ttl": 1}), False),
        (in_session(), call("validate", KNOWN, _meta=ENVELOPE), False),
        (in_session(), call("whoami", {}), False),
        (in_session(), body(method="tools/call", params={"name": "health"}), False),
        (in_session(), body(id=1, method="tools/call", params={"name": "health"}, result={}), False),
        ([*PLAIN, ("mcp-session-id", "nobody's")], call("health", {}), False),
        ([*in_session(), ("accept", BOTH)], call("health", {}), False),
        ([("accept", "*/*"), *in_session()[:1], *in_session()[2:]], call("health", {}), True),
        ([("accept", "application/json"), *in_session()[:1], *in_session()[2:]], call("health", {}), False),
        (PLAIN, call("health", {}), False),
        (alone("health"), call("health", {}, _meta=ENVELOPE), True),
        (alone("append_events"), call("append_events", NOTE, _meta=ENVELOPE), True),
        (alone("health"), call("health", {}), False),
        (alone("validate"), call("health", {}, _meta=ENVELOPE), False),
        (alone("health")[:-1], call("health", {}, _meta=ENVELOPE), False),
        ([*alone("health"), ("mcp-param-x", "1")], call("health", {}, _meta=ENVELOPE), False),
        ([*alone("health"), ("mcp-name", "health")], call("health", {}, _meta=ENVELOPE), False),
    ],
)
def test_the_lane_takes_what_it_can_prove_and_nothing_else(
    through: Any, headers: list[tuple[str, str]], text: bytes, takes_the_lane: bool
):
    script = Script("2025-11-25", [Sent(headers, text)])
    fast, lane = through(script, sdk_alone=False)
    assert lane[-1] == takes_the_lane
    assert fast == through(script, sdk_alone=True)[0]


def test_a_session_whose_initialize_failed_does_not_take_the_lane(through: Any):
    _, lane = through(Script(None, [Sent(in_session(), call("health", {}))]), sdk_alone=False)
    assert lane == [False, False]


def test_no_tool_has_an_argument_that_is_also_a_header():
    from transport.mcp.server import _listed

    assert "x-mcp-header" not in json.dumps([_listed(tool) for tool in TOOLS.values()])


@pytest.fixture(params=["lane", "sdk"])
def either_way(request: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Send the calls of a test through the lane, and once more through the SDK."""
    if request.param == "sdk":
        monkeypatch.setattr(HttpLane, "take", never)


async def begin(hall: Any, session: Any, text: bytes) -> Any:
    wire = hall.connect()
    await wire.begin("POST", "/mcp", text, content_type="application/json", accept=BOTH, **session)
    await trio.testing.wait_all_tasks_blocked()
    return wire


@pytest.mark.usefixtures("either_way", "autojump_clock")
async def test_a_cancelled_call_is_answered_with_an_error_and_gives_its_id_back(serve_http: Any):
    async with serve_http() as hall:
        session = await hall.session()
        go_on = hold(hall.gate)
        waiting = await begin(hall, session.headers, call("append_events", NOTE, 7))
        cancelled = {"jsonrpc": "2.0", "method": "notifications/cancelled", "params": {"requestId": "7"}}
        assert (await hall.connect().post("/mcp", cancelled, **session.headers)).status == 202
        reply = await waiting.reply()
        assert (reply.status, reply.message) == (
            200,
            {"jsonrpc": "2.0", "id": 7, "error": {"code": -32800, "message": "Request cancelled"}},
        )
        go_on.set()
        assert (await session.call(7, "append_events", NOTE))["result"]["isError"] is False
        assert len(hall.gate.log.query().events) == 1


@pytest.mark.usefixtures("either_way", "autojump_clock")
async def test_a_call_whose_session_ends_is_not_answered(serve_http: Any):
    async with serve_http() as hall:
        session = await hall.session()
        go_on = hold(hall.gate)
        waiting = await begin(hall, session.headers, call("append_events", NOTE, 7))
        assert (await hall.connect().request("DELETE", "/mcp", **session.headers)).status == 200
        reply = await waiting.reply()
        assert (reply.status, reply.events) == (200, [])
        go_on.set()
        await trio.testing.wait_all_tasks_blocked()
        assert hall.gate.log.query().events == []


@pytest.mark.usefixtures("either_way", "autojump_clock")
async def test_without_a_session_a_call_ends_with_its_connection(serve_http: Any):
    async with serve_http() as hall:
        go_on = hold(hall.gate)
        headers = {name.replace("-", "_"): value for name, value in alone("append_events")[2:]}
        wire = await begin(hall, headers, call("append_events", NOTE, _meta=ENVELOPE))
        await wire.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
        await trio.testing.wait_all_tasks_blocked()
        assert hall.gate.log.query().events == []
        assert hall.crashes == []


@pytest.mark.usefixtures("either_way", "autojump_clock")
async def test_in_a_session_a_call_goes_on_when_its_client_has_gone(serve_http: Any):
    async with serve_http() as hall:
        session = await hall.session()
        go_on = hold(hall.gate)
        wire = await begin(hall, session.headers, call("append_events", NOTE, 7))
        await wire.stream.aclose()
        await trio.testing.wait_all_tasks_blocked()
        go_on.set()
        await trio.testing.wait_all_tasks_blocked()
        assert len(hall.gate.log.query().events) == 1


async def test_appends_keep_their_order_whichever_lane_each_takes(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall, trio.open_nursery() as nursery:
        session = await hall.session()

        async def slower_first(_operation: str, append: Any) -> None:
            await trio.sleep(8 - append.events[0].data)

        hall.gate.before = slower_first
        for number in range(8):
            events = {"events": [{"type": "t", "data": number}]}
            more = {"x": 1} if number % 3 else {}
            wire = await begin(hall, session.headers, call("append_events", events, number, **more))
            nursery.start_soon(wire.reply)
        await trio.sleep(100)
        assert [event.data for event in hall.gate.log.query().events] == list(range(8))


async def test_a_session_that_only_the_lane_uses_lives_on_and_then_ends_as_any(serve_http: Any, autojump_clock: Any):
    async with serve_http(http_sessions="strict") as hall:
        session = await hall.session()
        for _ in range(5):
            await trio.sleep(1700)
            assert (await session.call(1, "health", {}))["result"]["isError"] is False
        await trio.sleep(1900)
        text = msgspec.json.decode(call("health", {}))
        assert (await hall.connect().post("/mcp", text, **session.headers)).status == 404


async def test_the_lane_serves_a_session_to_its_owner_alone(serve_http: Any, autojump_clock: Any):
    async with serve_http() as hall:
        session = await hall.session()
        other = hall.connect(hall.tokens.add("other"))
        assert (await other.post("/mcp", msgspec.json.decode(call("health", {})), **session.headers)).status == 404
