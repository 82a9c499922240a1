"""Refused requests cost their sender: by their bytes, whoever else it is, and whatever connection it comes by next."""

from collections import Counter

import pytest
import trio
import trio.testing

from actors.desk.admission import READ_BYTES, REFUSED_BYTES
from actors.desk.gate import Call, Caller, Refusal
from actors.session.actor import OWED_S
from actors.session.messages import Principal
from actors.token_bucket import TokenBucket

CALLS = [Call("Bash", {"command": "git status"}, "/home/dev/project")]


@pytest.fixture
async def limited(make_world, limits_of):
    async with make_world(limits=limits_of(10.0, 20)).open() as opened:
        yield opened


async def attempt(world, caller):
    try:
        await world.gate.validate(caller, CALLS)
    except Refusal as refusal:
        return refusal
    return None


async def test_refused_bytes_are_taken_from_the_senders_bucket_and_from_nobody_elses(
    autojump_clock, limited, scout, rover
):
    assert await attempt(limited, scout) is None
    await limited.gate.charge_refused(scout.principal, 40 * REFUSED_BYTES)
    await trio.testing.wait_all_tasks_blocked()
    refused = await attempt(limited, scout)
    assert (refused.code, refused.detail["retry_after_s"]) == ("rate_limited", pytest.approx(2.3, abs=0.1))
    assert await attempt(limited, scout._replace(connection=7)) is not None
    assert await attempt(limited, rover) is None
    await trio.sleep(refused.detail["retry_after_s"] + 0.01)
    assert await attempt(limited, scout) is None


async def test_a_sender_of_nothing_but_refused_requests_pays_before_it_has_a_session(autojump_clock, limited, scout):
    await limited.gate.charge_refused(scout.principal, 100 * REFUSED_BYTES)
    assert (await attempt(limited, scout)).code == "rate_limited"


async def test_a_small_refused_request_costs_as_much_as_one_that_is_served(autojump_clock, limited, scout):
    for _ in range(20):
        await limited.gate.charge_refused(scout.principal, 10)
    assert (await attempt(limited, scout)).code == "rate_limited"


async def test_what_is_owed_is_bounded_and_a_large_message_waits_until_it_is_paid(autojump_clock, limited, scout):
    await limited.gate.charge_refused(scout.principal, 1 << 30)
    await trio.testing.wait_all_tasks_blocked()
    began = trio.current_time()
    await limited.gate.admit_large(Principal("other", "agent"), 0)
    assert trio.current_time() == began
    await limited.gate.admit_large(scout.principal, 0)
    assert OWED_S <= trio.current_time() - began <= OWED_S + 1
    assert await attempt(limited, scout) is None


async def test_of_many_large_messages_that_wait_one_after_the_other_is_read_and_paid_for(
    autojump_clock, limited, scout
):
    read = Counter()

    async def send_refused():
        await limited.gate.admit_large(scout.principal, 0)
        read[round(trio.current_time())] += 1
        await limited.gate.charge_refused(scout.principal, 50 * REFUSED_BYTES)

    await limited.gate.charge_refused(scout.principal, 50 * REFUSED_BYTES)
    await trio.testing.wait_all_tasks_blocked()
    async with trio.open_nursery() as nursery:
        for _ in range(20):
            nursery.start_soon(send_refused)
    assert max(read.values()) <= 2  # the session hears of the first a hop later


async def test_a_large_message_costs_its_sender_by_its_bytes(autojump_clock, limited, scout, rover):
    await limited.gate.admit_large(scout.principal, 30 * READ_BYTES)
    await trio.testing.wait_all_tasks_blocked()
    assert (await attempt(limited, scout)).code == "rate_limited"
    assert await attempt(limited, rover) is None
    await limited.gate.admit_large(scout.principal, 0)
    assert trio.current_time() == pytest.approx(1.0, abs=0.2)


async def test_an_admin_owes_nothing(autojump_clock, limited):
    admin = Caller(Principal("root", "admin"), 3)
    await limited.gate.charge_refused(admin.principal, 1 << 30)
    await trio.testing.wait_all_tasks_blocked()
    await limited.gate.admit_large(admin.principal, 0)
    assert trio.current_time() == 0
    assert await attempt(limited, admin) is None


async def test_a_session_that_owes_outlives_its_debt(autojump_clock, make_world, limits_of, scout):
    async with make_world(limits=limits_of(10.0, 20), session_idle_s=1.0).open() as world:
        await world.gate.charge_refused(scout.principal, 1 << 30)
        world.gate.disconnected(scout)
        await trio.sleep(OWED_S - 1)
        assert (await attempt(world, scout)).code == "rate_limited"


def test_a_bucket_that_owes_gives_nothing_until_it_is_paid():
    bucket = TokenBucket(10.0, 20, 0.0)
    bucket.charge(50, 0.0, 30.0)
    assert bucket.take_up_to(5, 0.0) == 0
    assert bucket.take(1, 0.0) == pytest.approx(3.1)
    assert bucket.take(1, 3.2) is None
    bucket.charge(10**9, 3.2, 30.0)
    assert bucket.lacks_for_s(1, 3.2) == pytest.approx(30.1)
    bucket.charge(1, 3.2, 30.0)
    assert bucket.lacks_for_s(1, 3.2) == pytest.approx(30.1)
