"""How the small files of a data directory are written."""

from __future__ import annotations

import os
import stat

import pytest

from transport.discovery.put_file import put_file


def test_a_file_is_replaced_whole_and_has_its_mode_whatever_the_umask_says(tmp_path):
    path = tmp_path / "file"
    before = os.umask(0o777)
    try:
        put_file(path, b"first")
        put_file(path, b"second", 0o640)
    finally:
        os.umask(before)
    assert (path.read_bytes(), stat.S_IMODE(path.stat().st_mode)) == (b"second", 0o640)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("durably", [False, True])
@pytest.mark.parametrize("error", [OSError("the disk is full"), KeyboardInterrupt()])
def test_where_it_cannot_be_written_nothing_is_left_beside_what_was_there(tmp_path, monkeypatch, durably, error):
    path = tmp_path / "file"
    put_file(path, b"first")

    def refused(*_):
        raise error

    monkeypatch.setattr("transport.discovery.put_file.os.fchmod", refused)
    with pytest.raises(type(error)):
        put_file(path, b"second", durably=durably)
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"first"]


@pytest.mark.parametrize(("durably", "synced"), [(False, []), (True, ["the draft", "the directory"])])
def test_what_is_to_outlast_a_power_cut_is_synced_before_and_after_it_takes_its_place(
    tmp_path, monkeypatch, durably, synced
):
    path, done = tmp_path / "file", []

    def note(descriptor):
        is_file = stat.S_ISREG(os.fstat(descriptor).st_mode)
        assert path.exists() is not is_file
        assert not is_file or os.fstat(descriptor).st_size == len(b"content")
        done.append("the draft" if is_file else "the directory")

    monkeypatch.setattr("transport.discovery.put_file.os.fsync", note)
    put_file(path, b"content", durably=durably)
    assert done == synced
