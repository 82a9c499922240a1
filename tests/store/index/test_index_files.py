"""Index files: derived, lazily loaded, never trusted beyond their checksums."""

import shutil
import zlib
from array import array

import msgspec
import pytest

from store import DiskFull, EventLog, Limits, LogDamaged, NewEvent, StoreError, repair, verify
from store.format.index_file import SECTIONS, IndexHeader, Section, encode_header, index_path, read_header, read_section
from store.format.segment import decode_header
from store.format.streams_file import read_streams, write_streams
from store.index.rebuild import index_frames
from store.index.stored_index import StoredIndex
from store.streams.name_numbers import name_hash
from store.streams.stream_table import StreamTable

SMALL = Limits(segment_bytes=2500, reserve_bytes=0)
COUNT = 60


def event(n):
    return NewEvent(type=f"t{n % 3}", data={"n": n}, correlation_id=f"c{n % 7}" if n % 2 else None)


@pytest.fixture
def filled(tmp_path):
    path = tmp_path / "log"
    with EventLog.open(path, limits=SMALL) as log:
        for n in range(COUNT):
            log.append([event(n)], stream=f"s{n % 5}", agent=f"a{n % 2}", command_id=f"k{n}")
            log.step()
    return path


QUERIES = [
    ({"stream": "s3"}, lambda n: n % 5 == 3),
    ({"types": ["t1", "t2"]}, lambda n: n % 3),
    ({"agents": ["a1"]}, lambda n: n % 2),
    ({"correlation_id": "c5"}, lambda n: n % 2 and n % 7 == 5),
    ({"stream": "s1", "correlation_id": "c1", "types": ["t1"], "agents": ["a1"]}, lambda n: n % 210 == 1),
]


def check(path):
    """The property: every question is answered as without any index."""
    with EventLog.open(path, limits=SMALL, sync=lambda _: None) as log:
        for filters, wanted in QUERIES:
            numbers = [n for n in range(COUNT) if wanted(n)]
            for order in ("asc", "desc"):
                found = [event.data["n"] for event in log.query(**filters, order=order).events]
                assert found == (numbers if order == "asc" else numbers[::-1]), filters
        assert [event.data["n"] for event in log.read()] == list(range(COUNT))
        assert [log.stream_revision(f"s{n}") for n in range(5)] == [COUNT // 5] * 5
        assert log.append([event(7)], stream="s2", agent="a1", command_id="k7").first_sequence == 8


def changed_everywhere(path, every):
    """Flip a bit, and cut, at every so many bytes of an index file in the middle, the last one, and the heads."""
    names = [sorted(path.glob("*.index"))[1].name, max(path.glob("*.index")).name, "heads"]
    for name in names:
        content = (path / name).read_bytes()
        for place in range(0, len(content), every):
            flipped = bytearray(content)
            flipped[place] ^= 1 << place % 8
            for damaged in (flipped, content[:place]):
                copy = path.with_name("copy")
                shutil.rmtree(copy, ignore_errors=True)
                shutil.copytree(path, copy)
                (copy / name).write_bytes(damaged)
                yield copy


def test_a_flipped_bit_or_a_cut_anywhere_in_derived_files_changes_no_answer(filled):
    for copy in changed_everywhere(filled, every=11):
        check(copy)


def test_that_check_catches_columns_that_are_not_checked(filled, monkeypatch):
    def unchecked(path, header, section):
        offset = sum(length for length, _ in header.sections[:section])
        return path.read_bytes()[offset : offset + header.sections[section][0]].ljust(
            header.sections[section][0], b"\0"
        )

    monkeypatch.setattr("store.index.stored_index.read_section", unchecked)
    with pytest.raises((AssertionError, LookupError, ValueError, OSError, StoreError)):
        for copy in changed_everywhere(filled, every=11):
            check(copy)


def test_any_derived_file_may_be_deleted_and_is_made_again(filled):
    derived = sorted(path.name for path in filled.iterdir() if path.suffix == ".index" or path.name == "heads")
    for name in derived:
        (filled / name).unlink()
        check(filled)
        assert (
            sorted(path.name for path in filled.iterdir() if path.suffix == ".index" or path.name == "heads") == derived
        )


def test_an_index_file_of_an_earlier_version_is_made_again(filled):
    before = {index: index.read_bytes() for index in filled.glob("*.index")}
    for index, content in before.items():
        index.write_bytes(content.replace(b"MHindex2", b"MHindex1"))
    check(filled)
    assert all(index.read_bytes().endswith(b"MHindex2") for index in before)


def test_indexing_again_tells_how_far_it_has_come(filled):
    told = []
    EventLog.open(filled, limits=SMALL, progress=lambda *where: told.append(where)).close()
    assert told == []
    for index in filled.glob("*.index"):
        index.unlink()
    EventLog.open(filled, limits=SMALL, progress=lambda *where: told.append(where)).close()
    done, total = zip(*told, strict=True)
    assert list(done) == sorted(set(done))
    assert {*total} == {done[-1]} == {sum(path.stat().st_size for path in filled.glob("*.segment"))}


def test_opening_reads_no_segment_that_has_an_index(filled, monkeypatch):
    scanned = []
    monkeypatch.setattr("store.recovery.survey.scan_segment", lambda name, _: scanned.append(name))
    EventLog.open(filled, limits=SMALL).close()
    assert scanned == []


def test_an_index_that_goes_missing_while_the_log_is_open_is_made_again(filled):
    with EventLog.open(filled, limits=SMALL) as log:
        for index in filled.glob("*.index"):
            index.unlink()
        for filters, wanted in QUERIES:
            numbers = [event.data["n"] for event in log.query(**filters).events]
            assert numbers == [n for n in range(COUNT) if wanted(n)]
        log.append([event(COUNT)], stream="s0")
        assert len(list(log.read())) == COUNT + 1
    assert len(list(filled.glob("*.index"))) == len(list(filled.glob("*.segment")))


def test_sealing_goes_on_in_steps_while_events_are_appended_and_read(tmp_path):
    with EventLog.open(tmp_path, "never", limits=Limits(segment_bytes=100_000, reserve_bytes=0)) as log:
        n = 0
        while log.stats().segments < 3:
            log.append([event(n)], stream=f"s{n % 5}")
            n += 1
            assert log.query(order="desc", limit=1).events[0].data["n"] == n - 1
        while log.step():
            assert len(log.query(stream="s3", limit=1000).events) == len(range(3, n, 5))
        assert len(list(tmp_path.glob("*.index"))) == 2
        assert not list(tmp_path.glob("*.new"))
        assert len(log.query(stream="s3", limit=1000).events) == len(range(3, n, 5))


def test_a_full_disk_while_sealing_keeps_the_index_in_memory(tmp_path, monkeypatch):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        with monkeypatch.context() as patch:
            patch.setattr("store.index.write_index_file.create_file", _full)
            for n in range(COUNT):
                log.append([event(n)], stream=f"s{n % 5}")
        assert not list(tmp_path.glob("*.index"))
        assert len(log.query(stream="s3").events) == COUNT // 5
    with EventLog.open(tmp_path, limits=SMALL) as log:
        assert len(log.query(stream="s3").events) == COUNT // 5
    assert len(list(tmp_path.glob("*.index"))) == len(list(tmp_path.glob("*.segment")))


def _full(path, **_):
    raise DiskFull(f"no space for {path}")


def test_events_beyond_a_byte_of_ids_are_found_in_memory_and_in_files(tmp_path):
    """More than 256 and more than 65,536 streams: every plane of the columns is needed."""
    count = 70_000
    with EventLog.open(tmp_path, "never", limits=Limits(reserve_bytes=0)) as log:
        for start in range(0, count, 1000):
            log.append([NewEvent(type=f"t{n % 300}", stream=f"s{n}") for n in range(start, start + 1000)])
        _find_some(log)
    with EventLog.open(tmp_path) as log:
        assert isinstance(log._committed.segments[0].index, StoredIndex)
        _find_some(log)


def _find_some(log):
    for n in (0, 255, 256, 65_535, 65_536, 65_792, 69_999):
        assert [event.sequence for event in log.query(stream=f"s{n}").events] == [n + 1]
        assert log.query(types=[f"t{n % 300}"], before=n + 2, order="desc", limit=1).events[0].sequence == n + 1


def test_a_section_that_is_shorter_than_it_says_is_not_read(filled):
    path = min(filled.glob("*.index"))
    with EventLog.open(filled, limits=SMALL) as log:
        header = log._committed.segments[0].index.header
    path.write_bytes(path.read_bytes()[:10])
    assert read_section(path, header, 0) is None
    path.unlink()
    assert read_section(path, header, 5) is None


def forged(path, *, change_header=None, **sections):
    """Write an index file whose checksums hold and whose content is another."""
    header = read_header(path)
    parts = [read_section(path, header, number) for number in range(SECTIONS)]
    for name, change in sections.items():
        parts[Section[name]] = change(bytearray(parts[Section[name]]))
    fields = msgspec.structs.asdict(header) | {"sections": [(len(part), zlib.crc32(part)) for part in parts]}
    path.write_bytes(b"".join(parts) + encode_header(IndexHeader(**(fields | (change_header or {})))))


def with_first_byte(value):
    def change(content):
        content[0] = value
        return bytes(content)

    return change


HIDING = [("STREAMS", 77), ("TYPES", 77), ("AGENTS", 77), ("CORRELATIONS", 77), ("STREAM_POSITIONS", 9)]
OTHERS = [("FRAME_FIRSTS", 1), ("STREAM_REVISIONS", 99), ("HASHES", 1), ("COMMAND_KEYS", 1), ("COMMAND_POSITIONS", 9)]


@pytest.mark.parametrize(("section", "value"), HIDING + OTHERS)
def test_verify_finds_an_index_whose_checksums_hold_but_that_says_otherwise_than_the_log(filled, section, value):
    assert verify(filled).ok
    segment = sorted(filled.glob("*.segment"))[1]
    forged(index_path(segment), **{section: with_first_byte(value)})
    report = verify(filled)
    assert not report.ok
    assert report.events == COUNT
    (problem,) = report.problems
    assert index_path(segment).name in problem
    assert section.lower() in problem


@pytest.mark.parametrize(
    "change",
    [
        {"types": {"t0": 0, "t1": 1}},
        {"types": {"t0": 0, "t1": 1, "t2": 2, "t9": 9}},
        {"agents": {"a0": 0, "a1": 0}},
        {"commands": 3},
        {"earliest_ns": 5, "latest_ns": 6},
        {"last_sequence": 3},
    ],
)
def test_verify_finds_an_index_whose_header_says_otherwise_than_the_log(filled, change):
    forged(index_path(sorted(filled.glob("*.segment"))[1]), change_header=change)
    assert len(verify(filled).problems) == 1


def test_a_clock_that_stepped_back_must_not_be_denied_by_the_index(tmp_path, clock):
    with EventLog.open(tmp_path / "log", clock_ns=clock) as log:
        for clock.now_ns in (5, 9, 7):
            log.append([event(1)])
    (index,) = (tmp_path / "log").glob("*.index")
    assert verify(tmp_path / "log").ok
    forged(index, change_header={"ordered": True})
    assert "ordered" in verify(tmp_path / "log").problems[0]


def test_verify_finds_saved_heads_that_say_otherwise_than_the_log(filled):
    saved, revisions = read_streams(filled, COUNT)
    changed = revisions.cast("Q").tolist()
    changed[2] += 1
    write_streams(filled, saved, [array("Q", changed).tobytes()])
    (problem,) = verify(filled).problems
    assert "heads" in problem
    assert repair(filled, max_events=0).derived == ["heads"]
    check(filled)


def test_repair_removes_an_index_that_says_otherwise_and_it_is_made_again(filled):
    segment = sorted(filled.glob("*.segment"))[1]
    forged(index_path(segment), STREAMS=with_first_byte(77))
    done = repair(filled, max_events=0)
    assert (done.problem, done.events, done.derived) == (None, 0, [index_path(segment).name])
    assert verify(filled).ok
    check(filled)
    assert index_path(segment).exists()


def test_repair_changes_nothing_where_nothing_is_wrong(filled):
    before = {path.name: path.read_bytes() for path in filled.iterdir()}
    assert repair(filled, max_events=0).derived == []
    assert {path.name: path.read_bytes() for path in filled.iterdir()} == before


def test_verify_passes_over_an_index_file_with_an_unreadable_column_as_opening_does(filled):
    index = min(filled.glob("*.index"))
    content = index.read_bytes()
    index.write_bytes(content.replace(b"\xa2s0", b"\xa2\0\0", 1))
    assert index.read_bytes() != content
    assert verify(filled).problems == []
    check(filled)


def hollow():
    """Return a correlation id whose hash has a byte of 0 below one that is not."""
    return next(name for n in range(10_000) if not (number := name_hash(name := f"c{n}")) >> 8 & 0xFF and number >> 16)


def test_an_index_file_is_the_same_however_its_numbers_came_in(tmp_path):
    with EventLog.open(tmp_path / "log") as log:
        for _ in range(3):
            log.append({"type": "a", "correlation_id": hollow()})
        log.query(limit=1)
        log.append({"type": "a"})
    assert verify(tmp_path / "log").problems == []


def test_a_segment_with_an_unreadable_frame_before_its_end_is_not_indexed(filled):
    segment = min(filled.glob("*.segment"))
    data = bytearray(segment.read_bytes())
    header = decode_header(data)
    end = len(data)
    index_frames(segment, header, StreamTable(), end)
    data[end // 2] ^= 1
    segment.write_bytes(data)
    with pytest.raises(LogDamaged, match="is unreadable"):
        index_frames(segment, header, StreamTable(), end)
