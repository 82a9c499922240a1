"""Every verdict is in the audit log: cached or not, in order, without secrets, and read by experts and admins alone."""

from __future__ import annotations

import subprocess
import sys

import pytest
import trio
import trio.testing
from hypothesis import given
from hypothesis import strategies as st

from actors.desk.gate import Call, Caller, Refusal
from actors.kernel import ActorDied, resume, suspend
from actors.kernel.messages.mailbox import Envelope
from actors.session.messages import Principal
from actors.speed_layer.audit.buffer import AUDIT_STREAM, BATCH, FLUSH_S, AuditBuffer, Entry
from actors.speed_layer.audit.secret_masks import Masked
from actors.speed_layer.audit.writer import RETRY_S, AuditWriter
from actors.speed_layer.call_and_verdict import Verdict
from actors.speed_layer.policy.engine import Policy, PolicySource, packs
from store import Append, ConditionFailed, FailIf, NewEvent, Query

LIST = Call("Bash", {"command": "ls -la"}, "/home/dev/project")
UNKNOWN = Call("frobnicate", {"x": 1}, "/home/dev/project")
GIVEN = Verdict("allow", "r", None, "p", False, "0" * 32, 1)
DURABLE = '[[tool]]\nid = "mine.deploy"\nreason = "r"\nverdict = "allow"\ntools = ["deploy"]\naudit = "durable"\n'


def audited(world):
    return world.log.query(stream=AUDIT_STREAM, limit=1000).events


def crash(system, name):
    system.mailboxes[name].put_nowait(Envelope(b"\xc1", None, float("inf"), trio.current_time(), "test", ""))


async def test_every_verdict_is_recorded_cached_or_not(autojump_clock, world, scout):
    given = []
    for call in (LIST, LIST, UNKNOWN):
        given += await world.gate.validate(scout, [call])
        await trio.testing.wait_all_tasks_blocked()
    given += world.gate.validate_nowait(scout, [LIST])
    await trio.sleep(2 * FLUSH_S)
    events = audited(world)
    assert [(event.type, event.agent) for event in events] == [("moothall.verdict.given", "moothall")] * 4
    assert [event.data["cached"] for event in events] == [False, True, False, True]
    for event, verdict in zip(events, given, strict=True):
        for field in ("verdict", "reason", "rule", "policy", "request"):
            assert event.data[field] == getattr(verdict, field)
    first = events[0].data
    assert (first["agent"], first["role"], first["tool"], first["cwd"]) == ("scout", "agent", "Bash", LIST.cwd)
    assert (first["input"], first["whole"]) == (LIST.input, True)


async def test_a_thousand_verdicts_do_not_wait_for_the_clock(autojump_clock, world, scout):
    await world.gate.validate(scout, [LIST])
    await trio.sleep(1.0)
    before = len(audited(world))
    began = trio.current_time()
    await world.gate.validate(scout, [LIST] * BATCH)
    await trio.testing.wait_all_tasks_blocked()
    assert world.views.audit.held == 0
    assert trio.current_time() == began
    assert before == 1


async def test_the_last_verdicts_are_stored_when_the_hall_stops(autojump_clock, make_world, scout):
    world = make_world()
    async with world.open():
        await world.gate.validate(scout, [LIST])
    assert len(audited(world)) == 1


@pytest.mark.parametrize("victim", ["speed_layer", "event_store"])
async def test_a_crash_loses_no_verdict_and_doubles_none(autojump_clock, make_world, scout, victim):
    async def disk(function):
        await trio.sleep(0.01)
        return function()

    async with make_world(run_sync=disk).open() as world:
        for n in range(20):
            await world.gate.validate(scout, [Call("frobnicate", {"n": n})])
        await trio.sleep(FLUSH_S - 0.005)
        crash(world.system, victim)
        await trio.sleep(5.0)
        assert [event.data["input"]["n"] for event in audited(world)] == list(range(20))


async def test_what_is_dropped_while_the_store_hangs_is_recorded_as_a_gap(autojump_clock, make_world, scout):
    async with make_world().open() as world:
        world.views.audit._capacity = 20  # of which one principal takes half
        await world.gate.validate(scout, [LIST])
        await trio.sleep(1.0)
        await suspend(world.system, "event_store")
        for _ in range(25):
            world.gate.validate_nowait(scout, [LIST])
        await resume(world.system, "event_store")
        await trio.sleep(1.0)
        world.gate.validate_nowait(scout, [LIST])
        await trio.sleep(1.0)
        kinds = [(event.type, event.data.get("count")) for event in audited(world)]
    given = ("moothall.verdict.given", None)
    assert kinds == [given] * 11 + [("moothall.audit.gap", 15), given]


async def test_while_large_requests_wait_verdicts_are_recorded_without_their_inputs(autojump_clock, make_world, scout):
    large = Call("Bash", {"command": "ls" + " -l" * 300}, "/home/dev/project")
    async with make_world().open() as world:
        world.views.audit._capacity_bytes = 4500  # as the number of verdicts
        await world.gate.validate(scout, [large])
        await trio.sleep(1.0)
        await suspend(world.system, "event_store")
        for _ in range(5):
            world.gate.validate_nowait(scout, [large])
        await resume(world.system, "event_store")
        await trio.sleep(1.0)
        for _ in range(4):
            world.gate.validate_nowait(scout, [large])
            await trio.sleep(1.0)
        kept = [(event.data["verdict"], event.data["tool"], "whole" in event.data) for event in audited(world)]
    assert kept == [("allow", "Bash", whole) for whole in (*[True] * 3, *[False] * 3, *[True] * 4)]


class LosesAnswers:
    """A store that does what it is asked, and loses its answers where it has, as often as is said."""

    def __init__(self, store, times):
        self._store = store
        self._left = times

    async def ask(self, message):
        answer = await self._store.ask(message)
        if self._left and answer.appended is not None:
            self._left -= 1
            raise ActorDied("event_store")
        return answer


@pytest.fixture
def lossy(monkeypatch):
    """Let the audit lose so many of the store's answers."""
    begin = AuditWriter.__init__

    def lose(times):
        def init(self, buffer, store, *more):
            begin(self, buffer, LosesAnswers(store, times), *more)

        monkeypatch.setattr(AuditWriter, "__init__", init)

    return lose


@pytest.mark.parametrize("times", [1, 5])
async def test_a_batch_whose_answer_was_lost_is_stored_once(autojump_clock, make_world, scout, lossy, times):
    lossy(times)
    async with make_world().open() as world:
        for n in range(20):
            await world.gate.validate(scout, [Call("frobnicate", {"n": n})])
        await trio.sleep(5.0)
        assert [event.data["input"]["n"] for event in audited(world)] == list(range(20))
        assert world.views.audit.held == 0
        assert len(world.views.audit.stored) == 20  # it is known where the inputs are all the same


@pytest.mark.parametrize("times", range(1, 6))
async def test_parts_of_a_batch_that_the_log_does_not_take_whole_are_stored_once(
    autojump_clock, make_world, scout, lossy, times
):
    lossy(times)
    async with make_world().open() as world:
        stage = world.log.steps.stage

        def picky(appends, cleared):
            for append in appends:
                for event in append.events if append.stream == AUDIT_STREAM else ():
                    if event.data.get("input", {}).get("n") == 3:
                        event.data["input"]["n"] = {1}  # a set: nothing that the log keeps
            return stage(appends, cleared)

        world.log.steps.stage = picky
        for n in range(6):
            await world.gate.validate(scout, [Call("frobnicate", {"n": n})])
        await trio.sleep(FLUSH_S + times * RETRY_S - 0.1)
        crash(world.system, "speed_layer")
        await trio.sleep(20.0)
        kept = [event.data.get("input", {}).get("n") for event in audited(world)]
    assert kept == [0, 1, 2, None, 4, 5]


async def test_an_input_that_the_log_refuses_does_not_hide_its_verdict(autojump_clock, world, scout):
    world.views.audit.add(Entry("scout", "agent", [Call("frobnicate", {"n": 1})], [GIVEN], trio.current_time()))
    log_stage = world.log.steps.stage
    refused = []

    def picky(appends, cleared):
        for append in appends:
            if append.stream == AUDIT_STREAM and any("input" in event.data for event in append.events):
                refused.append(len(append.events))
                append.events[0].data["input"]["n"] = {1}  # a set: nothing that the log keeps
        return log_stage(appends, cleared)

    world.log.steps.stage = picky
    await trio.sleep(1.0)
    (event,) = audited(world)
    assert event.data == {
        "agent": "scout",
        "role": "agent",
        "request": GIVEN.request,
        "verdict": "allow",
        "rule": None,
        "policy": "p",
        "cached": False,
    }
    assert refused


def durable_policy():
    return Policy.load([*packs(), PolicySource("mine.toml", DURABLE)], check_examples=False)


@pytest.fixture
def durable_world(make_world):
    world = make_world()
    world.hall._policy = durable_policy()
    return world


async def test_a_verdict_of_a_durable_rule_is_in_the_log_before_it_is_given(autojump_clock, durable_world, scout):
    async with durable_world.open() as world:
        for count in (1, 2):  # the second one is cached
            (verdict,) = await world.gate.validate(scout, [Call("deploy", {})])
            assert (verdict.verdict, verdict.cached) == ("allow", count == 2)
            assert len(audited(world)) == count
            await trio.testing.wait_all_tasks_blocked()
            with pytest.raises(trio.WouldBlock):
                world.gate.validate_nowait(scout, [Call("deploy", {})])
        given = await world.gate.validate(scout, [LIST, Call("deploy", {}), UNKNOWN])
        assert [each.verdict for each in given] == ["allow", "allow", "ask"]
        await trio.sleep(1.0)
        tools = sorted(event.data["tool"] for event in audited(world))
        assert tools == ["Bash", "deploy", "deploy", "deploy", "frobnicate"]


@pytest.mark.parametrize("line", ["frob", "ls && frob", "ls | frob", "echo $(frob)"])
async def test_a_durable_rule_makes_a_line_durable_wherever_it_takes_part(autojump_clock, make_world, scout, line):
    world = make_world()
    text = DURABLE.replace("[[tool]]", "[[command]]").replace('tools = ["deploy"]', 'argv = ["frob"]')
    world.hall._policy = Policy.load([*packs(), PolicySource("mine.toml", text)], check_examples=False)
    async with world.open():
        (verdict,) = await world.gate.validate(scout, [Call("Bash", {"command": line}, LIST.cwd)])
        assert (verdict.verdict, len(audited(world))) == ("allow", 1)
        (other,) = await world.gate.validate(scout, [Call("Bash", {"command": "frob; rm -rf /"}, LIST.cwd)])
        assert (other.verdict, len(audited(world))) == ("deny", 1)  # that is another rule's


@pytest.mark.parametrize("durable", [False, True])
async def test_the_audit_keeps_the_hash_alone_where_it_is_told_so(autojump_clock, make_world, scout, durable):
    world = make_world(audit_inputs=False)
    world.hall._policy = durable_policy()
    async with world.open():
        (verdict,) = await world.gate.validate(scout, [Call("deploy", {"key": "value"}) if durable else LIST])
        await trio.sleep(1.0)
        (event,) = audited(world)
        assert (event.data["request"], "input" in event.data, "whole" in event.data) == (verdict.request, False, False)


async def test_a_verdict_of_a_durable_rule_is_ask_where_the_log_does_not_take_it(autojump_clock, durable_world, scout):
    async with durable_world.open() as world:
        await world.gate.whoami(scout)
        await suspend(world.system, "event_store")
        (verdict,) = await world.gate.validate(scout, [Call("deploy", {})])
        await resume(world.system, "event_store")
        assert verdict.verdict == "ask"
        assert "could not be stored" in verdict.reason
        await trio.sleep(1.0)
        assert [event.data["verdict"] for event in audited(world)][-1] == "ask"


async def test_agents_reach_the_audit_by_no_filter_and_no_condition(autojump_clock, world, scout):
    watcher = Caller(Principal("watcher", "observer"), 3)
    await world.gate.validate(scout, [LIST])
    await trio.sleep(1.0)
    assert audited(world)
    for caller in (scout, watcher):
        for query in (
            Query(types=("moothall.verdict.given",)),
            Query(agents=("moothall",)),
            Query(where={"tool": "Bash"}),
            Query(order="desc"),
        ):
            page = await world.gate.query_events(caller, query)
            assert not [event for event in page.events if event.stream == AUDIT_STREAM]
        with pytest.raises(Refusal) as caught:
            await world.gate.query_events(caller, Query(stream=AUDIT_STREAM))
        assert caught.value.code == "forbidden"
    probing = FailIf(query=Query(types=("moothall.verdict.given",), where={"tool": "Bash"}))
    appended = await world.gate.append_events(
        scout, Append(events=[NewEvent(type="t")], agent="scout", fail_if=probing)
    )
    assert appended.first_sequence
    with pytest.raises(Refusal):
        direct = FailIf(query=Query(stream=AUDIT_STREAM))
        await world.gate.append_events(scout, Append(events=[NewEvent(type="t")], agent="scout", fail_if=direct))
    hidden_beside = FailIf(queries=(Query(types=("u",)), Query(stream=AUDIT_STREAM)))
    for asked in ({"fail_if": hidden_beside}, {"expected": {"notes": 0, AUDIT_STREAM: 1}}):
        with pytest.raises(Refusal) as caught:
            await world.gate.append_events(scout, Append(events=[NewEvent(type="t")], agent="scout", **asked))
        assert caught.value.code == "forbidden"
    beside = FailIf(queries=(Query(types=("u",)), Query(types=("moothall.verdict.given",))))
    await world.gate.append_events(scout, Append(events=[NewEvent(type="t")], agent="scout", fail_if=beside))
    for role in ("expert", "admin"):
        reader = Caller(Principal("reader", role), 4)
        assert (await world.gate.query_events(reader, Query(stream=AUDIT_STREAM))).events


def test_hidden_streams_are_left_out_of_queries_and_conditions(make_memory):
    log = make_memory()
    log.append([NewEvent(type="t", data={"n": 1})], stream="secret")
    log.append([NewEvent(type="t", data={"n": 2})], stream="open")
    assert [event.stream for event in log.query(types=("t",), hidden=("secret",)).events] == ["open"]
    log.append([NewEvent(type="u")], fail_if=FailIf(query=Query(where={"n": 1}, hidden=("secret",))))
    with pytest.raises(ConditionFailed):
        log.append([NewEvent(type="u")], fail_if=FailIf(query=Query(where={"n": 1})))


@given(st.lists(st.integers(1, BATCH), max_size=40), st.integers(1, 3 * BATCH))
def test_the_buffer_keeps_the_order_and_counts_what_it_drops(sizes, capacity):
    buffer = AuditBuffer(capacity)
    kept = lost = 0
    for n, size in enumerate(sizes):
        before = buffer.held
        buffer.add(Entry(str(n), "agent", [LIST] * size, [GIVEN] * size, 0.0))
        kept += buffer.held - before
        lost += size - (buffer.held - before)
    seen, gaps, order = 0, 0, []
    while (batch := buffer.batch()).entries:
        batch.name = "tried"
        assert buffer.batch() is batch
        assert sum(1 if isinstance(each, int) else len(each.verdicts) for each in batch.entries) <= BATCH
        for each in batch.entries:
            if isinstance(each, int):
                gaps += each
            else:
                seen += len(each.verdicts)
                order.append(int(each.agent))
        buffer.acknowledge(0.0)
    assert (seen, gaps, buffer.held) == (kept, lost, 0)
    assert order == sorted(order)


@pytest.mark.parametrize(
    ("secret", "given"),
    [
        ("hunter2secret", {"command": "curl -u bob:x https://bob:hunter2secret@example.com"}),
        ("abcdef123456", {"command": "curl -H 'Authorization: Bearer abcdef123456' https://example.com"}),
        ("s3cr3t", {"command": "API_KEY=s3cr3t ./run"}),
        ("s3cr3t", {"command": "mysql --password=s3cr3t"}),
        ("s3cr3t", {"command": "login --token s3cr3t"}),
        ("s3cr3t", {"content": '{"client_secret": "s3cr3t"}'}),
        ("s3cr3t", {"content": 'password = "s3cr3t"'}),
        ("s3cr3t", {"content": "api_key := s3cr3t"}),
        ("s3cr3t", {"content": 'token="s3cr3t'}),
        ("c2lnbmF0dXJl", {"text": "eyJhbGciOiJFUzI1NiJ9.eyJzdWIiOiJib2IifQ.c2lnbmF0dXJl"}),
        ("s3cr3t", {"options": [{"api-key": "s3cr3t"}]}),
        ("ghp_" + "a" * 36, {"command": "echo ghp_" + "a" * 36}),
        ("AKIA" + "A" * 16, {"text": "AKIA" + "A" * 16}),
        ("MIIEow", {"content": "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"}),
    ],
)
def test_secrets_are_masked_and_the_input_says_so(secret, given):
    masked = Masked(given)
    assert secret not in str(masked.value)
    assert masked.whole is False


def test_what_is_no_secret_is_kept_as_it_is_and_long_texts_are_cut():
    plain = {"command": "git log --author=bob | wc -l", "file_path": "/home/dev/tokenizer.py", "n": [1, None, True]}
    assert (Masked(plain).value, Masked(plain).whole) == (plain, True)
    long = Masked({"content": "x" * 100_000})
    assert len(long.value["content"]) < 5000
    assert long.whole is False
    assert Masked({"many": list(range(10_000))}).whole is False


KEYS = [
    "sk-", "sk_", "pk-", "pk_", "rk-", "rk_", "gho_", "ghp_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xoxb-",
    "AIza", "npm_",
]  # fmt: skip


@pytest.mark.parametrize("begins", KEYS)
def test_keys_are_known_by_how_their_issuers_begin_them(begins):
    assert Masked({"text": f"use {begins}{'a1' * 18}!"}).value == {"text": "use MASKED!"}


def test_of_many_long_texts_the_first_are_kept():
    masked = Masked({str(n): "x" * 4000 for n in range(200)})
    kept = [len(text) for text in masked.value.values()]
    assert kept[:3] == [4000] * 3
    assert max(kept[100:]) < 50
    assert sum(kept) < 100_000
    assert masked.whole is False


@pytest.mark.slow
@pytest.mark.parametrize(
    "unit", ["token", "eyJ-", "secret_", "x", "token    &", 'key="', "-----BEGIN ", "://:", "bearer "]
)
def test_no_text_takes_much_longer_to_mask_than_others(unit):
    program = f"""
import resource
from actors.speed_layer.audit.secret_masks import MAX_TEXT, Masked
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
text = {unit!r} * MAX_TEXT
Masked({{str(n): text for n in range(16)}} | {{text + chr(10): "a name"}})
"""
    subprocess.run([sys.executable, "-c", program], check=True)
