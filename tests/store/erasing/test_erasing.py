"""A stream can be erased: what its events held is gone from the disk, and everything else stays as it was."""

import io
import os
import random
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor

import msgspec
import pytest

from store import (
    Cursor,
    DiskFull,
    EventLog,
    EventTypes,
    Invalid,
    Limits,
    LogDamaged,
    MemoryLog,
    NewEvent,
    Projection,
    Retention,
    Snapshots,
    StoreError,
    Subscriptions,
    SyncFailed,
    View,
    backup,
    export_events,
    import_events,
    look,
    repair,
    restore,
    verify,
)
from store.disk.small_file import write_digested
from store.erasing.erasure import ERASED, LOG_STREAM
from store.format.erasure_record import ERASURE_NAME, read_erasure_record, write_erasure_record
from store.format.tombstone import as_erased

SMALL = Limits(segment_bytes=900, reserve_bytes=0, commands=4)
SECRET = "Ann Smith"


def about(n, stream="ann"):
    return NewEvent(
        type="noted",
        stream=stream,
        data={"name": SECRET, "n": n, "text": "y" * (n * 37 % 300)},
        correlation_id=f"of {SECRET}",
        causation_id=f"by {SECRET}",
        metadata={"who": SECRET},
        tags=(f"about:{SECRET}", f"n:{n % 3}"),
    )


def other(n):
    return NewEvent(type="counted", stream="numbers", data={"n": n}, tags=(f"n:{n % 3}",), correlation_id=f"c{n % 2}")


def fill(log, count=12):
    """Append alone, together with events of another stream in one frame, and with a command."""
    for n in range(count):
        batch = [[about(n)], [about(n), other(n)], [other(n), about(n), about(n + 1)], [other(n)]][n % 4]
        log.append(batch, agent="a", command_id=f"k{n}" if n % 3 == 0 else None)


def is_in_no_file(directory, secret=SECRET):
    return not [path.name for path in directory.rglob("*") if path.is_file() and secret.encode() in path.read_bytes()]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


def sync(fd):
    os.fdatasync(fd)  # by its name, which a camera replaces


def opened(path, **options):
    return EventLog.open(path, limits=SMALL, clock_ns=lambda: 5, sync=sync, **options)


def test_an_erased_event_keeps_its_place_and_says_that_it_is_erased(log):
    fill(log)
    before = list(log.read())
    erased = log.erase("ann", agent="admin")
    after = list(log.read())
    assert erased.events == sum(event.stream == "ann" for event in before) > 8
    assert erased.last_sequence == before[-1].sequence
    for old, new in zip(before, after, strict=False):
        kept = ("sequence", "stream", "revision", "type", "agent", "time_ns")
        assert [getattr(old, name) for name in kept] == [getattr(new, name) for name in kept]
        assert new.erased == (old.stream == "ann")
        if new.erased:
            assert (new.data, new.metadata, new.correlation_id, new.causation_id, new.tags) == (None,) * 4 + ((),)
        else:
            assert new == old


def test_the_deed_is_told_in_the_log_without_what_was_erased(log):
    fill(log)
    erased = log.erase("ann", agent="admin")
    (event,) = log.query(stream=LOG_STREAM).events
    assert (event.type, event.agent) == (ERASED, "moothall")
    told = {"stream": "ann", "events": erased.events, "last_sequence": erased.last_sequence, "by": "admin"}
    assert event.data == told


def test_what_was_erased_is_not_erased_or_told_again(log):
    fill(log)
    log.erase("ann")
    head = log.head
    assert log.erase("ann").events == 0
    assert log.head == head


def test_no_search_finds_erased_events_by_what_they_held(log):
    fill(log)
    log.erase("ann")
    for filters in (
        {"where": {"name": SECRET}},
        {"where": {"name": {"$ne": "nobody"}}},
        {"tags": [f"about:{SECRET}"]},
        {"correlation_id": f"of {SECRET}"},
    ):
        assert log.query(**filters).events == []
    assert {event.stream for event in log.query(tags=["n:1"]).events} == {"numbers"}
    assert all(event.erased for event in log.query(stream="ann").events)


def test_a_stream_goes_on_behind_what_was_erased(log):
    fill(log)
    before = log.stream_revision("ann")
    log.erase("ann")
    log.append([about(1)], expected={"ann": before})
    assert [event.erased for event in log.query(stream="ann", after_revision=before - 1).events] == [True, False]


def test_a_command_that_was_erased_is_not_carried_out_again(log):
    first = log.append([about(1)], command_id="once")
    log.erase("ann")
    for what in (about(1), about(2)):  # nobody knows any more what it was
        again = log.append([what], command_id="once")
        assert (again.deduplicated, again.first_sequence) == (True, first.first_sequence)


@pytest.mark.parametrize("stream", ["moothall/policy", "moothall/audit", "nobody", "", "a\nb"])
def test_a_stream_of_the_hall_or_none_is_refused(log, stream):
    fill(log)
    log.append([NewEvent(type="moothall.said", stream="moothall/policy"), NewEvent(type="x", stream="moothall/audit")])
    before = list(log.read())
    with pytest.raises(Invalid):
        log.erase(stream)
    assert list(log.read()) == before


def test_a_payload_of_nothing_is_no_erased_one(log):
    log.append([NewEvent(type="t", data=None), NewEvent(type="t", data={})], stream="s")
    assert [(event.data, event.erased) for event in log.read()] == [({}, False)] * 2


def test_nothing_of_it_is_left_in_any_file(path):
    with opened(path) as log:
        fill(log)
        log.append([about(1)], stream="ann")
        assert not is_in_no_file(path)
        log.erase("ann")
        assert is_in_no_file(path)
    report = verify(path)
    assert (report.problems, report.erased) == ([], len([e for e in look(path)[1] if e.stream == "ann"]))
    assert is_in_no_file(path)


@pytest.mark.parametrize("state", ["open", "clean stop", "no index files", "killed"])
def test_it_is_the_same_whatever_state_the_log_is_in(path, tmp_path, state):
    log = opened(path)
    fill(log)
    if state == "killed":
        shutil.copytree(path, tmp_path / "killed")
    if state != "open":
        log.close()
        path = tmp_path / "killed" if state == "killed" else path
        for index in path.glob("*.index") if state == "no index files" else ():
            index.unlink()
        log = opened(path)
    erased = log.erase("ann")
    assert erased.events > 8
    assert log.query(tags=["n:1"]).events == [e for e in log.read() if "n:1" in e.tags]
    log.close()
    assert verify(path).problems == []
    assert is_in_no_file(path)
    with opened(path) as again:
        assert sum(event.erased for event in again.read()) == erased.events


def test_open_readers_go_on_and_see_it_erased(path):
    with opened(path) as log:
        fill(log, 40)
        reader, cursor, other_process = log.read(), Cursor(log), opened(path, read_only=True)
        next(reader)
        cursor.read(limit=1)
        foreign = other_process.read()
        next(foreign)
        log.query(stream="ann", limit=5)
        log.erase("ann")
        for rest in (list(reader), cursor.read(limit=500), list(foreign)):
            assert [event.sequence for event in rest] == list(range(2, log.head + 1))
            assert all(event.erased for event in rest if event.stream == "ann")
        assert all(event.erased for event in other_process.query(stream="ann").events)
        other_process.close()


def test_readers_in_other_threads_never_see_half_of_it(path):
    with opened(path, fsync="never") as log:
        fill(log, 200)
        expected, stop, found = list(log.read()), threading.Event(), []

        def read():
            while not stop.is_set():
                found.append(list(log.read()))
                found.append(log.query(stream="ann", limit=1000).events)

        with ThreadPoolExecutor(2) as threads:
            reading = [threads.submit(read) for _ in range(2)]
            log.erase("ann")
            stop.set()
            for each in reading:
                each.result()
    kept = {event.sequence: event for event in expected}
    assert len(found) > 2
    for events in found:
        for event in events:
            old = kept.get(event.sequence, event)
            assert event in (old, as_erased(old) if old.stream == "ann" else old)


def test_an_index_file_that_is_unusable_is_made_again(path):
    with opened(path) as log:
        fill(log, 30)
    index = sorted(path.glob("*.index"))[1]
    with index.open("r+b") as file:
        file.write(b"\xff" * 200)
    with opened(path) as log:
        log.erase("ann")
        assert log.query(where={"name": SECRET}).events == []
    assert (verify(path).problems, is_in_no_file(path)) == ([], True)


def test_a_sealed_stream_is_refused(path):
    with opened(path, seal_key=b"k" * 32) as log:
        fill(log)
        with pytest.raises(Invalid, match="seal"):
            log.erase("ann")
    assert verify(path, seal_key=b"k" * 32).problems == []


def test_a_log_that_is_only_read_erases_nothing(path):
    with opened(path) as log:
        fill(log)
    with opened(path, read_only=True) as log, pytest.raises(Invalid, match="read-only"):
        log.erase("ann")


def test_a_subscription_goes_on_behind_an_event_that_was_erased(path, tmp_path):
    with opened(path, fsync="never") as log:
        fill(log)
        log.append([about(1)])
        subscription = Subscriptions(log, tmp_path / "subscriptions").open("mailer")
        while not subscription.cursor.caught_up:
            subscription.cursor.read()
        subscription.checkpoint()
        position = subscription.cursor.position
        log.erase("ann")
        again = Subscriptions(log, tmp_path / "subscriptions").open("mailer")
        assert [event.sequence for event in again.cursor.read()] == [position + 1]


def test_a_snapshot_that_ends_with_an_erased_event_is_passed_over(path, tmp_path):
    names = Projection("names", list, lambda seen, event: [*seen, (event.data or {}).get("name")], list[str | None])
    with opened(path) as log:
        log.append([about(1), other(1), about(2)])
        view = View(log, names, Snapshots(tmp_path / "snapshots"))
        view.catch_up()
        view.save()
        log.erase("ann")
        again = View(log, names, Snapshots(tmp_path / "snapshots"))
        again.catch_up()
        assert SECRET not in again.state


class Cut(BaseException):
    """The power."""


@pytest.mark.parametrize("seed", range(20))
def test_a_power_cut_that_leaves_any_part_of_what_was_written_leaves_it_erased(path, tmp_path, seed, monkeypatch):
    chance = random.Random(seed)
    log = opened(path)
    fill(log, 12)

    def some_of_it(fd, data, offset, _path):
        for place, byte in enumerate(bytes(data)):
            if chance.random() < 0.5:
                os.pwrite(fd, bytes((byte,)), offset + place)

    def cut(*_):
        shutil.copytree(path, tmp_path / "cut")
        raise Cut

    with monkeypatch.context() as patch:
        patch.setattr("store.erasing.in_files.write_all", some_of_it)
        patch.setattr("store.erasing.in_files.sync_file", cut)
        with pytest.raises(Cut):
            log.erase("ann")
        with pytest.raises(SyncFailed):
            log.append([other(1)])
    count = log._committed.head
    log.close()
    assert verify(tmp_path / "cut").problems == []
    assert len(list(look(tmp_path / "cut")[1])) == count
    with opened(tmp_path / "cut", read_only=True) as reader:
        assert len(reader.query(limit=1000).events) == len(list(reader.read())) == count
    with opened(tmp_path / "cut") as again:
        assert {event.erased for event in again.query(stream="ann", limit=1000).events} == {True}
    assert verify(tmp_path / "cut").problems == []
    assert is_in_no_file(tmp_path / "cut")


def test_a_full_disk_leaves_what_is_not_erased_yet_and_the_next_try_ends_it(path, monkeypatch):
    with opened(path) as log:
        fill(log, 20)
        written = []

        def full(directory, record):
            if len(written) == 2:
                raise DiskFull("no space")
            written.append(record)
            write_erasure_record(directory, record)

        with monkeypatch.context() as patch:
            patch.setattr("store.erasing.in_files.write_erasure_record", full)
            with pytest.raises(DiskFull):
                log.erase("ann")
        log.append([about(3), other(3)])
        with pytest.raises(Invalid, match="under way"):
            log.erase("numbers")
        events = log.erase("ann").events
        told = log.query(types=ERASED).events
        assert sum(each.data["events"] for each in told) == events == log.stream_revision("ann")
    assert (verify(path).problems, is_in_no_file(path)) == ([], True)


def failing(_fd, _sync, path):
    raise SyncFailed(f"{path} could not be synced")


def test_a_disk_that_does_not_confirm_ends_the_work_and_the_next_opening_ends_the_erasing(path, monkeypatch):
    with opened(path) as log:
        fill(log, 20)
        with monkeypatch.context() as patch:
            patch.setattr("store.erasing.in_files.sync_file", failing)
            with pytest.raises(SyncFailed):
                log.erase("ann")
        with pytest.raises(SyncFailed):
            log.append([other(1)])
    with opened(path) as log:
        assert all(event.erased for event in log.query(stream="ann").events)
        assert len(log.query(types=ERASED).events) == 1


def test_repair_does_not_blame_an_index_while_an_erasing_is_cut_off(path, monkeypatch):
    with opened(path) as log:
        fill(log, 30)
        with monkeypatch.context() as patch:
            patch.setattr("store.erasing.in_files.sync_file", failing)
            with pytest.raises(SyncFailed):
                log.erase("ann")
    assert repair(path, max_events=0).derived == []


def test_an_unreadable_record_is_told_and_not_passed_over(path):
    with opened(path) as log:
        fill(log)
        log.erase("ann")
    (path / ERASURE_NAME).write_bytes(b"not what was written")
    with pytest.raises(LogDamaged, match=ERASURE_NAME):
        opened(path)
    assert not verify(path).ok
    (path / ERASURE_NAME).unlink()
    assert verify(path).ok


def test_a_record_that_names_a_file_elsewhere_is_unreadable(path):
    with opened(path) as log:
        fill(log)
    encoded = msgspec.msgpack.encode([b"12345678", ["0" * 16, "ann", "a", 1, 0, 0, "../segment", []]])
    write_digested(path / ERASURE_NAME, encoded)
    with pytest.raises(LogDamaged, match=ERASURE_NAME):
        opened(path)


def test_types_that_change_give_no_payload_of_an_erased_event(log):
    types = EventTypes()
    types.define("noted", dict[str, int], [lambda old: {"n": old["n"]}])
    log.append([NewEvent(type="noted", data={"n": 1})], stream="ann")
    log.erase("ann")
    (event,) = log.query(stream="ann").events
    assert types.payload(event) is None
    assert list(types.read([event])) == [event]


@pytest.mark.parametrize("encoding", ["jsonl", "msgpack"])
def test_an_export_says_what_is_erased_and_an_import_keeps_it_so(path, tmp_path, encoding):
    with opened(path) as log:
        fill(log)
        log.erase("ann")
        events = list(log.read())
        stream = io.BytesIO()
        export_events(log.read(), stream, encoding=encoding)
    for _ in range(2):
        stream.seek(0)
        import_events(tmp_path / "moved", stream, encoding=encoding)
    report = verify(tmp_path / "moved")
    assert (list(look(tmp_path / "moved")[1]), report.problems) == (events, [])
    assert report.erased == sum(event.erased for event in events)


def test_what_was_erased_elsewhere_is_not_taken_for_the_same(path, tmp_path):
    stream = io.BytesIO()
    with opened(path) as log:
        fill(log)
        log.erase("ann")
        export_events(log.read(), stream)
    with opened(tmp_path / "whole") as log:
        fill(log)
    stream.seek(0)
    with pytest.raises(Invalid, match="erased"):
        import_events(tmp_path / "whole", stream, limits=SMALL)


def test_a_backup_loses_what_was_erased_since(path, tmp_path):
    copy = tmp_path / "backup"
    with opened(path) as log:
        fill(log, 30)
        backup(path, copy)
        assert not is_in_no_file(copy)
        log.erase("ann")
        assert backup(path, copy).written > 2
        assert is_in_no_file(copy)
        assert backup(path, copy).written == 0
    assert verify(copy).problems == []
    restore(copy, tmp_path / "restored")
    with opened(tmp_path / "restored") as log:
        assert all(event.erased for event in log.query(stream="ann").events)
        log.append([about(3)])
        log.erase("ann")
    assert is_in_no_file(tmp_path / "restored")


def test_a_backup_whose_last_append_was_erased_is_of_this_log_still(path, tmp_path):
    copy = tmp_path / "backup"
    with opened(path) as log:
        log.append([about(1), other(1)])
        backup(path, copy)
        log.erase("ann")
        assert backup(path, copy).last_sequence == log.head
    assert is_in_no_file(copy)


def test_a_backup_of_another_log_is_refused_though_events_were_erased(path, tmp_path):
    copy = tmp_path / "backup"
    with opened(path) as log:
        log.append([about(1), other(1)])
        backup(path, copy)
    shutil.rmtree(path)
    with opened(path) as log:
        log.append([about(1), other(2)])
        log.erase("ann")
        with pytest.raises(Invalid, match="does not hold like that"):
            backup(path, copy)


def test_events_that_left_are_counted_and_an_archive_keeps_them(path, tmp_path):
    with opened(path) as log:
        fill(log, 40)
        before = log.stream_revision("ann")
        left = log.retire(Retention(max_bytes=2000), archive=tmp_path / "archive")
        erased = log.erase("ann")
        assert left.segments
        assert erased.gone > 0
        assert erased.gone + erased.events == before
        log.retire(Retention(max_bytes=900), archive=tmp_path / "archive")
    assert verify(path).problems == []


def pictures_of_an_erasing(path, camera):
    log = opened(path)
    fill(log, 7)
    shots = camera(path)
    with shots.rolling():
        log.erase("ann", agent="admin")
    log.close()
    return [pictures[0] for pictures in alike(shots.pictures).values()]


def alike(pictures):
    """Group pictures that show the same."""
    groups = {}
    for picture in pictures:
        key = tuple((path.name, path.read_bytes()) for path in sorted(picture.iterdir()))
        groups.setdefault(key, []).append(picture)
    return groups


def judged(picture):
    """Whatever a crash leaves is the log, some of it erased, and the next opening erases the rest."""
    whole = MemoryLog(clock_ns=lambda: 5, limits=SMALL)
    fill(whole, 7)
    original = list(whole.read())
    begun = read_erasure_record(picture).under_way is not None
    assert verify(picture).problems == []
    for found in (list(look(picture)[1]), list(opened(picture, read_only=True).read())):
        for old, new in zip(original, found, strict=False):
            assert new == old or (new.erased and old.stream == "ann")
        assert len(found) >= len(original)
    with opened(picture) as log:
        events = list(log.read())
        told = [event for event in events if event.type == ERASED]
        erased = sum(event.erased for event in events)
        assert erased in {0, sum(event.stream == "ann" for event in original)}
        assert len(told) == (1 if erased else 0)
        assert not erased or told[0].data["events"] == erased
        assert erased or not begun
        for old, new in zip(original, events, strict=False):
            assert new == old or new.erased
        assert log.query(tags=["n:1"]).events == [event for event in events if "n:1" in event.tags]
    assert verify(picture).problems == []
    if erased:
        assert is_in_no_file(picture)
    return erased


def test_a_crash_anywhere_leaves_the_old_log_or_one_that_ends_erased(path, camera):
    pictures = pictures_of_an_erasing(path, camera)
    erased = [judged(picture) for picture in pictures]
    assert len(pictures) > 40
    assert 0 in erased
    assert erased[-1] > 6


@pytest.mark.parametrize(
    ("place", "bug"),
    [
        ("store.erasing.in_files.FileErasure._record", lambda self, under_way: None),
        ("store.recovery.open_directory.redo_erasure", lambda directory, ports: None),
        ("store.format.erasure_record.patched", lambda name, content, record: content),
    ],
)
def test_the_suite_catches_an_erasing_without(path, camera, monkeypatch, place, bug):
    monkeypatch.setattr(place, bug)
    pictures = pictures_of_an_erasing(path, camera)
    with pytest.raises((AssertionError, StoreError)):
        for picture in pictures:
            judged(picture)
