"""How long a command is remembered: the last ones that the limit names, whatever happens to the process and the log."""

import shutil

import pytest

from store import EventLog, Limits, NewEvent, Retention, backup, repair

WINDOW = 10
LIMITS = Limits(commands=WINDOW, segment_bytes=1500, reserve_bytes=100)
COUNT = 37


def open_log(path, clock):
    return EventLog.open(path, limits=LIMITS, clock_ns=clock, sync=lambda _fd: None)


def run(log, n):
    return log.append([NewEvent(type="did", data={"n": n, "text": "x" * 50})], agent=f"a{n % 3}", command_id=f"c{n}")


def stop(path, clock, log):
    log.close()
    return open_log(path, clock)


def stop_twice(path, clock, log):
    return stop(path, clock, stop(path, clock, log))


def stop_and_lose_the_indexes(path, clock, log):
    log.close()
    for derived in (*path.glob("*.index"), path / "heads"):
        derived.unlink()
    return open_log(path, clock)


def crash(path, clock, log):
    left = path.with_name("crashed")
    shutil.copytree(path, left)
    log.close()
    return open_log(left, clock)


def retain(path, clock, log):
    assert log.retire(Retention(max_bytes=0)).segments
    return log


def retain_and_stop(path, clock, log):
    return stop(path, clock, retain(path, clock, log))


def retain_and_crash(path, clock, log):
    return crash(path, clock, retain(path, clock, log))


def restore_a_backup(path, clock, log):
    log.close()
    backup(path, path.with_name("backup"))
    return open_log(path.with_name("backup"), clock)


def repair_the_end(path, clock, log):
    log.append([NewEvent(type="lost")])
    log.close()
    last = max(path.glob("*.segment"))
    last.write_bytes(last.read_bytes()[:-1] + b"?")
    assert repair(path, max_events=1).events == 1
    return open_log(path, clock)


HAPPENINGS = [
    stop,
    stop_twice,
    stop_and_lose_the_indexes,
    crash,
    retain,
    retain_and_stop,
    retain_and_crash,
    restore_a_backup,
    repair_the_end,
]


@pytest.mark.parametrize("more", [0, 4, WINDOW, WINDOW + 1])
@pytest.mark.parametrize("happens", HAPPENINGS, ids=lambda happens: happens.__name__)
def test_the_last_commands_are_remembered_whatever_happens(tmp_path, clock, happens, more):
    log = open_log(tmp_path / "log", clock)
    first = {n: run(log, n).first_sequence for n in range(COUNT)}
    with happens(tmp_path / "log", clock, log) as log:
        for n in range(COUNT, COUNT + more):
            first[n] = run(log, n).first_sequence
        head = log.head
        for n in range(COUNT + more - WINDOW, COUNT + more):
            again = run(log, n)
            assert (again.first_sequence, again.deduplicated) == (first[n], True)
        assert log.head == head


def test_retention_lets_go_of_commands_that_are_older_than_a_day(tmp_path, clock):
    with open_log(tmp_path / "log", clock) as log:
        for n in range(COUNT):
            run(log, n)
        held = log.retire(Retention(max_bytes=0)).first_sequence
        clock.now_ns += 25 * 3600 * 1_000_000_000
        log.append([NewEvent(type="later")])
        assert log.retire(Retention(max_bytes=0)).first_sequence > held
        assert not run(log, 0).deduplicated


def test_two_commands_with_one_hash_are_two_commands(tmp_path, monkeypatch):
    monkeypatch.setattr("store.writing.command_window.key_of", lambda _agent, _command_id: 7)
    monkeypatch.setattr("store.writing.command_window.command_key", lambda _command: 7)
    with EventLog.open(tmp_path) as log:
        first = log.append([NewEvent(type="a")], agent="one", command_id="x")
        for agent, command_id in (("one", "y"), ("two", "x")):
            appended = log.append([NewEvent(type="b")], agent=agent, command_id=command_id)
            assert (appended.deduplicated, appended.first_sequence > first.first_sequence) == (False, True)
