"""How a fsync policy is written, and what is none."""

import errno
import os

import pytest

from store import Append, DiskFull, EventLog, Invalid, NewEvent, verify
from store.writing.fsync_policy import parse_policy


@pytest.mark.parametrize("text", ["always", "group", "never", "interval:1", "interval:250"])
def test_a_policy_reads_as_it_is_written(text):
    assert str(parse_policy(text)) == text


def test_an_interval_is_in_milliseconds():
    assert parse_policy("interval:1").interval_ns == 1_000_000


@pytest.mark.parametrize("text", ["", "interval", "interval:", "interval:0", "interval:-1", "never:1", "sometimes"])
def test_anything_else_is_refused(text):
    with pytest.raises(Invalid, match="use always, group, interval:MS or never"):
        parse_policy(text)


@pytest.mark.parametrize("text", ["always", "group", "interval:5", "never"])
def test_always_and_group_alone_wait_for_the_disk(text):
    assert parse_policy(text).before_acknowledging is (text in {"always", "group"})


def test_what_was_synced_of_a_group_and_taken_back_is_not_called_durable(tmp_path, monkeypatch):
    pwritev, writes = os.pwritev, []

    def full_at_the_third(fd, parts, offset):
        writes.append(offset)
        if len(writes) == 3:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return pwritev(fd, parts, offset)

    append = Append(events=[NewEvent(type="t")], agent="a")
    with EventLog.open(tmp_path, fsync="always") as log:
        log.commit([append])
        monkeypatch.setattr(os, "pwritev", full_at_the_third)
        assert [type(each) for each in log.commit([append] * 3)] == [DiskFull] * 3
        assert (log.stats().head, log.stats().durable) == (1, 1)
        assert log.commit([append])[0].first_sequence == 2
    assert verify(tmp_path).problems == []
