"""The seal: without the key, nothing in a log can be edited, removed or put elsewhere unnoticed."""

import resource
import shutil
import struct
from hashlib import blake2b

import msgspec
import pytest

from store import DiskFull, EventLog, Invalid, Limits, NewEvent, Retention, backup, read_key, repair, verify
from store.format import frame as frames
from store.format import segment as segments
from store.format.index_file import index_path
from store.format.retention_record import RetentionRecord, read_record, write_record
from store.tamper.seal import Seal

KEY = b"0123456789abcdef"
SMALL = Limits(segment_bytes=900, reserve_bytes=100)


def open_log(path, key=KEY, limits=SMALL, fsync="group"):
    return EventLog.open(path, fsync, limits=limits, seal_key=key, sync=lambda _: None)


def add(log, count):
    for _ in range(count):
        log.append([NewEvent(type="t", data={"n": log.head, "x": "xxxx"})], stream=f"s{log.head % 2}")


def segments_of(path):
    return sorted(path.glob("*.segment"))


@pytest.fixture
def path(tmp_path):
    with open_log(tmp_path / "log") as log:
        add(log, 20)
    assert len(segments_of(tmp_path / "log")) > 3
    return tmp_path / "log"


def holds(path, key=KEY):
    return verify(path, seal_key=key).ok


def test_a_sealed_log_is_checked_with_its_key_and_read_without(path):
    report = verify(path, seal_key=KEY)
    assert (report.ok, report.problems) == (True, [])
    assert report.seal == max(segments_of(path)).read_bytes()[-segments.SEAL_BYTES :].hex()
    assert verify(path).ok
    assert verify(path).seal is None
    with open_log(path, None) as log:
        assert [event.data["n"] for event in log.read()] == list(range(20))


def test_another_key_does_not_fit(path):
    report = verify(path, seal_key=b"another secret!!")
    assert len(report.problems) == 20
    assert "the key is" in report.problems[0]
    with pytest.raises(Invalid, match="another key"):
        open_log(path, b"another secret!!")


def test_a_sealed_log_is_not_changed_without_its_key(path):
    with open_log(path, None) as log:
        with pytest.raises(Invalid, match="is sealed"):
            log.append([NewEvent(type="t")])
        with pytest.raises(Invalid, match="is sealed"):
            log.retire(Retention(max_bytes=0))
        assert log.head == 20
    assert holds(path)


def test_sealing_may_begin_later_and_a_log_that_is_not_sealed_says_so(tmp_path):
    with open_log(tmp_path, None) as log:
        add(log, 3)
    assert verify(tmp_path, seal_key=KEY).problems == [f"{tmp_path}: nothing is sealed"]
    with open_log(tmp_path) as log:
        add(log, 3)
        assert log.stats().segments == 2
    assert holds(tmp_path)


def test_the_chain_goes_on_across_stops_crashes_and_segments(path):
    heads = []
    for generation in range(3):
        with open_log(path) as log:
            add(log, 3)
            copy = path.with_name(f"crashed{generation}")
            shutil.copytree(path, copy)
        (copy / "clean").unlink(missing_ok=True)
        (copy / "durable").unlink()  # the last group counts as not acknowledged
        last = max(segments_of(copy))
        last.write_bytes(last.read_bytes().rstrip(b"\0")[:-2] if generation else last.read_bytes())
        key = None if generation == 1 else KEY  # bringing a crashed log into order needs no key
        open_log(copy, key).close()
        with open_log(copy) as log:
            heads.append(log.head)
            add(log, 2)
        assert verify(copy, seal_key=KEY).problems == []
        path = copy
    assert heads == [23, 27, 31]


def test_a_log_whose_acknowledged_tail_is_written_again_stays_sealed(tmp_path):
    with open_log(tmp_path / "log", fsync="never") as log:
        add(log, 5)
        shutil.copytree(tmp_path / "log", tmp_path / "copy")
    open_log(tmp_path / "copy", None).close()
    assert holds(tmp_path / "copy")
    with open_log(tmp_path / "copy") as log:
        add(log, 5)
    assert holds(tmp_path / "copy")


def test_a_full_disk_does_not_break_the_chain(tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    with open_log(tmp_path, limits=Limits(reserve_bytes=10)) as log:
        add(log, 2)
        try:
            resource.setrlimit(resource.RLIMIT_FSIZE, (3000, before[1]))
            with pytest.raises(DiskFull):
                log.append([NewEvent(type="t", data={"x": "x" * 5000})])
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, before)
        add(log, 2)
    assert verify(tmp_path, seal_key=KEY).problems == []
    assert verify(tmp_path).last_sequence == 4


class Attacker:
    """Rewrites segments with valid checksums, but has no key."""

    def __init__(self, path):
        self.path = path
        shutil.rmtree(path / "snapshots", ignore_errors=True)

    def frames(self, file):
        data = file.read_bytes()
        header = segments.decode_header(data)
        found, offset = [], segments.HEADER_BYTES
        while frame := frames.read_frame(data, offset, header.salt):
            found.append((frame, data[offset + frames.HEADER_BYTES : frame.end]))
            offset = frame.end
        return header, found

    def write(self, file, header, found):
        parts = [segments.encode_header(header)]
        for frame, body in found:
            parts += (
                frames.encode_header(
                    body,
                    salt=header.salt,
                    flags=frame.flags,
                    count=frame.count,
                    first_sequence=frame.first_sequence,
                    durable=frame.durable,
                    time_ns=frame.time_ns,
                    seal_bytes=frame.seal_bytes,
                ),
                body,
            )
        file.write_bytes(b"".join(parts))
        index_path(file).unlink(missing_ok=True)


def edit_an_event(attacker):
    file = segments_of(attacker.path)[1]
    header, found = attacker.frames(file)
    frame, body = found[1]
    found[1] = frame, body.replace(b"xxxx", b"yyyy")
    attacker.write(file, header, found)


def change_a_time(attacker):
    file = segments_of(attacker.path)[1]
    header, found = attacker.frames(file)
    frame, body = found[1]
    found[1] = msgspec.structs.replace(frame, time_ns=frame.time_ns + 1), body
    attacker.write(file, header, found)


def strip_the_seals(attacker, count=None):
    for file in segments_of(attacker.path)[:count]:
        header, found = attacker.frames(file)
        bare = [(msgspec.structs.replace(frame, seal_bytes=0), body[: -segments.SEAL_BYTES]) for frame, body in found]
        attacker.write(file, msgspec.structs.replace(header, seal=b""), bare)
    (attacker.path / "clean").unlink()


def strip_the_first_seals(attacker):
    strip_the_seals(attacker, 2)


def put_in_another_history(attacker):
    """Both histories are sealed with the key: they parted after the first segments, and are as long."""
    other = attacker.path.with_name("other")
    for mine, theirs in zip(segments_of(attacker.path)[-2:], segments_of(other)[-2:], strict=True):
        assert mine.name == theirs.name
        shutil.copy(theirs, mine)
        index_path(mine).unlink(missing_ok=True)
    (attacker.path / "clean").unlink()


def pretend_that_the_beginning_was_retired(attacker):
    first, second, *_ = segments_of(attacker.path)
    _, found = attacker.frames(first)
    last = found[-1][0].first_sequence
    revisions = {"s0": last // 2 + last % 2, "s1": last // 2}
    write_record(attacker.path, RetentionRecord(last, last, revisions, b"?" * segments.SEAL_BYTES))
    first.unlink()
    assert int(second.stem) == last + 1


ATTACKS = [
    edit_an_event,
    change_a_time,
    strip_the_seals,
    strip_the_first_seals,
    put_in_another_history,
    pretend_that_the_beginning_was_retired,
]


def an_attack_is_noticed(path, attack):
    """The property: checksums, sequences and revisions are all in order, and only the seal tells."""
    for copy in ("other", "again"):
        shutil.copytree(path, path.with_name(copy))
    shutil.rmtree(path)
    path.with_name("again").rename(path)  # a copy too, so that both go on alike
    with open_log(path) as log:
        add(log, 20)
    with open_log(path.with_name("other")) as log:
        add(log, 20)
    assert holds(path)
    attack(Attacker(path))
    assert verify(path).problems == []
    assert not holds(path)


@pytest.mark.parametrize("attack", ATTACKS)
def test_an_attack_on_a_sealed_log_is_noticed(path, attack):
    an_attack_is_noticed(path, attack)


@pytest.mark.parametrize(
    ("attack", "name", "bug"),
    [
        (put_in_another_history, "last", property(lambda self: bytes(28), lambda self, value: None)),
        (edit_an_event, "next", lambda self, body, **_: bytes(28)),
    ],
)
def test_the_check_on_attacks_catches_a_seal_that_is_not_chained_or_not_keyed(path, monkeypatch, attack, name, bug):
    shutil.rmtree(path)
    monkeypatch.setattr(Seal, name, bug, raising=False)
    with open_log(path) as log:
        add(log, 20)
    with pytest.raises(AssertionError):
        an_attack_is_noticed(path, attack)


def test_what_a_sealed_log_gives_up_is_sealed_too(path):
    with open_log(path) as log:
        log.retire(Retention(max_bytes=0))
        add(log, 2)
    report = verify(path, seal_key=KEY)
    assert report.problems == []
    assert report.first_sequence > 1
    gone = read_record(path)
    write_record(path, msgspec.structs.replace(gone, revisions={**gone.revisions, "s9": 1}))
    (path / "heads").unlink()  # derived, and would give the forgery away
    assert verify(path).ok
    assert "not sealed with this key" in verify(path, seal_key=KEY).problems[0]


def test_a_backup_of_a_sealed_log_is_sealed_and_so_is_a_repaired_one(path, tmp_path):
    backup(path, tmp_path / "backup")
    assert holds(tmp_path / "backup")
    last = max(segments_of(path))
    content = bytearray(last.read_bytes())
    content[-1] ^= 1
    last.write_bytes(content)
    assert repair(path, max_events=1).last_sequence == 19
    assert holds(path)
    with open_log(path) as log:
        add(log, 1)
    assert holds(path)


def test_a_key_is_a_file_with_some_bytes(tmp_path):
    (tmp_path / "key").write_bytes(KEY)
    assert read_key(tmp_path / "key") == KEY
    (tmp_path / "short").write_bytes(b"short")
    for name in ("short", "missing"):
        with pytest.raises(Invalid, match="key file"):
            read_key(tmp_path / name)


def test_the_bytes_of_a_sealed_segment_are_those_of_format_1(tmp_path):
    with EventLog.open(tmp_path, clock_ns=lambda: 1, random_bytes=bytes, seal_key=KEY) as log:
        log.append([NewEvent(type="t")], agent="a", stream="s")
    (segment,) = segments_of(tmp_path)
    data = segment.read_bytes()
    assert data[10:12] == b"\1\0"
    assert data[64:92] == bytes(28)
    frame = frames.read_frame(data, segments.HEADER_BYTES, bytes(16))
    assert (frame.seal_bytes, frame.end) == (28, len(data))
    covered = struct.pack("<HIQq", 0, 1, 1, 1) + data[segments.HEADER_BYTES + frames.HEADER_BYTES : -28]
    key = blake2b(KEY, digest_size=32).digest()
    assert data[-28:] == blake2b(bytes(28) + covered, digest_size=28, key=key, person=b"frame").digest()
