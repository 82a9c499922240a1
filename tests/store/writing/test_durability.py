"""When events are durable, and what happens when the disk says no."""

import contextlib
import errno
import os
import resource
import subprocess
import sys
import textwrap
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store import Append, Appended, DiskFull, EventLog, Invalid, Limits, MemoryLog, NewEvent, SyncFailed, verify
from store.disk.sync import write_error, write_parts
from store.format.segment import segment_name

NOTE = NewEvent(type="note")
ONE = Append(events=[NOTE], agent="a", stream="s")


class Disk:
    """A sync port that counts, and fails when it is told to."""

    def __init__(self):
        self.syncs = 0
        self.fails = False

    def __call__(self, fd):
        os.fdatasync(fd)
        self.syncs += 1
        if self.fails:
            raise OSError(errno.EIO, "Input/output error")


@pytest.fixture
def disk():
    return Disk()


@pytest.mark.parametrize(
    ("policy", "after_commit", "needs_sync"),
    [("always", 3, True), ("group", 1, True), ("interval:50", 0, False), ("never", 0, False)],
)
def test_the_policy_says_how_often_a_commit_of_three_is_synced(  # noqa: PLR0917 - a table of three columns
    tmp_path, disk, clock, policy, after_commit, needs_sync
):
    with EventLog.open(tmp_path, policy, sync=disk, clock_ns=clock) as log:
        assert log.steps.stage([]).needs_sync is needs_sync
    with EventLog.open(tmp_path, policy, sync=disk, clock_ns=clock) as log:
        disk.syncs = 0
        log.commit([ONE, ONE, ONE])
        assert disk.syncs == after_commit
        assert log.stats().durable == (3 if needs_sync else 0)
        assert log.stats().fsync == policy
    with EventLog.open(tmp_path, policy) as log:
        assert log.stats().durable == 3


def test_a_commit_that_stores_nothing_is_not_synced(tmp_path, disk):
    with EventLog.open(tmp_path, sync=disk) as log:
        log.append([NOTE], command_id="c")
        disk.syncs = 0
        log.append([NOTE], command_id="c")
        assert disk.syncs == 0


def test_an_interval_is_synced_with_the_first_commit_once_it_is_over(tmp_path, disk, clock):
    with EventLog.open(tmp_path, "interval:50", sync=disk, clock_ns=clock) as log:
        log.commit([ONE])
        clock.now_ns += 49_999_999
        log.commit([ONE])
        assert (disk.syncs, log.sync_due()) == (0, False)
        clock.now_ns += 1
        assert log.sync_due()
        log.commit([ONE])
        assert (disk.syncs, log.stats().durable, log.sync_due()) == (1, 3, False)


def test_a_commit_counts_once_however_many_appends_it_has_and_one_that_is_refused_counts_too(tmp_path):
    with EventLog.open(tmp_path) as log:
        for appends in ([ONE, ONE, ONE], [ONE], [Append(events=[NOTE], agent="a", expected_revision=9)]):
            log.commit(appends)
        assert log.steps.commits == 3


def test_a_timer_can_sync_an_interval(tmp_path, disk, clock):
    with EventLog.open(tmp_path, "interval:50", sync=disk, clock_ns=clock) as log:
        log.commit([ONE])
        log.sync()
        assert (disk.syncs, log.stats().durable) == (1, 1)


def test_after_a_sync_by_timer_that_failed_nothing_more_is_acknowledged(tmp_path, disk, clock):
    log = EventLog.open(tmp_path, "interval:50", sync=disk, clock_ns=clock)
    log.commit([ONE])
    disk.fails = True
    with pytest.raises(SyncFailed, match="could not be synced"):
        log.sync()
    disk.fails = False
    for work in (lambda: log.append([NOTE]), log.sync):
        with pytest.raises(SyncFailed, match="could not be synced"):
            work()


@pytest.mark.parametrize("policy", ["", "sometimes", "interval", "interval:", "interval:0", "interval:x", "group:5"])
def test_an_unknown_policy_is_refused(tmp_path, policy):
    with pytest.raises(Invalid, match="fsync policy"):
        EventLog.open(tmp_path, policy)


def test_a_sync_that_fails_once_ends_all_work_and_acknowledges_nothing(tmp_path, disk):
    log = EventLog.open(tmp_path, sync=disk)
    log.append([NOTE])
    disk.fails = True
    with pytest.raises(SyncFailed, match="could not be synced"):
        log.append([NOTE])
    disk.fails = False
    for work in (
        lambda: log.append([NOTE]),
        log.query,
        lambda: list(log.read()),
        log.sync,
        lambda: log.steps.stage([ONE]),
    ):
        with pytest.raises(SyncFailed):
            work()
    assert log.head == 1
    log.close()
    assert not (tmp_path / "clean").exists()
    with EventLog.open(tmp_path) as again:
        assert again.head >= 1


def test_a_failed_sync_leaves_what_is_staged_unsettled(tmp_path, disk):
    log = EventLog.open(tmp_path, sync=disk)
    staged = log.steps.stage([ONE])
    disk.fails = True
    with pytest.raises(SyncFailed):
        log.steps.flush(staged)
    with pytest.raises(SyncFailed):
        log.steps.settle(staged)
    log.close()


def test_events_go_to_a_new_segment_when_the_old_one_is_full_and_no_batch_is_split(tmp_path):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=1000)) as log:
        for _ in range(6):
            log.append([NewEvent(type="t", data={"x": "x" * 50})] * 4)
        names = sorted(path.name for path in tmp_path.glob("*.segment"))
        assert [int(name.partition(".")[0]) for name in names] == [1, 9, 17]
        assert [event.sequence for event in log.read()] == list(range(1, 25))


def test_a_batch_larger_than_a_segment_gets_one_of_its_own(tmp_path):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=500)) as log:
        log.commit([ONE, Append(events=[NewEvent(type="t", data={"x": "x" * 900})], agent="a"), ONE])
        assert log.stats().segments == 3
    assert verify(tmp_path).events == 3


def test_with_never_all_segments_are_synced_on_a_clean_close(tmp_path, disk):
    log = EventLog.open(tmp_path, "never", sync=disk, limits=Limits(segment_bytes=300))
    for _ in range(9):
        log.append([NOTE])
    count = log.stats().segments
    assert (count > 2, disk.syncs) == (True, 0)
    log.sync()
    assert (disk.syncs, log.stats().durable) == (count, 9)
    log.close()
    assert disk.syncs == count + 1


def test_staging_and_reading_go_on_while_another_thread_flushes(tmp_path):
    syncing, go_on = threading.Event(), threading.Event()

    def slow_sync(fd):
        syncing.set()
        assert go_on.wait(30)
        os.fdatasync(fd)

    with EventLog.open(tmp_path) as log:
        log.commit([ONE])
    with EventLog.open(tmp_path, sync=slow_sync) as log, ThreadPoolExecutor(1) as thread:
        first = log.steps.stage([ONE])
        flush = thread.submit(log.steps.flush, first)
        assert syncing.wait(30)
        second = log.steps.stage([Append(events=[NOTE], agent="a", stream="s", expected_revision=2)])
        assert [event.sequence for event in log.query(stream="s").events] == [1]
        assert not flush.done()
        go_on.set()
        flush.result(30)
        log.steps.settle(first)
        log.steps.flush(second)
        assert [type(outcome) for outcome in log.steps.settle(second)] == [Appended]
        assert [event.revision for event in log.read()] == [1, 2, 3]


@pytest.fixture
def small_disk():
    """Files may grow to so many bytes, as on a disk that is nearly full."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (before[1] if size is None else size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def _written(directory):
    """Return what is in the segments, without the hole at the end."""
    return {path.name: path.read_bytes().rstrip(b"\0") for path in directory.glob("*.segment")}


LARGE = Append(events=[NewEvent(type="large", data={"x": "x" * 5000})], agent="a", stream="s", command_id="c")


@pytest.mark.parametrize("policy", ["group", "always", "never"])
@pytest.mark.parametrize("segment_bytes", [1 << 20, 400])
def test_a_full_disk_refuses_the_whole_commit_and_forgets_it(tmp_path, small_disk, policy, segment_bytes):
    with EventLog.open(tmp_path, policy, limits=Limits(segment_bytes=segment_bytes, reserve_bytes=100)) as log:
        log.commit([ONE, ONE])
        files = _written(tmp_path)
        before = log.stats()
        small_disk(4000)
        for _ in range(2):
            outcomes = log.commit([ONE, ONE, ONE, LARGE, Append(events=[], agent="a")])
            assert [type(outcome) for outcome in outcomes] == [DiskFull] * 4 + [Invalid]
            assert log.head == log.stream_revision("s") == 2
        assert _written(tmp_path) == files
        assert (log.stats().bytes, log.stats().segments) == (before.bytes, before.segments)
        assert len(log.query(stream="s").events) == 2
        assert log.append([NOTE], stream="s").first_sequence == 3
        small_disk(None)
        (stored,) = log.commit([LARGE])
        assert isinstance(stored, Appended)
        assert (stored.first_sequence, stored.deduplicated) == (4, False)
    assert verify(tmp_path).events == 4
    with EventLog.open(tmp_path) as log:
        assert log.stream_revision("s") == 4


def test_a_full_disk_takes_back_what_was_staged_behind_it_and_keeps_what_was_flushed_before(tmp_path, small_disk):
    with EventLog.open(tmp_path, limits=Limits(reserve_bytes=100)) as log:
        kept = log.steps.stage([ONE])
        log.steps.flush(kept)
        lost = log.steps.stage([LARGE])
        behind = log.steps.stage([ONE])
        small_disk(4000)
        with pytest.raises(DiskFull):
            log.steps.flush(lost)
        with pytest.raises(DiskFull):
            log.steps.flush(behind)
        (outcome,) = log.steps.settle(kept)
        assert isinstance(outcome, Appended)
        for staged in (lost, behind):
            with pytest.raises(DiskFull):
                log.steps.flush(staged)
            assert [type(outcome) for outcome in log.steps.settle(staged)] == [DiskFull]
        assert log.head == log.stream_revision("s") == 1
        assert log.append([NOTE], stream="s", expected_revision=1).first_sequence == 2


def test_a_clean_stop_on_a_full_disk_uses_the_reserve(tmp_path):
    """In a process of its own: the disk is full for every file, and only giving the reserve up makes room."""
    program = textwrap.dedent("""
        import errno, os, sys
        from store import EventLog, NewEvent
        from store.format.clean_stop import RESERVE_NAME
        path, real = sys.argv[1], os.pwrite
        reserve = os.path.join(path, RESERVE_NAME)
        def pwrite(fd, data, offset):
            if os.path.exists(reserve):
                raise OSError(errno.ENOSPC, "No space left on device")
            return real(fd, data, offset)
        log = EventLog.open(path)
        log.append([NewEvent(type="t")])
        os.pwrite = pwrite
        log.close()
    """)
    subprocess.run([sys.executable, "-c", program, tmp_path], check=True)
    assert not (tmp_path / "reserve").exists()
    assert (tmp_path / "clean").exists()
    with EventLog.open(tmp_path) as log:
        assert log.head == 1
        assert (tmp_path / "reserve").stat().st_size == Limits().reserve_bytes


def test_memory_needs_no_sync():
    log = MemoryLog()
    log.append([NOTE])
    log.sync()
    assert (log.sync_due(), log.steps.stage([ONE]).needs_sync, log.stats().syncs) == (False, False, 0)


def test_a_process_without_descriptors_is_told_to_wait_and_the_log_stays_whole(tmp_path, monkeypatch):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=4096)) as log:
        log.append([NewEvent(type="t", data="x" * 3000)])
        with monkeypatch.context() as patch:
            patch.setattr("store.format.segment_files.sync_path", _out_of_descriptors)
            with pytest.raises(DiskFull, match="Too many open files"):
                log.append([NewEvent(type="t", data="x" * 3000)])
        assert log.append([NewEvent(type="t", data="y")]).first_sequence == 2
    with EventLog.open(tmp_path) as log:
        assert log.head == 2


def test_a_fault_that_nobody_foresaw_in_a_write_ends_all_writing_and_loses_nothing(tmp_path, monkeypatch):
    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="t")])
        with monkeypatch.context() as patch:
            patch.setattr("store.writing.tail.write_parts", _boom)
            with pytest.raises(SyncFailed, match="start again"):
                log.append([NewEvent(type="t")])
        with pytest.raises(SyncFailed):
            log.append([NewEvent(type="t")])
    with EventLog.open(tmp_path) as log:
        assert log.head == 1


def _out_of_descriptors(path, *_more):
    raise write_error(OSError(24, "Too many open files"), path)


def _boom(*_arguments):
    raise RuntimeError("unforeseen")


@pytest.fixture
def no_descriptors():
    """Leave this process no descriptor to open anything with, as long as it is told to."""

    @contextlib.contextmanager
    def used_up():
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        highest = max(int(entry.name) for entry in Path("/proc/self/fd").iterdir())
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, highest + 3), hard))
        taken = []
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.open("/dev/null", os.O_RDONLY))
            yield
        finally:
            for fd in taken:
                os.close(fd)
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))

    return used_up


def test_a_rotation_without_a_descriptor_left_is_taken_back_and_appending_goes_on(tmp_path, no_descriptors):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=4096)) as log:
        log.append([NewEvent(type="t", data="x" * 3000)])
        with no_descriptors(), pytest.raises(DiskFull, match="Too many open files"):
            log.append([NewEvent(type="t", data="x" * 3000)])
        assert log.append([NewEvent(type="t", data="y")]).first_sequence == 2
    with EventLog.open(tmp_path) as log:
        assert log.head == 2


def test_what_cannot_be_taken_back_ends_all_writing(tmp_path, monkeypatch):
    with EventLog.open(tmp_path, limits=Limits(segment_bytes=4096)) as log:
        log.append([NewEvent(type="t", data="x" * 3000)])
        with monkeypatch.context() as patch:
            patch.setattr("store.writing.tail.create_segment", _out_of_descriptors)
            patch.setattr("store.reading.segment_file.cut_back", _out_of_descriptors)
            with pytest.raises(SyncFailed, match="could not be removed"):
                log.append([NewEvent(type="t", data="x" * 3000)])
        with pytest.raises(SyncFailed):
            log.append([NewEvent(type="t")])


def test_new_segments_are_taken_back_the_newest_first(tmp_path, monkeypatch):
    removed = []
    unlink, size = Path.unlink, Limits(segment_bytes=1000)
    with EventLog.open(tmp_path, limits=size) as log:
        staged = log.steps.stage([Append(events=[NewEvent(type="t", data="x" * 800)], agent="a")] * 4)
        with monkeypatch.context() as patch:
            patch.setattr(Path, "unlink", lambda path, **options: (removed.append(path.name), unlink(path, **options)))
            patch.setattr("store.writing.tail.write_parts", _full_from(tmp_path / segment_name(4)))
            with pytest.raises(DiskFull):
                log.steps.flush(staged)
        assert [type(outcome) for outcome in log.steps.settle(staged)] == [DiskFull] * 4
        segments = [name for name in removed if name.endswith(".segment")]
        assert segments == [segment_name(number) for number in (4, 3, 2, 1)]
        assert log.append([ONE.events[0]]).first_sequence == 1


def _full_from(full):
    def write(fd, parts, offset, path):
        if path == full:
            raise write_error(OSError(28, "No space left on device"), path)
        return write_parts(fd, parts, offset, path)

    return write


def test_a_sync_of_a_closed_log_is_a_mistake_of_the_caller_and_not_of_the_disk(tmp_path):
    log = EventLog.open(tmp_path)
    log.append([NOTE])
    log.close()
    for work in (log.sync, log.step):
        with pytest.raises(Invalid, match="open it again"):
            work()
