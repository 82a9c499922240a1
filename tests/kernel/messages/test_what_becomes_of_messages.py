"""What becomes of messages when their actor restarts, stops or crashes: the table of docs/runtime.md, row by row."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import (
    LATER,
    Actor,
    ActorDied,
    ActorError,
    ActorNotFound,
    Ask,
    ChildSpec,
    Ref,
    Supervisor,
    Tell,
    running,
)


class Note(Tell, frozen=True):
    n: int


class Work(Ask[str], frozen=True):
    n: int


class Hold(Ask[str], frozen=True):
    pass


class Busy(Tell, frozen=True):
    seconds: float
    crash: bool = False


class Desk(Actor):
    accepts = Note | Work | Hold | Busy

    def __init__(self, seen):
        self.seen = seen

    async def handle(self, message, reply):
        match message:
            case Note(n):
                self.seen.append(n)
            case Work(n):
                self.seen.append(n)
                return "done"
            case Hold():
                return LATER
            case Busy(seconds, crash):
                await trio.sleep(seconds)
                if crash:
                    raise RuntimeError("asked to")
        return None


class Scene:
    """A desk with a message in hand, a tell and an ask in its queue, and an ask whose answer it owes."""

    def __init__(self, system, seen):
        self.system = system
        self.seen = seen
        self.desk = Ref(system, "desk")
        self.outcomes = {}

    async def ask(self, label, message):
        try:
            self.outcomes[label] = await self.desk.ask(message, timeout_s=60.0)
        except ActorError as error:
            self.outcomes[label] = type(error)


async def run_scene(*, crash, act, restart="permanent", shutdown_s=30.0):
    seen = []
    spec = ChildSpec("desk", lambda: Desk(seen), restart=restart, shutdown_s=shutdown_s)
    async with running(Supervisor([spec])) as system:
        scene = Scene(system, seen)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(scene.ask, "owed", Hold())
            await trio.testing.wait_all_tasks_blocked()
            scene.desk.tell(Busy(5.0, crash))
            await trio.testing.wait_all_tasks_blocked()
            scene.desk.tell(Note(1))
            nursery.start_soon(scene.ask, "queued", Work(2))
            await trio.testing.wait_all_tasks_blocked()
            await act(system)
            await trio.sleep(1.0)
            nursery.start_soon(scene.ask, "late", Work(3))
        return scene


async def nothing(system):
    await trio.sleep(6.0)


async def stop(system):
    await system.supervisors["root"].stop_child("desk")


async def restart_in_order(system):
    await system.supervisors["root"].restart_child("desk")


async def test_a_crash_loses_what_was_queued_fails_every_ask_and_the_next_incarnation_begins_empty(autojump_clock):
    scene = await run_scene(crash=True, act=nothing)
    assert scene.outcomes == {"owed": ActorDied, "queued": ActorDied, "late": "done"}
    assert scene.seen == [3]
    assert scene.system.dead_letters["desk"] == 1
    figures = scene.system.statistics()["desk"]
    assert (figures.received, figures.handled, figures.lost, figures.failed) == (5, 2, 3, 1)


async def test_a_crash_without_restart_leaves_nobody_to_ask(autojump_clock):
    scene = await run_scene(crash=True, act=nothing, restart="temporary")
    assert scene.outcomes == {"owed": ActorDied, "queued": ActorDied, "late": ActorNotFound}


async def test_an_ordered_stop_handles_what_was_queued_and_fails_what_is_still_owed(autojump_clock):
    scene = await run_scene(crash=False, act=stop)
    assert scene.outcomes == {"owed": ActorDied, "queued": "done", "late": ActorNotFound}
    assert scene.seen == [1, 2]
    assert scene.system.dead_letters["desk"] == 0


async def test_an_ordered_restart_is_a_stop_and_a_start(autojump_clock):
    scene = await run_scene(crash=False, act=restart_in_order)
    assert scene.outcomes == {"owed": ActorDied, "queued": "done", "late": "done"}
    assert scene.seen == [1, 2, 3]


async def test_a_stop_that_takes_too_long_loses_what_was_queued(autojump_clock):
    scene = await run_scene(crash=False, act=stop, shutdown_s=2.0)
    assert scene.outcomes == {"owed": ActorDied, "queued": ActorDied, "late": ActorNotFound}
    assert scene.seen == []
    assert scene.system.dead_letters["desk"] == 1


async def test_a_message_that_crashes_its_actor_is_not_handed_to_the_next_incarnation(autojump_clock):
    seen = []
    async with running(Supervisor([ChildSpec("desk", lambda: Desk(seen))])) as system:
        Ref(system, "desk").tell(Busy(0.0, crash=True))
        await trio.sleep(60.0)
        assert system.statistics()["desk"].failed == 1


async def test_a_send_while_the_actor_restarts_fails_in_the_sender(autojump_clock):
    async with running(Supervisor([ChildSpec("desk", lambda: Desk([]))])) as system:
        Ref(system, "desk").tell(Busy(0.0, crash=True))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(ActorNotFound):
            Ref(system, "desk").tell(Note(1))
        with pytest.raises(ActorNotFound):
            await Ref(system, "desk").ask(Work(1))


async def test_a_second_answer_is_a_dead_letter(autojump_clock):
    class Twice(Desk):
        async def handle(self, message, reply):
            reply("once")
            assert reply("twice") is False
            return LATER

    async with running(Supervisor([ChildSpec("desk", lambda: Twice([]))])) as system:
        assert await Ref(system, "desk").ask(Work(1)) == "once"
        assert system.dead_letters["desk:replies"] == 1


async def test_an_answer_that_comes_after_the_deadline_is_a_dead_letter(autojump_clock):
    class Slow(Desk):
        async def handle(self, message, reply):
            await trio.sleep(2.0)
            return "late"

    async with running(Supervisor([ChildSpec("desk", lambda: Slow([]))])) as system:
        with trio.move_on_after(1.0):
            await Ref(system, "desk").ask(Work(1))
        await trio.sleep(5.0)
        assert system.dead_letters["desk:replies"] == 1


async def test_dead_letters_are_told_about_at_most_once_a_second_with_their_number(autojump_clock):
    told = []
    async with running(Supervisor()) as system:
        system.dead_letters.tell = lambda name, count, why: told.append((name, count))
        for _ in range(100):
            Ref(system, "ghost").tell_or_lose(Note(1))
        await trio.sleep(1.0)
        Ref(system, "ghost").tell_or_lose(Note(1))
    assert told == [("ghost", 1), ("ghost", 100)]
    assert system.dead_letters["ghost"] == 101
