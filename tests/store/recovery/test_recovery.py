"""Recovery as a pure function over bytes: what is cut, what is refused, and that these checks can fail."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.format import frame as frames
from store.format import segment as segments
from store.format.frame import encode_body, encode_command
from store.format.segment import SegmentHeader, segment_name
from store.model.event import Event
from store.recovery import what_counts as recovery
from store.recovery.what_counts import Scan, recover, scan_segment

SALT = bytes(range(16))


def event(sequence, data=None):
    return encode_command(
        Event(sequence=sequence, stream="s", revision=sequence, type="t", agent="a", time_ns=1, data=data)
    )


def framed(first, count, durable, *, salt=SALT, data=None):
    body = encode_body([event(first + n, data) for n in range(count)])
    return (
        frames.encode_header(body, salt=salt, flags=0, count=count, first_sequence=first, durable=durable, time_ns=1)
        + body
    )


def header(first, durable, salt=SALT):
    return segments.encode_header(
        SegmentHeader(first_sequence=first, durable=durable, created_ns=1, salt=salt, epoch=b"12345678")
    )


def segment(first, counts, *, durable=None):
    """A segment whose every frame was durable before the next one was written."""
    parts = [header(first, first - 1)]
    for count in counts:
        parts.append(framed(first, count, first - 1 if durable is None else durable))
        first += count
    return parts


def recovered(*contents, marked=0, scan=scan_segment, decide=recover):
    scans, first = [], 1
    for content in contents:
        data = b"".join(content)
        found = segments.decode_header(data)
        scans.append(scan(segment_name(found.first_sequence if found else first), data))
        first = scans[-1].last + 1
    return decide(scans, marked)


def test_an_undamaged_log_is_kept_whole():
    found = recovered(segment(1, [2, 3]), segment(6, [1, 1]))
    assert (found.last, found.durable, found.damage, found.dropped) == (7, 6, None, [])
    assert [keep.last for keep in found.kept] == [5, 7]


@pytest.mark.parametrize("fill", [b"", b"\0", b"\xa5", b"MHfr\0\1\2\3"])
def test_a_tail_torn_at_any_byte_is_cut_and_nothing_before_it(fill):
    parts = segment(1, [2, 3, 2])
    whole = b"".join(parts)
    start = len(whole) - len(parts[-1])
    for cut in range(start, len(whole)):
        torn = whole[:cut] + (fill * len(parts[-1]))[: len(whole) - cut]
        if torn == whole:
            continue
        found = recovered([torn])
        assert (found.last, found.damage) == (5, None)
        assert found.kept[0].end == start


def every_durable_bit_is_guarded(scan, decide):
    """The property: after any one-byte change in a frame that a later frame knows as durable, the log is refused."""
    parts = segment(1, [1, 2, 1])
    whole = bytearray(b"".join(parts))
    for place in range(len(parts[0]), len(whole) - len(parts[-1])):
        changed = whole.copy()
        changed[place] ^= 0x10
        found = recovered([bytes(changed)], scan=scan, decide=decide)
        assert found.damage is not None, f"byte {place} changed, and the log opens with {found.last} events"
        assert found.damage.sequence <= 3


def data_is_never_taken_for_a_frame(scan, decide):
    """The property: an event that contains a frame, but for the salt's secret part, changes no decision."""
    forged = framed(2, 1, 10**9, salt=SALT[: frames.TAG_BYTES] + bytes(12))
    carrier = bytearray(framed(1, 1, 0, data=forged))
    carrier[frames.HEADER_BYTES] ^= 0xFF
    found = recovered([header(1, 0), bytes(carrier)], scan=scan, decide=decide)
    assert (found.last, found.damage) == (0, None)


def ignoring_marks(scans, marked):
    return recover([scan._replace(mark=0) for scan in scans], marked)


def ignoring_what_is_behind(name, data) -> Scan:
    scan = scan_segment(name, data)
    return scan_segment(name, data[: scan.end])


def ignoring_the_crc(name, data) -> Scan:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(frames, "checked_frame", lambda data, offset, *_: frames.read_header(data, offset))
        return scan_segment(name, data)


def test_a_changed_bit_below_the_durable_mark_is_refused():
    every_durable_bit_is_guarded(scan_segment, recover)


def test_event_data_shaped_like_a_frame_is_data():
    data_is_never_taken_for_a_frame(scan_segment, recover)


@pytest.mark.parametrize(
    ("scan", "decide"),
    [(scan_segment, ignoring_marks), (ignoring_what_is_behind, recover), (ignoring_the_crc, recover)],
)
def test_the_check_on_changed_bits_catches_a_recovery_that_is_broken(scan, decide):
    with pytest.raises(AssertionError):
        every_durable_bit_is_guarded(scan, decide)


def test_the_check_on_forged_frames_catches_a_crc_that_skips_the_salt(monkeypatch):
    monkeypatch.setattr(frames, "salt_seed", lambda _: 0)
    with pytest.raises(AssertionError):
        data_is_never_taken_for_a_frame(scan_segment, recover)


def test_frames_that_were_never_durable_are_cut_with_the_bad_one_before_them():
    parts = segment(1, [1, 1, 1, 1], durable=1)
    parts[3] = bytes(len(parts[3]))
    found = recovered(parts)
    assert (found.last, found.damage) == (2, None)


@pytest.mark.parametrize("size", [0, 1, segments.HEADER_BYTES - 1])
def test_a_trailing_segment_without_a_whole_header_counts_as_unwritten(size):
    found = recovered(segment(1, [2]), [header(3, 2)[:size]])
    assert (found.last, found.damage, found.dropped) == (2, None, [segment_name(3)])


def test_a_segment_with_frames_and_a_broken_header_is_damage():
    broken = bytearray(b"".join(segment(3, [1])))
    broken[20] ^= 1
    found = recovered(segment(1, [2]), [bytes(broken)])
    assert found.damage is not None
    assert found.damage.sequence == 3


def test_a_segment_that_holds_another_ones_bytes_is_damage():
    first, second, third = segment(1, [2]), segment(3, [2]), segment(5, [2])
    scans = [
        scan_segment(segment_name(name), b"".join(content))
        for name, content in ((1, first), (3, [*second[:1], b"torn"]), (5, first), (7, third))
    ]
    damage = recover(scans).damage
    assert damage is not None
    assert damage.sequence == 3


def test_a_missing_segment_in_the_middle_is_damage():
    found = recovered(segment(1, [2]), segment(5, [1]))
    assert found.damage is not None
    assert (found.damage.name, found.damage.sequence) == (segment_name(1), 3)


def test_a_missing_first_segment_is_damage():
    assert recovered(segment(5, [1])).damage is not None


def test_a_middle_segment_cut_at_a_frames_end_is_damage():
    assert recovered(segment(1, [2, 3])[:-1], segment(6, [1])).damage is not None


def test_a_log_cut_below_the_marker_of_its_clean_stop_is_damage():
    assert recovered(segment(1, [2, 3])[:-1], marked=5).damage is not None
    assert recovered(segment(1, [2, 3]), marked=5).damage is None
    assert recovered(segment(1, [2, 3]), marked=2).damage is None
    assert recovered(marked=2).damage is not None


def test_a_later_segment_replaces_the_tail_of_the_one_before():
    found = recovered(segment(1, [2, 2, 2]), segment(3, [1, 1, 1]))
    assert (found.last, found.damage) == (5, None)
    assert [(keep.last, keep.frame_count) for keep in found.kept] == [(2, 1), (5, 3)]


def test_a_replaced_tail_may_be_damaged():
    parts = segment(1, [2, 2])
    found = recovered([*parts[:-1], parts[-1][:-3]], segment(3, [2]))
    assert (found.last, found.damage) == (4, None)


def test_no_log_at_all_is_an_empty_one():
    assert recovered() == recovery.Recovery([], [], 0, 0, None)


def whole_frames(data):
    """Every valid frame at any byte: slow and obvious."""
    found = (frames.read_frame(data, place, SALT) for place in range(len(data)))
    return [frame for frame in found if frame]


@given(
    st.lists(st.integers(1, 4), min_size=1, max_size=5),
    st.lists(st.tuples(st.integers(0, 10**6), st.integers(1, 255)), max_size=4),
    st.integers(0, 60),
)
def test_whatever_happens_to_the_bytes_recovery_decides_and_loses_nothing_durable(counts, changes, missing):
    data = bytearray(b"".join(segment(1, counts)))
    del data[len(data) - missing :]
    for place, bits in changes:
        data[segments.HEADER_BYTES + place % (len(data) - segments.HEADER_BYTES)] ^= bits
    found = recovered([bytes(data)])
    ends = [sum(counts[:n]) for n in range(len(counts) + 1)]
    assert found.last in ends
    marks = [frame.durable for frame in whole_frames(bytes(data))]
    assert found.damage is not None or found.last >= max(marks, default=0)


def test_where_nothing_counts_the_damage_begins_with_the_first_byte():
    assert recover([], marked=5).damage == (segment_name(1), 0, 1)
