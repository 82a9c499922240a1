"""A log that was restored or copied has another epoch, and whoever follows it notices."""

import shutil

import pytest

from store import Cursor, EpochChanged, EventLog, Limits, NewEvent, Subscriptions, backup, restore

SMALL = Limits(segment_bytes=900, reserve_bytes=0)


def opened(path, **options):
    return EventLog.open(path, limits=SMALL, **options)


def fill(log, kind, count):
    for n in range(count):
        log.append([NewEvent(type=kind, data={"n": n})])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "log"


def test_a_copy_goes_on_in_an_epoch_of_its_own_and_the_original_in_the_same_one(path, tmp_path):
    with opened(path) as log:
        fill(log, "t", 10)
        epoch = log.epoch
    shutil.copytree(path, tmp_path / "copy")
    path.rename(tmp_path / "moved")
    with opened(tmp_path / "copy") as copy:
        assert copy.epoch != epoch
        assert len(list(copy.read())) == 10
    with opened(tmp_path / "moved") as moved:
        assert moved.epoch == epoch


def test_a_backup_that_is_restored_has_another_epoch(path, tmp_path):
    with opened(path) as log:
        fill(log, "t", 10)
        epoch = log.epoch
        backup(path, tmp_path / "backup")
    restore(tmp_path / "backup", path)
    with opened(path) as log:
        assert log.epoch != epoch
        assert log.epoch_end(epoch) <= 10
        assert log.epoch_end("0" * 16) == 0


def test_a_cursor_of_another_epoch_is_told_and_stays(path, tmp_path):
    with opened(path) as log:
        fill(log, "t", 10)
        cursor = Cursor(log)
        cursor.read(limit=5)
        kept = cursor.position, cursor.epoch
        backup(path, tmp_path / "backup")
    with opened(path) as log:
        assert len(Cursor(log, after=kept[0], epoch=kept[1]).read()) == 5
    restore(tmp_path / "backup", path)
    with opened(path) as log:
        again = Cursor(log, after=kept[0], epoch=kept[1])
        with pytest.raises(EpochChanged, match=f"{kept[1]} when it was read") as caught:
            again.read()
        assert caught.value.epoch == log.epoch
        assert again.position == 5
        assert len(Cursor(log, after=kept[0]).read()) == 5


def test_a_cursor_over_a_log_that_another_process_writes_is_told_when_that_was_restored(path, tmp_path):
    with opened(path) as log:
        fill(log, "t", 4)
        backup(path, tmp_path / "backup")
        fill(log, "lost", 4)
    with opened(path, read_only=True) as reader:
        cursor = Cursor(reader)
        assert len(cursor.read()) == 8
        restore(tmp_path / "backup", path)
        with opened(path) as log:
            fill(log, "new", 6)
        with pytest.raises(EpochChanged):
            cursor.read()


def test_a_subscription_goes_back_to_where_a_restored_log_is_the_one_that_it_followed(path, tmp_path):
    """Its checkpoint is about events that the log has lost; those in their place must not be passed over."""
    with opened(path) as log:
        fill(log, "t", 10)
        backup(path, tmp_path / "backup")
        fill(log, "lost", 10)
        mailer = Subscriptions(log, tmp_path / "subscriptions").open("mailer")
        assert len(mailer.cursor.read()) == 20
        mailer.checkpoint()
    restore(tmp_path / "backup", path)
    with opened(path) as log:
        fill(log, "new", 15)
        again = Subscriptions(log, tmp_path / "subscriptions").open("mailer")
        assert [event.type for event in again.cursor.read()].count("new") == 15
