"""The benchmarks: that they measure what they say, and that a run can be kept, compared and shown."""

from __future__ import annotations

import gc
import json
import sys
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pytest
import trio

from benchmarks import command
from benchmarks.halls import commands, mcp_peers
from benchmarks.halls.raw_http import HttpEndpoint
from benchmarks.halls.requests import UnexpectedAnswer
from benchmarks.halls.shared_approval import sharing
from benchmarks.logs import workload
from benchmarks.logs.appends import Load, appends, work_of
from benchmarks.logs.filling import fill
from benchmarks.logs.stores import DISK, OURS, SQLITE, TO_INSTALL, Subject
from benchmarks.logs.worker import absent, crew, working
from benchmarks.measuring import comparison, table
from benchmarks.measuring.directories import bench_directory
from benchmarks.measuring.figure import US, Conditions, Figure, Machine, Record, RecordError, line, load, save
from benchmarks.measuring.machine import conditions, filesystem, write_and_sync
from benchmarks.measuring.processes import ChildFailed, child, said_by
from benchmarks.measuring.resident import anonymous_bytes, resident_bytes
from benchmarks.measuring.runner import Bench, Work, contest, mean, p50, p99, p999
from benchmarks.peers import shell_judges
from benchmarks.peers.installed import installed
from benchmarks.suites import growth, kernel, registry, speed_layer, store
from store import MemoryLog, NewEvent
from transport.cli.failure import CommandFailed, Exit

ROOT = Path(__file__).resolve().parents[2]

CONDITIONS = Conditions(
    machine=Machine(
        cpus=2,
        model="A Processor",
        python="CPython 3.11.7",
        kernel="Linux 6",
        filesystem="ext4",
        write_fdatasync_us=160.0,
    ),
    version="0.1.0",
    revision="abc",
)


def figure(value=10.0, *, subject=US, better="lower", spread=None, work="ask", suite="kernel", durability=None):
    return Figure(
        suite=suite,
        work=work,
        subject=subject,
        value=value,
        unit="us" if better == "lower" else "events/s",
        better=better,
        durability=durability,
        spread=spread or (value - 1, value + 1),
        runs=5,
    )


@pytest.fixture
def notes():
    return []


@pytest.fixture
def small(tmp_path, notes):
    # Each subject's turn begins with a full collection, which would take longer here than its work.
    gc.freeze()
    yield Bench(directory=tmp_path, peers=True, note=notes.append, rounds=1, share=0.01)
    gc.unfreeze()


class Clockwork:
    """A subject whose rounds return what they are told, and that notes when its turn is."""

    def __init__(self, name, turns, rounds):
        self.name = name
        self.turns = turns
        self.rounds = iter(rounds)

    def __call__(self):
        self.turns.append(self.name)
        return next(self.rounds)


WORK = Work(suite="kernel", name="ask", unit="us")


# The runner


def test_a_figure_is_the_median_of_the_rounds_after_the_first(small):
    bench = msgspec.structs.replace(small, rounds=3)
    (measured,) = contest(bench, [WORK], {US: Clockwork(US, [], [[1000.0], [5.0], [1.0], [3.0]])})
    assert (measured.value, measured.spread, measured.runs) == (3.0, (1.0, 5.0), 3)


def test_where_there_is_nothing_to_warm_the_first_round_counts(small):
    (measured,) = contest(small, [WORK], {US: Clockwork(US, [], [[7.0]])}, warm=False)
    assert (measured.value, measured.runs) == (7.0, 1)


def test_no_more_rounds_count_than_the_bench_has(small):
    turns = []
    list(contest(small, [WORK], {US: Clockwork(US, turns, [[1.0]] * 9)}, rounds=5))
    assert len(turns) == 2


def test_subjects_take_turns_and_none_is_always_first(small):
    turns = []
    subjects = {name: Clockwork(name, turns, [[1.0]] * 3) for name in ("a", "b")}
    list(contest(msgspec.structs.replace(small, rounds=2), [WORK], subjects))
    assert turns == ["a", "b", "b", "a", "a", "b"]


def test_one_round_of_observations_gives_a_figure_for_each_work(small):
    works = [msgspec.structs.replace(WORK, name=of.__name__, of=of) for of in (mean, p50, p99, p999)]
    figures = contest(small, works, {US: Clockwork(US, [], [[0.0], [1.0] * 98 + [2.0, 99.0]])})
    assert [(each.work, each.value) for each in figures] == [
        ("mean", 1.99), ("p50", 1.0), ("p99", 2.0), ("p999", 99.0),
    ]  # fmt: skip


def test_a_batch_counts_its_events_and_a_single_append_its_latency():
    assert work_of("store", Load(100, 200, "never")).of([50.0, 150.0]) == 1_000_000
    assert work_of("store", Load(1, 3, "never")).of([1.0, 2.0, 9.0]) == 2.0


# What other programs read


def test_a_line_has_the_fields_of_the_contract():
    assert set(json.loads(line(figure()))) == {
        "suite", "work", "subject", "value", "unit", "better", "durability", "spread", "runs",
    }  # fmt: skip
    assert set(json.loads(line(CONDITIONS))) == {"machine", "version", "revision"}


def test_a_saved_run_is_read_back(tmp_path):
    record = Record(conditions=CONDITIONS, figures=[figure(), figure(2.0, subject="pykka")])
    save(record, tmp_path / "run.json")
    assert load(tmp_path / "run.json") == record


@pytest.mark.parametrize("content", [b"", b"{}", b'{"conditions": 1, "figures": []}'])
def test_a_file_that_is_no_run_is_refused_by_name(tmp_path, content):
    path = tmp_path / "run.json"
    path.write_bytes(content)
    with pytest.raises(RecordError, match=r"run\.json.*--save"):
        load(path)


# Comparing


@pytest.mark.parametrize(
    ("saved", "now", "worse"),
    [
        (figure(10.0), figure(10.0), False),
        (figure(10.0), figure(11.9), False),
        (figure(10.0), figure(12.1), True),
        (figure(10.0), figure(5.0), False),
        (figure(10.0, spread=(9.0, 30.0)), figure(20.0), False),
        (figure(10.0, better="higher"), figure(20.0, better="higher"), False),
        (figure(10.0, better="higher"), figure(7.9, better="higher"), True),
    ],
)
def test_a_figure_is_worse_when_it_lost_more_than_half_of_both_spreads(saved, now, worse):
    assert comparison.is_worse(saved, now) is worse
    assert bool(comparison.regressions([saved], [now])) is worse


def test_only_our_own_figures_are_judged_and_a_peer_that_moved_too_is_told():
    saved = [figure(10.0), figure(10.0, subject="pykka")]
    now = [figure(30.0), figure(20.0, subject="pykka")]
    (regression,) = comparison.regressions(saved, now)
    assert str(regression) == "kernel: ask: 30 us, was 10 (3.00x worse; pykka 2.00x)"
    assert comparison.in_common(saved, now) == 1


def test_figures_of_another_durability_are_not_compared():
    saved, now = [figure(10.0, durability="never")], [figure(99.0, durability="always")]
    assert comparison.regressions(saved, now) == []
    assert comparison.in_common(saved, now) == 0


# Tables


def test_the_better_one_is_bold_even_when_it_is_the_peer():
    text = table.markdown(Record(conditions=CONDITIONS, figures=[figure(20.0), figure(10.0, subject="pykka")]))
    assert "| ask |  | 20.0 us | pykka **10.0 us**, 2x better |" in text


@pytest.mark.parametrize(
    ("ours", "theirs", "better", "said"),
    [
        (20.0, 10.0, "lower", "2x better"),
        (10.0, 20.0, "lower", "2x worse"),
        (20.0, 10.0, "higher", "2x worse"),
        (10.0, 10.01, "lower", "the same"),
        (0.0, 10.0, "lower", ""),
    ],
)
def test_a_peer_is_said_to_be_better_or_worse_than_we_are(ours, theirs, better, said):
    assert table.against(figure(ours, better=better), figure(theirs, better=better, subject="pykka")) == said


def test_a_row_names_its_durability_and_how_many_times_better_we_are():
    ours = figure(500_000.0, better="higher", suite="store", work="append", durability="never")
    theirs = figure(40_000.0, better="higher", suite="store", work="append", durability="never", subject="sqlite3")
    text = table.markdown(Record(conditions=CONDITIONS, figures=[ours, theirs]))
    assert "| append | no fsync | **500,000 events/s** | sqlite3 40,000 events/s, 12.5x worse |" in text
    assert text.startswith("Moothall 0.1.0 on 2 CPUs (A Processor)")


def test_work_that_only_a_peer_does_has_a_row_too():
    text = table.markdown(Record(conditions=CONDITIONS, figures=[figure(4.0, subject="trio")]))
    assert "| ask |  |  | trio 4 us |" in text


def test_the_same_work_of_two_durabilities_has_two_rows():
    rows = table.rows(
        [figure(durability="always"), figure(durability="never"), figure(durability="always", subject="x")]
    )
    assert [(row.ours.durability, len(row.peers)) for row in rows] == [("always", 1), ("never", 0)]


def test_only_what_is_between_the_markers_is_replaced_and_twice_changes_nothing():
    before = f"head\n{table.BEGIN}\nold\n{table.END}\ntail\n"
    once = table.inserted(before, "new")
    assert once == f"head\n{table.BEGIN}\nnew\n{table.END}\ntail\n"
    assert table.inserted(once, "new") == once


@pytest.mark.parametrize("text", ["", table.BEGIN, f"{table.END}{table.BEGIN}"])
def test_a_text_without_both_markers_in_order_is_refused(text):
    with pytest.raises(table.MarkersMissing):
        table.inserted(text, "new")


def test_the_readmes_table_is_made_of_the_saved_run():
    readme, saved = (ROOT / "README.md").read_text(), ROOT / "docs" / "bench.json"
    shown = readme.partition(table.BEGIN)[2].partition(table.END)[0].strip()
    assert shown == (table.markdown(load(saved)) if saved.exists() else "")


def test_rewriting_a_file_keeps_the_rest_of_it(tmp_path):
    record = Record(conditions=CONDITIONS, figures=[figure()])
    save(record, tmp_path / "run.json")
    readme = tmp_path / "README.md"
    readme.write_text(f"# Head\n\n{table.BEGIN}\n{table.END}\n\ntail\n")
    table.main(tmp_path / "run.json", readme)
    assert readme.read_text() == f"# Head\n\n{table.BEGIN}\n{table.markdown(record)}\n{table.END}\n\ntail\n"


# Where it is measured


def test_the_machine_and_its_disk_are_told(tmp_path):
    measured_on = conditions(tmp_path)
    assert measured_on.machine.cpus >= 1
    assert measured_on.machine.write_fdatasync_us > 0
    assert measured_on.machine.filesystem == filesystem(tmp_path)
    assert all([measured_on.version, measured_on.machine.model, measured_on.machine.python, measured_on.machine.kernel])
    assert list(tmp_path.iterdir()) == []


def test_a_run_has_a_directory_of_its_own_where_tmpdir_says_and_leaves_nothing(tmp_path, monkeypatch, notes):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with bench_directory(notes.append) as directory:
        (directory / "log").mkdir()
        assert directory.parent == tmp_path
        assert str(directory) in notes[0]
        assert f"({filesystem(tmp_path)})" in notes[0]
    assert list(tmp_path.iterdir()) == []


def test_a_file_system_in_memory_is_said_aloud(tmp_path, monkeypatch, notes):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("benchmarks.measuring.directories.filesystem", lambda _: "tmpfs")
    with bench_directory(notes.append):
        assert "set TMPDIR" in notes[-1]


def test_without_tmpdir_a_disk_is_chosen_over_memory(monkeypatch, notes):
    monkeypatch.delenv("TMPDIR", raising=False)
    kinds = {ROOT.parent: "tmpfs", ROOT: "ext4"}
    monkeypatch.setattr("benchmarks.measuring.directories.filesystem", lambda path: kinds.get(path, "ext4"))
    with bench_directory(notes.append) as directory:
        assert directory.parent == ROOT


def test_file_systems_are_told_apart():
    assert filesystem(Path("/proc/self")) == "proc"
    assert filesystem(ROOT) not in {"proc", "unknown"}


def test_the_bare_disk_is_measured_once_a_write_and_leaves_no_file(tmp_path):
    assert len(write_and_sync(tmp_path / "probe", b"x", 3)) == 3
    assert list(tmp_path.iterdir()) == []


# Peers


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
    log = MemoryLog()
    log.append(workload.events(1_000), agent="agent-1")
    sizes = [len(msgspec.msgpack.encode(event)) for event in log.read()]
    assert 180 < mean(sizes) < 220


def test_no_two_fresh_calls_are_the_same_and_a_mixed_stream_repeats_itself():
    fresh = [*commands.fresh_calls(500), *commands.fresh_calls(500, start=500)]
    assert len({(call.input["command"], call.cwd) for call in fresh}) == 1_000
    mixed = commands.mixed_calls(500)
    assert mixed == commands.mixed_calls(500)
    assert len({call.input["command"] for call in mixed}) < 250


# The suites, at a hundredth of their size


def subjects_of(figures):
    found = {}
    for each in figures:
        low, high = each.spread
        assert low <= each.value <= high
        assert each.runs >= 1
        found.setdefault((each.work, each.durability), set()).add(each.subject)
    return found


def test_appends_are_measured_beside_sqlite_and_durable_ones_beside_the_bare_disk(small):
    with crew(small, [OURS, SQLITE, DISK]) as workers:
        assert subjects_of(appends(small, "store", workers, Load(100, 10_000, "never"))) == {
            ("append, batches of 100", "never"): {US, "sqlite3"}
        }
        assert subjects_of(appends(small, "store", workers, Load(1, 1_000, "always", streams=1))) == {
            ("append 1 event, one stream", "always"): {US, "sqlite3", "write+fdatasync"}
        }


@pytest.mark.slow
def test_the_store_suite_measures_every_store_at_all_that_is_promised(small):
    found = subjects_of(store.suite(msgspec.structs.replace(small, share=0.001)))
    stores = {US, "sqlite3", *(subject.name for subject in TO_INSTALL)}
    for size in ("append 1 event", *(f"append, batches of {size}" for size in ("100", "1,000", "10,000"))):
        for work in (size, f"{size}, one stream"):
            assert found[work, "always"] == {*stores, "write+fdatasync"}
            assert found[work, "never"] == stores
    assert found["256 writers of 1 event", "group"] == {US, "sqlite3", "write+fdatasync"}
    stall = "one append of 100, while 1,000 events are appended"
    assert found[f"{stall}, p99.9", "always"] == {US, "write+fdatasync"}
    for work, durability in (
        ("one append of 100, while 900 events are appended, longest", "never"),
        ("memory added by 900 events, resident", "never"),
        ("open a new log", "group"),
        ("open 1,000 events after a crash", "group"),
        ("open 1,000 events after a clean stop", "group"),
        ("the last 100 of a rare type, of 1,000 events", None),
        ("a stream from revision 0, of 1,000 events", None),
        ("replay 1,000 events, decoded", None),
    ):
        assert found[work, durability] == stores
    assert list(small.directory.glob("round-*")) == []


@pytest.mark.slow
def test_without_peers_the_store_suite_keeps_to_what_needs_nothing_installed(small):
    found = subjects_of(store.suite(msgspec.structs.replace(small, peers=False, share=0.001)))
    assert set().union(*found.values()) == {US, "sqlite3", "write+fdatasync"}


@pytest.mark.slow
def test_the_growth_suite_measures_logs_of_each_size_and_its_chart_shows_every_figure(small, tmp_path):
    chart = pytest.importorskip("benchmarks.suites.growth_chart")
    sizes = [10, 100, 1_000, 10_000]
    figures = list(growth.suite(msgspec.structs.replace(small, share=0.001)))
    for panel in chart.PANELS:
        for what in panel.works:
            assert [size for size, _ in chart.points(figures, what, US)] == sizes
            assert [size for size, _ in chart.points(figures, what, "sqlite3")] == sizes[:3]
    shown = [
        chart.points(figures, what, who) for panel in chart.PANELS for what in panel.works for who in (US, "sqlite3")
    ]
    assert sum(map(len, shown)) == len(figures)
    chart.draw(figures, tmp_path / "growth.png")
    assert (tmp_path / "growth.png").read_bytes().startswith(b"\x89PNG")


def test_all_leaves_out_what_stands_apart(small, monkeypatch):
    asked = []
    monkeypatch.setattr(
        registry.importlib,
        "import_module",
        lambda module: SimpleNamespace(suite=lambda _: asked.append(module.removeprefix("benchmarks.suites.")) or []),
    )
    list(registry.figures("all", small))
    assert asked == ["headline", "kernel", "store", "speed_layer", "mcp", "memory"]
    list(registry.figures("growth", small))
    assert asked[-1] == "growth"


def test_the_kernel_suite_measures_an_ask_beside_pykka_and_a_bare_queue(small):
    found = subjects_of(kernel.suite(small))
    assert found["ask, one asker", None] == {US, "pykka", "asyncio queue+future", "2 trio checkpoints"}
    assert found["ask, 128 askers", None] == {US, "pykka", "asyncio queue+future"}


def test_agents_that_ask_the_same_share_one_approval_and_one_evaluation(small):
    approvals, evaluations, answers = sharing(small, "speed-layer")
    assert (approvals.value, evaluations.value, approvals.spread, evaluations.spread) == (1, 1, (1, 1), (1, 1))
    assert answers.value > 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "works"),
    [
        ("speed-layer", ["validate through the gate, cached", "validate through the gate, not cached"]),
        ("memory", ["import store, resident in all", "idle server, resident in all"]),
        ("headline", ["append 1 event, in memory", "append 1 event through the actor"]),
    ],
)
def test_a_suite_measures_us_beside_something_else(small, name, works):
    found = {work: subjects for (work, _), subjects in subjects_of(registry.figures(name, small)).items()}
    for work in works:
        assert US in found[work]
        assert len(found[work]) > 1


@pytest.mark.parametrize("kind", list(shell_judges.JUDGES))
def test_what_judges_beside_us_knows_what_it_is_told_and_lives_with_every_line(kind):
    pytest.importorskip(kind)
    lines = [str(call.input["command"]) for call in commands.corpus()]
    judge = shell_judges.JUDGES[kind](["git", "ls"])
    assert len(shell_judges.observed(judge, lines)) == len(lines)
    answers = {
        "bashlex": lambda line: bool(judge(line)),
        "cedarpy": lambda line: judge(line).allowed,
        "casbin": judge,
    }
    assert answers[kind]("git status") is True
    assert answers[kind]("(" if kind == "bashlex" else "rm -rf /") is False


def test_a_verdict_is_measured_beside_a_parse_and_what_else_judges(small):
    works = {f"verdict on a shell command, in the process, {of}" for of in ("mean", "p99")}
    alone = subjects_of(speed_layer.decide(msgspec.structs.replace(small, peers=False), "speed-layer"))
    assert alone == {(work, None): {US, speed_layer.PARSE} for work in works}
    found = subjects_of(speed_layer.decide(small, "speed-layer"))
    assert found == {(work, None): {US, speed_layer.PARSE, *speed_layer.PEERS} for work in works}


@pytest.mark.slow
def test_the_mcp_suite_measures_us_beside_the_sdk_and_a_bare_websocket(small):
    figures = registry.figures("mcp", msgspec.structs.replace(small, peers=False))
    found = {work: subjects for (work, _), subjects in subjects_of(figures).items()}
    assert found["validate, cached, over a websocket"] == {US, "trio-websocket echo"}
    assert found["health, message in to reply out"] == {US, "the mcp SDK alone"}


@pytest.mark.slow
def test_the_mcp_suite_measures_the_hall_beside_other_servers_and_their_clients(small):
    pytest.importorskip("fastmcp")
    found = {work: subjects for (work, _), subjects in subjects_of(mcp_peers.beside(small)).items()}
    peers = {"the mcp SDK over HTTP", "FastMCP over HTTP"}
    assert found == {
        "validate, cached, raw messages": {US, "trio-websocket echo", *peers},
        "validate, cached, raw messages, 32 connections at once": {US, "trio-websocket echo", *peers},
        "validate, cached, full client": {US, *peers},
        "memory for each of 10 idle connections": {US, "trio-websocket echo", *peers},
        "health beside 10 idle connections, p99": {US, "trio-websocket echo", *peers},
    }


def test_a_server_that_hangs_up_is_no_answer():
    async def served(stream):
        await stream.receive_some(65_536)
        await stream.aclose()

    async def connected():
        async with trio.open_nursery() as nursery:
            (listener,) = await nursery.start(partial(trio.serve_tcp, served, 0, host="127.0.0.1"))
            port = listener.socket.getsockname()[1]
            try:
                async with HttpEndpoint(f"http://127.0.0.1:{port}/mcp").open():
                    pass
            finally:
                nursery.cancel_scope.cancel()

    with pytest.RaisesGroup(pytest.RaisesExc(UnexpectedAnswer, match="hung up")):
        trio.run(connected)


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


def test_memory_that_no_file_backs_is_less_than_all(tmp_path):
    assert 1 << 20 < anonymous_bytes() < resident_bytes()


# Other processes


def test_a_process_that_ends_before_it_is_ready_says_why(tmp_path):
    with (
        pytest.raises(ChildFailed, match="no such thing"),
        child(["-c", "raise OSError('no such thing')"], tmp_path / "e"),
    ):
        pass


def test_a_process_that_fails_is_an_error_with_its_last_words():
    with pytest.raises(ChildFailed, match="exited with 3: gone"):
        said_by(["-c", "import sys; print('gone', file=sys.stderr); sys.exit(3)"])


def test_a_process_lives_as_long_as_its_block(tmp_path):
    code = "import time; print('ready', flush=True); time.sleep(600)"
    with child(["-c", code], tmp_path / "e") as (process, ready):
        assert ready == "ready\n"
        assert resident_bytes(process.pid) > 1 << 20
    assert process.returncode is not None


# The command


@pytest.fixture
def measured(monkeypatch, tmp_path):
    """What the suites measure, whatever the suite."""
    figures = [figure(10.0), figure(20.0, subject="pykka")]
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(command.registry, "figures", lambda _name, _bench: iter(figures))
    monkeypatch.setattr(command, "conditions", lambda _directory: CONDITIONS)
    return figures


def test_json_prints_the_machine_and_then_a_line_a_figure_and_nothing_else(measured, capsys):
    command.bench("kernel", json=True)
    lines = [json.loads(each) for each in capsys.readouterr().out.splitlines()]
    assert lines[0] == json.loads(line(CONDITIONS))
    assert [(each["subject"], each["value"]) for each in lines[1:]] == [(US, 10.0), ("pykka", 20.0)]


def test_without_json_there_is_a_table_with_both_rows(measured, capsys):
    command.bench("kernel")
    out = capsys.readouterr().out
    assert "moothall" in out
    assert "pykka" in out


def test_a_run_compared_with_itself_is_fine_and_with_a_better_one_exits_with_1(measured, tmp_path, capsys):
    saved = tmp_path / "run.json"
    command.bench("kernel", save=saved)
    command.bench("kernel", compare=saved)
    measured[0] = figure(100.0)
    with pytest.raises(CommandFailed) as failed:
        command.bench("kernel", compare=saved)
    assert failed.value.code == Exit.NO
    assert "worse: kernel: ask: 100 us, was 10 (10.00x worse; pykka 1.00x)" in capsys.readouterr().err


def test_a_comparison_with_another_suite_is_a_wrong_use(measured, tmp_path):
    saved = tmp_path / "run.json"
    save(Record(conditions=CONDITIONS, figures=[figure(suite="store")]), saved)
    with pytest.raises(CommandFailed) as failed:
        command.bench("kernel", compare=saved)
    assert failed.value.code == Exit.USAGE


def test_the_growth_suite_is_drawn_and_saved(measured, tmp_path):
    pytest.importorskip("matplotlib")
    measured[:] = [figure(10.0, work="open after a crash, of 100 events", suite="growth")]
    command.bench("growth", chart=tmp_path / "growth.png")
    assert (tmp_path / "growth.png").stat().st_size > 10_000


def test_without_matplotlib_nothing_is_measured_that_could_not_be_drawn(measured, tmp_path, monkeypatch):
    measured.clear()
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    monkeypatch.delitem(sys.modules, "benchmarks.suites.growth_chart", raising=False)
    with pytest.raises(CommandFailed, match="not installed; install moothall with its `bench` extra"):
        command.bench("growth", chart=tmp_path / "growth.png")


def test_a_run_that_could_not_be_compared_saved_or_drawn_is_not_begun(measured, tmp_path):
    measured.clear()
    for options in (
        {"compare": tmp_path / "none.json"},
        {"save": tmp_path / "none" / "run.json"},
        {"chart": tmp_path / "none" / "growth.png"},
        {"chart": tmp_path / "kernel.png"},
    ):
        with pytest.raises(CommandFailed) as failed:
            command.bench("kernel", **options)
        assert failed.value.code == Exit.USAGE
