"""What an archive does with a segment that it has already."""

import gzip

import pytest

from store import Invalid
from store.retention.archive import pack


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
