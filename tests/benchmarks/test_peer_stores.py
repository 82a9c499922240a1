"""The stores that are measured beside each other keep the same events, and as durably as told."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks.logs import our_log, workload
from benchmarks.logs.filling import fill
from benchmarks.logs.stores import OURS, OURS_PURE, SQLITE, SQLITE_UNINDEXED, TO_INSTALL, UMADB, Subject
from benchmarks.logs.worker import absent, crew, settings_of, working
from benchmarks.measuring.figure import US
from benchmarks.measuring.processes import ChildFailed, said_by
from benchmarks.measuring.runner import mean
from benchmarks.peers.installed import installed
from store import MemoryLog, NewEvent


def test_a_peer_that_is_not_installed_is_a_note_and_not_a_crash(small, notes):
    assert installed(small, "nobody", "benchmarks.peers.nobody") == {}
    assert notes[0].startswith("nobody: not measured, benchmarks.peers.nobody is not installed")


def test_a_peer_that_is_not_wanted_is_not_measured_and_that_is_said(small, notes):
    alone = msgspec.structs.replace(small, peers=False)
    assert installed(alone, "pykka", "benchmarks.peers.pykka_actors") == {}
    assert notes == ["pykka: not measured; `--peers` measures it"]


@pytest.fixture(params=[OURS, SQLITE, *TO_INSTALL], ids=lambda subject: subject.name)
def open_store(request):
    """Opens the log of a store that is measured."""
    return pytest.importorskip(request.param.module).open_store


def test_every_store_keeps_the_very_events_that_our_log_in_memory_keeps(open_store, tmp_path):
    ours = MemoryLog(clock_ns=lambda: 0)
    with open_store(tmp_path, "never") as theirs:
        for batch in workload.batches(2_000, 100):
            ours.append(batch, agent="a")
            theirs.append(batch, agent="a")
        stream = max(ours.read(), key=lambda event: event.revision).stream
        kinds = [
            (list(ours.read()), list(theirs.read())),
            (ours.query(types=("task.1",), order="desc", limit=5).events, theirs.last_of_type("task.1", 5)),
            (ours.query(stream=stream).events, theirs.of_stream(stream, 0, 100)),
            (ours.query(stream=stream).events[1:2], theirs.of_stream(stream, 1, 1)),
        ]
    for mine, other in kinds:
        assert mine
        assert mine == [msgspec.structs.replace(event, time_ns=0) for event in other]


def test_no_store_finds_what_it_does_not_hold(open_store, tmp_path):
    with open_store(tmp_path, "never") as log:
        for stream in ("task/1", "task/10", "task/2"):
            log.append([NewEvent(type=stream.replace("/", "."), stream=stream)], agent="a")
        assert [event.stream for event in log.of_stream("task/1", 0, 100)] == ["task/1"]
        assert [event.type for event in log.last_of_type("task.1", 100)] == ["task.1"]
        assert list(log.of_stream("task/0", 0, 100)) == list(log.last_of_type("task.0", 100)) == []


@pytest.mark.parametrize("policy", ["never", "always"])
def test_every_store_goes_on_where_it_was_closed(open_store, tmp_path, policy):
    for _ in range(3):
        with open_store(tmp_path, policy) as log:
            log.append([NewEvent(type="note", stream=stream) for stream in ("a", "b", "a")], agent="a")
    with open_store(tmp_path, policy) as log:
        assert log.head == 9
        assert [event.sequence for event in log.read()] == list(range(1, 10))
        assert [event.revision for event in log.of_stream("a", 0, 100)] == [1, 2, 3, 4, 5, 6]
        assert [event.revision for event in log.of_stream("b", 1, 100)] == [2, 3]


def test_an_event_that_names_no_stream_goes_to_its_agents_own_in_every_store(open_store, tmp_path):
    with open_store(tmp_path, "never") as log:
        for agent in ("a", "b", "a"):
            log.append([NewEvent(type="note")], agent=agent)
        assert [(event.revision, event.agent) for event in log.of_stream("agent/a", 0, 9)] == [(1, "a"), (2, "a")]


@pytest.mark.parametrize("subject", [OURS, SQLITE, SQLITE_UNINDEXED], ids=lambda subject: subject.name)
def test_a_log_in_memory_leaves_no_file(subject, tmp_path):
    with pytest.importorskip(subject.module).open_store(tmp_path, "memory") as log:
        log.append([NewEvent(type="note")], agent="a")
        assert log.head == 1
    assert list(tmp_path.iterdir()) == []


def test_sqlite_has_our_indexes_or_none_as_its_name_says(tmp_path):
    found = []
    for subject in (SQLITE, SQLITE_UNINDEXED):
        with pytest.importorskip(subject.module).open_store(tmp_path, "memory") as log:
            rows = log._connection.execute("SELECT name FROM sqlite_master WHERE type = 'index' ORDER BY name")
            found.append([name for (name,) in rows])
    assert found == [["by_agent", "by_correlation", "by_stream", "by_type"], []]


def test_a_log_without_our_native_part_is_measured_in_a_process_that_has_none(small):
    code = "from store.writing.native_framer import native_framer; print(native_framer(None, None) is None)"
    assert said_by(["-c", code], settings=settings_of(OURS_PURE)) == "True\n"
    assert settings_of(OURS) == {}
    with working(small, OURS_PURE) as worker:
        worker.ask("open", str(small.directory / "log"), "never")
        assert len(worker.ask("fill", 30, 10, 5)) == 3


def test_a_server_takes_the_events_of_many_threads_and_ends_with_its_log(small):
    pytest.importorskip(UMADB.module)
    with working(small, UMADB) as worker:
        (rate,) = worker.ask("crowd", str(small.directory), 4, 3)
    assert rate > 0


def test_a_server_lives_with_looking_up_where_thousands_of_streams_have_come_to(tmp_path):
    open_store = pytest.importorskip(UMADB.module).open_store
    events = [NewEvent(type="note", stream=f"task/{number}") for number in range(2_500)]
    for _ in range(2):
        with open_store(tmp_path, "group") as log:
            log.append(events, agent="a")
    with open_store(tmp_path, "group") as log:
        assert [event.revision for event in log.of_stream("task/2499", 0, 9)] == [1, 2]


@pytest.mark.parametrize("policy", ["never", "always"])
def test_sqlite_and_eventsourcing_sync_as_told(tmp_path, policy):
    wanted = {"never": 0, "always": 2}[policy]
    with pytest.importorskip(SQLITE.module).open_store(tmp_path, policy) as log:
        assert log._connection.execute("PRAGMA synchronous").fetchone()[0] == wanted
    peer = pytest.importorskip("benchmarks.peers.eventsourcing_log")
    (tmp_path / "peer").mkdir()
    with peer.open_store(tmp_path / "peer", policy) as log, log._recorder.datastore.transaction(commit=True) as cursor:
        cursor.execute("PRAGMA synchronous")
        assert cursor.fetchone()[0] == wanted


def test_a_store_that_is_not_installed_has_a_row_that_says_so_and_no_process(small, notes, tmp_path):
    nobody = Subject("nobody", "benchmarks.peers.nobody")
    with crew(small, [OURS, nobody]) as workers:
        assert list(workers) == [US]
        (row,) = absent("store", [OURS, nobody], workers)
    assert (row.subject, row.runs) == ("nobody", 0)
    assert "not installed" in row.work
    assert notes == [
        "nobody: not measured, benchmarks.peers.nobody is not installed; install moothall with its `bench` extra"
    ]


def test_a_process_that_measures_and_fails_says_why(small):
    with working(small, OURS) as worker, pytest.raises(ChildFailed, match="open comes first"):
        worker.ask("head")


def test_the_workload_is_the_same_every_time_and_has_events_of_200_bytes():
    assert workload.events(50) == workload.events(50)
    assert [event for batch in workload.batches(50, 7) for event in batch] == workload.events(50)
    log = MemoryLog()
    log.append(workload.events(1_000), agent="agent-1")
    sizes = [len(msgspec.msgpack.encode(event)) for event in log.read()]
    assert 180 < mean(sizes) < 220


def test_one_event_in_a_thousand_is_rare_and_each_is_made_when_its_batch_is_asked_for():
    rare = [event.data["n"] for event in workload.events(3_000) if event.type == workload.RARE]
    assert rare == [0, 1_000, 2_000]
    endless = workload.batches(10**12, 2)
    assert [len(next(endless)) for _ in range(3)] == [2, 2, 2]


@pytest.mark.parametrize(
    ("streams", "begun"), [(1_500, 1_500), (1, 1), (workload.DEFAULT_STREAM, 8), (workload.NEW_STREAMS, 0)]
)
def test_measured_appends_find_their_streams_begun_but_for_those_that_begin_one(streams, begun):
    log = MemoryLog()
    for agent, batch in workload.beginnings(streams):
        log.append(batch, agent=agent)
    assert log.head == begun
    found = set()
    for agent in workload.AGENTS:
        log.append(workload.events(50, streams=streams), agent=agent)
    for event in log.read():
        found.add(event.stream)
    assert len(found) == (begun or 50)


def test_a_store_that_is_filled_twice_gets_other_events(small):
    with working(small, OURS) as worker:
        worker.ask("open", str(small.directory / "log"), "never")
        for _ in range(2):
            worker.ask("fill", 20, 10, workload.NEW_STREAMS)
        worker.ask("close")
    with our_log.open_store(small.directory / "log", "never") as log:
        assert len({event.stream for event in log.read()}) == 40


def test_the_log_that_openings_and_reads_are_measured_on_holds_what_it_says_and_was_not_closed(small):
    log = small.directory / "log"
    took_us, grown_mb = fill(small, OURS, log, 2_500)
    assert (len(took_us), len(grown_mb)) == (23, 2)
    for opened in ("dirty", "clean"):
        (head,) = heads_in(small, log)
        assert head == 2_500, opened


def heads_in(bench, directory):
    with working(bench, OURS) as worker:
        worker.ask("open", str(directory), "group")
        head = worker.ask("head")
        worker.ask("close")
        return head
