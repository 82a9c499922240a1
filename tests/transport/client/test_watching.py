"""The client is told of changed resources, once however much has changed, and also across connections that are lost."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from transport.client import HallError, connect_by
from transport.dial.address import Address
from transport.dial.anyio_stream import AnyioStream

POLICY, LOG = "policy://active", "events://log"


class Dialer:
    """Dials a gateway in memory, unless it is away."""

    def __init__(self, front):
        self.front = front
        self.streams = []
        self.away = False

    async def __call__(self):
        if self.away:
            raise OSError("nobody is there")
        self.streams.append(self.front.listener.connect())
        return AnyioStream(self.streams[-1])

    def client(self, **options):
        return connect_by(Address("ws://localhost/mcp", self.front.token), self, **options)


async def told_within(changes, seconds):
    """Return what has changed; None where nothing is told in that time."""
    with trio.move_on_after(seconds):
        return set(await anext(changes))
    return None


async def test_who_watches_is_told_of_what_changed_and_reads_it(hall, autojump_clock):
    async with hall() as (front, client), client.watch(POLICY, LOG) as changes:
        assert await told_within(changes, 5) is None
        front.gate.views.policy = "p2"
        assert await told_within(changes, 5) == {POLICY}
        assert await client.read(POLICY) == {"version": "p2"}
        await client.append([{"type": "note", "data": 7}])
        assert await told_within(changes, 5) == {LOG}
        assert [event["data"] for event in (await client.read(LOG))["events"]] == [7]


async def test_many_changes_that_nobody_looked_at_are_told_once(hall, autojump_clock):
    async with hall() as (front, client), client.watch(POLICY, LOG) as changes:
        for number in range(5):
            front.gate.views.policy = f"p{number}"
            await client.append([{"type": "note"}])
            await trio.sleep(1)
        assert await told_within(changes, 5) == {POLICY, LOG}
        assert await told_within(changes, 5) is None


async def test_each_who_watches_is_told_of_its_own_and_the_last_one_unsubscribes(hall, autojump_clock):
    async with hall() as (front, client):
        subscribed = front.gateway._server.updates._subscribed
        async with client.watch(POLICY) as one:
            async with client.watch(POLICY, LOG) as two:
                front.gate.views.policy = "p2"
                assert await told_within(two, 5) == {POLICY}
            assert [set(own) for own in subscribed.values()] == [{POLICY}]
            front.gate.views.policy = "p3"
            assert await told_within(one, 5) == {POLICY}
        assert subscribed == {}


async def test_what_changes_while_there_is_no_connection_is_told_when_there_is_one(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        async with dialer.client() as client, client.watch(POLICY) as changes:
            dialer.away = True
            await trio.aclose_forcefully(dialer.streams[-1])
            await trio.sleep(1)
            running.gate.views.policy = "p2"
            await trio.sleep(1)
            dialer.away = False
            assert await told_within(changes, 60) == {POLICY}
            assert await client.read(POLICY) == {"version": "p2"}
            running.gate.views.policy = "p3"
            assert await told_within(changes, 5) == {POLICY}
            assert len(dialer.streams) == 2


async def test_what_is_no_resource_cannot_be_watched_nor_read(hall, autojump_clock):
    async with hall() as (_, client):
        with pytest.raises(HallError, match="no such resource"):
            async with client.watch("events://nothing"):
                pass
        with pytest.raises(HallError, match="no such resource"):
            await client.read("events://nothing")
        assert (await client.health()).status == "ok"


async def test_who_watches_learns_that_there_will_be_no_connection(front, autojump_clock):
    async with front() as running:
        dialer = Dialer(running)
        async with dialer.client(patience_s=0) as client, client.watch(POLICY) as changes:
            await trio.aclose_forcefully(dialer.streams[-1])
            with pytest.raises(HallError) as caught:
                await anext(changes)
            assert caught.value.code == "unavailable"
