"""Whose process is at the other end of a unix socket, in each system's own form."""

from __future__ import annotations

import os
import socket
import struct

import pytest

from transport.access.peer_credentials import Peer, check_peer, peer_of


class Told:
    """A socket that answers with these bytes."""

    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        self.asked: list[tuple[int, int, int]] = []

    def getsockopt(self, level: int, optname: int, buflen: int, /) -> bytes:
        self.asked.append((level, optname, buflen))
        return self.answer


def xucred(version=0, uid=501, count=2, groups=(20, 12)):
    return struct.pack("IIh2x16I", version, uid, count, *groups, *[0] * (16 - len(groups)))


def test_this_process_is_its_own_peer():
    ours, theirs = socket.socketpair(socket.AF_UNIX)
    with ours, theirs:
        assert peer_of(ours).uid == os.geteuid()
        check_peer(ours, os.geteuid(), "here")
        with pytest.raises(PermissionError, match="nothing was sent"):
            check_peer(theirs, os.geteuid() + 1, "here")


@pytest.mark.parametrize("platform", ["darwin", "freebsd14"])
def test_macos_tells_user_and_group_by_its_own_option(platform):
    told = Told(xucred())
    assert peer_of(told, platform) == Peer(501, 20)
    assert told.asked == [(0, 1, 76)]
    assert peer_of(Told(xucred(count=1, groups=(20,))), platform) == Peer(501, 20)


@pytest.mark.parametrize("answer", [b"", b"\0" * 10, xucred(version=1), xucred(count=0)])
def test_what_is_not_in_that_form_tells_of_nobody(answer):
    with pytest.raises(OSError, match="does not say"):
        peer_of(Told(answer), "darwin")
