"""A log that turns out to be damaged ends the hall: a restart would find it so again."""

import pytest
import trio

from actors.event_store.fatal_errors import LogUnusable
from actors.kernel import contains
from store import LogDamaged, Query


def damaged(*_given, **_options):
    raise LogDamaged("events 3 to 5 are unreadable")


async def test_at_the_start_it_is_opened_once_and_the_hall_does_not_start(autojump_clock, make_world):
    world, opened = make_world(), []

    def open_log():
        opened.append(1)
        damaged()

    world.hall._open_log = open_log
    with pytest.raises(ExceptionGroup) as caught:
        async with world.open():
            pytest.fail("the hall must not start")
    assert contains(caught.value, LogUnusable)
    assert opened == [1]


async def test_a_query_that_comes_upon_it_ends_the_hall(autojump_clock, make_world, scout):
    world = make_world()
    with pytest.raises(ExceptionGroup) as caught:
        async with world.open():
            await world.gate.whoami(scout)
            world.log.query = damaged
            await world.gate.query_events(scout, Query())
            await trio.sleep_forever()
    assert contains(caught.value, LogUnusable)
    assert world.crashes == []
