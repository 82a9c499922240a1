"""The end of a mailbox: whoever waits for room in it is told."""

from __future__ import annotations

from math import inf

import pytest
import trio
import trio.testing

from actors.kernel import ActorNotFound
from actors.kernel.messages.mailbox import Envelope, Mailbox


def tell():
    return Envelope(b"", None, inf, 0.0, "", "")


async def test_a_mailbox_that_is_given_up_takes_nothing_from_those_who_wait_for_room(autojump_clock):
    mailbox, refused = Mailbox("a", 1), []
    mailbox.put_nowait(tell())

    async def wait_for_room():
        with pytest.raises(ActorNotFound):
            await mailbox.put(tell())
        refused.append(1)

    async with trio.open_nursery() as nursery:
        for _ in range(2):
            nursery.start_soon(wait_for_room)
        await trio.testing.wait_all_tasks_blocked()
        assert mailbox.abandon() == 1
    assert refused == [1, 1]
    assert (mailbox.depth, mailbox.received) == (0, 1)
    with pytest.raises(ActorNotFound):
        mailbox.put_nowait(tell())
