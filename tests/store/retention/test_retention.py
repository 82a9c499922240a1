"""Retention: the oldest segments leave, and what is left tells the truth."""

import gzip
import io
import shutil
import sys
from itertools import islice

import pytest

from store import (
    ConditionFailed,
    Cursor,
    DiskFull,
    EventLog,
    EventsGone,
    FailIf,
    Invalid,
    Limits,
    LogDamaged,
    NewEvent,
    Projection,
    Query,
    Retention,
    Snapshots,
    Subscriptions,
    View,
    backup,
    export_events,
    import_events,
    repair,
    stats,
    verify,
)
from store.format.retention_record import read_record
from store.format.segment import segment_name
from store.index.index_file_queue import IndexFileQueue

RETENTION = sys.modules["store.retention.retire"]
SMALL = Limits(segment_bytes=600, reserve_bytes=100)
DAY_NS = 24 * 3600 * 10**9
ALL = Retention(max_bytes=0)


def open_log(path, clock, limits=SMALL):
    return EventLog.open(path, limits=limits, clock_ns=clock, sync=lambda _: None)


def fill(path, clock, count=20, **append):
    with open_log(path, clock) as log:
        for n in range(count):
            clock.now_ns += 1000
            log.append([NewEvent(type="t", data={"n": n})], stream=f"s{n % 3}", **append)


@pytest.fixture
def path(tmp_path, clock):
    fill(tmp_path / "log", clock)
    assert firsts(tmp_path / "log") == [1, 6, 11, 16]
    return tmp_path / "log"


@pytest.fixture(autouse=True, params=["in the record", "in parts"])
def place_of_revisions(request, monkeypatch):
    """Where the record keeps revisions: these logs have few streams, as if they were many."""
    if request.param == "in parts":
        monkeypatch.setattr("store.format.retention_parts.IN_RECORD", 0)


def firsts(path):
    return sorted(int(file.stem) for file in path.glob("*.segment"))


def numbers(log):
    return [event.data["n"] for event in log.read()]


def test_nothing_leaves_that_is_young_and_small_enough(path, clock):
    with open_log(path, clock) as log:
        kept = log.retire(Retention(max_age_ns=DAY_NS, max_bytes=10**6))
        assert (kept.segments, kept.events, kept.bytes, kept.first_sequence) == (0, 0, 0, 1)
        assert log.first_sequence == 1
    assert not (path / "gone").exists()


def test_nothing_leaves_an_empty_log(tmp_path, clock):
    for _ in range(2):
        with open_log(tmp_path / "log", clock) as log:
            assert log.retire(ALL).first_sequence == 1
            shutil.copytree(tmp_path / "log", tmp_path / "crashed", dirs_exist_ok=True)
    with open_log(tmp_path / "crashed", clock) as log:
        log.append([NewEvent(type="t")])
        log.retire(ALL)
        assert log.append([NewEvent(type="t")]).first_sequence == 2


def test_segments_whose_events_are_all_too_old_leave(path, clock):
    with open_log(path, clock) as log:
        last_of_second = next(log.read(9)).time_ns
        clock.now_ns = last_of_second + 500
        assert log.retire(Retention(max_age_ns=501)).segments == 1
        assert log.retire(Retention(max_age_ns=499)).segments == 1
        assert log.first_sequence == 11
        assert numbers(log) == list(range(10, 20))


def test_the_oldest_segments_leave_until_the_rest_is_small_enough(path, clock):
    with open_log(path, clock) as log:
        before = log.stats().bytes
        done = log.retire(Retention(max_bytes=before - 1))
        assert (done.segments, done.events, done.first_sequence) == (1, 5, 6)
        assert log.stats().bytes == before - done.bytes == sum(file.stat().st_size for file in path.glob("*.segment"))
        assert log.stats().first_sequence == 6
        log.retire(ALL)
        assert firsts(path) == [16]
        assert numbers(log) == [15, 16, 17, 18, 19]


def test_a_segment_stays_while_its_last_event_is_no_older_than_what_is_kept(tmp_path, clock):
    with open_log(tmp_path / "log", clock) as log:
        while log.stats().segments < 4:
            clock.now_ns += 1000
            log.append([NewEvent(type="t")])
        while log.step():
            pass
        second, third = firsts(tmp_path / "log")[1:3]
        last = log.query(after=third - 2, limit=1).events[0]
        log.retire(Retention(max_age_ns=clock.now_ns - last.time_ns))
        assert log.first_sequence == second
        log.retire(Retention(max_age_ns=clock.now_ns - last.time_ns - 1))
        assert log.first_sequence == third


def what_is_left_tells_the_truth(path, clock):
    """The property: sequences, revisions and reports go on as if nothing had gone; also after a restart and a crash."""
    with open_log(path, clock) as log:
        revisions = {stream: log.stream_revision(stream) for stream in ("s0", "s1", "s2")}
        log.retire(Retention(max_bytes=1500))
        first = log.first_sequence
        assert first > 1
        shutil.copytree(path, path.with_name("crashed"))
    for place in (path, path.with_name("crashed")):
        with open_log(place, clock) as log:
            assert log.first_sequence == first
            assert numbers(log) == list(range(first - 1, 20))
            assert {stream: log.stream_revision(stream) for stream in revisions} == revisions
            assert log.append([NewEvent(type="u")], stream="s0").revisions == {"s0": revisions["s0"] + 1}
            assert log.head == 21
        report = verify(place)
        assert (report.ok, report.problems) == (True, [])
        assert (report.events, report.first_sequence, report.last_sequence) == (22 - first, first, 21)
        assert (stats(place).events, stats(place).first_sequence) == (22 - first, first)


def test_what_is_left_tells_the_truth(path, clock):
    what_is_left_tells_the_truth(path, clock)


@pytest.mark.parametrize("bug", ["revisions forgotten", "not recorded"])
def test_the_check_on_what_is_left_catches_a_record_that_is_not_kept(path, clock, monkeypatch, bug):
    if bug == "not recorded":
        monkeypatch.setattr(RETENTION, "write_record", lambda *_: None)
    else:
        monkeypatch.setattr(RETENTION, "_advance", lambda *_: None)
    with pytest.raises((AssertionError, LogDamaged)):
        what_is_left_tells_the_truth(path, clock)


def test_a_stream_of_which_nothing_is_left_keeps_its_revision(path, clock):
    with open_log(path, clock) as log:
        log.append([NewEvent(type="t", data={"n": 20})] * 7, stream="t")
        log.retire(ALL)
        assert not log.query(stream="s0").events
        assert log.append([NewEvent(type="t")], stream="s0", expected_revision=7).revisions == {"s0": 8}


def test_queries_begin_where_the_log_does(path, clock):
    with open_log(path, clock) as log:
        log.retire(ALL)
        assert [event.sequence for event in log.query(limit=2).events] == [16, 17]
        assert [event.sequence for event in log.query(order="desc").events] == [20, 19, 18, 17, 16]
        page = log.query(stream="s0", after=3)
        assert ([event.sequence for event in page.events], page.next) == ([16, 19], 20)
        assert not log.query(before=10).events


def test_a_condition_about_what_has_left_is_refused_unless_something_that_is_left_matches(path, clock):
    with open_log(path, clock) as log:
        log.retire(ALL)
        for after in (0, 14):
            gone = FailIf(query=Query(where={"n": 3}), after=after)
            with pytest.raises(EventsGone, match=r"events .* have left it") as caught:
                log.append([NewEvent(type="t")], fail_if=gone)
            assert caught.value.first_sequence == 16
        with pytest.raises(ConditionFailed):
            log.append([NewEvent(type="t")], fail_if=FailIf(query=Query(stream="s0")))
        left = FailIf(query=Query(where={"n": 3}), after=15)
        assert log.append([NewEvent(type="t")], fail_if=left).first_sequence == 21


def test_reading_says_what_has_left_unless_it_is_told_to_go_on(path, clock):
    with open_log(path, clock) as log:
        log.retire(ALL)
        for after in (0, 14):
            with pytest.raises(EventsGone, match=f"events {after + 1} to 15 have left it") as caught:
                next(log.read(after))
            assert caught.value.first_sequence == 16
            assert next(log.read(after, skip_gone=True)).sequence == 16
        assert [next(log.read(after)).sequence for after in (None, 15, 16)] == [16, 16, 17]


def test_a_cursor_says_what_has_left_and_stays_unless_it_is_told_to_go_on(path, clock):
    with open_log(path, clock) as log:
        cursor, bold = Cursor(log), Cursor(log, skip_gone=True)
        for each in (cursor, bold):
            assert len(each.read(limit=3)) == 3
        log.retire(ALL)
        for _ in range(2):
            with pytest.raises(EventsGone, match="events 4 to 15 have left it"):
                cursor.read()
        assert cursor.position == 3
        assert [event.sequence for event in bold.read()] == [16, 17, 18, 19, 20]
        assert [event.sequence for event in Cursor(log).read()] == [16, 17, 18, 19, 20]
        with pytest.raises(EventsGone):
            Cursor(log, after=0).read()


def test_who_is_reading_a_segment_that_leaves_reads_on(path, clock):
    with open_log(path, clock) as log:
        reader = log.read(skip_gone=True)
        assert [event.sequence for event in islice(reader, 2)] == [1, 2]
        log.retire(ALL)
        rest = [event.sequence for event in reader]
        assert rest == [3, 4, 5, *range(6, 21)][-len(rest) :]
        assert rest[-5:] == [16, 17, 18, 19, 20]


def test_an_archive_has_the_segments_that_left_and_opens_as_a_log(path, clock, tmp_path):
    before = {file.name: file.read_bytes() for file in path.glob("*.segment")}
    with open_log(path, clock) as log:
        log.retire(Retention(max_bytes=1500), archive=tmp_path / "archive")
        log.retire(ALL, archive=tmp_path / "archive")
    packed = sorted((tmp_path / "archive").iterdir())
    assert [file.name for file in packed] == [f"{first:020d}.segment.gz" for first in (1, 6, 11)]
    (tmp_path / "restored").mkdir()
    for file in packed:
        content = gzip.decompress(file.read_bytes())
        assert content == before[file.stem]
        (tmp_path / "restored" / file.stem).write_bytes(content)
    for file in path.glob("*.segment"):
        shutil.copy(file, tmp_path / "restored")
    with open_log(tmp_path / "restored", clock) as log:
        assert numbers(log) == list(range(20))


def test_a_segment_that_a_retried_command_needs_stays(tmp_path, clock):
    with open_log(tmp_path, clock, Limits(segment_bytes=600, reserve_bytes=100, commands=4)) as log:
        for n in range(12):
            log.append([NewEvent(type="t", data={"n": n})], command_id=f"c{n}")
        log.retire(ALL)
        left = [event.data["n"] for event in log.read()]
        assert left[0] <= 8
        assert left[0] > 0
        assert log.append([NewEvent(type="t", data={"n": 8})], command_id="c8").deduplicated
        clock.now_ns += DAY_NS + 10**6
        log.append([NewEvent(type="t", data={"n": 12})])
        log.retire(ALL)
        assert firsts(tmp_path)[-1:] == firsts(tmp_path)


def test_a_command_whose_event_is_gone_is_a_new_one(tmp_path, clock):
    with open_log(tmp_path, clock) as log:
        for n in range(12):
            log.append([NewEvent(type="t", data={"n": n})], command_id=f"c{n}")
        clock.now_ns += 2 * DAY_NS
        log.retire(ALL)
        assert log.first_sequence > 2
        assert not log.append([NewEvent(type="t", data={"n": 0})], command_id="c0").deduplicated


def test_a_damaged_segment_does_not_leave(path, clock):
    with open_log(path, clock) as log:
        oldest = min(path.glob("*.segment"))
        content = bytearray(oldest.read_bytes())
        content[-1] ^= 1
        oldest.write_bytes(content)
        with pytest.raises(LogDamaged, match=oldest.name):
            log.retire(ALL)
        assert firsts(path) == [1, 6, 11, 16]
        assert log.first_sequence == 1


@pytest.mark.parametrize("policy", [Retention(), Retention(max_age_ns=-1), Retention(max_bytes=-1)])
def test_a_policy_that_says_nothing_is_refused(path, clock, policy):
    with open_log(path, clock) as log, pytest.raises(Invalid, match="greatest"):
        log.retire(policy)


def test_a_log_whose_record_is_unreadable_or_missing_is_refused(path, clock):
    with open_log(path, clock) as log:
        log.retire(ALL)
    record = (path / "gone").read_bytes()
    (path / "gone").write_bytes(record[:-1])
    with pytest.raises(LogDamaged, match="gone is unreadable"):
        open_log(path, clock)
    assert not verify(path).ok
    (path / "gone").unlink()
    with pytest.raises(LogDamaged):
        open_log(path, clock)


def test_a_log_that_lost_what_the_record_knows_as_durable_is_refused_and_can_be_repaired(path, clock):
    with open_log(path, clock) as log:
        log.retire(Retention(max_bytes=1500))
    (path / "clean").unlink()
    max(path.glob("*.segment")).unlink()
    with pytest.raises(LogDamaged):
        open_log(path, clock)
    assert repair(path, max_events=5).last_sequence == 15
    with open_log(path, clock) as log:
        assert numbers(log) == list(range(log.first_sequence - 1, 15))


def a_crash_leaves_all_or_what_should_be_left(path, clock, camera, tmp_path):
    """The property: at every moment the log opens and ends where it did, and what is not in it is in the archive."""
    home = tmp_path / "home"
    home.mkdir()
    path.rename(home / "log")
    leaving = {file.name: file.read_bytes() for file in sorted((home / "log").glob("*.segment"))[:-1]}
    shots = camera(home)
    with open_log(home / "log", clock) as log, shots.rolling():
        log.retire(ALL, archive=home / "archive")
    assert len(shots.pictures) > 20
    for picture in shots.pictures:
        assert verify(picture / "log").ok
        with open_log(picture / "log", clock) as log:
            found = numbers(log)
            assert log.append([NewEvent(type="t", data={"n": 20})], stream="s0").revisions == {"s0": 8}
            assert log.head == 21
        assert found == list(range(found[0], 20))
        assert found[0] in (0, 15) or segment_name(found[0] + 1) in leaving
        packed = {file.stem: gzip.decompress(file.read_bytes()) for file in (picture / "archive").glob("*.gz")}
        assert all(packed.get(name) == leaving[name] for name in leaving if name < segment_name(found[0] + 1))
        with open_log(picture / "log", clock) as log:
            log.retire(ALL)
            assert min(firsts(picture / "log")) == log.first_sequence


def test_a_crash_in_the_middle_of_retiring_loses_nothing(path, clock, camera, tmp_path):
    a_crash_leaves_all_or_what_should_be_left(path, clock, camera, tmp_path)


@pytest.mark.parametrize(
    ("place", "name", "bug"),
    [
        ("store.disk.files", "sync_file", lambda *_: None),
        ("store.retention.archive", "put_file", lambda *_: None),
        ("store.retention.retire", "write_record", lambda *_: None),
    ],
)
def test_the_check_on_crashes_catches_a_retirement_that_skips_a_step(  # noqa: PLR0917 - a table of three columns
    path, clock, camera, tmp_path, monkeypatch, place, name, bug
):
    monkeypatch.setattr(sys.modules[place], name, bug)
    with pytest.raises((AssertionError, LogDamaged, EOFError)):
        a_crash_leaves_all_or_what_should_be_left(path, clock, camera, tmp_path)


def test_a_backup_follows_a_log_that_gives_up_its_beginning(path, clock, tmp_path):
    backup(path, tmp_path / "backup")
    with open_log(path, clock) as log:
        log.append([NewEvent(type="t", data={"n": 20})])
        log.retire(Retention(max_bytes=1500))
        first = log.first_sequence
        done = backup(path, tmp_path / "backup")
        assert done.written == 1
        assert backup(path, tmp_path / "new").last_sequence == 21
    for place in ("backup", "new"):
        assert firsts(tmp_path / place) == firsts(path)
        with open_log(tmp_path / place, clock) as log:
            assert (log.first_sequence, numbers(log)) == (first, list(range(first - 1, 21)))
            assert log.stream_revision("s0") == 7


def test_a_crash_in_the_middle_of_a_backup_of_such_a_log_leaves_one_that_opens(path, clock, camera, tmp_path):
    backup(path, tmp_path / "backup")
    with open_log(path, clock) as log:
        log.append([NewEvent(type="t", data={"n": 20})])
        log.retire(Retention(max_bytes=1500))
        shots = camera(tmp_path / "backup")
        with shots.rolling():
            backup(path, tmp_path / "backup")
    for picture in shots.pictures:
        with open_log(picture, clock) as log:
            assert numbers(log) == list(range(log.first_sequence - 1, log.head))
            assert log.head >= 20
        assert verify(picture).ok


@pytest.mark.parametrize("encoding", ["jsonl", "msgpack"])
def test_an_export_of_such_a_log_imports_as_one(path, clock, tmp_path, encoding):
    with open_log(path, clock) as log:
        log.retire(ALL)
        target = io.BytesIO()
        assert export_events(log.read(), target, encoding=encoding, record=log.retention_record) == 5
        expected = list(log.read())
    for _ in range(2):
        import_events(tmp_path / "new", io.BytesIO(target.getvalue()), encoding=encoding)
        with open_log(tmp_path / "new", clock) as log:
            assert (log.first_sequence, list(log.read())) == (16, expected)
            assert [log.stream_revision(f"s{n}") for n in range(3)] == [7, 7, 6]
        assert verify(tmp_path / "new").ok
    fill(tmp_path / "other", clock, 3)
    with pytest.raises(Invalid, match="event 4 and"):
        import_events(tmp_path / "other", io.BytesIO(target.getvalue()), encoding=encoding)


def test_an_export_from_the_beginning_does_not_go_into_a_log_that_has_given_it_up(path, clock):
    with open_log(path, clock) as log:
        target = io.BytesIO()
        export_events(log.read(), target)
        log.retire(ALL)
    with pytest.raises(Invalid, match="event 1 is gone here"):
        import_events(path, io.BytesIO(target.getvalue()))


@pytest.mark.parametrize(
    "line",
    [
        b'{"gone":0,"revisions":{}}',
        b'{"gone":5,"revisions":{"s":0}}',
        b'{"gone":5,"revisions":{"s":6}}',
        b'{"gone":5,"revisions":{"":1}}',
        b'{"gone":99999999999999999999999,"revisions":{"s":1}}',
        b'{"gone":5,"revisions":{"s":1}}\n{"gone":6,"revisions":{"s":1}}',
        b'{"gone":5}',
    ],
)
def test_a_beginning_that_makes_no_sense_is_refused(tmp_path, line):
    with pytest.raises(Invalid):
        import_events(tmp_path / "new", io.BytesIO(line + b"\n"))
    assert not (tmp_path / "new").exists()


def count(total, _):
    return total + 1


def test_a_projection_needs_a_snapshot_of_what_is_gone(path, clock, tmp_path):
    total = Projection("total", int, count, int)
    with open_log(path, clock) as log:
        snapshots = Snapshots(tmp_path / "snapshots")
        view = View(log, total, snapshots)
        view.catch_up()
        view.save()
        log.retire(ALL)
        assert View(log, total, snapshots).sequence == 20
        assert view.at(20) == 20
        with pytest.raises(EventsGone, match="begins with event 16") as caught:
            View(log, total)
        assert caught.value.first_sequence == 16
        with pytest.raises(EventsGone):
            view.at(17)


def test_a_snapshot_right_before_the_beginning_is_gone_on_from(path, clock, tmp_path):
    total = Projection("total", int, count, int)
    with open_log(path, clock) as log:
        snapshots = Snapshots(tmp_path / "snapshots")
        view = View(log, total, snapshots)
        view.catch_up(15)
        view.save()
        log.retire(ALL)
        again = View(log, total, snapshots)
        assert (again.sequence, again.catch_up(), again.state) == (15, 5, 20)
        assert again.at(17) == 17


def test_verify_goes_on_when_a_segment_leaves_meanwhile(path, clock, monkeypatch):
    log = open_log(path, clock)
    real, left = sys.modules["store.recovery.verify"].survey, []

    def survey_and_lose(directory):
        found = real(directory)
        if not left:
            left.append(log.retire(ALL))
        return found

    monkeypatch.setattr(sys.modules["store.recovery.verify"], "survey", survey_and_lose)
    report = verify(path)
    assert (report.ok, report.first_sequence) == (True, log.first_sequence)
    assert log.first_sequence > 1
    log.close()


def test_a_segment_whose_index_file_is_still_to_be_written_stays(path, clock, monkeypatch):
    """Between the look at what waits to be sealed and the walk another segment may be complete."""
    monkeypatch.setattr(IndexFileQueue, "pending", property(lambda _: False))
    with open_log(path.with_name("new"), clock) as log:
        for n in range(20):
            log.append([NewEvent(type="t", data={"n": n})])
        assert log.stats().segments > 2
        assert not log.steps.retirement(ALL).prepare()
    assert verify(path.with_name("new")).first_sequence == 1


def test_who_is_reading_a_segment_that_is_sealed_and_then_leaves_reads_on(tmp_path, clock):
    with open_log(tmp_path / "log", clock) as log:
        for _ in range(3):
            log.append([NewEvent(type="t")])
        reader, careful = log.read(skip_gone=True), log.read()
        assert next(reader).sequence == next(careful).sequence == 1
        for _ in range(40):
            log.append([NewEvent(type="t")])
        while log.step():
            pass
        log.retire(ALL)
        assert [event.sequence for event in reader] == list(range(log.first_sequence, 44))
        seen = 1
        with pytest.raises(EventsGone):
            for event in careful:
                seen += 1
                assert event.sequence == seen, "an event that left was passed over without a word"


def test_a_view_does_not_pass_over_what_has_gone_before_it_was_read(path, clock):
    with open_log(path, clock) as log:
        view = View(log, Projection("count", int, lambda count, _: count + 1, int))
        view.catch_up(max_events=3)
        log.retire(ALL)
        with pytest.raises(EventsGone, match="begins with event 16"):
            view.catch_up()
        assert (view.state, view.sequence) == (3, 3)


def test_a_view_that_has_read_everything_outlives_what_it_read(path, clock):
    with open_log(path, clock) as log:
        view = View(log, Projection("count", int, lambda count, _: count + 1, int))
        view.catch_up()
        log.retire(ALL)
        log.append([NewEvent(type="t")])
        view.catch_up()
        assert view.state == 21


def test_a_subscription_keeps_its_place_although_the_event_there_has_gone(path, clock, tmp_path):
    with open_log(path, clock) as log:
        mailer = Subscriptions(log, tmp_path / "subscriptions").open("mailer")
        assert len(mailer.cursor.read(limit=3)) == 3
        log.retire(ALL)
        mailer.checkpoint()
        again = Subscriptions(log, tmp_path / "subscriptions").open("mailer")
        assert again.cursor.position == 3
        with pytest.raises(EventsGone, match="events 4 to 15"):
            again.cursor.read()
        told = Subscriptions(log, tmp_path / "subscriptions").open("mailer", skip_gone=True)
        assert [event.sequence for event in told.cursor.read()] == [16, 17, 18, 19, 20]
        begun = Subscriptions(log, tmp_path / "subscriptions").open("other")
        assert [event.sequence for event in begun.cursor.read()] == [16, 17, 18, 19, 20]


@pytest.mark.parametrize("check", [lambda path, _: verify(path).ok, lambda path, other: backup(path, other).segments])
def test_segments_that_leave_while_a_log_is_checked_are_no_damage(path, clock, tmp_path, monkeypatch, check):
    with open_log(path, clock) as log:

        def and_then_it_leaves(directory):
            record = read_record(directory)
            log.retire(ALL)
            return record

        monkeypatch.setattr("store.recovery.survey.read_record", and_then_it_leaves)
        assert check(path, tmp_path / "copy")


def test_an_archive_keeps_the_segments_of_another_log(path, clock, tmp_path):
    archive, other = tmp_path / "archive", tmp_path / "other"
    fill(other, clock)
    with open_log(path, clock) as log:
        log.retire(ALL, archive=archive)
    kept = {file.name: file.read_bytes() for file in archive.iterdir()}
    with open_log(other, clock) as log:
        with pytest.raises(Invalid, match="an archive of its own"):
            log.retire(ALL, archive=archive)
        assert log.first_sequence == 1
    assert {file.name: file.read_bytes() for file in archive.iterdir()} == kept


def test_a_segment_that_a_full_disk_kept_from_being_indexed_leaves_once_there_is_space(tmp_path, clock, monkeypatch):
    def full(path, **_options):
        raise DiskFull(f"no space for {path}")

    with open_log(tmp_path / "log", clock) as log:
        with monkeypatch.context() as patch:
            patch.setattr("store.index.write_index_file.create_file", full)
            for n in range(20):
                log.append([NewEvent(type="t", data={"n": n})])
            while log.step():
                pass
            assert log.retire(ALL).segments == 0
        assert log.retire(ALL).segments > 2
    assert verify(tmp_path / "log").ok
