"""Opening what a clean stop, a crash or an accident left."""

import contextlib
import os
import shutil
import subprocess
import sys

import pytest

from store import EventLog, Invalid, Limits, LogDamaged, LogLocked, NewEvent, StoreError, verify
from store.format.clean_stop import CLEAN_STOP_NAME
from store.format.index_file import index_path
from store.format.streams_file import STREAMS_NAME
from store.recovery.what_counts import scan_segment

SMALL = Limits(segment_bytes=600, reserve_bytes=4096)


def fill(path, count=10, fsync="group", **kwargs):
    with EventLog.open(path, fsync, limits=SMALL, **kwargs) as log:
        for n in range(count):
            log.append([NewEvent(type="t", data={"n": n})], stream=f"s{n % 2}", agent=f"a{n % 3}", command_id=f"c{n}")
        return log.epoch


def segments_of(path):
    return sorted(path.glob("*.segment"))


def crashed(path, copy):
    """What a killed process leaves: everything but the note of a clean stop and what it vouches for."""
    shutil.copytree(path, copy)
    for name in (CLEAN_STOP_NAME, STREAMS_NAME, *(index_path(last).name for last in segments_of(copy)[-1:])):
        (copy / name).unlink(missing_ok=True)
    return copy


def without_indexes(path):
    for index in path.glob("*.index"):
        index.unlink()
    return path


def numbers(log):
    return [event.data["n"] for event in log.read()]


def test_a_clean_stop_keeps_everything_and_the_epoch(tmp_path):
    epoch = fill(tmp_path)
    before = {path.name: path.read_bytes() for path in segments_of(tmp_path)}
    assert len(before) > 2
    with EventLog.open(tmp_path, limits=SMALL) as log:
        assert numbers(log) == list(range(10))
        assert log.epoch == epoch
        assert log.stream_revision("s0") == 5
        assert log.stats().durable == 10
        assert {path.name: path.read_bytes() for path in segments_of(tmp_path)} == before


def test_after_a_crash_everything_is_there_under_a_new_epoch(tmp_path):
    epoch = fill(tmp_path / "log")
    copy = crashed(tmp_path / "log", tmp_path / "copy")
    with EventLog.open(copy, limits=SMALL) as log:
        assert numbers(log) == list(range(10))
        assert log.epoch != epoch
        log.append([NewEvent(type="t", data={"n": 10})])
    with EventLog.open(copy, limits=SMALL) as log:
        assert numbers(log) == list(range(11))
    assert verify(copy).ok


def test_every_unclean_open_begins_an_epoch_of_its_own(tmp_path):
    fill(tmp_path / "log")
    epochs = set()
    for name in ("one", "two", "three"):
        with EventLog.open(crashed(tmp_path / "log", tmp_path / name), limits=SMALL) as log:
            epochs.add(log.epoch)
    assert len(epochs) == 3


def test_an_unclean_open_leaves_no_event_in_two_segments(tmp_path):
    fill(tmp_path / "log", 3)
    copy = crashed(tmp_path / "log", tmp_path / "copy")
    EventLog.open(copy, limits=SMALL).close()
    lasts = [scan_segment(path.name, path.read_bytes()).last for path in segments_of(copy)]
    firsts = [int(path.stem) for path in segments_of(copy)]
    assert [last + 1 for last in lasts] == [*firsts[1:], 4]


def test_a_segments_header_tells_that_all_before_it_was_durable(tmp_path):
    """A crash right after a new segment was begun, and a flipped bit at the end of the one before."""
    fill(tmp_path / "log", 5)
    copy = crashed(tmp_path / "log", tmp_path / "copy")
    *_, before, last = segments_of(copy)
    last.write_bytes(last.read_bytes()[:96])
    content = bytearray(before.read_bytes())
    content[-1] ^= 1
    before.write_bytes(content)
    with pytest.raises(LogDamaged, match=before.name):
        EventLog.open(without_indexes(copy), limits=SMALL)


def test_an_unclean_open_writes_the_tail_beyond_the_last_mark_again(tmp_path):
    with EventLog.open(tmp_path / "log", "never") as log:
        for n in range(5):
            log.append([NewEvent(type="t", data={"n": n})])
        copy = crashed(tmp_path / "log", tmp_path / "copy")
    (old,) = segments_of(copy)
    content, inode = old.read_bytes(), old.stat().st_ino
    with EventLog.open(copy) as log:
        assert numbers(log) == list(range(5))
        (new,) = segments_of(copy)
        assert new.stat().st_ino != inode
        assert new.read_bytes()[:96] != content[:96]
        assert log.stats().durable == 5


def test_an_unclean_open_leaves_what_was_durable_where_it_is(tmp_path):
    fill(tmp_path / "log", 3)
    copy = crashed(tmp_path / "log", tmp_path / "copy")
    inode = segments_of(copy)[0].stat().st_ino
    with EventLog.open(copy, limits=SMALL) as log:
        assert numbers(log) == [0, 1, 2]
    first, *_, tail = segments_of(copy)
    assert first.stat().st_ino == inode
    assert scan_segment(tail.name, tail.read_bytes()).mark == 3


def test_a_crash_in_the_middle_of_an_unclean_open_changes_nothing(tmp_path):
    """Between its steps the old tail and its copy are both there: the copy counts."""
    fill(tmp_path / "log", 3)
    copy = crashed(tmp_path / "log", tmp_path / "copy")
    old = {path.name: path.read_bytes() for path in segments_of(copy)}
    EventLog.open(copy, limits=SMALL).close()
    (copy / CLEAN_STOP_NAME).unlink()
    for name, content in old.items():
        if not (copy / name).exists() or (copy / name).stat().st_size < len(content):
            (copy / name).write_bytes(content)
    with EventLog.open(copy, limits=SMALL) as log:
        assert numbers(log) == [0, 1, 2]
    assert verify(copy).ok


@pytest.mark.parametrize("fill_byte", [None, 0, 0xA5])
def test_a_torn_tail_at_any_byte_opens_without_it(tmp_path, fill_byte):
    with EventLog.open(tmp_path / "log") as log:
        log.append([NewEvent(type="t", data={"n": 0})])
        size = segments_of(tmp_path / "log")[0].stat().st_size
        log.append([NewEvent(type="t", data={"n": 1})])
        copy = crashed(tmp_path / "log", tmp_path / "copy")
    whole = segments_of(copy)[0].read_bytes()
    for cut in range(size, len(whole)):
        shutil.rmtree(copy)
        copy.mkdir()
        rest = b"" if fill_byte is None else bytes([fill_byte]) * (len(whole) - cut)
        (copy / segments_of(tmp_path / "log")[0].name).write_bytes(whole[:cut] + rest)
        if whole[:cut] + rest == whole:
            continue
        assert verify(copy).ok
        with EventLog.open(copy, sync=lambda _: None) as log:
            assert numbers(log) == [0]
            log.append([NewEvent(type="t", data={"n": "new"})])
            assert numbers(log) == [0, "new"]


def test_a_flipped_byte_in_a_middle_segment_without_index_is_refused_and_nothing_changed(tmp_path):
    fill(tmp_path)
    without_indexes(tmp_path)
    middle = segments_of(tmp_path)[1]
    content = bytearray(middle.read_bytes())
    content[-5] ^= 1
    middle.write_bytes(content)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"}
    with pytest.raises(LogDamaged, match=rf"{middle.name}: unreadable from byte \d+.*backup"):
        EventLog.open(tmp_path, limits=SMALL)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.name != "lock"} == before
    report = verify(tmp_path)
    assert not report.ok
    assert middle.name in report.problems[0]
    assert report.last_sequence < 10


@pytest.mark.parametrize("place", [1, -1])
def test_a_flipped_byte_in_an_indexed_segment_is_found_by_verify_and_by_whoever_reads_it(tmp_path, place):
    fill(tmp_path)
    changed = segments_of(tmp_path)[place]
    content = bytearray(changed.read_bytes())
    content[-1] ^= 1
    changed.write_bytes(content)
    assert changed.name in verify(tmp_path).problems[0]
    with EventLog.open(tmp_path, limits=SMALL) as log:
        with pytest.raises(LogDamaged, match=rf"{changed.name}: the frame at byte \d+ changed"):
            numbers(log)
        with pytest.raises(LogDamaged, match=changed.name):
            [log.query(where={"n": n}, limit=1) for n in range(10)]


def test_part_of_a_large_frame_is_not_believed_before_the_whole_of_it_was_checked(tmp_path):
    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="rare" if n == 500 else "t", data={"n": n}) for n in range(1000)])
    (segment,) = segments_of(tmp_path)
    content = bytearray(segment.read_bytes())
    place = content.index(b"\xcd\x01\xf4", content.index(b"rare"))
    content[place + 2] ^= 1
    segment.write_bytes(content)
    with EventLog.open(tmp_path) as log, pytest.raises(LogDamaged, match="changed since it was written"):
        log.query(types=["rare"])
    content[place + 2] ^= 1
    segment.write_bytes(content)
    with EventLog.open(tmp_path) as log:
        for _ in range(2):
            assert [event.data for event in log.query(types=["rare"]).events] == [{"n": 500}]


def test_a_flipped_byte_in_the_tail_after_a_clean_stop_is_refused(tmp_path):
    fill(tmp_path)
    without_indexes(tmp_path)
    last = segments_of(tmp_path)[-1]
    content = bytearray(last.read_bytes())
    content[-1] ^= 1
    last.write_bytes(content)
    with pytest.raises(LogDamaged):
        EventLog.open(tmp_path, limits=SMALL)


def test_a_marker_that_cannot_be_read_only_makes_the_stop_unclean(tmp_path):
    epoch = fill(tmp_path)
    (tmp_path / CLEAN_STOP_NAME).write_bytes(b"?")
    with EventLog.open(tmp_path, limits=SMALL) as log:
        assert numbers(log) == list(range(10))
        assert log.epoch != epoch


def test_an_outdated_marker_only_makes_the_stop_unclean(tmp_path):
    fill(tmp_path / "log", 3)
    clean_stop = (tmp_path / "log" / CLEAN_STOP_NAME).read_bytes()
    epoch = fill(tmp_path / "log", 0)
    with EventLog.open(tmp_path / "log", limits=SMALL) as log:
        log.append([NewEvent(type="t", data={"n": 3})])
    (tmp_path / "log" / CLEAN_STOP_NAME).write_bytes(clean_stop)
    with EventLog.open(tmp_path / "log", limits=SMALL) as log:
        assert numbers(log) == [0, 1, 2, 3]
        assert log.epoch != epoch


def test_the_marker_is_gone_once_something_is_appended(tmp_path):
    fill(tmp_path)
    with EventLog.open(tmp_path, limits=SMALL) as log:
        assert (tmp_path / CLEAN_STOP_NAME).exists()
        log.append([NewEvent(type="t")])
        assert not (tmp_path / CLEAN_STOP_NAME).exists()


def test_an_empty_trailing_segment_is_replaced(tmp_path):
    fill(tmp_path / "log", 3)
    copy = crashed(tmp_path / "log", tmp_path / "copy")
    (copy / f"{4:020d}.segment").touch()
    with EventLog.open(copy, limits=SMALL) as log:
        assert numbers(log) == [0, 1, 2]
        log.append([NewEvent(type="t", data={"n": 3})])
    assert verify(copy).last_sequence == 4


@pytest.mark.parametrize("clean", [True, False])
def test_commands_are_remembered_across_reopening(tmp_path, clean):
    fill(tmp_path / "log")
    path = tmp_path / "log" if clean else crashed(tmp_path / "log", tmp_path / "copy")
    with EventLog.open(path, limits=SMALL) as log:
        again = log.append([NewEvent(type="t", data={"n": 4})], stream="s0", agent="a1", command_id="c4")
        assert (again.deduplicated, again.first_sequence, again.revisions) == (True, 5, {"s0": 3})
        with pytest.raises(Invalid, match="already used"):
            log.append([NewEvent(type="t", data={"n": 5})], stream="s0", agent="a1", command_id="c4")
        assert log.head == 10


def test_only_so_many_commands_are_remembered(tmp_path):
    with EventLog.open(tmp_path, limits=Limits(commands=2)) as log:
        for name in ("a", "b", "c", "d", "e"):
            log.append([NewEvent(type="t")], command_id=name)
        assert log.stats().commands == 3
        for name in ("c", "d", "e"):
            assert log.append([NewEvent(type="t")], command_id=name).deduplicated
        assert not log.append([NewEvent(type="t")], command_id="a").deduplicated


def test_a_second_log_on_the_directory_is_refused_with_the_pid(tmp_path):
    with EventLog.open(tmp_path):
        with pytest.raises(LogLocked) as caught:
            EventLog.open(tmp_path)
        assert caught.value.pid == os.getpid()
        assert str(os.getpid()) in str(caught.value)
    EventLog.open(tmp_path).close()


def test_a_second_process_on_the_directory_is_refused_until_the_first_dies(tmp_path):
    program = (
        "import sys\nfrom store import EventLog\n"
        "log = EventLog.open(sys.argv[1])\nprint('open', flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout.readline() == "open\n"
        with pytest.raises(LogLocked) as caught:
            EventLog.open(tmp_path)
        assert caught.value.pid == first.pid
        first.kill()
        first.wait()
        EventLog.open(tmp_path).close()


def test_importing_the_log_imports_neither_trio_nor_mcp_nor_openssl_nor_anything_above():
    program = (
        "import sys, store; "
        "print([m for m in ('trio', 'mcp', '_hashlib', 'actors', 'transport', 'asyncio') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_verify_reads_a_log_that_is_being_written(tmp_path):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        for n in range(5):
            log.append([NewEvent(type="t")])
            report = verify(tmp_path)
            assert (report.ok, report.events, report.last_sequence) == (True, n + 1, n + 1)
        assert report.segments == log.stats().segments
    assert log.stats().bytes == sum(path.stat().st_size for path in segments_of(tmp_path))


def test_verify_of_an_empty_directory_is_ok(tmp_path):
    assert verify(tmp_path).ok
    assert verify(tmp_path).first_sequence == 0
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "missing")


def test_bytes_behind_the_frames_of_a_segment_in_the_middle_are_cut_even_after_a_clean_stop(tmp_path):
    fill(tmp_path / "log", 6)
    first, *_ = segments_of(tmp_path / "log")
    size = first.stat().st_size
    with first.open("ab") as file:
        file.write(b"rubbish")
    assert verify(tmp_path / "log").ok
    with EventLog.open(tmp_path / "log", limits=SMALL) as log:
        assert numbers(log) == [*range(6)]
    assert first.stat().st_size == size


@pytest.mark.parametrize("name", ["durable", "lock", "reserve"])
def test_a_link_that_somebody_planted_in_the_directory_leads_to_no_other_file(tmp_path, name):
    victim, path = tmp_path / "victim", tmp_path / "log"
    victim.write_bytes(b"of somebody else")
    path.mkdir()
    (path / name).symlink_to(victim)
    with contextlib.suppress(StoreError):
        EventLog.open(path).close()
    assert victim.read_bytes() == b"of somebody else"
