"""The whole server under a mock clock, websockets in memory: connections survive whatever crashes beneath them."""

from __future__ import annotations

from contextlib import asynccontextmanager

import pytest
import trio

from actors.kernel import RestartIntensityExceeded, contains, running
from actors.kernel.messages.mailbox import Envelope
from actors.ports import Ports, inline
from transport.access.tokens import Tokens
from transport.client import HallError, connect_stream
from transport.config import Config
from transport.server import Server
from transport.websocket.memory_listener import MemoryListener

LIST = {"command": "git status"}
CWD = "/home/dev/project"


def crash(system, name):
    system.mailboxes[name].put_nowait(Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", ""))


@pytest.fixture
def open_server(tmp_path, policy, make_memory):
    @asynccontextmanager
    async def opened(**ports):
        log = make_memory()
        settings = {"run_sync": inline, **ports}
        server = Server(Config(), tmp_path, open_log=lambda: log, ports=Ports(**settings), policy=policy)
        server.log = log
        listener = MemoryListener()
        async with running(server.root([listener]), system=server.system):
            yield server, lambda: connect_stream(listener.connect(), token=token)

    token = Tokens(tmp_path).add("scout")
    return opened


async def test_agents_work_through_the_whole_server_without_a_socket(autojump_clock, open_server):
    async with open_server() as (_, connect), connect() as one, connect() as two:
        await one.append([{"type": "plan", "data": {"n": 1}}], stream="plans")
        page = await two.query(stream="plans", wait_s=5)
        verdict = await two.validate("Bash", LIST, cwd=CWD)
        assert [event.data for event in page.events] == [{"n": 1}]
        assert verdict.verdict in {"allow", "ask"}
        assert (await one.whoami()).session == (await two.whoami()).session


@pytest.mark.parametrize("victim", ["event_store", "cache", "speed_layer", "monitor", "session:scout/agent"])
async def test_an_open_websocket_survives_the_crash_of_any_actor(autojump_clock, open_server, victim):
    async with open_server() as (server, connect), connect() as hall:
        before = await hall.append([{"type": "note"}], stream="s")
        crash(server.system, victim)
        await trio.sleep(5.0)
        after = await hall.append([{"type": "note"}], stream="s")
        page = await hall.query(stream="s")
        assert [event.sequence for event in page.events] == [before.first_sequence, after.first_sequence]
        assert (await hall.validate("Bash", LIST, cwd=CWD)).reason
        assert (await hall.health()).connections == 1


async def test_while_the_store_restarts_tools_answer_unavailable(autojump_clock, open_server):
    async with open_server() as (server, connect), connect() as hall:
        await hall.whoami()
        crash(server.system, "event_store")
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(HallError) as caught:
            await hall.append([{"type": "note"}])
        assert caught.value.code == "unavailable"
        assert "try again" in caught.value.message


async def test_an_append_under_way_when_the_store_crashes_is_answered_unavailable(autojump_clock, open_server):
    async def slow_disk(function):
        await trio.sleep(1.0)
        return function()

    async with open_server(run_sync=slow_disk) as (server, connect), connect() as hall:
        await hall.whoami()
        codes = []

        async def append():
            try:
                await hall.append([{"type": "note"}], command_id="c1")
            except HallError as error:
                codes.append(error.code)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(append)
            await trio.sleep(0.5)
            crash(server.system, "event_store")
        assert codes == ["unavailable"]
        await trio.sleep(10.0)
        await hall.append([{"type": "note"}], command_id="c1")
        assert len([event for event in server.log.read() if event.type == "note"]) == 1


async def test_a_crash_of_the_hall_again_and_again_ends_the_server_instead_of_limping_on(autojump_clock, open_server):
    with pytest.raises((ExceptionGroup, HallError)) as caught:
        async with open_server() as (server, _):
            while True:
                if "event_store" in server.system.mailboxes:
                    crash(server.system, "event_store")
                await trio.sleep(0.01)
    assert contains(caught.value, RestartIntensityExceeded)


async def test_a_connection_that_crashes_harms_no_other(autojump_clock, open_server):
    async with open_server() as (server, connect), connect() as one, connect() as two:
        await one.whoami()
        await two.whoami()
        gateway = server.system.supervisors["gateway:connections"]
        victim = gateway.children()[0]
        gateway._children.running[victim].scope.cancel()
        await trio.sleep(3.0)
        assert len(gateway.children()) == 1
        answers = 0
        for hall in (one, two):
            try:
                await hall.whoami()
                answers += 1
            except HallError as error:
                assert error.code == "unavailable"
        assert answers == 1


async def test_an_ordered_stop_answers_what_is_under_way_and_leaves_nothing_behind(autojump_clock, open_server):
    async with open_server() as (server, connect), connect() as hall:
        await hall.append([{"type": "note"}])
        system = server.system
    assert not system.mailboxes
    assert not system.supervisors


async def test_appends_in_flight_on_one_connection_keep_their_order_and_share_commits(autojump_clock, open_server):
    async def slow_disk(function):
        await trio.sleep(0.1)
        return function()

    async with open_server(run_sync=slow_disk) as (server, connect), connect() as hall:
        await hall.whoami()
        began = trio.current_time()
        sent = []

        async def append(n):
            while len(sent) < n:
                await trio.lowlevel.checkpoint()
            sent.append(n)
            await hall.append([{"type": "step", "data": {"n": n}}], stream="s")

        async with trio.open_nursery() as nursery:
            for n in range(50):
                nursery.start_soon(append, n)
        assert trio.current_time() - began < 0.5
        steps = server.log.query(stream="s", limit=1000).events
        assert [event.data["n"] for event in steps] == list(range(50))


async def test_a_session_survives_its_connection_for_a_minute_and_no_longer(autojump_clock, open_server):
    async with open_server() as (_, connect):
        sessions = []
        for away_s in (0, 30, 200):
            await trio.sleep(away_s)
            async with connect() as hall:
                sessions.append((await hall.whoami()).session)
    assert sessions[0] == sessions[1] != sessions[2]
