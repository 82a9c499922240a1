"""A backup becomes the log again; what was there is kept, and nothing is lost without a word."""

from __future__ import annotations

import pytest

from store import EventLog, Invalid, LogDamaged, LogLocked, restore, verify

from numbered_log import fill, numbers


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
