"""The front door's fuzz targets with what Hypothesis comes up with, the same each time."""

import pytest
from hypothesis import given

from door_targets import TARGETS, seeds
from fuzz_inputs import LIGHT, changed


@pytest.mark.parametrize("target", TARGETS)
def test_whatever_the_bytes_no_promise_is_broken(target):
    LIGHT(given(changed(seeds(target)))(TARGETS[target]))()


def test_the_edge_target_notices_an_edge_that_keeps_the_last_of_duplicate_keys(monkeypatch):
    monkeypatch.setattr("transport.mcp.message_parser._refuse_duplicates", lambda raw, message: None)
    with pytest.raises(AssertionError, match="passes and should be refused"):
        TARGETS["edge"](b'{"jsonrpc":"2.0","id":1,"method":"m","method":"n"}')


def test_the_frames_target_notices_an_answer_that_never_comes(monkeypatch):
    monkeypatch.setattr("transport.websocket.outgoing_messages.Outbound.refuse", lambda *_: None)
    with pytest.raises(BaseExceptionGroup):
        TARGETS["frames"](bytes([1, 1, 2]))


def test_the_frames_target_notices_another_close_code(monkeypatch):
    monkeypatch.setattr("transport.websocket.close_frame_on_fault.FAULTS", frozenset())
    with pytest.raises(BaseExceptionGroup):
        TARGETS["frames"](bytes([1, 4, 2]) + b"\x83\x80")
