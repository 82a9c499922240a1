"""The Python client: typed results, typed errors, many requests over one connection."""

import subprocess
import sys

import pytest
import trio
import trio.testing

from transport.client import HallError, connect, connect_stream
from transport.dial.address import Address, Lost
from transport.dial.anyio_stream import AnyioStream
from transport.dial.websocket import open_websocket


async def test_every_method_does_its_work(hall, autojump_clock):
    async with hall() as (_, client):
        assert (await client.health()).status == "ok"
        assert (await client.whoami()).role == "agent"
        appended = await client.append([{"type": "note", "data": {"n": 1}}], stream="s", expected_revision="no_stream")
        assert appended.revisions == {"s": 1}
        page = await client.query(stream="s", after=0)
        assert page.events[0].data == {"n": 1}
        assert page.events[0].time == appended.time
        assert (await client.validate("Bash", {"command": "ls"}, cwd="/", wait_s=0.5)).verdict == "ask"
        verdicts = await client.validate_batch([{"tool": "Read", "input": {}}, {"tool": "Bash", "input": {}}])
        assert [verdict.verdict for verdict in verdicts] == ["allow", "ask"]
        assert (await client.explain("Bash", {"command": "ls"})).commands == [["ls"]]


async def test_all_that_waits_for_a_decision_is_gathered_page_after_page_and_one_is_asked_for_by_its_id(
    hall, autojump_clock
):
    async with hall() as (_, client):
        assert [each.id for each in await client.pending_approvals()] == ["a1"] * 3
        one = await client.pending_approval("b2")
    assert (one.id, one.input, one.whole) == ("b2", {"x": 1}, True)


async def test_a_refusal_is_an_error_with_its_code_and_detail(hall, autojump_clock):
    async with hall() as (_, client):
        await client.append([{"type": "t"}], stream="s")
        with pytest.raises(HallError) as caught:
            await client.append([{"type": "t"}], stream="s", expected_revision="no_stream")
    assert (caught.value.code, caught.value.detail) == ("revision_conflict", {"actual": 1})


async def test_many_requests_are_under_way_at_once_and_each_gets_its_answer(hall, autojump_clock):
    answers: dict[int, object] = {}

    async def ask(client, number: int) -> None:
        answers[number] = (await client.append([{"type": "t", "data": number}])).first_sequence

    async with hall() as (front, client):
        async with trio.open_nursery() as nursery:
            for number in range(100):
                nursery.start_soon(ask, client, number)
        stored = {event.sequence: event.data for event in front.gate.log.query(limit=1000).events}
    assert {sequence: number for number, sequence in answers.items()} == stored


async def test_a_cancelled_call_is_cancelled_at_the_hall(hall, autojump_clock):
    async with hall() as (front, client):
        ended = trio.Event()

        async def wait(*_: object) -> None:
            try:
                await trio.sleep_forever()
            finally:
                ended.set()

        front.gate.before = wait
        with trio.move_on_after(1.0):
            await client.whoami()
        with trio.fail_after(1.0):
            await ended.wait()
        assert (await client.health()).status == "ok"


async def test_when_the_server_stops_waiting_calls_and_later_ones_are_unavailable(hall, autojump_clock):
    async with hall() as (front, client):
        front.gate.stall()
        outcomes: list[HallError] = []

        async def ask() -> None:
            with pytest.raises(HallError) as caught:
                await client.whoami()
            outcomes.append(caught.value)

        async with trio.open_nursery() as nursery:
            nursery.start_soon(ask)
            await trio.testing.wait_all_tasks_blocked()
            front.system.supervisors.find("root").request_stop()
        await trio.sleep(5)
        await ask()
        assert outcomes[-1].code == "unavailable"
        assert "1001" in outcomes[-1].message


async def test_who_is_not_let_in_learns_why(front, autojump_clock):
    async with front() as running:
        with pytest.raises(HallError, match="401") as caught:
            async with connect_stream(running.listener.connect(), token="wrong"):
                pytest.fail("nobody should get in")
    assert (caught.value.code, caught.value.detail) == ("forbidden", {"status": 401})


async def test_where_nobody_listens_the_hall_is_unavailable():
    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    port = listeners[0].socket.getsockname()[1]
    await listeners[0].aclose()
    with pytest.raises(HallError, match="moothall serve") as caught:
        async with connect(f"ws://127.0.0.1:{port}/mcp"):
            pytest.fail("nobody is there")
    assert caught.value.code == "unavailable"


async def test_who_hangs_up_during_the_handshake_is_no_hall(autojump_clock):
    mine, theirs = trio.testing.memory_stream_pair()
    await theirs.send_all(b"SSH-2.0-OpenSSH_9.7\r\n")
    await theirs.aclose()
    with pytest.raises(HallError) as caught:
        async with connect_stream(mine):
            pytest.fail("that is no hall")
    assert caught.value.code == "unavailable"


@pytest.mark.parametrize("url", ["http://localhost/mcp", "ws:///mcp", "nonsense"])
async def test_an_address_that_is_none_is_invalid(url: str):
    with pytest.raises(HallError) as caught:
        async with connect(url):
            pytest.fail("there is nothing to connect to")
    assert caught.value.code == "invalid"


async def test_who_leaves_at_once_gets_no_error(front, autojump_clock):
    async with front() as running:
        async with running.client():
            pass
        async with running.client() as hall:
            await hall.health()
        await trio.testing.wait_all_tasks_blocked()
        assert running.gate.views.connections == 0
        assert running.crashes == []


class Mute(AnyioStream):
    """A stream on which nothing comes any more, once it is mute; one task at a time may wait for that."""

    mute = False
    read = False

    async def receive(self, max_bytes=65536):
        if self.mute:
            assert not self.read, "two tasks read at once"
            self.read = True
            await trio.sleep_forever()
        return await super().receive(max_bytes)


async def test_whoever_reads_while_another_task_closes_learns_of_the_end_and_disturbs_nobody(front, autojump_clock):
    async with front() as running, trio.open_nursery() as nursery:
        stream = Mute(running.listener.connect())

        async def dial():
            return stream

        websocket = await open_websocket(Address("ws://localhost/mcp", running.token), dial)
        stream.mute = True
        nursery.start_soon(websocket.aclose)
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(Lost), trio.fail_after(60):
            await websocket.receive()


async def test_who_leaves_a_hall_that_does_not_answer_is_let_go_after_a_time(front, autojump_clock):
    async with front() as running:
        ours, theirs = trio.testing.memory_stream_pair()
        running.listener.connect(theirs)
        began = trio.current_time()
        async with connect_stream(ours, token=running.token):
            theirs.send_stream.send_all = _lose
        assert trio.current_time() - began <= 10


async def _lose(_data):
    await trio.lowlevel.checkpoint()


async def test_what_the_block_raises_comes_out_as_it_was(front, autojump_clock):
    async with front() as running:
        with pytest.raises(KeyError, match="mine"):
            async with running.client():
                raise KeyError("mine")


def test_the_client_never_imports_the_sdk():
    code = (
        "import sys, transport.client; sys.exit(any(name.split('.')[0] in {'mcp', 'pydantic'} for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


async def test_a_descending_query_pages_on_with_its_own_cursor(hall):
    async with hall() as (_, client):
        await client.append([{"type": "note", "data": {"n": n}} for n in range(5)], stream="s")
        page = await client.query(stream="s", order="desc", limit=2)
        seen = [event.data["n"] for event in page.events]
        while page.has_more:
            page = await client.query(stream="s", order="desc", limit=2, after=page.next)
            seen += [event.data["n"] for event in page.events]
        assert seen == [4, 3, 2, 1, 0]


async def test_a_positive_after_is_a_lower_bound_in_both_orders(hall):
    async with hall() as (_, client):
        await client.append([{"type": "note", "data": {"n": n}} for n in range(5)], stream="s")
        for order in ("asc", "desc"):
            page = await client.query(stream="s", order=order, after=3)
            assert sorted(event.data["n"] for event in page.events) == [3, 4]


async def test_the_cursor_of_a_descending_query_is_refused_in_an_ascending_one(hall):
    async with hall() as (_, client):
        with pytest.raises(HallError) as caught:
            await client.query(after=-3)
        assert caught.value.code == "invalid"


@pytest.mark.parametrize("since", ["1600-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
async def test_a_time_beyond_what_the_log_can_hold_is_as_good_as_its_end(hall, since):
    async with hall() as (_, client):
        await client.append([{"type": "note"}], stream="s")
        page = await client.query(stream="s", since=since)
        assert len(page.events) == (1 if since < "2000" else 0)
