"""Seats that are taken from whoever has the most are free at once: each newcomer takes another one."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from actors.session.messages import Principal
from transport.access.authentication import Identity, Rejected
from transport.websocket.gateway import Gateway


class Seated:
    """A connection as far as seats are concerned."""

    def __init__(self, gateway: Gateway, number: int, agent: str) -> None:
        self.number = number
        self.caller = SimpleNamespace(principal=Principal(agent, "agent"))
        self.cuts = 0
        gateway._opened(self)  # type: ignore[arg-type]

    def cut(self) -> None:
        self.cuts += 1


def full(*agents: str) -> Any:
    told: list[Any] = []
    gate = SimpleNamespace(views=SimpleNamespace(connections=0), disconnected=told.append)
    server = SimpleNamespace(updates=SimpleNamespace(forget=told.append))
    gateway = Gateway([], server=server, gate=gate, authenticator=None, max_connections=len(agents))  # type: ignore[arg-type]
    return gateway, [Seated(gateway, number, agent) for number, agent in enumerate(agents)], gate


def newcomer(name: str) -> Identity:
    return Identity(Principal(name, "agent"), None)


async def test_two_who_come_at_once_take_two_seats_and_not_one_twice():
    gateway, seated, gate = full(*["greedy"] * 5)
    for number, name in enumerate(("one", "two"), 10):
        gateway._seat(newcomer(name))
        Seated(gateway, number, name)
    assert [each.cuts for each in seated] == [0, 0, 0, 1, 1]
    assert (len(gateway._open), gate.views.connections) == (5, 5)


async def test_who_would_have_as_many_as_the_greediest_gets_no_seat():
    gateway, seated, _ = full("greedy", "greedy", "modest")
    with pytest.raises(Rejected) as refused:
        gateway._seat(newcomer("modest"))
    assert refused.value.status == 503
    assert [each.cuts for each in seated] == [0, 0, 0]


async def test_an_end_that_is_told_twice_counts_once():
    gateway, seated, gate = full("a", "b")
    for _ in range(2):
        gateway._ended(seated[0])
    assert (len(gateway._open), gate.views.connections) == (1, 1)
