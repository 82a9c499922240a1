"""A unix socket's place: taken from what is there, cleared of what was left, given up to whoever has it by now."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trio
import trio.testing

from transport.access.unix_sockets import UnixListener


@pytest.fixture
def folder():
    with TemporaryDirectory() as made:  # a test's own has too long a path for a socket
        yield Path(made)


def listener(path, mode=0o600, may_enter=lambda _peer: True):
    return UnixListener(path, mode, None, may_enter)


async def test_a_socket_takes_its_place_at_once_and_clears_what_killed_servers_left(folder):
    place = folder / "ws"
    for left in ("ws", "ws.1", "ws.99999"):
        (folder / left).write_text("left by another")
    (folder / "http.1").write_text("of another socket")
    made = listener(place, 0o640)
    assert (place.read_text(), made.has_place()) == ("left by another", False)
    made.take_place()
    assert sorted(each.name for each in folder.iterdir()) == ["http.1", "ws"]
    assert (made.has_place(), stat.S_IMODE(place.stat().st_mode)) == (True, 0o640)
    made.leave_place()
    assert not place.exists()
    await made.aclose()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to any group")
async def test_a_socket_for_agents_of_a_group_belongs_to_it_before_anybody_can_reach_it(folder):
    made = UnixListener(folder / "ws", 0o660, 54321, lambda _peer: True)
    draft = made._draft.stat()
    made.take_place()
    found = (folder / "ws").stat()
    assert (found.st_gid, stat.S_IMODE(found.st_mode)) == (draft.st_gid, stat.S_IMODE(draft.st_mode)) == (54321, 0o660)
    await made.aclose()


async def test_a_socket_whose_place_another_one_has_leaves_it_there(folder):
    first, second = listener(folder / "ws"), None
    first.take_place()
    first._draft.unlink(missing_ok=True)
    second = listener(folder / "ws")
    second.take_place()
    assert (first.has_place(), second.has_place()) == (False, True)
    first.leave_place()
    assert second.has_place()
    for each in (first, second):
        await each.aclose()


@pytest.mark.parametrize("to", ["ws", "moved"])
async def test_who_waits_for_connections_goes_on_where_the_socket_is_bound_again(folder, to):
    made, accepted = listener(folder / "ws"), []
    made.take_place()
    async with trio.open_nursery() as nursery:

        async def accept():
            accepted.append(await made.accept())

        nursery.start_soon(accept)
        await trio.testing.wait_all_tasks_blocked()
        (folder / "ws").unlink()
        assert not made.has_place()
        made.move(folder / to)
        assert (made.path, made.has_place()) == (folder / to, True)
        with trio.fail_after(10):
            client = await trio.open_unix_socket(folder / to)
    assert len(accepted) == 1
    for each in (client, *accepted, made):
        await each.aclose()


async def test_who_may_not_enter_is_hung_up_on_before_a_byte_is_read(folder):
    allowed, accepted = [], []
    made = listener(folder / "ws", may_enter=lambda _peer: bool(allowed))
    made.take_place()
    async with trio.open_nursery() as nursery:

        async def accept():
            accepted.append(await made.accept())

        nursery.start_soon(accept)
        stranger = await trio.open_unix_socket(folder / "ws")
        await stranger.send_all(b"hello")
        with trio.fail_after(10), pytest.raises((trio.BrokenResourceError, EOFError)):
            raise EOFError(await stranger.receive_some(1))
        allowed.append(True)
        friend = await trio.open_unix_socket(folder / "ws")
    assert len(accepted) == 1
    for each in (stranger, friend, *accepted, made):
        await each.aclose()
