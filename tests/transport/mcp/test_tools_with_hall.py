"""The tools before the real hall: all actors, the log in memory, no sockets, no time."""

from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from actors.kernel import ChildSpec, Supervisor, running
from store import EventLog, Limits, Retention
from transport.access.authentication import Authenticator
from transport.access.tokens import Tokens
from transport.client import EventsGone, HallError, connect_stream
from transport.mcp.server import make_server
from transport.websocket.gateway import NAME, Gateway
from transport.websocket.memory_listener import MemoryListener


class Served:
    """A hall behind a gateway, and clients by agent's name."""

    def __init__(self, world: Any, tokens: Tokens) -> None:
        self.world = world
        self.tokens = tokens
        self.listener = MemoryListener()

    def root(self) -> Supervisor:
        gate, server = self.world.gate, make_server(self.world.gate, "0-test")

        def gateway() -> Gateway:
            return Gateway([self.listener], server=server, gate=gate, authenticator=Authenticator(self.tokens))

        return Supervisor([self.world.hall.spec(), ChildSpec(NAME, gateway)], on_crash=self.world.hall.on_crash)

    def client(self, name: str, role: Any = "agent") -> Any:
        return connect_stream(self.listener.connect(), token=self.tokens.add(name, role))


@pytest.fixture
def served(make_world, tmp_path):
    """Return an async context manager that serves a hall."""

    @asynccontextmanager
    async def run(**options: Any):
        served = Served(make_world(**options), Tokens(tmp_path))
        async with running(served.root(), system=served.world.system):
            yield served

    return run


async def refusal(awaitable: Any) -> HallError:
    with pytest.raises(HallError) as caught:
        await awaitable
    return caught.value


async def test_a_whole_day_of_an_agent(served, autojump_clock):
    async with served() as hall, hall.client("scout") as scout:
        assert (await scout.health()).status == "ok"
        me = await scout.whoami()
        assert (me.agent, me.role, me.limits.depth) == ("scout", "agent", 64)
        first = await scout.validate("Bash", {"command": "git status"}, cwd="/work")
        again = await scout.validate("bash", {"command": "git status"}, cwd="/work")
        assert (first.verdict, first.cached) == ("allow", False)
        assert (again.verdict, again.cached, again.request) == ("allow", True, first.request)
        assert (await scout.explain("Bash", {"command": "git status"})).commands == [["git", "status"]]
        batch = await scout.validate_batch([{"tool": "Bash", "input": {"command": "git status"}, "cwd": "/work"}] * 3)
        assert [verdict.verdict for verdict in batch] == ["allow"] * 3
        appended = await scout.append([{"type": "note", "data": {"n": 1}}], command_id="c1")
        repeated = await scout.append([{"type": "note", "data": {"n": 1}}], command_id="c1")
        assert (repeated.deduplicated, repeated.first_sequence) == (True, appended.first_sequence)
        page = await scout.query(stream="agent/scout")
        assert [event.data for event in page.events] == [{"n": 1}]
        assert (await scout.health()).sequence >= appended.last_sequence


async def test_a_long_poll_wakes_on_the_first_match(served, autojump_clock):
    async with served() as hall, hall.client("scout") as scout, hall.client("rover") as rover:
        pages = []

        async def follow() -> None:
            pages.append(await rover.query(types=["news"], wait_s=60))

        async with trio.open_nursery() as nursery:
            nursery.start_soon(follow)
            await trio.sleep(10)
            await scout.append([{"type": "old"}])
            await trio.sleep(10)
            assert pages == []
            await scout.append([{"type": "news"}])
        assert trio.current_time() < 30
        assert [event.type for event in pages[0].events] == ["news"]


async def test_a_long_poll_that_finds_nothing_ends_empty(served, autojump_clock):
    async with served() as hall, hall.client("scout") as scout:
        began = trio.current_time()
        assert (await scout.query(types=["never"], wait_s=60)).events == []
        assert trio.current_time() - began == pytest.approx(60, abs=1)


async def test_what_may_not_be_is_refused_with_its_code_and_stores_nothing(served, autojump_clock):
    async with served() as hall, hall.client("scout") as scout, hall.client("watcher", "observer") as watcher:
        await scout.append([{"type": "t"}], stream="s")
        await watcher.whoami()  # the start of a session is an event too
        before = (await scout.health()).sequence
        never = {"types": ["x"]}
        deep: Any = 1
        for _ in range(65):
            deep = [deep]
        cases = [
            ("forbidden", scout.append([{"type": "t"}], stream="agent/rover")),
            ("forbidden", scout.append([{"type": "t", "stream": "moothall/policy"}])),
            ("forbidden", scout.append([{"type": "moothall.policy.activated"}])),
            ("forbidden", watcher.append([{"type": "t"}])),
            ("forbidden", watcher.validate("Bash", {"command": "ls"})),
            ("too_large", scout.append([{"type": "t", "data": "x" * (1 << 20)}])),
            ("too_large", scout.append([{"type": "t"}] * 1001)),
            ("invalid", scout.append([{"type": "t\n"}])),
            ("invalid", scout.append([{"type": "t", "data": deep}])),
            ("revision_conflict", scout.append([{"type": "t"}], stream="s", expected_revision=7)),
            ("revision_conflict", scout.append([{"type": "t"}], expected={"mail": 0, "s": 7})),
            ("condition_failed", scout.append([{"type": "t"}], fail_if={"queries": [never, {"stream": "s"}]})),
            ("invalid", scout.append([{"type": "t"}], fail_if={"after": 1})),
            ("invalid", scout.append([{"type": "t"}], fail_if={"query": {}, "queries": [{}]})),
            ("condition_failed", scout.append([{"type": "t"}], fail_if={"query": {"stream": "s"}, "after": 0})),
        ]
        for code, attempt in cases:
            error = await refusal(attempt)
            assert error.code == code, error
        assert (await scout.health()).sequence == before
        assert (await watcher.query(stream="s")).events
        stored = await scout.append([{"type": "u"}], expected={"mail": 0, "s": 1}, fail_if={"queries": [never]})
        assert stored.first_sequence == before + 1


async def test_a_rate_limit_says_when_to_come_back(served, autojump_clock, limits_of):
    async with served(limits=limits_of(10.0, 5)) as hall, hall.client("scout") as scout:
        error = None
        for _ in range(20):
            try:
                await scout.whoami()
            except HallError as caught:
                error = caught
                break
        assert error is not None
        assert error.code == "rate_limited"
        await trio.sleep(error.detail["retry_after_s"])
        assert (await scout.whoami()).agent == "scout"


async def test_an_admin_erases_a_stream_and_readers_are_told_of_it(served, autojump_clock):
    async with served() as hall, hall.client("scout") as scout, hall.client("chief", "admin") as chief:
        await scout.append([{"type": "note", "data": {"name": "Ann"}, "tags": ["about:ann"]}], stream="people")
        await scout.append([{"type": "note", "data": {"n": 1}}], stream="other")
        assert (await refusal(scout.erase_stream("people"))).code == "forbidden"
        done = await chief.erase_stream("people")
        assert (done.stream, done.events, done.gone) == ("people", 1, 0)
        (erased,) = (await scout.query(stream="people")).events
        (other,) = (await scout.query(stream="other")).events
        (told,) = (await scout.query(stream="moothall/log")).events
    assert (erased.erased, erased.data, erased.tags) == (True, None, ())
    assert other.erased is msgspec.UNSET
    assert (told.type, told.data["by"]) == ("moothall.log.erased", "chief")


async def test_a_reader_is_told_what_has_left_the_log_unless_it_goes_on_from_there(served, autojump_clock, tmp_path):
    log = EventLog.open(tmp_path / "log", limits=Limits(segment_bytes=1000, commands=1), sync=lambda _fd: None)
    async with served(log=log) as hall, hall.client("scout") as scout:
        for n in range(30):
            await scout.append([{"type": "note", "data": {"n": n}}], stream="s")
        log.retire(Retention(max_bytes=1500))
        first = log.first_sequence
        gone = await refusal(scout.query(after=1))
        assert isinstance(gone, EventsGone)
        assert (gone.code, gone.first_sequence) == ("events_gone", first)
        with pytest.raises(EventsGone):
            async for _ in scout.follow(after=0):
                pytest.fail("nothing is read behind a gap")
        async for event in scout.follow(after=0, skip_gone=True):
            assert event.sequence == first
            break
        for asked in ({}, {"after": 1, "skip_gone": True}, {"after": first - 1}):
            assert (await scout.query(**asked)).events[0].sequence == first
        back = await scout.query(order="desc", limit=20)
        while back.has_more:
            back = await scout.query(order="desc", limit=20, after=back.next)
        assert back.events[-1].sequence == first
