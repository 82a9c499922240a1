"""The front door's fuzz targets with what Hypothesis comes up with, the same each time."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from door_targets import TARGETS, seeds

LIGHT = settings(max_examples=60, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))


def changed(target):
    """Inputs: any bytes, and good ones with some of their bytes replaced, removed or repeated."""

    def change(data, edits):
        changed = bytearray(data)
        for place, kind, piece in edits:
            start = place % (len(changed) + 1)
            changed[start : start + (len(piece) if kind else 0)] = piece if kind != 1 else b""
        return bytes(changed)

    edits = st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 2), st.binary(max_size=8)), max_size=4)
    return st.binary(min_size=4, max_size=60) | st.builds(change, st.sampled_from([*seeds(target)]), edits)


@pytest.mark.parametrize("target", TARGETS)
def test_whatever_the_bytes_no_promise_is_broken(target):
    LIGHT(given(changed(target))(TARGETS[target]))()


def test_the_edge_target_notices_an_edge_that_keeps_the_last_of_duplicate_keys(monkeypatch):
    monkeypatch.setattr("transport.edge._refuse_duplicates", lambda raw, message: None)
    with pytest.raises(AssertionError, match="passes and should be refused"):
        TARGETS["edge"](b'{"jsonrpc":"2.0","id":1,"method":"m","method":"n"}')


def test_the_frames_target_notices_an_answer_that_never_comes(monkeypatch):
    monkeypatch.setattr("transport.outbound.Outbound.refuse", lambda *_: None)
    with pytest.raises(BaseExceptionGroup):
        TARGETS["frames"](bytes([1, 1, 2]))


def test_the_frames_target_notices_another_close_code(monkeypatch):
    monkeypatch.setattr("transport.last_word.FAULTS", frozenset())
    with pytest.raises(BaseExceptionGroup):
        TARGETS["frames"](bytes([1, 4, 2]) + b"\x83\x80")
