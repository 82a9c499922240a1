"""The suites, at a hundredth of their size: they measure what they say, beside what they say."""

from __future__ import annotations

from functools import partial
from types import SimpleNamespace

import msgspec
import pytest
import trio

from benchmarks.halls import append_beside_polls, mcp_peers
from benchmarks.halls.raw_http import HttpEndpoint
from benchmarks.halls.requests import UnexpectedAnswer
from benchmarks.halls.shared_approval import sharing
from benchmarks.logs.appends import Load, appends
from benchmarks.logs.stores import DISK, EVENTSOURCING, OURS, OURS_PURE, SQLITE, SQLITE_UNINDEXED, UMADB
from benchmarks.logs.worker import crew
from benchmarks.logs.writers import CROWD
from benchmarks.measuring import shell_commands
from benchmarks.measuring.figure import US
from benchmarks.peers import shell_judges
from benchmarks.suites import growth, kernel, registry, speed_layer, store


def test_no_two_fresh_calls_are_the_same_and_a_mixed_stream_repeats_itself():
    fresh = [*shell_commands.fresh_calls(500), *shell_commands.fresh_calls(500, start=500)]
    assert len({(call.input["command"], call.cwd) for call in fresh}) == 1_000
    mixed = shell_commands.mixed_calls(500)
    assert mixed == shell_commands.mixed_calls(500)
    assert len({call.input["command"] for call in mixed}) < 250


def subjects_of(figures):
    found = {}
    for each in figures:
        low, high = each.spread
        assert low <= each.value <= high
        assert each.runs >= 1
        subjects = found.setdefault((each.work, each.durability), [])
        assert each.subject not in subjects, f"{each.work}: two values for {each.subject}"
        subjects.append(each.subject)
    return {row: set(subjects) for row, subjects in found.items()}


def test_appends_are_measured_beside_sqlite_and_durable_ones_beside_the_bare_disk(small):
    with crew(small, [OURS, SQLITE, DISK]) as workers:
        assert subjects_of(appends(small, "store", workers, Load(100, 10_000, "never"))) == {
            ("append, batches of 100", "never"): {US, SQLITE.name}
        }
        assert subjects_of(appends(small, "store", workers, Load(1, 1_000, "always", streams=1))) == {
            ("append 1 event, one stream", "always"): {US, SQLITE.name, "write+fdatasync"}
        }


def test_appends_beside_many_that_wait_are_measured_beside_those_that_nobody_waits_for(small):
    found = subjects_of(append_beside_polls.appends(small, "store"))
    assert list(found.values()) == [{US, append_beside_polls.NOBODY_WAITS}] * 2


SIZES = ("append 1 event", *(f"append, batches of {size}" for size in ("10", "50", "100", "500", "1,000")))
LOGS = {US, SQLITE.name, "LMDB", "RocksDB"}
APPENDING = {*LOGS, OURS_PURE.name, SQLITE_UNINDEXED.name}
TWO = ("1,000", "10,000")
READS = ("the last 100 of a rare type", "a stream from revision 0")


@pytest.mark.slow
def test_the_store_suite_measures_every_size_of_batch_and_reads_beside_every_peer(small):
    found = subjects_of(store.suite(msgspec.structs.replace(small, share=0.001)))
    for work in (*SIZES, "append 1 event, to the agent's own stream"):
        assert found[work, "never"] == APPENDING
        assert found[work, "always"] == {*APPENDING, "UmaDB", "write+fdatasync"}
    assert found["append 1 event, each to a new stream", "never"] == APPENDING
    assert found["append 1 event, in memory", None] == {US, SQLITE.name, SQLITE_UNINDEXED.name}
    for work in (f"{CROWD} writers of 1 event", "append 1 event through the actor"):
        assert found[work, "group"] == {US, SQLITE.name, "UmaDB", "write+fdatasync"}
    assert found["open a new log", "group"] == LOGS
    for work in READS:
        assert found[f"{work}, of 1,000 events", None] == {*LOGS, "UmaDB"}
    for how in ("a crash", "a clean stop"):
        assert found[f"open 1,000 events after {how}", "group"] == {US, SQLITE.name}
    assert list(small.directory.glob("round-*")) == []


@pytest.mark.slow
def test_the_full_store_suite_measures_what_takes_long_too(small):
    found = subjects_of(store.suite(msgspec.structs.replace(small, share=0.001, full=True)))
    logs = {*LOGS, EVENTSOURCING.name}
    for size in (*SIZES, "append, batches of 10,000"):
        for work in (size, f"{size}, one stream") if size in SIZES else (size,):
            assert found[work, "never"] == {*APPENDING, EVENTSOURCING.name}
    assert found["one append of 100, while 1,000 events are appended, p99.9", "always"] == {US, "write+fdatasync"}
    for work, durability in (
        ("one append of 100, while 900 events are appended, longest", "never"),
        ("memory added by 900 events, resident", "never"),
        ("open a new log", "group"),
        ("open 1,000 events after a crash", "group"),
        ("open 1,000 events after a clean stop", "group"),
    ):
        assert found[work, durability] == logs
    for work in (*READS, "replay"):
        at = {size: f"{work}, of {size} events" if work in READS else f"replay {size} events, decoded" for size in TWO}
        assert [found[at[size], None] for size in TWO] == [{*logs, "UmaDB"}, {US}]


@pytest.mark.slow
def test_without_peers_the_store_suite_keeps_to_what_needs_nothing_installed(small):
    found = subjects_of(store.suite(msgspec.structs.replace(small, peers=False, share=0.001)))
    needs_nothing = {SQLITE.name, SQLITE_UNINDEXED.name, "nobody waits", "write+fdatasync"}
    assert set().union(*found.values()) == {US, OURS_PURE.name, *needs_nothing}


def test_what_syncs_in_any_case_has_no_part_in_what_does_not(small):
    pytest.importorskip(UMADB.module)
    with crew(small, [OURS, UMADB, DISK]) as workers:
        found = subjects_of(appends(small, "store", workers, Load(10, 1_000, "never")))
    assert list(found.values()) == [{US}]


@pytest.mark.slow
def test_the_growth_suite_measures_logs_of_each_size_and_its_chart_shows_every_figure(small, tmp_path):
    chart = pytest.importorskip("benchmarks.suites.growth_chart")
    sizes = [100, 300, 1_000, 3_000, 10_000]
    figures = list(growth.suite(msgspec.structs.replace(small, share=0.001)))
    for panel in chart.PANELS:
        for what in panel.works:
            assert [size for size, _ in chart.points(figures, what, US)] == sizes
            assert [size for size, _ in chart.points(figures, what, SQLITE.name)] == sizes[:3]
    shown = [
        chart.points(figures, what, who) for panel in chart.PANELS for what in panel.works for who in (US, SQLITE.name)
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


def test_all_measures_of_a_suite_that_borrows_from_others_what_is_its_own_alone(small, monkeypatch):
    suites = SimpleNamespace(suite=lambda _: ["borrowed", "own"], own=lambda _: ["own"])
    monkeypatch.setattr(registry.importlib, "import_module", lambda _: suites)
    assert set(registry.figures("all", small)) == {"own"}
    assert list(registry.figures("headline", small)) == ["borrowed", "own"]


def test_the_kernel_suite_measures_an_ask_beside_pykka_and_a_bare_queue(small):
    found = subjects_of(kernel.suite(small))
    assert found["ask, one asker", None] == {US, "pykka", "asyncio queue+future", "2 trio checkpoints"}
    assert found["ask, 128 askers", None] == {US, "pykka", "asyncio queue+future"}


def test_agents_that_ask_the_same_share_one_approval_and_one_evaluation(small):
    approvals, evaluations, answers = sharing(small, "speed-layer")
    assert (approvals.value, evaluations.value, approvals.spread, evaluations.spread) == (1, 1, (1, 1), (1, 1))
    assert answers.value > 0


@pytest.mark.parametrize(
    ("name", "works"),
    [
        ("speed-layer", ["validate through the gate, cached", "validate through the gate, not cached"]),
        ("memory", ["import store, resident in all", "idle server, resident in all"]),
        pytest.param(
            "headline", ["append 1 event, in memory", "append 1 event through the actor"], marks=pytest.mark.slow
        ),
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
    lines = [str(call.input["command"]) for call in shell_commands.corpus()]
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
