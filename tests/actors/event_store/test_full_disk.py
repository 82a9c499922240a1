"""A disk that is full for a while: who appends is told, so is whoever asks for the hall's health, and it passes."""

import errno
import os

import pytest

from actors.desk.gate import Refusal
from store import Append, EventLog, NewEvent


def one():
    return Append(events=[NewEvent(type="note")], agent="scout")


def full(*_given):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


async def test_it_refuses_appends_and_is_told_of_until_there_is_space_again(
    autojump_clock, make_world, scout, tmp_path, monkeypatch
):
    async with make_world(log=EventLog.open(tmp_path / "log")).open() as world:
        before = await world.gate.append_events(scout, one())
        with monkeypatch.context() as disk:
            disk.setattr(os, "pwritev", full)
            with pytest.raises(Refusal, match="no space") as caught:
                await world.gate.append_events(scout, one())
            assert caught.value.code == "unavailable"
            assert "no space" in world.views.trouble["event_store"]
        after = await world.gate.append_events(scout, one())
        assert after.first_sequence == before.last_sequence + 1
        assert "event_store" not in world.views.trouble
    assert world.crashes == []
