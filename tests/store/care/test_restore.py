"""A backup becomes the log again; what was there is kept, and nothing is lost without a word."""

from __future__ import annotations

from pathlib import Path

import pytest

from store import EventLog, Invalid, Limits, LogDamaged, LogLocked, NewEvent, backup, restore, verify


def fill(directory, first, last):
    with EventLog.open(directory, limits=Limits(segment_bytes=300)) as log:
        for n in range(first, last + 1):
            log.append([NewEvent(type="t", data={"n": n})], stream="s")


def numbers(directory):
    with EventLog.open(directory) as log:
        return [event.data["n"] for event in log.read()]


@pytest.fixture
def kept(tmp_path):
    """Return a log of twenty events and a backup of its first ten."""
    log, copy = tmp_path / "log", tmp_path / "backup"
    fill(log, 1, 10)
    backup(log, copy)
    fill(log, 11, 20)
    return log, copy


def test_the_log_is_the_backups_and_what_was_there_is_kept_beside_it(kept):
    log, copy = kept
    (log / "tokens.json").write_text("{}")
    done = restore(copy, log)
    assert (done.last_sequence, done.replaced) == (10, str(log / "replaced-1"))
    assert (log / "tokens.json").read_text() == "{}"
    assert numbers(log) == list(range(1, 11))
    assert verify(log).ok
    assert numbers(log / "replaced-1") == list(range(1, 21))
    fill(log, 11, 12)
    assert numbers(log) == list(range(1, 13))


def test_it_restores_into_a_place_without_a_log(kept, tmp_path):
    _, copy = kept
    assert restore(copy, tmp_path / "new").replaced is None
    assert numbers(tmp_path / "new") == list(range(1, 11))


def test_a_log_that_is_in_use_stays_as_it_is(kept):
    log, copy = kept
    with EventLog.open(log), pytest.raises(LogLocked):
        restore(copy, log)
    assert numbers(log) == list(range(1, 21))


def test_a_damaged_backup_replaces_nothing(kept):
    log, copy = kept
    segment = min(copy.glob("*.segment"))
    content = bytearray(segment.read_bytes())
    content[-1] ^= 1
    segment.write_bytes(content)
    with pytest.raises(LogDamaged):
        restore(copy, log)
    assert numbers(log) == list(range(1, 21))


def test_a_log_is_not_restored_from_itself(kept):
    log, _ = kept
    with pytest.raises(Invalid):
        restore(log, log)
    with pytest.raises(FileNotFoundError):
        restore(log / "nowhere", log)
    assert numbers(log) == list(range(1, 21))


def test_a_stop_in_the_middle_leaves_no_shorter_log_without_a_word(kept, monkeypatch, tmp_path):
    _, copy = kept
    real, stopped = Path.replace, 0
    for stop in range(100):
        log = tmp_path / f"log{stop}"
        fill(log, 1, 20)
        left = [stop]

        def replace(self, target, left=left):
            if "replaced-" in str(target):
                left[0] -= 1
                if left[0] < 0:
                    raise KeyboardInterrupt
            return real(self, target)

        with monkeypatch.context() as patched:
            patched.setattr(Path, "replace", replace)
            try:
                restore(copy, log)
            except KeyboardInterrupt:
                stopped += 1
            else:
                break
        segments = list(log.glob("*.segment"))
        whole = len(segments) and verify(log).ok and verify(log).events == 20
        assert whole or not segments or not verify(log).ok
        restore(copy, log)
        assert numbers(log) == list(range(1, 11))
    assert stopped > 20
