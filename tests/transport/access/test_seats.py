"""The seats of a listener: where all are taken, who has the most gives one to who has fewer."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from actors.kernel import ChildSpec, Supervisor, running
from actors.session.messages import Principal
from transport.access.authentication import Authenticator, Rejected
from transport.access.seats import (
    MOST_UNAUTHENTICATED,
    Seats,
    room_for,
    room_for_silent,
    room_for_silent_peers,
    shares_for_silent,
)
from transport.access.silent_connections import SilentConnections
from transport.access.tokens import Tokens
from transport.access.unix_sockets import UnixListener
from transport.http.listener import HttpServer
from transport.mcp.server import make_server
from transport.websocket.gateway import Gateway
from transport.websocket.memory_listener import MemoryListener

GREEDY, MODEST = Principal("greedy", "agent"), Principal("modest", "agent")


@pytest.fixture
async def unix_listener() -> AsyncGenerator[Callable[[], UnixListener]]:
    """Return what makes a unix socket to listen on, each at a place of its own; closed after the test."""
    made: list[UnixListener] = []
    with TemporaryDirectory() as directory:  # a test's own has too long a path for a socket

        def make() -> UnixListener:
            made.append(UnixListener(Path(directory) / str(len(made)), 0o600, None, lambda _peer: True))
            return made[-1]

        yield make
        for each in made:
            await each.aclose()


class Hall:
    """A listener whose connections note that they were made to leave."""

    def __init__(self, most: int) -> None:
        self.seats = Seats(most, "test")
        self.left: list[int] = []

    def take(self, number: int, principal: Principal) -> None:
        self.seats.take(number, principal, lambda: self.left.append(number))


def test_the_latest_of_who_has_the_most_leaves_for_who_has_fewer_until_they_have_as_many():
    hall = Hall(5)
    for number in range(5):
        hall.take(number, GREEDY)
    hall.take(10, MODEST)
    hall.take(11, MODEST)
    assert hall.left == [4, 3]
    with pytest.raises(Rejected) as refused:
        hall.take(12, MODEST)
    assert refused.value.status == 503
    assert hall.left == [4, 3]


def test_nobody_takes_a_seat_from_themselves():
    hall = Hall(2)
    hall.take(1, GREEDY)
    hall.take(2, GREEDY)
    with pytest.raises(Rejected):
        hall.take(3, GREEDY)


def test_a_seat_that_was_given_back_is_free_and_giving_it_back_twice_frees_one():
    hall = Hall(2)
    hall.take(1, GREEDY)
    hall.take(2, GREEDY)
    hall.seats.give_back(1)
    hall.seats.give_back(1)
    hall.take(3, GREEDY)
    with pytest.raises(Rejected):
        hall.take(4, GREEDY)
    assert hall.left == []


def test_who_was_made_to_leave_gives_back_nothing_more():
    hall = Hall(2)
    hall.take(1, GREEDY)
    hall.take(2, GREEDY)
    hall.take(3, MODEST)
    assert hall.left == [2]
    hall.seats.give_back(2)
    with pytest.raises(Rejected):
        hall.take(4, MODEST)


@pytest.mark.parametrize("descriptors", [256, 1024, 4096, 1 << 20])
def test_both_listeners_and_those_who_say_nothing_leave_descriptors_to_the_log(
    monkeypatch: pytest.MonkeyPatch, descriptors: int
):
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (descriptors, descriptors))
    taken = 2 * (room_for(4096) + room_for_silent() + room_for_silent_peers() + MOST_UNAUTHENTICATED)
    assert taken + 64 <= descriptors or room_for(4096) == 1


@pytest.mark.parametrize(("network", "local"), [(1, 0), (1, 1), (1, 2), (2, 1), (2, 2), (0, 1)])
async def test_unix_sockets_take_nothing_of_the_silent_connections_that_are_kept_of_the_network(
    monkeypatch: pytest.MonkeyPatch, unix_listener: Callable[[], UnixListener], network: int, local: int
):
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (1 << 20, 1 << 20))
    listeners = [*(MemoryListener() for _ in range(network)), *(unix_listener() for _ in range(local))]
    shares = shares_for_silent(listeners)
    assert shares[:network] == [1024 // max(1, network)] * network
    assert shares[network:] == [128 // max(1, local)] * local


@pytest.mark.parametrize("descriptors", [1, 64, 256])
async def test_every_socket_keeps_one_silent_connection_however_few_descriptors_there_are(
    monkeypatch: pytest.MonkeyPatch, unix_listener: Callable[[], UnixListener], descriptors: int
):
    monkeypatch.setattr("resource.getrlimit", lambda _kind: (descriptors, descriptors))
    assert min(shares_for_silent([MemoryListener(), MemoryListener(), unix_listener(), unix_listener()])) >= 1


@pytest.mark.parametrize("kind", [Gateway, HttpServer])
async def test_a_server_with_a_unix_socket_keeps_as_many_silent_connections_of_the_network_as_one_without(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    fake_gate: Any,
    unix_listener: Callable[[], UnixListener],
    kind: type[Gateway | HttpServer],
):
    kept: list[int] = []

    def silent(most: int, within_s: float) -> SilentConnections:
        kept.append(most)
        return SilentConnections(most, within_s)

    monkeypatch.setattr("resource.getrlimit", lambda _kind: (1 << 20, 1 << 20))
    monkeypatch.setattr(f"{kind.__module__}.SilentConnections", silent)
    gate, listeners = fake_gate(), [MemoryListener(), unix_listener()]

    def serve() -> Gateway | HttpServer:
        server, authenticator = make_server(gate, "0.0.0-test"), Authenticator(Tokens(tmp_path))
        return kind(listeners, server=server, gate=gate, authenticator=authenticator)

    async with running(Supervisor([ChildSpec("server", serve)])):
        assert kept == [1024, 128]
