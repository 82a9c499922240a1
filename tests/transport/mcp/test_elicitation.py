"""The person at the client that asks: asked where the configuration lets their answer count, and for that agent alone.

The client is the SDK's own, in both lifecycles, before the real hall; under virtual time."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import Any

import anyio
import pytest
import trio
from mcp import Client
from mcp.shared.message import SessionMessage
from mcp_types import ElicitResult, JSONRPCMessage, jsonrpc_message_adapter
from trio_websocket import ConnectionClosed, wrap_client_stream

from actors.desk.gate import Caller, Refusal
from actors.kernel import ChildSpec, Supervisor, running
from actors.session.messages import Principal
from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM
from transport.access.authentication import Authenticator
from transport.access.tokens import Tokens
from transport.mcp.elicitation import SHOWN_BYTES
from transport.mcp.server import make_server
from transport.websocket.gateway import NAME, Gateway
from transport.websocket.memory_listener import MemoryListener

DEPLOY = {"tool": "deploy", "input": {"to": "production"}, "cwd": "/p"}
SAGE = Caller(Principal("sage", "expert"), 91)
ALLOW = ElicitResult(action="accept", content={"decision": "allow"})
DENY = ElicitResult(action="accept", content={"decision": "deny"})

both_lifecycles = pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])


class Served:
    """A hall whose clients may ask their person, and SDK clients of it."""

    def __init__(self, world: Any, tokens: Tokens, elicitation: Any) -> None:
        self.world = world
        self.tokens = tokens
        self.elicitation = elicitation
        self.listener = MemoryListener()
        self.asked: list[str] = []

    def root(self) -> Supervisor:
        gate = self.world.gate
        server = make_server(gate, "0-test", elicitation=self.elicitation)

        def gateway() -> Gateway:
            return Gateway([self.listener], server=server, gate=gate, authenticator=Authenticator(self.tokens))

        return Supervisor([self.world.hall.spec(), ChildSpec(NAME, gateway)], on_crash=self.world.hall.on_crash)

    def client(self, name: str, person: Any, mode: str, role: Any = "agent") -> Client:
        """Return a client of an agent, whose person answers so, or does as a function says."""

        async def answer(_context: Any, params: Any) -> ElicitResult:
            self.asked.append(params.message)
            return await person() if callable(person) else person

        callback = None if person is None else answer
        return Client(self._transport(self.tokens.add(name, role)), mode=mode, elicitation_callback=callback)

    @asynccontextmanager
    async def _transport(self, token: str) -> Any:
        to_session, read = anyio.create_memory_object_stream[SessionMessage | Exception](0)
        write, from_session = anyio.create_memory_object_stream[SessionMessage](0)
        headers = [(b"Authorization", f"Bearer {token}".encode())]
        async with trio.open_nursery() as nursery, self.listener.connect() as stream:
            websocket = await wrap_client_stream(
                nursery, stream, "localhost", "/mcp", subprotocols=["mcp"], extra_headers=headers
            )

            async def inwards() -> None:
                try:
                    while True:
                        message: JSONRPCMessage = jsonrpc_message_adapter.validate_json(await websocket.get_message())
                        await to_session.send(SessionMessage(message))
                except ConnectionClosed:
                    await to_session.aclose()

            async def outwards() -> None:
                async for item in from_session:
                    await websocket.send_message(item.message.model_dump_json(by_alias=True, exclude_unset=True))

            nursery.start_soon(inwards)
            nursery.start_soon(outwards)
            with to_session, read, write, from_session:
                yield read, write
                nursery.cancel_scope.cancel()

    def story(self) -> list[str]:
        """Return what has happened to approvals."""
        return [e.type.rpartition(".")[2] for e in self.world.log.read() if e.stream == APPROVALS_STREAM]


@pytest.fixture
def served(make_world, tmp_path):
    """Return an async context manager that serves a hall with this `elicitation`."""

    @asynccontextmanager
    async def run(elicitation: Any = "all"):
        served = Served(make_world(), Tokens(tmp_path), elicitation)
        async with running(served.root(), system=served.world.system):
            yield served

    return run


async def validate(client: Client, wait_s: float = 60.0, **call: Any) -> dict[str, Any]:
    result = await client.call_tool("validate", {**(call or DEPLOY), "wait_s": wait_s})
    content = result.structured_content
    assert content is not None
    return content


@both_lifecycles
@pytest.mark.parametrize(
    ("person", "verdict"), [(ALLOW, "allow"), (DENY, "deny"), (ElicitResult(action="decline"), "deny")]
)
async def test_the_person_at_the_client_is_asked_and_their_answer_counts_once(
    autojump_clock, served, mode, person, verdict
):
    async with served() as hall, hall.client("scout", person, mode) as scout:
        began = trio.current_time()
        answer = await validate(scout)
        assert (answer["verdict"], answer["approval"]["state"]) == (verdict, "decided")
        assert answer["reason"].endswith("by the person at the client of scout")
        assert trio.current_time() - began < 1.0
        assert len(hall.asked) == 1
        assert 'in /p: deploy: {"to":"production"}' in hall.asked[0]
        assert hall.story() == ["requested", "answered", "cancelled"]
        assert (await validate(scout, wait_s=0.0))["verdict"] == "ask"  # once, and nobody is asked without a wait
        assert len(hall.asked) == 1


@both_lifecycles
async def test_the_answer_is_for_the_agent_of_that_client_alone(autojump_clock, served, mode):
    async with (
        served() as hall,
        hall.client("scout", ALLOW, mode) as scout,
        hall.client("rover", None, mode) as rover,
        trio.open_nursery() as nursery,
    ):
        others: list[Any] = []

        async def wait() -> None:
            others.append(await validate(rover))

        nursery.start_soon(wait)
        await trio.sleep(1.0)
        assert (await validate(scout))["verdict"] == "allow"
        await trio.sleep(1.0)
        assert others == []
        (pending,) = (await hall.world.gate.pending_approvals(SAGE)).approvals
        with pytest.raises(Refusal, match="nobody decides their own"):
            await hall.world.gate.decide(Caller(Principal("scout", "expert"), 5), pending.id, "allow")
        await hall.world.gate.decide(SAGE, pending.id, "deny")
        await trio.sleep(1.0)
        assert [each["verdict"] for each in others] == ["deny"]
        assert (await validate(scout, wait_s=0.0))["verdict"] == "ask"  # the expert's answer is not owed to it


@both_lifecycles
@pytest.mark.parametrize(
    "configured",
    [("off", "agent", 0), ("off", "admin", 0), ("experts", "agent", 0), ("experts", "expert", 1), ("all", "agent", 1)],
)
async def test_whose_client_asks_its_person_is_configured(autojump_clock, served, mode, configured):
    elicitation, role, asked = configured
    async with served(elicitation) as hall, hall.client("scout", ALLOW, mode, role) as scout:
        assert (await validate(scout, wait_s=5.0))["verdict"] == ("allow" if asked else "ask")
        assert len(hall.asked) == asked


@both_lifecycles
@pytest.mark.parametrize("person", [None, ElicitResult(action="cancel"), ElicitResult(action="accept", content={})])
async def test_a_person_who_says_nothing_leaves_it_to_the_experts(autojump_clock, served, mode, person):
    async with served() as hall, hall.client("scout", person, mode) as scout, trio.open_nursery() as nursery:

        async def decide() -> None:
            await trio.sleep(10.0)
            (pending,) = (await hall.world.gate.pending_approvals(SAGE)).approvals
            await hall.world.gate.decide(SAGE, pending.id, "allow")

        nursery.start_soon(decide)
        answer = await validate(scout)
        assert (answer["verdict"], answer["reason"]) == ("allow", "allowed by sage")


async def test_an_expert_who_decides_first_is_not_waited_past(autojump_clock, served):
    async with served() as hall, hall.client("scout", trio.sleep_forever, "legacy") as scout:
        async with trio.open_nursery() as nursery:

            async def decide() -> None:
                await trio.sleep(10.0)
                (pending,) = (await hall.world.gate.pending_approvals(SAGE)).approvals
                await hall.world.gate.decide(SAGE, pending.id, "deny")

            nursery.start_soon(decide)
            assert (await validate(scout))["reason"] == "denied by sage"
        assert (await validate(scout, 5.0, tool="deploy", input={}))["verdict"] == "ask"  # nobody answers in time


@both_lifecycles
async def test_what_a_person_cannot_see_whole_they_are_not_asked(autojump_clock, served, mode):
    async with served() as hall, hall.client("scout", ALLOW, mode) as scout:
        assert (await validate(scout, 5.0, tool="deploy", input={"x": "y" * SHOWN_BYTES}))["verdict"] == "ask"
        assert hall.asked == []


@both_lifecycles
async def test_a_person_is_never_asked_what_a_rule_decides(autojump_clock, served, mode):
    async with served() as hall, hall.client("scout", ALLOW, mode) as scout:
        wipe = await validate(scout, tool="Bash", input={"command": "rm -rf /"}, cwd="/p")
        assert (wipe["verdict"], hall.asked) == ("deny", [])


async def test_an_answer_to_another_approval_decides_nothing(autojump_clock, served):
    async with served() as hall, hall.client("scout", DENY, "2026-07-28") as scout:
        first = await scout.session.call_tool("validate", {**DEPLOY, "wait_s": 60.0}, allow_input_required=True)
        (approval,) = first.input_requests
        for responses in ({"else": ALLOW}, {}):
            again = await scout.session.call_tool(
                "validate", {**DEPLOY, "wait_s": 60.0}, input_responses=responses, allow_input_required=True
            )
            assert list(again.input_requests) == [approval]
        other = {**DEPLOY, "input": {"to": "moon"}, "wait_s": 60.0}
        stray = await scout.session.call_tool(
            "validate", other, input_responses={approval: ALLOW}, allow_input_required=True
        )
        assert list(stray.input_requests) != [approval]
        assert "answered" not in hall.story()
