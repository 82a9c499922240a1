"""Frames wait for the index until somebody reads; whoever interrupts that leaves no half-made index to be read."""

import pytest

from store import EventLog, Invalid, NewEvent
from store.index.active_index import SegmentIndex
from store.streams.name_numbers import Interner

NOTE = NewEvent(type="note")


def test_an_index_whose_making_was_interrupted_is_not_read_and_opening_makes_it_anew(tmp_path, monkeypatch):
    def interrupted(*_given, **_options):
        raise KeyboardInterrupt

    with EventLog.open(tmp_path) as log:
        log.append([NOTE], stream="s")
        with monkeypatch.context() as patch:
            patch.setattr(SegmentIndex, "add_frames", interrupted)
            with pytest.raises(KeyboardInterrupt):
                log.query(stream="s")
        for _ in range(2):
            with pytest.raises(Invalid, match="open again"):
                log.query(stream="s")
    with EventLog.open(tmp_path) as again:
        assert [event.revision for event in again.query(stream="s").events] == [1]


def test_names_that_are_forgotten_leave_their_numbers_to_others():
    names = Interner("type")
    assert names.ids_of(["a", "b", "a"]) == [0, 1, 0]
    names.forget(1)
    assert (names.known("a"), names.known("b"), len(names)) == (0, None, 1)
    assert (names.id_of("c"), names.name_of(1)) == (1, "c")
