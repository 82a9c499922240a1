"""The last frame torn at every byte, and every bit of frames flipped: what opens, what is refused, what is lost."""

import contextlib

import pytest

from store import EventLog, Limits, LogDamaged, NewEvent
from store.format.frame import read_header
from store.format.segment_files import segment_names

from judge import nothing

LIMITS = Limits(reserve_bytes=0)
SHAPED_LIKE_A_FRAME = b"MHfr" + bytes(44)
FILLS = {"nothing": b"", "zeros": b"\0", "rubbish": b"\xa5\x17", "what looks like a frame": SHAPED_LIKE_A_FRAME}


@pytest.fixture
def frames(left):
    """Return a log that a killed process left, its segment's bytes, and where each of its three frames begins."""
    left.mkdir()
    with EventLog.open(left / "log", "never", limits=LIMITS, sync=nothing) as log:
        ends = []
        for n in range(3):
            log.append([NewEvent(type="t", data={"n": n, "x": SHAPED_LIKE_A_FRAME.decode()})])
            if n == 1:
                log.sync()
            (name,) = segment_names(left / "log")
            ends.append((left / "log" / name).stat().st_size)
        content = (left / "log" / name).read_bytes()
        held = {path.name: path.read_bytes() for path in (left / "log").iterdir()}
    return left, held, name, content, ends


def opened(frames, content):
    """Open the log with other bytes in its segment; return the numbers of the events that it has."""
    left, held, name, _, _ = frames
    place = left / "changed"
    place.mkdir(exist_ok=True)
    for path in place.iterdir():
        path.unlink()
    for each, data in held.items():
        (place / each).write_bytes(data)
    (place / name).write_bytes(content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", nothing)
        with EventLog.open(place, limits=LIMITS, sync=nothing) as log:
            return [event.data["n"] for event in log.read()]


def every_torn_tail_opens(frames, fill):
    """The property: cut the last frame, which was not promised, at any byte; the log opens with all before it."""
    _, _, _, content, ends = frames
    for cut in range(ends[1], ends[2]):
        torn = content[:cut] + (fill * ends[2])[: ends[2] - cut if fill else 0]
        if torn != content:
            assert opened(frames, torn) == [0, 1], f"torn at byte {cut - ends[1]} of the frame"


def every_flipped_bit_is_noticed(frames, begin, end, *, durable):
    """The property: a bit of a frame flips; what was durable is refused, what was not is cut."""
    content = frames[3]
    for place in range(begin, end):
        for bit in range(8):
            flipped = bytearray(content)
            flipped[place] ^= 1 << bit
            if durable:
                with contextlib.suppress(LogDamaged):
                    numbers = opened(frames, bytes(flipped))
                    raise AssertionError(f"bit {bit} of byte {place} flipped, and the log opens with {numbers}")
            else:
                assert opened(frames, bytes(flipped)) == [0, 1]


@pytest.mark.slow
@pytest.mark.parametrize("fill", FILLS)
def test_a_tail_torn_at_any_byte_and_filled_with(frames, fill):
    every_torn_tail_opens(frames, FILLS[fill])


@pytest.mark.slow
def test_any_flipped_bit_of_a_durable_frame_is_refused(frames):
    every_flipped_bit_is_noticed(frames, frames[4][0], frames[4][1], durable=True)


@pytest.mark.slow
def test_any_flipped_bit_of_a_frame_that_was_not_promised_costs_that_frame(frames):
    every_flipped_bit_is_noticed(frames, frames[4][1], frames[4][2], durable=False)


def believing(data, offset, tag, seed):
    frame = read_header(data, offset)
    return frame if frame and frame.end <= len(data) else None


@pytest.mark.slow
def test_the_torn_tails_catch_a_recovery_without_checksums(frames, monkeypatch):
    monkeypatch.setattr("store.format.frame.checked_frame", believing)
    with pytest.raises((AssertionError, LogDamaged, LookupError)):
        every_torn_tail_opens(frames, b"\0")


@pytest.mark.slow
@pytest.mark.parametrize("durable", [True, False])
def test_the_flipped_bits_catch_a_recovery_without_checksums(frames, monkeypatch, durable):
    monkeypatch.setattr("store.format.frame.checked_frame", believing)
    begin = frames[4][0 if durable else 1]
    with pytest.raises((AssertionError, LogDamaged)):
        every_flipped_bit_is_noticed(frames, begin + 60, begin + 80, durable=durable)
