"""An actor with a journal is what it was before it is asked anything."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import Actor, Ask, Snapshot, contains
from actors.testing import under_test


class Add(Ask[int], frozen=True):
    n: int


class Notebook:
    """A journal in memory."""

    def __init__(self, snapshot=None):
        self.snapshot = snapshot
        self.events = []

    async def latest_snapshot(self):
        await trio.sleep(0.1)
        return self.snapshot

    async def events_after(self, position):
        for event in self.events[position:]:
            await trio.sleep(0.01)
            yield event


class Sum(Actor):
    accepts = Add

    def __init__(self, journal):
        self.journal = journal
        self.total = 0
        self.replayed = 0

    def restore(self, state):
        self.total = int(state)

    def replay(self, event):
        self.total += int(event)
        self.replayed += 1

    async def handle(self, message, reply):
        if message.n < 0:
            raise ValueError("negative")
        self.journal.events.append(str(message.n).encode())
        self.total += message.n
        return self.total


async def test_state_is_rebuilt_from_its_events_after_a_crash(autojump_clock):
    journal = Notebook()
    async with under_test(lambda: Sum(journal)) as subject:
        await subject.ask(Add(2))
        await subject.ask(Add(3))
        with pytest.raises(Exception, match="ended before it answered"):
            await subject.ask(Add(-1))
        await trio.sleep(1.0)
        assert await subject.ask(Add(1)) == 6


async def test_only_the_events_after_the_snapshot_are_replayed(autojump_clock):
    journal = Notebook(Snapshot(position=2, state=b"100"))
    journal.events = [b"1", b"2", b"3"]
    async with under_test(lambda: Sum(journal)) as subject:
        assert subject.incarnations[0].replayed == 1
        assert await subject.ask(Add(0)) == 103


async def test_the_name_is_not_registered_before_the_state_is_whole(autojump_clock):
    journal = Notebook()
    journal.events = [b"1"] * 10
    seen = []

    class Watched(Sum):
        def replay(self, event):
            super().replay(event)
            seen.append("subject" in self.system.mailboxes)

    async with under_test(lambda: Watched(journal)):
        assert seen == [False] * 10


async def test_a_journal_that_cannot_be_read_fails_the_start(autojump_clock):
    class Broken(Notebook):
        async def latest_snapshot(self):
            raise OSError("no disk")

    with pytest.raises(ExceptionGroup) as caught:
        async with under_test(lambda: Sum(Broken())):
            pytest.fail("it must not start")
    assert contains(caught.value, OSError)


async def test_an_actor_that_cannot_replay_says_what_is_missing(autojump_clock):
    class Forgetful(Actor):
        accepts = Add

    def make():
        actor = Forgetful()
        actor.journal = Notebook()
        actor.journal.events = [b"1"]
        return actor

    with pytest.raises(ExceptionGroup) as caught:
        async with under_test(make):
            pytest.fail("it must not start")
    assert contains(caught.value, TypeError)
