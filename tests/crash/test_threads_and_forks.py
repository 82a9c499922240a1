"""Threads take turns; a forked process has no part in its parent's log."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from store import Append, EventLog, Invalid, Limits, LogLocked, NewEvent, StoreError, SyncFailed, verify
from store.writing.staging import Stager

SMALL = Limits(segment_bytes=4000, reserve_bytes=0)
NOTE = NewEvent(type="note")


@pytest.fixture
def switching_often():
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("switching_often")
def test_threads_append_and_read_at_the_same_time(tmp_path):
    writers, each = 3, 120
    with EventLog.open(tmp_path, "never", limits=SMALL) as log:
        writing = threading.Event()
        writing.set()

        def write(writer):
            for n in range(each):
                stream = f"s{writer}-{n % 7}"
                appends = [
                    Append(events=[NewEvent(type=f"t{n}", data={"n": n})] * 2, agent=f"a{writer}", stream=stream)
                ]
                (appended,) = log.commit(appends * (1 + n % 2))[-1:]
                assert not isinstance(appended, StoreError)

        def read():
            while writing.is_set():
                head = log.head
                assert [event.sequence for event in log.read()][:head] == [*range(1, head + 1)]
                found = log.query(stream="s1-3", limit=1000).events
                assert [event.revision for event in found] == [*range(1, len(found) + 1)]

        with ThreadPoolExecutor(5) as threads:
            reading = [threads.submit(read) for _ in range(2)]
            try:
                for done in [threads.submit(write, writer) for writer in range(writers)]:
                    done.result(60)
            finally:
                writing.clear()
            for done in reading:
                done.result(60)
        assert log.head == writers * each * 3
    assert verify(tmp_path).problems == []


def in_a_child(work):
    """Do work in a forked process, and return what it returns, as JSON has it."""
    receive, send = os.pipe()
    pid = os.fork()
    if pid == 0:
        with contextlib.suppress(BaseException):
            os.write(send, json.dumps(work()).encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive, "rb") as pipe:
        answer = pipe.read()
    os.waitpid(pid, 0)
    return json.loads(answer)


def refusal(work):
    """Return what a log answers with: the error's name, and who holds the log."""
    try:
        work()
    except LogLocked as error:
        return [str(error), error.pid]
    return None


def test_a_forked_process_is_refused_whatever_it_asks_and_the_parent_goes_on(tmp_path):
    log = EventLog.open(tmp_path)
    log.append([NOTE])
    asks = (
        lambda: log.append([NOTE]),
        log.query,
        lambda: list(log.read()),
        log.sync,
        log.step,
        lambda: log.steps.stage([]),
    )
    for answer, pid in in_a_child(lambda: [refusal(ask) for ask in asks]):
        assert pid == os.getpid()
        assert "before this process was forked" in answer
    in_a_child(log.close)
    assert not (tmp_path / "clean").exists(), "the child left the note of a clean stop"
    assert log.append([NOTE]).first_sequence == 2
    log.close()
    with EventLog.open(tmp_path) as again:
        assert len(list(again.read())) == 2


def test_a_fork_in_the_middle_of_another_threads_commit_does_not_hang_the_child(tmp_path):
    syncing, go_on = threading.Event(), threading.Event()

    def sync(fd):
        syncing.set()
        go_on.wait(60)

    log = EventLog.open(tmp_path, sync=sync)
    with ThreadPoolExecutor(1) as threads:
        appending = threads.submit(log.append, [NOTE])
        assert syncing.wait(60)
        assert in_a_child(lambda: [refusal(lambda: log.append([NOTE])) is not None, log.close()]) == [True, None]
        go_on.set()
        assert appending.result(60).first_sequence == 1
    log.close()


def test_the_directory_is_free_once_the_parent_has_gone_though_its_child_lives(tmp_path):
    program = """
import os, sys, time
from store import EventLog
log = EventLog.open(sys.argv[1])
pid = os.fork()
if pid == 0:
    os.close(1)
    time.sleep(60)
print(pid, flush=True)
os._exit(0)
"""
    done = subprocess.run([sys.executable, "-c", program, tmp_path], stdout=subprocess.PIPE, timeout=60, check=True)
    child = int(done.stdout)
    try:
        EventLog.open(tmp_path).close()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_group_that_does_not_follow_what_is_written_is_refused_before_a_byte_is(tmp_path):
    with EventLog.open(tmp_path, limits=SMALL) as log:
        log.append([NOTE])
        (segment,) = tmp_path.glob("*.segment")
        before = segment.read_bytes()
        first, second = (log.steps.stage([Append(events=[NOTE], agent="a")]) for _ in range(2))
        with pytest.raises(Invalid, match="event 3 does not follow event 1"):
            log.steps.flush(second)
        assert segment.read_bytes() == before
        with pytest.raises(Invalid, match="not settled yet"):
            log.append([NOTE])
        for group in (first, second):
            log.steps.flush(group)
        with pytest.raises(Invalid, match="behind those that were staged before it"):
            log.steps.settle(second)
        for group in (first, second):
            log.steps.settle(group)
        assert [event.sequence for event in log.read()] == [1, 2, 3]


def test_an_append_in_a_signal_handler_that_meets_another_one_is_refused_and_the_other_one_stored(tmp_path):
    answers = []

    def sync(_fd):
        try:
            answers.append(log.append([NOTE]))
        except Invalid as error:
            answers.append(str(error))

    log = EventLog.open(tmp_path, sync=sync)
    assert log.append([NOTE]).first_sequence == 1
    (answer,) = answers
    assert "under way in this thread" in answer
    assert log.head == 1
    log.close()


def test_a_group_that_ctrl_c_meets_before_it_is_written_is_taken_back_and_the_log_goes_on(tmp_path, monkeypatch):
    def interrupt(*_args):
        raise KeyboardInterrupt

    with EventLog.open(tmp_path) as log:
        with monkeypatch.context() as patch:
            patch.setattr("store.writing.writer.Writer.put", interrupt)
            with pytest.raises(KeyboardInterrupt):
                log.append([NOTE], stream="new", command_id="c")
        assert log.stream_revision("new") == 0
        assert log.append([NOTE], stream="new", command_id="c").first_sequence == 1


def test_a_log_whose_taking_back_is_interrupted_too_does_no_more_work_and_opens_again(tmp_path, monkeypatch):
    log = EventLog.open(tmp_path)
    log.append([NOTE])

    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("store.writing.writer.Writer.put", interrupt)
        patch.setattr(Stager, "take_back", interrupt)
        with pytest.raises(KeyboardInterrupt):
            log.append([NOTE])
    with pytest.raises(Invalid, match="was interrupted: nothing was stored"):
        log.append([NOTE])
    log.close()
    assert not (tmp_path / "clean").exists()
    with EventLog.open(tmp_path) as again:
        assert [event.sequence for event in again.read()] == [1]


@pytest.mark.parametrize("fsync", ["always", "never"])
def test_ctrl_c_itself_comes_through_a_write_that_it_ends(tmp_path, monkeypatch, fsync):
    def interrupted(*_given):
        raise KeyboardInterrupt

    log = EventLog.open(tmp_path, fsync, sync=os.fsync if fsync == "never" else interrupted)
    if fsync == "never":
        log.append([NOTE])
    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("os.pwritev" if fsync == "never" else "os.fsync", interrupted)
        log.append([NOTE])
    with pytest.raises(SyncFailed, match=r"KeyboardInterrupt.*unknown: start again"):
        log.append([NOTE])
    log.close()
