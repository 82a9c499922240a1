"""Export and import: the same events come out of the other log, and nothing else ever does."""

import contextlib
import io
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store import (
    EventLog,
    Invalid,
    Limits,
    LogLocked,
    MemoryLog,
    NewEvent,
    StoreError,
    TooLarge,
    export_events,
    import_events,
    verify,
)
from store.format.interchange import read_stream

IMPORTING = sys.modules["store.care.importing"]
SMALL = Limits(segment_bytes=2000, reserve_bytes=100, event_bytes=2000)
ENCODINGS = ["jsonl", "msgpack"]

NAMES = st.sampled_from(["a", "b", "räk/🦐", "x" * 256])
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=5)
)
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(st.characters(codec="utf-8"), max_size=3), inner)
    ),
    max_leaves=6,
)
EVENTS = st.builds(
    NewEvent,
    type=NAMES,
    data=DATA,
    stream=st.none() | NAMES,
    correlation_id=st.none() | NAMES,
    causation_id=st.none() | NAMES,
    metadata=st.none() | st.dictionaries(st.text("ab", max_size=2), SCALARS, max_size=2),
)
BATCHES = st.lists(
    st.tuples(st.lists(EVENTS, min_size=1, max_size=4), NAMES, st.integers(-(2**62), 2**63 - 1)), max_size=6
)


def filled(batches):
    times = iter([time_ns for *_, time_ns in batches])
    log = MemoryLog(clock_ns=lambda: next(times))
    for events, agent, _ in batches:
        log.append(events, agent=agent, stream="s")
    return log


def exported(log, encoding):
    target = io.BytesIO()
    assert export_events(log.read(), target, encoding=encoding) == log.head
    return target.getvalue()


def typed(value):
    """A value with its types: 1, 1.0 and True are different events."""
    if isinstance(value, dict):
        return {key: typed(inner) for key, inner in value.items()}
    return [typed(inner) for inner in value] if isinstance(value, list) else (type(value), value)


def what_comes_out_is_what_went_in(batches, encoding, import_events=import_events):
    """The property: an imported log reads like the one it came from."""
    log = filled(batches)
    with TemporaryDirectory() as home:
        done = import_events(home, io.BytesIO(exported(log, encoding)), encoding=encoding, limits=SMALL)
        assert (done.events, done.stored, done.last_sequence) == (log.head, log.head, log.head)
        assert verify(home).ok
        with EventLog.open(home) as again:
            ours, theirs = list(again.read()), list(log.read())
            assert ours == theirs
            assert [typed(event.data) for event in ours] == [typed(event.data) for event in theirs]
            assert exported(again, encoding) == exported(log, encoding)


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=60, deadline=None)
@given(batches=BATCHES)
def test_a_log_that_is_exported_and_imported_is_the_same_log(encoding, batches):
    what_comes_out_is_what_went_in(batches, encoding)


ORDERED = [([NewEvent(type=f"t{n}", data={"n": n})], f"a{n % 2}", 5) for n in range(6)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_the_check_on_imports_catches_one_that_orders_by_agent(monkeypatch, encoding):
    def by_agent(events, longest):
        runs = {}
        for event in events:
            runs.setdefault(event.agent, []).append(event)
        return iter(runs.values())

    monkeypatch.setattr(IMPORTING, "_runs", by_agent)
    with pytest.raises((AssertionError, Invalid)):
        what_comes_out_is_what_went_in(ORDERED, encoding)


def test_the_check_on_imports_catches_one_that_forgets_the_times(monkeypatch):
    monkeypatch.setattr(IMPORTING._Times, "__call__", lambda self: 1)
    with pytest.raises(AssertionError):
        what_comes_out_is_what_went_in(ORDERED, "jsonl")


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_importing_twice_changes_nothing(tmp_path, encoding):
    whole = exported(filled(ORDERED), encoding)
    import_events(tmp_path, io.BytesIO(whole), encoding=encoding)
    done = import_events(tmp_path, io.BytesIO(whole), encoding=encoding)
    assert (done.events, done.stored, done.last_sequence) == (6, 0, 6)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_import_that_was_cut_off_says_so_and_goes_on_where_it_ended(tmp_path, encoding):
    whole = exported(filled(ORDERED), encoding)
    for cut in range(0, len(whole), 7):
        part = io.BytesIO(whole[:cut])
        ends_well = cut in ends_of(whole, encoding)
        if ends_well:
            import_events(tmp_path / "log", part, encoding=encoding)
        else:
            with pytest.raises(Invalid, match=r"(line|record) \d is"):
                import_events(tmp_path / "log", part, encoding=encoding)
    assert import_events(tmp_path / "log", io.BytesIO(whole), encoding=encoding).last_sequence == 6
    with EventLog.open(tmp_path / "log") as log:
        assert exported(log, encoding) == whole


def ends_of(whole, encoding):
    """Where a stream may end without anything missing; the last line break of JSON is no part of the event."""
    if encoding == "msgpack":
        unpacker = msgpack.Unpacker(io.BytesIO(whole))
        return {0, *(unpacker.tell() for _ in unpacker)}
    return {0} | {place + last for place, byte in enumerate(whole) if byte == ord("\n") for last in (0, 1)}


def test_what_follows_the_log_is_added(tmp_path):
    with EventLog.open(tmp_path, clock_ns=lambda: 5) as log:
        log.append([NewEvent(type="t0", data={"n": 0})], agent="a0", stream="s")
    done = import_events(tmp_path, io.BytesIO(exported(filled(ORDERED), "jsonl")))
    assert (done.events, done.stored, done.last_sequence) == (6, 5, 6)


def line(**changes):
    event = {"sequence": 1, "stream": "s", "revision": 1, "type": "t", "agent": "a", "time": "2026-01-01T00:00:00Z"}
    return json.dumps({**event, **changes}).encode() + b"\n"


@pytest.mark.parametrize(
    ("stream", "says"),
    [
        (line(sequence=2), "event 1 and"),
        (line(revision=2), "revision 1 must"),
        (line(sequence=0), "first is 1"),
        (line(time="yesterday"), "RFC 3339"),
        (line(time="9999-01-01T00:00:00Z"), "1678 to 2261"),
        (line(colour="red"), "colour"),
        (line(stream=""), "stream has 0"),
        (line() + line(sequence=3, revision=2), "event 2 and"),
        (line() + line(sequence=2, revision=1), "revision 2 must"),
        (line(data={"n": 2**64}), "64 bits"),
        (b"\n", "line 1 is no event"),
        (b"[" * 100_000, "line 1 is no event"),
        (b"{" + b" " * 10_000_000, "longer than"),
        (b"\xff\xfe", "line 1 is no event"),
    ],
)
def test_a_stream_that_makes_no_log_is_refused(tmp_path, stream, says):
    with pytest.raises(Invalid, match=says):
        import_events(tmp_path, io.BytesIO(stream))


def test_an_event_that_is_too_large_is_refused(tmp_path):
    with pytest.raises(TooLarge):
        import_events(tmp_path, io.BytesIO(line(data="x" * 3000)), limits=SMALL)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_events_of_one_moment_that_no_single_append_may_hold_are_imported(tmp_path, encoding):
    limits, stream = Limits(append_bytes=3000, event_bytes=2000), io.BytesIO()
    with EventLog.open(tmp_path / "log", limits=limits, clock_ns=lambda: 7) as log:
        for n in range(7):
            log.append([NewEvent(type="t", data="x" * 1000)], stream=f"s{n % 2}")
        events = list(log.read())
        export_events(events, stream, encoding=encoding)
    stream.seek(0)
    import_events(tmp_path / "moved", stream, encoding=encoding, limits=limits)
    with EventLog.open(tmp_path / "moved") as moved:
        assert list(moved.read()) == events


def test_another_event_in_the_place_of_a_known_one_is_refused(tmp_path):
    import_events(tmp_path, io.BytesIO(line() + line(sequence=2, revision=2)))
    with pytest.raises(Invalid, match="event 2 is not the one"):
        import_events(tmp_path, io.BytesIO(line() + line(sequence=2, revision=2, type="u")))
    with pytest.raises(Invalid, match="event 1 is not the one"):
        import_events(tmp_path, io.BytesIO(line(agent="b") + line(sequence=2, revision=2)))


def test_the_events_before_a_bad_one_are_kept(tmp_path):
    with pytest.raises(Invalid, match="line 3"):
        import_events(tmp_path, io.BytesIO(line() + line(sequence=2, revision=2) + b"?"))
    assert verify(tmp_path).last_sequence == 2


def test_an_open_log_is_not_imported_into(tmp_path):
    with EventLog.open(tmp_path), pytest.raises(LogLocked):
        import_events(tmp_path, io.BytesIO())


def test_a_line_is_what_the_tools_return_and_a_record_what_the_log_keeps():
    log = filled([([NewEvent(type="t", data={"n": 1}, stream="s", metadata={"m": 1})], "a", 1_700_000_000_000_000_001)])
    assert json.loads(exported(log, "jsonl")) == {
        "sequence": 1,
        "stream": "s",
        "revision": 1,
        "type": "t",
        "data": {"n": 1},
        "agent": "a",
        "time": "2023-11-14T22:13:20.000000001Z",
        "correlation_id": None,
        "causation_id": None,
        "metadata": {"m": 1},
        "tags": [],
    }
    record = [1, "s", 1, "t", "a", 1_700_000_000_000_000_001, None, None, {"m": 1}, {"n": 1}, []]
    assert msgpack.unpackb(exported(log, "msgpack")) == record


class Endless(io.RawIOBase):
    """A source without an end that counts what is asked of it."""

    def __init__(self, start, forever):
        self.start, self.forever, self.given = start, forever, 0

    def read(self, size=-1):
        assert size >= 0, "an unbounded read"
        data, self.start = self.start[:size], self.start[size:]
        data += self.forever * (size - len(data))
        self.given += len(data)
        return data

    def readline(self, size=-1):
        return self.read(size)


STARTS = st.binary(max_size=40) | st.sampled_from(
    [
        b"\xdd\xff\xff\xff\xff",
        b"\xdb\xff\xff\xff\xff",
        b"\xc9\x7f\xff\xff\xff\x01",
        b"\x9a\x01\xa1s\x01\xa1t\xa1a\x01",
        b"",
    ]
)


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=100, deadline=None)
@given(start=STARTS, forever=st.sampled_from([b"\x91", b"\x81", b"\xc0", b"[", b" ", b"\xdf", b"\xdd"]))
def test_a_source_without_end_is_given_up_soon(encoding, start, forever):
    source = Endless(start, forever)
    with TemporaryDirectory() as home:
        with pytest.raises(StoreError):
            import_events(home, source, encoding=encoding, limits=SMALL)
        assert source.given < 600_000
        assert verify(home).ok


@pytest.mark.parametrize("encoding", ENCODINGS)
@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_whatever_bytes_are_imported_only_documented_errors_come_out(encoding, data):
    whole = bytearray(exported(filled(ORDERED), encoding))
    for place, bits in data.draw(st.lists(st.tuples(st.integers(0, 10**4), st.integers(1, 255)), max_size=4)):
        whole[place % len(whole)] ^= bits
    start = data.draw(st.integers(0, 40))
    whole[start : start + data.draw(st.integers(0, 10))] = data.draw(st.binary(max_size=10))
    with TemporaryDirectory() as home:
        with contextlib.suppress(Invalid, TooLarge):
            import_events(Path(home), io.BytesIO(bytes(whole)), encoding=encoding, limits=SMALL)
        assert verify(home).ok


class Repeating(io.RawIOBase):
    """Arrays in arrays, without an end."""

    given = 0

    def read(self, size=-1):
        self.given += size
        return b"\xdc\xff\xff" * (size // 3)


def test_a_record_that_never_ends_is_given_up_however_it_nests():
    source = Repeating()
    with pytest.raises(Invalid, match="record 1"):
        list(read_stream(source, "msgpack", 1000))
    assert source.given < 1 << 20
    wide = io.BytesIO((b"\xdc\xff\xff" + b"\x01" * 65534) * 40)
    with pytest.raises(Invalid, match="longer than 131072 bytes"):
        list(read_stream(wide, "msgpack", 1000))


def test_an_encoding_that_there_is_not_is_refused_both_ways(tmp_path):
    target = io.BytesIO()
    with pytest.raises(Invalid, match="no encoding 'json': use jsonl or msgpack"):
        export_events(filled(ORDERED).read(), target, encoding="json")
    assert target.getvalue() == b""
    with pytest.raises(Invalid, match="no encoding 'json'"):
        import_events(tmp_path, io.BytesIO(b""), encoding="json")
