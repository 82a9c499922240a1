"""The fuzz targets with what Hypothesis comes up with, the same each time; `scripts/fuzz` runs them for longer."""

import subprocess
import sys
from pathlib import Path

import fuzz
import pytest
from hypothesis import Phase, given, settings

from store.format import frame as frames

from fuzz_inputs import LIGHT, changed
from fuzz_targets import TARGETS, Endless, seeds


@pytest.mark.parametrize("target", TARGETS)
def test_whatever_the_bytes_no_promise_is_broken(target):
    LIGHT(given(changed(seeds(target)))(TARGETS[target]))()


def test_a_log_whose_records_deny_their_order_is_not_read_for_ever():
    TARGETS["directory"](b"012MHf" + bytes(8) + b"\x91\x92\x93\x94FG")  # what a campaign had found


def test_fuzzing_catches_a_recovery_that_takes_any_frame_for_valid(monkeypatch):
    real = frames.frames_in
    monkeypatch.setattr(frames, "frames_in", lambda data, offset, _: real(data, offset, None))
    with pytest.raises(AssertionError):
        settings(LIGHT, max_examples=1000, phases=[Phase.generate])(
            given(changed(seeds("recovery")))(TARGETS["recovery"])
        )()


def test_fuzzing_catches_an_import_that_reads_for_ever(monkeypatch):
    monkeypatch.setattr("store.format.interchange.EXPANSION", 1 << 20)
    with pytest.raises(AssertionError, match="was asked for"):
        TARGETS["import-jsonl"](b"")


def test_an_endless_stream_gives_what_it_was_asked_for_and_notices_who_asks_for_all():
    source = Endless(b"a\nb")
    assert (source.readline(5), source.readline(5), source.read(2), source.given) == (b"a\n", b"bxxxx", b"xx", 9)
    with pytest.raises(AssertionError, match="at once"):
        source.read()


@pytest.mark.parametrize("target", fuzz.TARGETS)
def test_a_campaign_finds_its_target_by_itself(target):
    """Unlike pytest, it is told by nobody where the tests' own modules are."""
    said = f"import fuzz; print({target!r} in fuzz.loaded({target!r}).TARGETS)"
    run = subprocess.run(
        [sys.executable, "-c", said], cwd=Path(__file__).parent, check=False, text=True, capture_output=True
    )
    assert (run.stdout.strip(), run.stderr) == ("True", "")
