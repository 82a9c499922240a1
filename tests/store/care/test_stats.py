"""A log in figures, from its files."""

import pytest

from store import EventLog, Limits, LogDamaged, NewEvent, stats


def test_the_figures_are_those_of_the_log(tmp_path, clock):
    with EventLog.open(tmp_path, clock_ns=clock, limits=Limits(segment_bytes=700, reserve_bytes=100)) as log:
        for n in range(10):
            clock.now_ns = 100 + n
            log.append(
                [NewEvent(type=f"t{n % 3}")] * 2, stream=f"s{n % 4}", agent="a", command_id=f"c{n}" if n else None
            )
        running = stats(tmp_path)
        assert not running.clean
        live = log.stats()
    figures = stats(tmp_path)
    assert (figures.events, figures.first_sequence, figures.last_sequence) == (20, 1, 20)
    assert (figures.first_time_ns, figures.last_time_ns) == (100, 109)
    assert (figures.segments, figures.bytes) == (live.segments, live.bytes)
    assert figures.bytes == sum(path.stat().st_size for path in tmp_path.glob("*.segment"))
    assert (figures.frames, figures.commands, figures.streams) == (10, 9, live.streams)
    assert figures.types == {"t0": 8, "t1": 6, "t2": 6}
    assert figures.agents == {"a": 20}
    assert (figures.epoch, figures.clean) == (live.epoch, True)


def test_an_empty_directory_has_figures_too(tmp_path):
    figures = stats(tmp_path)
    assert (figures.events, figures.first_time_ns, figures.epoch, figures.segments) == (0, None, "", 0)
    with pytest.raises(FileNotFoundError):
        stats(tmp_path / "missing")


def test_a_damaged_log_has_none(tmp_path):
    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="t")])
    (segment,) = tmp_path.glob("*.segment")
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    with pytest.raises(LogDamaged):
        stats(tmp_path)
