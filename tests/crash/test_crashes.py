"""The model of crashes: what may survive a power cut, and what must."""

import random

from crashes import ROOT, Disk

MADE = [("create", ROOT, b"f", 2), ("write", 2, 0, b"a" * 512), ("write", 2, 512, b"b" * 512)]
A, B = b"a" * 512, b"b" * 512


def left(*entries):
    """The contents of `f` that a power cut after these entries may leave; None where there is no such file."""
    disk, chance = replayed(*entries), random.Random(0)
    return {disk.cut(lambda: chance.random() < 0.5, fill).tree().get("f") for fill in [bytes, chance.randbytes] * 50}


def replayed(*entries):
    disk = Disk()
    for entry in entries:
        disk.apply(*entry)
    return disk


def test_a_killed_process_leaves_what_it_wrote():
    assert replayed(*MADE).killed().tree() == {"f": A + B}


def test_nothing_that_was_not_synced_need_survive_a_power_cut():
    assert replayed(*MADE).cut(lambda: False).tree() == {}
    assert replayed(*MADE, ("sync", 2)).cut(lambda: False).tree() == {}
    assert replayed(*MADE, ("syncdir", ROOT)).cut(lambda: False).tree() == {"f": b""}
    assert replayed(*MADE, ("sync", 2), ("syncdir", ROOT)).cut(lambda: False).tree() == {"f": A + B}


def test_any_part_may_survive_a_later_one_without_an_earlier_one_too():
    found = left(*MADE, ("syncdir", ROOT))
    assert {b"", A, A + B, bytes(512) + B} <= found
    assert any(
        len(content) == 1024 and content[512:] == B and content[:512] not in {A, bytes(512)} for content in found
    )


def test_what_is_synced_survives_whatever_comes_later():
    kept = (*MADE, ("sync", 2), ("syncdir", ROOT))
    assert left(*kept, ("write", 2, 0, B)) == {A + B, B + B}
    assert left(*kept, ("truncate", 2, 512)) == {A + B, A}
    assert left(*kept, ("unlink", ROOT, b"f")) == {A + B, None}


def test_a_file_takes_anothers_place_whole_or_not_at_all():
    draft = [("create", ROOT, b"d", 3), ("write", 3, 0, B), ("sync", 3), ("rename", ROOT, b"d", ROOT, b"f")]
    assert left(*MADE, ("sync", 2), ("syncdir", ROOT), *draft) == {A + B, B}


def test_what_a_sync_failed_to_write_is_never_durable_though_it_can_be_read():
    disk = replayed(*MADE, ("syncdir", ROOT), ("forget", 2), ("sync", 2))
    assert (disk.killed().tree(), disk.cut(lambda: True).tree()) == ({"f": A + B}, {"f": b""})
