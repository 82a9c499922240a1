"""Following the log: no gap, no duplicate, and on after a restart."""

import shutil

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import Append, Cursor, EventLog, Invalid, MemoryLog, NewEvent, Query, Subscriptions


def fill(log, numbers):
    for n in numbers:
        log.append([NewEvent(type=f"t{n % 2}", data={"n": n})])


def drained(cursor, **limits):
    found = []
    while not cursor.caught_up:
        found += [event.data["n"] for event in cursor.read(**limits)]
    return found


@given(
    st.lists(st.integers(0, 6), max_size=8),
    st.integers(1, 4),
    st.integers(1, 4),
    st.sampled_from([(), ("t1",), ("x",)]),
)
def test_a_cursor_gives_every_match_once_and_in_order_however_it_is_sliced(bursts, limit, max_scan, types):
    with MemoryLog() as log:
        cursor, found, n = Cursor(log, Query(types=types)), [], 0
        for burst in bursts:
            fill(log, range(n, n + burst))
            n += burst
            found += drained(cursor, limit=limit, max_scan=max_scan)
        assert found == [m for m in range(n) if not types or f"t{m % 2}" in types]
        assert cursor.position == n


def test_a_cursor_begins_behind_the_sequence_that_it_is_given(log):
    fill(log, range(5))
    assert drained(Cursor(log, after=3)) == [3, 4]
    assert drained(Cursor(log, Query(after=4), after=3)) == [4]
    assert Cursor(log, after=9).caught_up


def test_what_is_staged_is_not_seen_before_it_is_settled(log):
    cursor = Cursor(log)
    staged = log.steps.stage([Append(events=[NewEvent(type="t", data={"n": 0})], agent="a")])
    log.steps.flush(staged)
    assert cursor.caught_up
    assert cursor.read() == []
    log.steps.settle(staged)
    assert drained(cursor) == [0]


@pytest.fixture
def opened(tmp_path):
    with EventLog.open(tmp_path / "log") as log:
        fill(log, range(6))
        yield log, Subscriptions(log, tmp_path / "subscriptions")


def test_a_subscription_goes_on_after_its_checkpoint(opened):
    _, subscriptions = opened
    first = subscriptions.open("mail", types=("t1",))
    assert [event.data["n"] for event in first.cursor.read(limit=2)] == [1, 3]
    first.checkpoint()
    first.cursor.read()
    assert drained(subscriptions.open("mail", types=("t1",)).cursor) == [5]
    assert drained(subscriptions.open("other").cursor) == [0, 1, 2, 3, 4, 5]
    assert subscriptions.names() == ["mail"]
    subscriptions.remove("mail")
    assert drained(subscriptions.open("mail").cursor) == [0, 1, 2, 3, 4, 5]


def test_a_damaged_checkpoint_counts_as_none(opened, tmp_path):
    _, subscriptions = opened
    subscription = subscriptions.open("mail")
    drained(subscription.cursor)
    subscription.checkpoint()
    (path,) = (tmp_path / "subscriptions").iterdir()
    content = path.read_bytes()
    for place in range(len(content)):
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        assert drained(subscriptions.open("mail").cursor) == [0, 1, 2, 3, 4, 5]
    path.write_bytes(content)
    assert subscriptions.open("mail").cursor.caught_up


def test_a_checkpoint_beyond_what_a_crash_left_goes_back_to_what_was_durable(tmp_path):
    with EventLog.open(tmp_path / "log", "never") as log:
        fill(log, range(2))
        log.sync()
        fill(log, range(2, 4))
        shutil.copytree(tmp_path / "log", tmp_path / "crashed")
        fill(log, range(4, 6))
        subscription = Subscriptions(log, tmp_path / "subscriptions").open("mail")
        assert drained(subscription.cursor) == [0, 1, 2, 3, 4, 5]
        subscription.checkpoint()
    with EventLog.open(tmp_path / "crashed") as log:
        subscriptions = Subscriptions(log, tmp_path / "subscriptions")
        assert drained(subscriptions.open("mail").cursor) == [2, 3]
        fill(log, [40, 50, 60])
        assert drained(subscriptions.open("mail").cursor) == [2, 3, 40, 50, 60]


@pytest.mark.parametrize("name", ["", "x" * 257, "a\nb"])
def test_a_subscription_needs_a_name(opened, name):
    _, subscriptions = opened
    with pytest.raises(Invalid, match="subscription's name"):
        subscriptions.open(name)


def test_a_position_that_the_log_has_not_reached_is_no_checkpoint(opened):
    _, subscriptions = opened
    with pytest.raises(Invalid, match="beyond the head"):
        subscriptions.save("mail", 7)
