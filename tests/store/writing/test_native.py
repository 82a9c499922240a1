"""The native part of appending and the Python way do the same, byte for byte, or the native part leaves it alone."""

import math
import os
from collections import OrderedDict

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from store import EventLog, Invalid, Limits, NewEvent, StoreError, SyncFailed, verify
from store.writing.native_framer import NativeFramer

pytest.importorskip("store.writing._native", reason="there was no C compiler")


@pytest.fixture(scope="module", autouse=True)
def native():
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MOOTHALL_PURE", raising=False)
        yield


class Text(str):
    __slots__ = ()


LIMITS = Limits(depth=3, event_bytes=400, append_bytes=2000, batch_events=8, segment_bytes=3000, reserve_bytes=10)

names = st.sampled_from(
    ["a", "b", "note", "x" * 256, "x" * 257, "", "\u00fc", "a\x1f", "\x7f", "\ud800", "\U0001f600", 5, b"a"]
)
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**65), 2**65),
    st.sampled_from([0, 127, 128, 255, 256, 65535, 65536, 2**32 - 1, 2**32, 2**63, 2**64 - 1, 2**64]),
    st.sampled_from([-1, -32, -33, -128, -129, -32768, -32769, -(2**31), -(2**31) - 1, -(2**63), -(2**63) - 1]),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["s" * size for size in (31, 32, 255, 256)]),
    st.sampled_from(
        [b"bytes", (1, 2), {1, 2}, 1j, math.inf, math.nan, OrderedDict(a=1), type("Text", (str,), {})("sub")]
    ),
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=17),
        st.dictionaries(st.one_of(st.text(max_size=3), st.sampled_from([1, None])), inner, max_size=17),
    ),
    max_leaves=20,
)
plain = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**63), 2**64 - 1), st.text(max_size=40), st.floats(-1e9, 1e9)),
    lambda inner: st.one_of(st.lists(inner, max_size=17), st.dictionaries(st.text(max_size=3), inner, max_size=17)),
    max_leaves=10,
)


def optional(strategy):
    return st.one_of(st.none(), strategy)


def events(data, name):
    return st.builds(
        NewEvent,
        type=name,
        data=data,
        stream=optional(name),
        correlation_id=optional(name),
        causation_id=optional(name),
        tags=st.sampled_from([(), (), ("x",), ["x", "y"], None, "x", ("",), ("a",) * 33]),
        metadata=optional(st.one_of(data, st.dictionaries(st.text(max_size=3), data, max_size=3))),
    )


known = st.sampled_from(["a", "b", "note"])
APPENDS = st.lists(
    st.tuples(
        st.one_of(
            st.lists(events(plain, known), min_size=1, max_size=9),
            st.lists(st.one_of(events(values, names), events(plain, known)), max_size=3),
            st.just([NewEvent(type="a"), "no event"]),
        ),
        st.fixed_dictionaries(
            {},
            optional={
                "stream": names,
                "agent": names,
                "expected_revision": st.sampled_from([0, 1, 2, "exists", "no_stream", "any", "typo", -1, 1.5]),
                "command_id": st.sampled_from(["c1", "c2"]),
            },
        ),
    ),
    max_size=6,
)


def outcomes(log, appends):
    told = []
    for given_events, options in appends:
        try:
            told.append(log.append(given_events, **options))
        except StoreError as error:
            told.append((type(error), str(error)))
    return told


def opened(directory, **options):
    return EventLog.open(directory, clock_ns=lambda: 1_700_000_000, random_bytes=bytes, limits=LIMITS, **options)


def content(directory):
    return {path.name: path.read_bytes() for path in directory.glob("*.segment")}


@settings(max_examples=300, deadline=None)
@example([([NewEvent(type="a", data=[[[]]])], {})] * 2)
@example([([NewEvent(type="a", data=[[[[]]]])], {})] * 2)
@example([([NewEvent(type="a", data="x" * 500)], {})] * 2)
@example([([NewEvent(type="a", data=2**64)], {}), ([NewEvent(type="a", data=2**64 - 1)], {})] * 2)
@example([([NewEvent(type="a"), NewEvent(type="a", correlation_id="a"), NewEvent(type="a")], {})] * 2)
@example([([NewEvent(type="a", stream="b")], {"agent": "a", "stream": name}) for name in ("new", "a\x1f", "", 5)])
@example([([NewEvent(type="a", stream="b"), NewEvent(type="a")], {"agent": "a", "stream": "new"})] * 2)
@given(APPENDS)
@pytest.mark.parametrize("fsync", ["never", "group"])
def test_both_ways_tell_the_same_and_leave_the_same_bytes(fsync, tmp_path_factory, appends):
    places = {pure: tmp_path_factory.mktemp("log") for pure in ("0", "1")}
    told = {}
    for pure, place in places.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MOOTHALL_PURE", pure)
            with opened(place, fsync=fsync) as log:
                first = [log.append([NewEvent(type=name, stream=name)], agent=name) for name in ("a", "b", "note")]
                told[pure] = first + outcomes(log, appends)
                assert log.append([NewEvent(type="a")], stream="a").last_sequence == log.head
    assert told["0"] == told["1"]
    assert content(places["0"]) == content(places["1"])
    assert verify(places["0"]).problems == []


def test_events_that_name_their_streams_go_the_native_way_whatever_the_stream_of_the_append(tmp_path):
    with EventLog.open(tmp_path, fsync="never") as log:
        native = log._parts.stager.quick
        log.append([NewEvent(type="a", stream="s")], agent="me")
        assert native.moved([NewEvent(type="a", stream="s")], "agent/me", "me", 1) is not None
        assert native.moved([NewEvent(type="a", stream="s")], "agent/\x1f", "me", 1) is None
        assert [*log._parts.table.streams] == ["s"]
        assert native.moved([NewEvent(type="a")], "agent/me", "me", 1)[5] == {"agent/me": 1}


@given(plain, st.integers(1, 3))
@settings(max_examples=50, deadline=None)
def test_what_is_known_and_plain_goes_the_native_way(tmp_path_factory, data, count):
    with EventLog.open(tmp_path_factory.mktemp("log"), fsync="never") as log:
        native = log._parts.stager.quick
        assert type(native) is NativeFramer
        log.append([NewEvent(type="a")], stream="s", agent="me")
        event = NewEvent(type="a", data=data, correlation_id="call 7", causation_id="call 6", metadata={"k": data})
        made = native.moved([event] * count, "s", "me", 1)
        assert made is not None
        assert made[5] == {"s": 1 + count}


def test_a_refused_append_leaves_revisions_and_sequences_as_they_were(tmp_path):
    with EventLog.open(tmp_path, fsync="never") as log:
        log.append([NewEvent(type="a")] * 3, stream="s")
        for _ in range(3):
            with pytest.raises(Invalid):
                log.append([NewEvent(type="a"), NewEvent(type="a", data=math.nan)], stream="s")
        assert log.append([NewEvent(type="a")], stream="s").revisions == {"s": 4}
        assert [event.revision for event in log.read()] == [1, 2, 3, 4]


@pytest.mark.parametrize("size", [0, 50])
def test_a_disk_that_takes_only_a_part_of_a_quick_append_gets_it_the_whole_way(tmp_path, monkeypatch, size):
    with EventLog.open(tmp_path, fsync="never") as log:
        log.append([NewEvent(type="a")], stream="s")
        pwritev, refused = os.pwritev, []

        def once(fd, parts, at):
            if not refused:
                refused.append(at)
                assert sum(map(len, parts)) > size
                os.pwrite(fd, b"".join(parts)[:size], at)
                if not size:
                    raise OSError(28, "No space left on device")
                return size
            return pwritev(fd, parts, at)

        monkeypatch.setattr("os.pwritev", once)
        assert log.append([NewEvent(type="a", data=2)], stream="s").revisions == {"s": 2}
        assert refused
        assert log.append([NewEvent(type="a", data=3)], stream="s").first_sequence == 3
    assert verify(tmp_path).problems == []
    with EventLog.open(tmp_path) as log:
        assert [(event.sequence, event.data) for event in log.read()] == [(1, {}), (2, 2), (3, 3)]


def test_a_quick_append_is_found_by_every_filter_at_once(tmp_path):
    with EventLog.open(tmp_path, fsync="never") as log:
        for number in range(10_000):
            log.append(
                {"type": f"t{number % 7}", "correlation_id": f"c{number % 5}"}, stream=f"s{number % 3}", agent="me"
            )
            if number % 997 == 0:
                assert log.query(stream=f"s{number % 3}", order="desc", limit=1).events[0].sequence == number + 1
        for asked, step in (({"types": "t3"}, 7), ({"correlation_id": "c3"}, 5), ({"stream": "s0"}, 3)):
            assert sum(1 for _ in log.read(**asked)) == len(range(3, 10_000, step)) + (step == 3)
    assert verify(tmp_path).problems == []


def test_a_log_that_is_only_read_takes_no_quick_append_either(tmp_path):
    with EventLog.open(tmp_path, "never") as log, EventLog.open(tmp_path, "never", read_only=True) as reader:
        log.append([NewEvent(type="a")], stream="s")
        before = content(tmp_path)
        assert reader.head == 1
        for _ in range(2):
            with pytest.raises(Invalid, match="read-only"):
                reader.append([NewEvent(type="a")], stream="s")
        assert content(tmp_path) == before
        assert log.append([NewEvent(type="a")], stream="s").first_sequence == 2


def test_a_group_with_names_that_are_new_is_stored_in_its_order(tmp_path):
    from store import Append

    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="a")], stream="s", agent="me")
        names = ["s", "s", "new", "s", "newer", "new"]
        stored = log.commit([Append(events=[NewEvent(type="a")], agent="me", stream=name) for name in names])
        assert [each.first_sequence for each in stored] == [*range(2, 8)]
        assert [event.stream for event in log.read()] == ["s", *names]
        assert [event.revision for event in log.read()] == [1, 2, 3, 1, 4, 1, 2]
    assert verify(tmp_path).problems == []


@pytest.mark.parametrize("fsync", ["group", "never"])
def test_a_log_whose_native_part_was_interrupted_midway_does_no_more_work(tmp_path, fsync):
    def interrupted(*_given):
        raise KeyboardInterrupt

    event = NewEvent(type="t")
    with EventLog.open(tmp_path, fsync=fsync) as log:
        log.append([event], stream="s")
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(log.steps._stager.quick, "_frame", interrupted)
            with pytest.raises(KeyboardInterrupt):
                log.append([event], stream="s")
        with pytest.raises(SyncFailed, match="start again"):
            log.append([event], stream="s")
    with EventLog.open(tmp_path) as again:
        assert again.stream_revision("s") == 1


@pytest.mark.parametrize("expected", [None, 1])
def test_an_append_of_known_names_takes_the_native_way(tmp_path, monkeypatch, expected):
    with EventLog.open(tmp_path, fsync="group") as log:
        log.append([NewEvent(type="t")], stream="s")
        monkeypatch.setattr(log.steps._stager, "_framer", None)
        assert log.append([NewEvent(type="t")], stream="s", expected_revision=expected).revisions == {"s": 2}
