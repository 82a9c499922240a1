"""The hashes of correlation ids: those of late are remembered, and no more than so many."""

import zlib

from store.streams import name_numbers
from store.streams.name_numbers import CorrelationHashes


def test_ids_of_late_are_remembered_and_none_is_none():
    hashes = CorrelationHashes()
    assert hashes.of(["one", None, "two", "one"]) == [zlib.crc32(b"one"), 0, zlib.crc32(b"two"), zlib.crc32(b"one")]
    hashes.of(["three"])
    assert [hashes.known(each) for each in ("one", "three", None, "four")] == [
        zlib.crc32(b"one"),
        zlib.crc32(b"three"),
        0,
        None,
    ]


def test_however_many_ids_come_few_are_kept_and_each_has_its_hash(monkeypatch):
    monkeypatch.setattr(name_numbers, "_REMEMBERED", 10)
    hashes = CorrelationHashes()
    for n in range(100):
        assert hashes.of([f"c{n}", None]) == [zlib.crc32(f"c{n}".encode()), 0]
        assert len(hashes._known) <= 12
