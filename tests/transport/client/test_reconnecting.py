"""The client over more than one connection: what is lost comes back, once, and in order; under Trio and asyncio."""

from __future__ import annotations

import asyncio
from collections import Counter

import anyio
import pytest
import trio
import trio.testing

from transport.client import HallError, connect, connect_by
from transport.dial.address import Address, Lost
from transport.dial.anyio_stream import AnyioStream
from transport.dial.backoff import LONGEST_PAUSE_S, Backoff


class Dialer:
    """Dials a gateway in memory, and can cut what it has dialled or refuse to dial."""

    def __init__(self, front):
        self.front = front
        self.streams = []
        self.away = False
        self.dialled = 0

    async def __call__(self):
        self.dialled += 1
        if self.away:
            raise OSError("nobody is there")
        self.streams.append(self.front.listener.connect())
        return AnyioStream(self.streams[-1])

    async def cut(self):
        await trio.aclose_forcefully(self.streams[-1])

    def client(self, **options):
        return connect_by(Address("ws://localhost/mcp", self.front.token), self, **options)


async def test_what_only_reads_is_asked_again_over_a_new_connection(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        async with dialer.client() as hall:
            running.gate.stall()
            async with trio.open_nursery() as nursery:
                answers = []

                async def ask():
                    answers.append(await hall.validate("Read", {"file_path": "/x"}))

                nursery.start_soon(ask)
                await trio.sleep(1)
                await dialer.cut()
                running.gate.resume()
            assert [answer.verdict for answer in answers] == ["allow"]
            assert dialer.dialled == 2


async def test_an_append_whose_answer_was_lost_is_stored_once(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        stored = running.gate.append_events

        async def append_and_lose_the_answer(caller, append, sent=None):
            outcome = await stored(caller, append, sent)
            if len(dialer.streams) == 1:
                await dialer.cut()
                await trio.sleep_forever()
            return outcome

        running.gate.append_events = append_and_lose_the_answer
        async with dialer.client() as hall:
            appended = await hall.append([{"type": "note", "data": 1}], stream="s", expected_revision="no_stream")
            assert appended.deduplicated
            assert [event.data for event in (await hall.query(stream="s")).events] == [1]


async def test_a_decision_is_not_made_twice(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        async with dialer.client() as hall:
            running.gate.stall()
            async with trio.open_nursery() as nursery:

                async def decide():
                    with pytest.raises(HallError, match="whether decide was done is unknown") as caught:
                        await hall.decide("a1", "allow")
                    assert caught.value.code == "unavailable"

                nursery.start_soon(decide)
                await trio.sleep(1)
                await dialer.cut()
            running.gate.resume()
            assert (await hall.decide("a1", "allow")).verdict == "allow"


async def test_whoever_follows_misses_nothing_and_sees_nothing_twice(front, autojump_clock):
    async with front() as running:
        dialer, seen = Dialer(running), []

        async def take_a_moment(operation, what):
            await trio.sleep(0.01)

        running.gate.before = take_a_moment
        async with dialer.client() as hall, running.client() as writer, trio.open_nursery() as nursery:

            async def follow():
                async for event in hall.follow(after=0, stream="s"):
                    seen.append(event.data)
                    if event.data == 99:
                        break

            async def write():
                for number in range(100):
                    await writer.append([{"type": "note", "data": number}], stream="s")
                    await trio.sleep(0.05)
                    if number % 10 == 0:
                        await dialer.cut()

            nursery.start_soon(follow)
            nursery.start_soon(write)
        assert seen == list(range(100))
        assert dialer.dialled > 5


async def test_patience_ends_and_the_pauses_grow(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        async with dialer.client(patience_s=20) as hall:
            dialer.away = True
            await dialer.cut()
            began = trio.current_time()
            with pytest.raises(HallError, match="nobody is there") as caught:
                await hall.health()
            assert caught.value.code == "unavailable"
            assert trio.current_time() - began == pytest.approx(20)
            assert 5 < dialer.dialled < 60
            dialer.away = False
            assert (await hall.health()).status == "ok"


async def test_who_is_refused_for_good_stops_trying(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        async with dialer.client() as hall:
            running.tokens.revoke("scout")
            await trio.sleep(5)
            for _ in range(2):
                with pytest.raises(HallError, match="401") as caught:
                    await hall.health()
                assert caught.value.code == "forbidden"
            assert dialer.dialled == 2


async def test_a_message_that_is_too_large_is_not_sent_again(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        async with dialer.client() as hall:
            with pytest.raises(HallError) as caught:
                await hall.append([{"type": "note", "data": "x" * (5 << 20)}])
            assert caught.value.code == "too_large"
            assert (await hall.health()).status == "ok"


async def test_a_server_that_falls_silent_is_given_up(autojump_clock):
    from transport.dial.websocket import WebSocket

    mine, _ = trio.testing.memory_stream_pair()
    with pytest.raises(Lost, match="silent"):
        await WebSocket(AnyioStream(mine)).receive()
    assert trio.current_time() == 90


async def test_questions_that_queue_go_together_and_each_gets_its_verdict(front, autojump_clock):
    async with front() as running:
        sizes, verdicts = [], {}

        async def note(operation, calls):
            sizes.append(len(calls))
            await trio.sleep(0.1)

        running.gate.before = note
        async with running.client() as hall, trio.open_nursery() as nursery:

            async def ask(number):
                tool = "Read" if number % 2 else "Bash"
                verdicts[number] = (await hall.validate(tool, {"n": number})).verdict

            for number in range(600):
                nursery.start_soon(ask, number)
        assert verdicts == {number: "allow" if number % 2 else "ask" for number in range(600)}
        assert sizes == [1, 256, 256, 87]


async def test_a_bad_question_spoils_nobody_elses(front, autojump_clock):
    async with front() as running:
        outcomes = Counter()
        async with running.client() as hall, trio.open_nursery() as nursery:

            async def ask(number):
                try:
                    outcomes[(await hall.validate("Read", {} if number else "bad")).verdict] += 1
                except HallError as error:
                    outcomes[error.code] += 1

            nursery.start_soon(hall.validate, "Read", {})
            for number in range(10):
                nursery.start_soon(ask, number)
        assert outcomes == {"allow": 9, "invalid": 1}


async def test_who_gives_up_while_asking_for_others_leaves_them_their_verdicts(front, autojump_clock):
    async with front() as running:
        verdicts = []
        async with running.client() as hall, trio.open_nursery() as nursery:
            running.gate.stall()

            async def ask():
                verdicts.append((await hall.validate("Read", {})).verdict)

            with trio.move_on_after(1):
                async with trio.open_nursery() as impatient:
                    for _ in range(3):
                        impatient.start_soon(hall.validate, "Read", {})
                    await trio.testing.wait_all_tasks_blocked()
                    for _ in range(5):
                        nursery.start_soon(ask)
            running.gate.resume()
        assert verdicts == ["allow"] * 5


def test_pauses_grow_to_a_limit_and_begin_anew():
    backoff = Backoff()
    pauses = [backoff.pause_s() for _ in range(1000)]
    assert LONGEST_PAUSE_S * 0.8 < max(pauses) <= LONGEST_PAUSE_S
    backoff.reset()
    assert backoff.pause_s() <= 0.1


EVENTS = 200


class Progress:
    """Counts what a client in another thread has done; may be waited for."""

    def __init__(self):
        self.done = 0
        self._token = trio.lowlevel.current_trio_token()
        self._waiting = []

    def more(self):
        self._token.run_sync_soon(self._more)

    def _more(self):
        self.done += 1
        for mark, event in self._waiting:
            if self.done >= mark:
                event.set()

    async def reach(self, mark):
        event = trio.Event()
        self._waiting.append((mark, event))
        await event.wait()


async def append_and_follow(url, token, progress):
    """Runs under Trio and asyncio; returns what was seen."""
    seen = []
    async with connect(url, token=token) as hall, anyio.create_task_group() as tasks:

        async def follow():
            async for event in hall.follow(after=0, stream="agent/scout"):
                seen.append(event)
                if event.data == EVENTS - 1:
                    return

        tasks.start_soon(follow)
        for number in range(EVENTS):
            await hall.append([{"type": "note", "data": number}])
            await hall.validate("Bash", {"command": "ls"}, cwd="/")
            progress.more()
    return seen


async def run_under(backend, work, *args):
    if backend == "trio":
        return await work(*args)
    return await trio.to_thread.run_sync(lambda: asyncio.run(work(*args)))


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["trio", "asyncio"])
async def test_a_server_that_is_killed_and_started_again_is_followed_without_a_gap(server, backend):
    await server.start()
    url, token, progress, seen = server.ready["ws"], server.token("scout"), Progress(), []

    async def kill_now_and_then():
        for mark in (40, 110):
            await progress.reach(mark)
            await server.end(9)
            await server.start(port=url.split(":")[2].split("/")[0])

    with trio.fail_after(120):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(kill_now_and_then)
            seen += await run_under(backend, append_and_follow, url, token, progress)
    assert [event.data for event in seen] == list(range(EVENTS))
    assert [event.revision for event in seen] == list(range(1, EVENTS + 1))
