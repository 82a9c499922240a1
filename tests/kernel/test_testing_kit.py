"""The test kit itself: its checks pass and fail when they should."""

from __future__ import annotations

import pytest
import trio

from actors.kernel import Actor, Ask, AskTimeout, ChildSpec, Tell, contains
from actors.testing import InjectedFault, Probe, faulty, no_leaks, under_test


class Order(Ask[str], frozen=True):
    dish: str


class Cook(Ask[str], frozen=True):
    dish: str


class Bill(Tell, frozen=True):
    amount: int


class Waiter(Actor):
    accepts = Order

    async def handle(self, message, reply):
        dish = await self.ref("kitchen").ask(Cook(message.dish))
        self.ref("till").tell(Bill(7))
        return dish


class Tally(Actor):
    accepts = Bill

    def __init__(self):
        self.amounts = []

    async def handle(self, message, reply):
        self.amounts.append(message.amount)


async def test_probes_stand_in_for_what_an_actor_talks_to(autojump_clock):
    kitchen = Probe(Cook, lambda message: f"hot {message.dish}")
    till = Probe(Bill)
    async with under_test(Waiter, ChildSpec("kitchen", lambda: kitchen), ChildSpec("till", lambda: till)) as subject:
        assert await subject.ask(Order("soup")) == "hot soup"
        assert (await kitchen.expect(Cook)).dish == "soup"
        assert (await till.expect(Bill)).amount == 7
        await till.expect_nothing()


async def test_a_probe_that_gets_nothing_fails_in_time(autojump_clock):
    till = Probe(Bill)
    async with under_test(lambda: till):
        with pytest.raises(AssertionError, match="no Bill came within 3 s"):
            await till.expect(Bill, within_s=3.0)
        assert trio.current_time() == pytest.approx(3.0)


async def test_a_probe_that_gets_the_wrong_thing_says_what_it_got(autojump_clock):
    probe = Probe(Bill | Cook)
    async with under_test(lambda: probe) as subject:
        subject.tell(Bill(1))
        with pytest.raises(AssertionError, match=r"expected a Cook, got Bill\(amount=1\)"):
            await probe.expect(Cook)


async def test_a_probe_that_should_get_nothing_fails_when_it_does(autojump_clock):
    probe = Probe(Bill)
    async with under_test(lambda: probe) as subject:
        subject.tell(Bill(1))
        with pytest.raises(AssertionError, match="expected nothing"):
            await probe.expect_nothing()


async def test_faults_come_on_the_messages_they_were_ordered_for(autojump_clock):
    tallies = []

    def make():
        tallies.append(faulty_tally())
        return tallies[-1]

    faulty_tally = faulty(Tally, crash_on={2}, lose={3}, duplicate={4}, slow_s=1.0)
    async with under_test(make) as subject:
        for n in range(1, 6):
            subject.tell(Bill(n))
            await trio.sleep(3.0)
        assert [tally.amounts for tally in tallies] == [[1], [4, 4, 5]]
        assert [contains(error, InjectedFault) for error in subject.crashes] == [True]


async def test_a_lost_ask_ends_at_its_deadline(autojump_clock):
    kitchen = faulty(Probe, lose={1})
    async with under_test(lambda: kitchen(Cook, lambda message: "late")) as subject:
        with pytest.raises(AskTimeout):
            await subject.ask(Cook("soup"))
        assert await subject.ask(Cook("soup")) == "late"


async def test_a_task_that_is_left_behind_is_found():
    async with trio.open_nursery() as nursery:
        with pytest.raises(AssertionError, match="tasks were left behind"):
            async with no_leaks():
                nursery.start_soon(trio.sleep_forever)
        nursery.cancel_scope.cancel()


async def test_a_name_that_is_left_behind_is_found():
    async with under_test(Tally) as subject:
        with pytest.raises(AssertionError, match=r"names were left behind: \['subject', 'root'\]"):
            async with no_leaks(subject.system):
                pass


async def test_a_tree_that_was_run_and_stopped_leaves_nothing(autojump_clock):
    async with no_leaks(), under_test(faulty(Tally, crash_on={1})) as subject:
        subject.tell(Bill(1))
        await trio.sleep(1.0)
    assert not subject.system.mailboxes
