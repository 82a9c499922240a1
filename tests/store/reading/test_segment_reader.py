"""Events at any positions of a segment: whichever way they are read, they are those that were appended."""

from __future__ import annotations

from contextlib import contextmanager
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store import Append, EventLog, NewEvent
from store.reading import segment_reader
from store.reading.segment_file import SegmentFile
from store.reading.segment_reader import Segment

FRAMES = st.lists(st.tuples(st.integers(1, 12), st.sampled_from([0, 30, 400])), min_size=1, max_size=25)
"""How many events each frame has, and how many bytes of text each of these."""

BOUNDS = {"_WHOLE_BYTES": 3000, "_GAP_BYTES": 500, "_READ_BYTES": 1000, "_MANY": 2}
"""So small that reading in parts, over gaps, and event by event all come up."""


@contextmanager
def filled(frames):
    """Open a log with such frames; yield its one segment and what was appended."""
    payloads = [
        [{"frame": number, "n": n, "text": "x" * size} for n in range(count)]
        for number, (count, size) in enumerate(frames)
    ]
    with TemporaryDirectory() as home, EventLog.open(home, "never") as log:
        log.commit([Append(events=[NewEvent(type="t", data=each) for each in frame], agent="a") for frame in payloads])
        (segment,) = log._committed.segments
        yield segment, [each for frame in payloads for each in frame]


def what_is_read_is_what_was_appended(frames, share, descending):
    with filled(frames) as (segment, appended):
        wanted = [at for at in range(len(appended)) if share(at)]
        wanted = wanted[::-1] if descending else wanted
        read = [(event.sequence - 1, event.data) for events, _ in segment.events_at(wanted) for event in events]
        assert read == [(at, appended[at]) for at in wanted]


@pytest.fixture
def bounded(monkeypatch):
    for name, value in BOUNDS.items():
        monkeypatch.setattr(segment_reader, name, value)


@pytest.fixture
def unmapped(monkeypatch):
    """As where the operating system maps no file."""
    monkeypatch.setattr(SegmentFile, "view", lambda *_, **__: None)


@given(FRAMES, st.sets(st.integers(0, 299), max_size=120), st.integers(1, 12), st.booleans(), st.booleans())
def test_any_positions_of_any_frames_give_their_events(frames, chosen, every, descending, mapped):
    with pytest.MonkeyPatch.context() as patch:
        for name, value in BOUNDS.items():
            patch.setattr(segment_reader, name, value)
        if not mapped:
            patch.setattr(SegmentFile, "view", lambda *_, **__: None)
        what_is_read_is_what_was_appended(frames, lambda at: at in chosen, descending)
        what_is_read_is_what_was_appended(frames, lambda at: at % every == 0, descending)


SHAPES = {
    "small frames, all": ([(1, 30)] * 8, 1, {"_events_among"}),
    "small frames in parts": ([(1, 400)] * 25, 1, {"_events_among"}),
    "large frames, some": ([(12, 30)] * 6, 5, {"_frame_by_frame", "_some_events"}),
    "large frames, many": ([(12, 30), (1, 400), (12, 30), (12, 30)] * 3, 4, {"_frame_by_frame", "_some_events"}),
    "close together in large frames": ([(12, 400)] * 25, 2, {"_frame_by_frame", "_some_events", "_close_events"}),
    "far apart": ([(2, 30), (12, 400)] * 6, 13, {"_frame_by_frame", "_whole"}),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("descending", [False, True])
def test_each_shape_is_read_in_its_own_way(shape, descending, bounded, unmapped, monkeypatch):
    frames, every, ways = SHAPES[shape]
    taken = set()
    for way in ("_events_among", "_frame_by_frame", "_some_events", "_close_events", "_whole"):
        real = getattr(Segment, way)

        def noted(self, *given, way=way, real=real):
            taken.add(way)
            return real(self, *given)

        monkeypatch.setattr(Segment, way, noted)
    what_is_read_is_what_was_appended(frames, lambda at: at % every == 0, descending)
    assert ways <= taken


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("frames", [[(12, 30)] * 6, [(12, 400), (1, 400)] * 20])
def test_events_that_lie_apart_are_picked_from_a_mapped_file(frames, descending, bounded, monkeypatch):
    monkeypatch.setattr(Segment, "_frame_by_frame", lambda *_: iter(()))
    monkeypatch.setattr(Segment, "_events_among", lambda *_: iter(()))
    what_is_read_is_what_was_appended(frames, lambda at: at % 5 == 0, descending)


def test_the_check_catches_a_reader_that_loses_what_lies_behind_a_gap(bounded, unmapped, monkeypatch):
    monkeypatch.setattr(Segment, "_whole", lambda self, together, index: iter(()))
    with pytest.raises(AssertionError):
        what_is_read_is_what_was_appended([(2, 30), (12, 400)] * 6, lambda at: at % 13 == 0, descending=False)


@pytest.mark.parametrize(
    ("frames", "share"),
    [
        ([(1, 400)] * 200, lambda _: True),
        ([(1, 0)] * 100 + [(1, 400)] * 40, lambda _: True),  # parts of equal numbers are of unequal size
        ([(4, 0)] * 200, lambda at: at // 4 % 4 == 0),  # neighbours whose run would go on to the end
    ],
)
@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.usefixtures("bounded", "unmapped")
def test_no_read_is_much_larger_than_its_bound(frames, share, descending, monkeypatch):
    sizes = []
    real = Segment._bytes_at
    monkeypatch.setattr(segment_reader, "_GAP_BYTES", 2000)
    monkeypatch.setattr(Segment, "_bytes_at", lambda self, at, size: sizes.append(size) or real(self, at, size))
    what_is_read_is_what_was_appended(frames, share, descending)
    assert BOUNDS["_WHOLE_BYTES"] / 2 < max(sizes) <= 2 * BOUNDS["_WHOLE_BYTES"]
