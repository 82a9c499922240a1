"""Projections and their snapshots: built from the log, continued, and read as they were."""

import shutil
import sys

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import (
    EventLog,
    Invalid,
    MemoryLog,
    NewEvent,
    Projection,
    Query,
    Snapshot,
    Snapshots,
    View,
)

SNAPSHOT = sys.modules["store.following.snapshot"]


class Counts(msgspec.Struct):
    """A state that is changed in place."""

    by_type: dict[str, int] = {}
    last: int = 0


def count(counts, event):
    counts.by_type[event.type] = counts.by_type.get(event.type, 0) + 1
    counts.last = event.sequence
    return counts


COUNTS = Projection("counts", Counts, count, Counts)
ONLY_B = Projection("only b", Counts, count, Counts, query=Query(types=("b",)))


def add(log, types):
    for name in types:
        log.append([NewEvent(type=name)])


def expected(types):
    return Counts({name: types.count(name) for name in set(types)}, len(types))


@pytest.fixture
def snapshots(tmp_path):
    return Snapshots(tmp_path / "snapshots")


def test_a_view_is_built_from_the_log_and_follows_it(log):
    add(log, "aab")
    view = View(log, COUNTS)
    assert (view.state, view.sequence) == (Counts(), 0)
    assert view.catch_up() == 3
    assert (view.state, view.sequence) == (expected("aab"), 3)
    add(log, "c")
    assert view.catch_up() == 1
    assert view.catch_up() == 0
    assert view.state == expected("aabc")


def test_a_view_of_some_types_skips_the_rest(log):
    add(log, "ababa")
    view = View(log, ONLY_B)
    assert view.catch_up() == 2
    assert (view.state, view.sequence) == (Counts({"b": 2}, 4), 5)


def test_a_view_catches_up_in_steps(log):
    add(log, "abcde")
    view = View(log, COUNTS)
    assert [view.catch_up(2) for _ in range(4)] == [2, 2, 1, 0]
    assert view.state == expected("abcde")


def test_a_new_view_goes_on_from_the_newest_snapshot(log, snapshots):
    add(log, "aab")
    view = View(log, COUNTS, snapshots)
    view.catch_up()
    view.save()
    add(log, "c")
    again = View(log, COUNTS, snapshots)
    assert (again.sequence, again.state) == (3, expected("aab"))
    assert again.catch_up() == 1
    assert again.state == expected("aabc")


def test_nothing_read_is_nothing_saved(log, snapshots):
    View(log, COUNTS, snapshots).save()
    assert not list(snapshots.newest_first("counts"))
    with pytest.raises(Invalid, match="no place for snapshots"):
        View(log, COUNTS).save()


@settings(max_examples=60, deadline=None)
@given(types=st.text("abc", min_size=1, max_size=12), saves=st.sets(st.integers(1, 12)), keep=st.integers(1, 4))
def test_the_state_at_any_sequence_is_what_the_events_up_to_it_add_up_to(tmp_path_factory, types, saves, keep):
    snapshots = Snapshots(tmp_path_factory.mktemp("snapshots"), keep)
    log = MemoryLog()
    view = View(log, COUNTS, snapshots)
    for name in types:
        add(log, name)
        view.catch_up()
        if log.head in saves:
            view.save()
    assert len(list(snapshots.newest_first("counts"))) == min(keep, len([n for n in saves if n <= log.head]))
    for sequence in range(log.head + 1):
        assert View(log, COUNTS, snapshots).at(sequence) == expected(types[:sequence])
        assert view.at(sequence) == expected(types[:sequence])
    assert view.state == expected(types)
    for sequence in (-1, log.head + 1):
        with pytest.raises(Invalid):
            view.at(sequence)


def saved(log, snapshots, types, sequences):
    view = View(log, COUNTS, snapshots)
    for name in types:
        add(log, name)
        view.catch_up()
        if log.head in sequences:
            view.save()


def files(tmp_path):
    return sorted(tmp_path.rglob("*.snapshot"))


def a_broken_snapshot_is_passed_over(tmp_path):
    """The property: whichever byte of the newest snapshot changes, the state is right."""
    log, snapshots = MemoryLog(), Snapshots(tmp_path)
    saved(log, snapshots, "aabab", (2, 4))
    *_, newest = files(tmp_path)
    content = newest.read_bytes()
    for place in range(len(content)):
        newest.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        view = View(log, COUNTS, snapshots)
        assert view.sequence == 2
        view.catch_up()
        assert view.state == expected("aabab")
    newest.write_bytes(content)
    assert View(log, COUNTS, snapshots).sequence == 4


def test_a_snapshot_with_a_changed_byte_is_passed_over_for_the_one_before(tmp_path):
    a_broken_snapshot_is_passed_over(tmp_path)


def test_the_check_on_broken_snapshots_catches_a_checksum_that_is_not_looked_at(tmp_path, monkeypatch):
    monkeypatch.setattr(SNAPSHOT, "read_digested", lambda path: path.read_bytes()[SNAPSHOT.DIGEST_BYTES :])
    with pytest.raises(AssertionError):
        a_broken_snapshot_is_passed_over(tmp_path)


def test_a_snapshot_of_events_that_a_crash_lost_is_passed_over(snapshots):
    log = MemoryLog(clock_ns=lambda: 1)
    saved(log, snapshots, "aabb", (2, 4))
    after_the_crash = MemoryLog(clock_ns=lambda: 1)
    add(after_the_crash, "aa")
    after_the_crash.append([NewEvent(type="c"), NewEvent(type="c"), NewEvent(type="c")])
    view = View(after_the_crash, COUNTS, snapshots)
    assert view.sequence == 2
    view.catch_up()
    assert view.state == expected("aaccc")
    shorter = MemoryLog(clock_ns=lambda: 1)
    add(shorter, "aab")
    assert View(shorter, COUNTS, snapshots).sequence == 2


def test_a_snapshot_of_another_version_or_another_state_is_passed_over(log, snapshots):
    saved(log, snapshots, "aab", (3,))
    assert View(log, Projection("counts", Counts, count, Counts, version=2), snapshots).sequence == 0
    assert View(log, Projection("counts", list, count, list[int]), snapshots).sequence == 0
    assert View(log, Projection("other", Counts, count, Counts), snapshots).sequence == 0


def test_a_state_that_cannot_be_encoded_is_refused(log, snapshots):
    add(log, "a")
    view = View(log, Projection("odd", object, lambda state, _: state, object), snapshots)
    view.catch_up()
    with pytest.raises(Invalid, match="'odd' cannot be encoded"):
        view.save()


def test_only_the_newest_few_are_kept_and_all_can_be_removed(tmp_path):
    log, snapshots = MemoryLog(), Snapshots(tmp_path, keep=2)
    saved(log, snapshots, "aaaaa", range(6))
    assert [snapshot.sequence for snapshot in snapshots.newest_first("counts")] == [5, 4]
    snapshots.remove("counts")
    assert files(tmp_path) == []
    with pytest.raises(Invalid, match="at least one"):
        Snapshots(tmp_path, keep=0)


def test_a_snapshot_is_kept_although_there_are_others_further_ahead(log, snapshots):
    for _ in range(8):
        log.append([NewEvent(type="t")])
    for version, steps in ((1, (5, 2, 1)), (2, (2, 3))):
        view = View(log, Projection("count", int, lambda count, _: count + 1, int, version=version), snapshots)
        for step in steps:
            view.catch_up(step)
            view.save()
    assert [(kept.sequence, kept.version) for kept in snapshots.newest_first("count")][1:] == [(5, 2), (2, 2)]


def test_any_name_will_do_but_none_takes_the_place_of_another(tmp_path):
    snapshots = Snapshots(tmp_path / "in")
    names = ["a", "A", "../a", "x" * 256, "räk/🦐"]
    for number, name in enumerate(names, 1):
        snapshots.save(Snapshot(name=name, version=1, sequence=number, event_digest=b"", state=b""))
    for number, name in enumerate(names, 1):
        assert [snapshot.sequence for snapshot in snapshots.newest_first(name)] == [number]
    assert all(tmp_path / "in" in path.parents for path in files(tmp_path))
    with pytest.raises(Invalid):
        snapshots.save(Snapshot(name="a\nb", version=1, sequence=1, event_digest=b"", state=b""))


def a_crash_leaves_a_snapshot_that_is_right(tmp_path, camera):
    """The property: at every moment there is a snapshot, the old one or the new one, and it is right."""
    log, snapshots = MemoryLog(), Snapshots(tmp_path / "snapshots", keep=1)
    saved(log, snapshots, "aab", (3,))
    add(log, "bb")
    view = View(log, COUNTS, snapshots)
    view.catch_up()
    shots = camera(tmp_path / "snapshots")
    with shots.rolling():
        view.save()
    assert len(shots.pictures) > 8
    for picture in shots.pictures:
        found = View(log, COUNTS, Snapshots(picture))
        assert found.sequence in (3, 5)
        found.catch_up()
        assert found.state == expected("aabbb")


def test_a_crash_in_the_middle_of_saving_leaves_the_old_snapshot_or_the_new_one(tmp_path, camera):
    a_crash_leaves_a_snapshot_that_is_right(tmp_path, camera)


@pytest.mark.parametrize("bug", ["no sync", "old one first"])
def test_the_check_on_crashes_catches_a_save_that_skips_or_swaps_a_step(tmp_path, camera, monkeypatch, bug):
    write = SNAPSHOT.write_digested

    def forget_then_write(path, content):
        for other in path.parent.iterdir():
            other.unlink()
        write(path, content)

    if bug == "no sync":
        monkeypatch.setattr(sys.modules["store.disk.files"], "sync_file", lambda *_: None)
    else:
        monkeypatch.setattr(SNAPSHOT, "write_digested", forget_then_write)
    with pytest.raises(AssertionError):
        a_crash_leaves_a_snapshot_that_is_right(tmp_path, camera)


def test_a_snapshot_survives_a_restart_of_the_log(tmp_path):
    with EventLog.open(tmp_path / "log") as log:
        saved(log, Snapshots(tmp_path / "log" / "snapshots"), "abc", (2,))
        shutil.copytree(tmp_path / "log", tmp_path / "crashed")
    for place in ("log", "crashed"):
        with EventLog.open(tmp_path / place) as log:
            view = View(log, COUNTS, Snapshots(tmp_path / place / "snapshots"))
            assert (view.sequence, view.catch_up()) == (2, 1)
            assert view.state == expected("abc")
