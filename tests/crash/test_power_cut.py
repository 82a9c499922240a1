"""A power cut, and a kill, at every step that a log, its care and its recovery make to the disk."""

import pytest

from store import StoreError

from crashes import crashes, put
from judge import judge

POLICIES = ["always", "group", "interval:1", "never"]


def survives(disk, place):
    """The property: whatever a crash leaves, promises are kept."""
    found = list(crashes(disk.entries()))
    for crash in found:
        put(crash.tree, place)
        try:
            judge(place, crash.said, powerless=crash.powerless)
        except (AssertionError, StoreError, OSError) as error:
            raise AssertionError(f"{crash.what}, said {crash.said[-3:]}: {error}") from error
    return len(found)


@pytest.mark.slow
@pytest.mark.parametrize("policy", POLICIES)
def test_a_power_cut_anywhere_takes_nothing_that_the_policy_keeps(recording_disk, left, policy):
    with recording_disk() as disk:
        disk.run("twice", policy)
        assert survives(disk, left) > 200


@pytest.mark.slow
@pytest.mark.parametrize("work", ["back_up", "retire", "photograph", "bring_in", "mend", "erase"])
def test_a_power_cut_anywhere_in_the_care_of_a_log_takes_nothing(recording_disk, left, work):
    with recording_disk() as disk:
        disk.run(work, "group")
        assert survives(disk, left) > 100


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["group", "never"])
def test_a_power_cut_anywhere_in_a_recovery_takes_nothing(recording_disk, left, policy):
    with recording_disk() as disk:
        disk.run("abandon", policy)
        disk.run("reopen", policy)
        assert survives(disk, left) > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("work", "wrong"),
    [
        ("fill", "no fdatasync"),
        ("fill", "no directory sync"),
        ("back_up", "no fsync"),
        ("retire", "no directory sync"),
        ("photograph", "no sync of what replaces a file"),
    ],
)
def test_the_suite_catches_a_log_that_promises_with(recording_disk, left, work, wrong):
    with recording_disk() as disk:
        disk.run(work, "group", wrong)
        with pytest.raises(AssertionError):
            survives(disk, left)
