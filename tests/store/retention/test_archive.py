"""What an archive does with a segment that it has already."""

import gzip
from pathlib import Path

import pytest

from store import Invalid
from store.retention.archive import pack
from store.retention.policy import archive_of


def test_a_segment_may_be_packed_again_as_after_a_crash_and_another_logs_is_refused(tmp_path):
    archive = tmp_path / "archive"
    pack(b"events", archive, "1.segment")
    pack(b"events", archive, "1.segment")
    with pytest.raises(Invalid, match="of another log"):
        pack(b"others", archive, "1.segment")
    assert gzip.decompress((archive / "1.segment.gz").read_bytes()) == b"events"


def test_what_a_crash_left_half_packed_is_replaced(tmp_path):
    pack(b"events", tmp_path, "1.segment")
    packed = tmp_path / "1.segment.gz"
    packed.write_bytes(packed.read_bytes()[:-6])
    pack(b"events", tmp_path, "1.segment")
    assert gzip.decompress(packed.read_bytes()) == b"events"


def test_the_archive_is_synced_behind_what_was_put_there_since_the_segment_goes_next(tmp_path, monkeypatch):
    synced = []

    def sync(path):
        synced.append((path, [each.name for each in path.iterdir()]))

    monkeypatch.setattr("store.retention.archive.sync_path", sync)
    pack(b"events", tmp_path, "1.segment")
    assert synced == [(tmp_path, ["1.segment.gz"])]


def test_copies_go_into_the_logs_own_archive_unless_another_or_none_is_named(tmp_path):
    assert archive_of(None, tmp_path) == tmp_path / "archive"
    assert archive_of("/elsewhere", tmp_path) == Path("/elsewhere")
    assert archive_of("drop", tmp_path) is None
