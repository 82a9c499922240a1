"""The system lane passes the queue: state, suspend, resume, and the end of watched actors."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import (
    Actor,
    ActorDied,
    ActorNotFound,
    Ask,
    AskTimeout,
    ChildSpec,
    Down,
    Ref,
    Supervisor,
    Tell,
    get_state,
    resume,
    running,
    suspend,
)
from actors.kernel.messages.registry import Registry
from actors.testing import under_test


class Add(Tell, frozen=True):
    n: int


class Nap(Tell, frozen=True):
    seconds: float


class Total(Ask[int], frozen=True):
    pass


class Boom(Tell, frozen=True):
    pass


class Counter(Actor):
    accepts = Add | Nap | Total | Boom
    capacity = 2

    def __init__(self):
        self.total = 0
        self.downs = []

    async def handle(self, message, reply):
        match message:
            case Add(n):
                self.total += n
            case Nap(seconds):
                await trio.sleep(seconds)
            case Boom():
                raise RuntimeError("boom")
            case Total():
                return self.total
        return None

    async def on_down(self, down):
        self.downs.append(down)

    def state(self):
        return {"total": self.total}


async def test_the_state_of_an_idle_actor_can_be_seen():
    async with under_test(Counter) as subject:
        subject.tell(Add(3))
        await trio.testing.wait_all_tasks_blocked()
        assert await get_state(subject.system, "subject") == {"total": 3}


async def test_a_look_at_the_state_passes_a_full_queue(autojump_clock):
    async with under_test(Counter) as subject:
        subject.tell(Nap(1.0))
        await trio.testing.wait_all_tasks_blocked()
        subject.tell(Add(1))
        subject.tell(Add(1))
        assert await get_state(subject.system, "subject") == {"total": 0}


async def test_a_look_at_the_state_waits_no_longer_than_its_timeout(autojump_clock):
    async with under_test(Counter) as subject:
        subject.tell(Nap(100.0))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(AskTimeout):
            await get_state(subject.system, "subject")


async def test_a_suspended_actor_leaves_its_queue_alone_until_it_is_resumed(autojump_clock):
    async with under_test(Counter) as subject:
        await suspend(subject.system, "subject")
        subject.tell(Add(5))
        await trio.sleep(10.0)
        assert await get_state(subject.system, "subject") == {"total": 0}
        await resume(subject.system, "subject")
        assert await subject.ask(Total()) == 5


async def test_a_suspended_actor_stops_in_order_all_the_same(autojump_clock):
    async with under_test(Counter) as subject:
        await suspend(subject.system, "subject")
        subject.tell(Add(5))
    assert subject.incarnations[0].total == 5
    assert trio.current_time() == 0.0


async def test_commands_to_an_actor_that_crashes_fail_like_its_asks(autojump_clock):
    async with under_test(Counter, restart="temporary") as subject, trio.open_nursery() as nursery:

        async def look():
            with pytest.raises(ActorDied):
                await get_state(subject.system, "subject")

        subject.tell(Nap(1.0))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(look)
        nursery.start_soon(look)
        await trio.testing.wait_all_tasks_blocked()
        subject.incarnations[0].state = None  # so the first look crashes it, and the second waits on the lane
        await trio.sleep(2.0)
    with pytest.raises(ActorNotFound):
        await get_state(subject.system, "subject")


async def test_asking_for_the_state_of_nobody_fails_at_once():
    async with under_test(Counter) as subject:
        with pytest.raises(ActorNotFound):
            await get_state(subject.system, "ghost")


async def test_many_commands_need_no_room_in_a_full_mailbox(autojump_clock):
    async with under_test(Counter) as subject, trio.open_nursery() as nursery:
        subject.tell(Nap(1.0))
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(20):
            nursery.start_soon(get_state, subject.system, "subject")
        await trio.testing.wait_all_tasks_blocked()
        subject.tell(Add(1))
        subject.tell(Add(1))
        await trio.sleep(2.0)
        assert await subject.ask(Total()) == 2


@pytest.fixture
async def pair():
    watcher, target = Counter(), [ChildSpec("target", Counter, restart="temporary")]
    async with running(Supervisor([*target, ChildSpec("watcher", lambda: watcher)])) as system:
        yield system, watcher


async def test_a_watcher_is_told_once_when_the_watched_actor_crashes(autojump_clock, pair):
    system, watcher = pair
    watcher.watch("target")
    Ref(system, "target").tell(Boom())
    await trio.sleep(1.0)
    assert watcher.downs == [Down("target", "crashed")]


async def test_a_watcher_is_told_when_the_watched_actor_stops(autojump_clock, pair):
    system, watcher = pair
    watcher.watch("target")
    await system.supervisors["root"].stop_child("target")
    await trio.sleep(1.0)
    assert watcher.downs == [Down("target", "stopped")]


async def test_a_watcher_is_told_when_the_watched_actor_is_cancelled(autojump_clock, pair):
    system, watcher = pair
    watcher.watch("target")
    system.supervisors["root"]._children.running["target"].scope.cancel()
    await trio.sleep(1.0)
    assert watcher.downs == [Down("target", "killed")]


async def test_an_actor_whose_watcher_is_stopping_ends_as_if_nobody_watched(autojump_clock, pair):
    system, watcher = pair
    watcher.watch("target")
    watcher.request_stop()
    crashes = []
    system.supervisors["root"]._children._on_crash = lambda name, error: crashes.append(name)
    await system.supervisors["root"].stop_child("target")
    assert crashes == []
    assert watcher.downs == []


def test_a_name_is_not_taken_from_its_new_holder_by_one_that_had_it_before():
    names = Registry()
    names.register("a", "old")
    names.unregister("a", "old")
    names.register("a", "new")
    names.unregister("a", "old")
    assert names.find("a") == "new"


async def test_watching_nobody_tells_so_at_once(autojump_clock, pair):
    _, watcher = pair
    watcher.watch("ghost")
    await trio.sleep(1.0)
    assert watcher.downs == [Down("ghost", "not running")]


async def test_a_watch_taken_back_tells_nothing(autojump_clock, pair):
    system, watcher = pair
    watcher.watch("target")
    watcher.unwatch("target")
    Ref(system, "target").tell(Boom())
    await trio.sleep(1.0)
    assert watcher.downs == []


async def test_the_notice_passes_a_full_queue(autojump_clock, pair):
    system, watcher = pair
    watcher.watch("target")
    Ref(system, "watcher").tell(Nap(1.0))
    await trio.testing.wait_all_tasks_blocked()
    Ref(system, "watcher").tell(Nap(50.0))
    Ref(system, "watcher").tell(Nap(50.0))
    Ref(system, "target").tell(Boom())
    await trio.sleep(2.0)
    assert watcher.downs == [Down("target", "crashed")]


async def test_an_idle_actor_is_woken_for_each_command_however_many_came_before(autojump_clock):
    async with under_test(Counter, name="counter") as subject:
        for _ in range(3):
            await trio.testing.wait_all_tasks_blocked()
            assert (await get_state(subject.system, "counter"))["total"] == 0
