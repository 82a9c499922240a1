"""Asking and telling: what a sender can rely on."""

from __future__ import annotations

import contextlib

import pytest
import trio

from actors.kernel import (
    LATER,
    Actor,
    ActorDied,
    ActorNotFound,
    Ask,
    AskTimeout,
    ChildSpec,
    MailboxFull,
    NameTaken,
    Ref,
    Supervisor,
    Tell,
    running,
)
from actors.kernel.messages.deadlines import RESOLUTION_S
from actors.kernel.messages.registry import Registry
from actors.testing import under_test


class Add(Ask[int]):
    left: int
    right: int


class Hold(Ask[str]):
    """Is answered when `Release` comes."""


class Never(Ask[None]):
    """Is never answered."""


class Nap(Ask[str]):
    seconds: float


class Crash(Ask[None]):
    """Raises in the handler."""


class Release(Tell):
    word: str


class Note(Tell):
    text: str


class Desk(Actor):
    """Answers, holds, naps and crashes on request."""

    accepts = Add | Hold | Never | Nap | Crash | Release | Note
    capacity = 4

    def __init__(self):
        self.held = []
        self.notes = []
        self.batches = []
        self.stopped_with = None

    async def handle(self, message, reply):
        match message:
            case Add():
                return message.left + message.right
            case Hold():
                self.held.append(reply)
                return LATER
            case Never():
                return LATER
            case Nap():
                await trio.sleep(message.seconds)
                return "rested"
            case Crash():
                raise RuntimeError("asked to")
            case Release():
                for each in self.held:
                    each(message.word)
                self.held.clear()
            case Note():
                self.notes.append(message.text)
        return None

    async def on_batch_end(self):
        self.batches.append(len(self.notes))

    async def on_stop(self):
        self.stopped_with = list(self.notes)


class Forgetful(Desk):
    overflow = "drop_oldest"


def run_desk(kind=Desk):
    return under_test(kind, name="desk", restart="temporary")


@pytest.fixture
async def desk():
    async with run_desk() as subject:
        yield subject


async def test_an_ask_returns_the_typed_reply(desk):
    assert await desk.ask(Add(2, 3)) == 5


async def test_an_answer_may_come_later_and_from_another_message(desk):
    async with trio.open_nursery() as nursery:
        answers = []

        async def hold():
            answers.append(await desk.ask(Hold()))

        nursery.start_soon(hold)
        nursery.start_soon(hold)
        await trio.testing.wait_all_tasks_blocked()
        desk.tell(Release("go"))
        await trio.testing.wait_all_tasks_blocked()
        assert answers == ["go", "go"]


async def test_an_ask_times_out_at_its_deadline(autojump_clock, desk):
    with pytest.raises(AskTimeout, match="did not answer within 2 s"):
        await desk.ask(Never(), timeout_s=2.0)
    assert 2.0 <= trio.current_time() <= 2.0 + RESOLUTION_S * 1.01


async def test_an_ask_can_be_sent_now_and_its_answer_waited_for_later(autojump_clock, desk):
    sent = [desk.send(Add(number, 1)) for number in range(3)]
    await trio.testing.wait_all_tasks_blocked()
    assert [await asked.answer() for asked in reversed(sent)] == [3, 2, 1]


async def test_an_ask_that_was_sent_times_out_whether_anybody_waits_for_it_or_not(autojump_clock, desk):
    early, late = [desk.send(Never(), timeout_s=2.0) for _ in range(2)]
    with pytest.raises(AskTimeout, match="did not answer within 2 s"):
        await early.answer()
    await trio.sleep(1.0)
    with pytest.raises(AskTimeout):
        await late.answer()


async def test_an_ask_that_was_sent_fails_with_its_actor_whether_anybody_waits_for_it_or_not(autojump_clock, desk):
    held = desk.send(Hold())
    await trio.testing.wait_all_tasks_blocked()
    desk.send(Crash())
    await trio.testing.wait_all_tasks_blocked()
    with pytest.raises(ActorDied):
        await held.answer()


async def test_an_ask_is_not_sent_to_an_actor_that_does_not_run_or_has_no_room(autojump_clock, desk):
    with pytest.raises(ActorNotFound):
        Ref(desk.system, "nobody").send(Never())
    with pytest.raises(MailboxFull):
        for _ in range(Desk.capacity + 1):
            desk.send(Never())


async def test_the_callers_own_deadline_cancels_the_ask_as_usual(autojump_clock, desk):
    with trio.move_on_after(1.0) as scope:
        await desk.ask(Never())
    assert scope.cancelled_caught


async def test_work_whose_deadline_has_passed_is_dropped_and_counted(autojump_clock, desk):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: desk.ask(Nap(10.0), timeout_s=20.0))
        await trio.testing.wait_all_tasks_blocked()
        with pytest.raises(AskTimeout):
            await desk.ask(Add(1, 1), timeout_s=1.0)
        assert await desk.ask(Add(1, 2), timeout_s=20.0) == 3
        assert desk.system.statistics()["desk"].expired == 1


async def _cancel_later(scope):
    await trio.sleep(0.5)
    scope.cancel()


async def test_work_of_a_caller_that_was_cancelled_is_dropped(autojump_clock, desk):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: desk.ask(Nap(10.0), timeout_s=20.0))
        await trio.testing.wait_all_tasks_blocked()
        with trio.CancelScope() as scope:
            nursery.start_soon(_cancel_later, scope)
            await desk.ask(Add(1, 1), timeout_s=100.0)
        await desk.ask(Add(1, 2), timeout_s=20.0)
        assert desk.system.statistics()["desk"].expired == 1


async def test_a_late_answer_to_a_caller_that_has_gone_is_harmless(autojump_clock, desk):
    with trio.move_on_after(0.5):
        await desk.ask(Hold())
    assert not desk.incarnations[0].held[0].wanted
    desk.tell(Release("too late"))
    assert await desk.ask(Add(1, 1)) == 2


async def test_asking_a_name_that_does_not_run_fails_at_once(desk):
    with pytest.raises(ActorNotFound, match="no actor named 'ghost' is running"):
        await Ref(desk.system, "ghost").ask(Add(1, 1))


async def test_every_pending_ask_of_an_actor_that_crashes_fails_at_once(autojump_clock, desk):
    async with trio.open_nursery() as nursery:
        failures = []

        async def ask(message):
            try:
                await desk.ask(message)
            except ActorDied as error:
                failures.append(error.name)

        for message in (Hold(), Nap(1.0), Crash(), Add(1, 1)):
            nursery.start_soon(ask, message)
            await trio.testing.wait_all_tasks_blocked()
        await trio.sleep(1.5)
        assert failures == ["desk"] * 3


async def test_a_full_mailbox_that_rejects_refuses_in_the_sender(autojump_clock, desk):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(lambda: desk.ask(Nap(1.0)))
        await trio.testing.wait_all_tasks_blocked()
        for n in range(4):
            desk.tell(Note(str(n)))
        with pytest.raises(MailboxFull, match="full \\(4 messages\\)"):
            desk.tell(Note("one too many"))
        desk.tell_or_lose(Note("lost"))
        assert desk.system.dead_letters["desk"] == 1


async def test_a_full_mailbox_that_drops_the_oldest_keeps_the_newest(autojump_clock):
    async with run_desk(Forgetful) as desk, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: desk.ask(Nap(1.0)))
        await trio.testing.wait_all_tasks_blocked()
        for n in range(6):
            desk.tell(Note(str(n)))
        await trio.sleep(2.0)
        assert desk.incarnations[0].notes == ["2", "3", "4", "5"]


async def test_an_ask_that_a_full_mailbox_drops_fails_in_its_asker(autojump_clock):
    async with run_desk(Forgetful) as desk, trio.open_nursery() as nursery:
        nursery.start_soon(lambda: desk.ask(Nap(1.0)))
        await trio.testing.wait_all_tasks_blocked()
        failed = []

        async def ask():
            try:
                await desk.ask(Add(1, 1))
            except MailboxFull as error:
                failed.append(error.capacity)

        nursery.start_soon(ask)
        await trio.testing.wait_all_tasks_blocked()
        for n in range(4):
            desk.tell(Note(str(n)))
        await trio.testing.wait_all_tasks_blocked()
        assert failed == [4]


async def test_what_queued_is_handled_as_one_batch(desk):
    for n in range(3):
        desk.tell(Note(str(n)))
    await trio.testing.wait_all_tasks_blocked()
    assert desk.incarnations[0].batches == [3]


async def test_a_stop_drains_the_mailbox_before_on_stop():
    async with run_desk() as desk:
        desk.tell(Note("last words"))
    assert desk.incarnations[0].stopped_with == ["last words"]


async def test_tells_that_die_with_a_crashed_actor_are_dead_letters(autojump_clock, desk):
    async with trio.open_nursery() as nursery:

        async def crash():
            with pytest.raises(ActorDied):
                await desk.ask(Crash())

        nursery.start_soon(lambda: desk.ask(Nap(1.0)))
        await trio.testing.wait_all_tasks_blocked()
        nursery.start_soon(crash)
        await trio.testing.wait_all_tasks_blocked()
        desk.tell(Note("never read"))
        await trio.sleep(2.0)
        assert desk.system.dead_letters["desk"] == 1


async def test_a_message_class_that_names_no_reply_is_refused():
    class Nameless(Ask):
        pass

    class Silent(Actor):
        accepts = Nameless

        async def handle(self, message, reply):
            return 1

    async with under_test(Silent) as silent:
        with pytest.raises(TypeError, match="must name its reply"):
            await silent.ask(Nameless())


class Wait(Ask[None]):
    """Is never answered; whoever is asked notes when its asker gives up."""


class Watchful(Actor):
    """Asks a colleague first if it has one."""

    accepts = Wait

    def __init__(self, colleague=""):
        self.colleague = colleague
        self.told = []

    async def handle(self, message, reply):
        reply.on_abandoned(lambda: self.told.append(trio.current_time()))
        if self.colleague:
            assert await self.ref(self.colleague).ask(Add(1, 1)) == 2
        return LATER


@pytest.mark.parametrize("colleague", ["", "colleague"])
@pytest.mark.parametrize("cancelled", [True, False])
async def test_who_answers_later_is_told_once_that_the_asker_has_given_up(autojump_clock, colleague, cancelled):
    watchful = Watchful(colleague)
    async with running(Supervisor([ChildSpec("colleague", Desk), ChildSpec("a", lambda: watchful)])) as system:
        with trio.move_on_after(2.0 if cancelled else 60.0), contextlib.suppress(AskTimeout):
            await Ref(system, "a").ask(Wait(), timeout_s=60.0 if cancelled else 2.0)
        await trio.sleep(60.0)
        assert watchful.told == [pytest.approx(2.0, abs=2 * RESOLUTION_S)]


async def test_an_answered_ask_counts_no_more_though_its_answer_was_not_read_yet(desk):
    asked = Ref(desk.system, "desk").send(Add(1, 2))
    await trio.testing.wait_all_tasks_blocked()
    assert desk.system.mailboxes["desk"]._unanswered == set()
    assert await asked.answer() == 3


def test_a_name_that_is_taken_stays_with_its_holder():
    names = Registry()
    names.register("a", "first")
    with pytest.raises(NameTaken):
        names.register("a", "second")
    names.unregister("a", "second")
    assert names.find("a") == "first"
