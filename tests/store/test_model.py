"""The log in files against the log in memory: whatever is done to both, they answer the same."""

import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from msgspec.structs import replace

from store import Append, Appended, EventLog, FailIf, Limits, Log, MemoryLog, NewEvent, Query, StoreError, verify
from store.model.append import queries_of
from store.model.matching import matcher

STREAMS = st.sampled_from(["a", "b", "c"])
TYPES = st.sampled_from(["t1", "t2", "t3"])
TAGS = st.sampled_from(["order:1", "order:2", "urgent"])
AGENTS = st.sampled_from(["x", "y"])
CORRELATIONS = st.sampled_from([None, "k1", "k2"])
DATA = st.one_of(
    st.none(),
    st.just({"n": 1, "text": "long" * 30}),
    st.fixed_dictionaries({"n": st.integers(0, 3), "in": st.fixed_dictionaries({"b": st.booleans()})}),
)
WHERE = st.sampled_from(
    [
        None,
        {"n": 1},
        {"in.b": True},
        {"in": {"b": False}, "n": 2},
        {"n": True},
        {"n": {"$gt": 0, "$lte": 2}},
        {"n": {"$in": [0, 3]}},
        {"n": {"$gte": 1, "$lt": 3}},
        {"in": {"$eq": {"b": True}}},
        {"in.b": {"$ne": True}},
    ]
)


def rarely(strategy):
    """Mostly None: several conditions at once would mean that nothing is ever stored or found."""
    return st.integers(0, 3).flatmap(lambda n: strategy if n == 0 else st.none())


EVENTS = st.builds(
    NewEvent,
    type=TYPES,
    data=st.integers(0, 19).flatmap(lambda n: DATA if n else st.just({"n": 2**64})),
    stream=rarely(STREAMS),
    correlation_id=CORRELATIONS,
    tags=rarely(st.lists(TAGS, max_size=3)).map(lambda tags: tuple(tags or ())),
)
QUERIES = st.builds(
    lambda revisions, **fields: Query(**fields, **(dict(revisions) if fields["stream"] else {})),
    revisions=rarely(
        st.dictionaries(st.sampled_from(["after_revision", "before_revision"]), st.integers(0, 12), min_size=1)
    ).map(lambda given: given or {}),
    stream=rarely(STREAMS),
    types=rarely(st.lists(TYPES, max_size=2)).map(lambda names: tuple(names or ())),
    agents=rarely(st.lists(AGENTS, max_size=1)).map(lambda names: tuple(names or ())),
    correlation_id=rarely(CORRELATIONS),
    tags=rarely(st.lists(TAGS, min_size=1, max_size=2)).map(lambda tags: tuple(tags or ())),
    after=st.just(0) | st.integers(0, 30),
    before=rarely(st.integers(0, 60)),
    since_ns=rarely(st.integers(0, 30)),
    until_ns=rarely(st.integers(0, 30)),
    where=rarely(WHERE),
    order=st.sampled_from(["asc", "desc"]),
    limit=st.integers(1, 6),
    hidden=rarely(st.lists(STREAMS, min_size=1, max_size=2)).map(lambda names: tuple(names or ())),
)
EXPECTED = st.one_of(st.sampled_from(["any", "no_stream", "exists"]), st.integers(0, 6))
APPENDS = st.builds(
    Append,
    events=st.lists(EVENTS, min_size=1, max_size=4),
    agent=AGENTS,
    stream=st.one_of(st.none(), STREAMS),
    expected_revision=rarely(EXPECTED),
    expected=rarely(st.dictionaries(STREAMS, EXPECTED, max_size=2)),
    fail_if=rarely(
        st.builds(
            FailIf,
            query=QUERIES,
            after=st.integers(0, 30),
            queries=rarely(st.lists(QUERIES, max_size=2)).map(lambda queries: tuple(queries or ())),
        )
    ),
    command_id=rarely(st.sampled_from(["c1", "c2", "c3", "c4"])),
)
LIMITS = Limits(segment_bytes=900, batch_events=3, reserve_bytes=100, page_bytes=400, look_bytes=100)


def cleared(log: Log, appends: list[Append]) -> list[int]:
    """Look at what conditions are about before the appends are staged, as the server does."""
    found = []
    for append in appends:
        condition = append.fail_if or FailIf(query=Query())
        pages = [log.query(query, limit=1, order="asc") for query in queries_of(condition)]
        found.append(min(page.events[0].sequence - 1 if page.events else page.next for page in pages))
    return found


def told(outcome: Appended | StoreError) -> object:
    """What an outcome says, but for the wording."""
    if isinstance(outcome, StoreError):
        return type(outcome), {**vars(outcome)}
    return outcome


class FilesAgainstMemory(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.now_ns = 0
        self.home = Path(tempfile.mkdtemp())
        self.path = self.home / "log0"
        self.generation = 0
        self.memory = MemoryLog(clock_ns=self.clock, limits=LIMITS)
        self.files = self.open()

    def clock(self) -> int:
        return self.now_ns

    def open(self) -> EventLog:
        return EventLog.open(self.path, limits=LIMITS, clock_ns=self.clock, sync=lambda _: None)

    def teardown(self) -> None:
        self.files.close()
        assert verify(self.path).ok
        shutil.rmtree(self.home)

    @rule(appends=st.lists(APPENDS, max_size=3), step=st.integers(-1, 3))
    def commit(self, appends: list[Append], step: int) -> None:
        self.now_ns = max(0, self.now_ns + step)
        assert [*map(told, self.files.commit(appends))] == [*map(told, self.memory.commit(appends))]

    @rule(one=st.lists(APPENDS, max_size=2), other=st.lists(APPENDS, max_size=2))
    def overlap(self, one: list[Append], other: list[Append]) -> None:
        both = [
            (log, log.steps.stage(one, cleared(log, one)), log.steps.stage(other)) for log in (self.files, self.memory)
        ]
        for log, *groups in both:
            for staged in groups:
                log.steps.flush(staged)
                log.steps.settle(staged)
        (_, *ours), (_, *theirs) = both
        for left, right in zip(ours, theirs, strict=True):
            assert [*map(told, left.outcomes)] == [*map(told, right.outcomes)]

    @rule(stream=STREAMS)
    def erase(self, stream: str) -> None:
        answers = []
        for log in (self.files, self.memory):
            try:
                answers.append(log.erase(stream, agent="x"))
            except StoreError as refused:
                answers.append(told(refused))
        assert answers[0] == answers[1]

    @rule(query=QUERIES)
    def query(self, query: Query) -> None:
        ours, theirs = self.files.query(query), self.memory.query(query)
        assert replace(ours, looked=0) == replace(theirs, looked=0)
        assert ours.looked <= theirs.looked

    @rule(query=QUERIES, max_scan=st.integers(1, 5))
    def query_in_slices(self, query: Query, max_scan: int) -> None:
        whole = self.memory.query(query)
        page = self.files.query(query, max_scan=max_scan)
        while page.unfinished:
            page = self.files.query(query, max_scan=max_scan, onto=page)
        assert (page.events, page.bytes) == (whole.events, whole.bytes)

    @rule(query=QUERIES)
    def page_by_page(self, query: Query) -> None:
        """Whatever ends the pages, one after the other they are all that matches."""
        cursor = "after" if query.order == "asc" else "before"
        page = self.files.query(query)
        found = list(page.events)
        while page.has_more:
            page = self.files.query(query, **{cursor: page.next})
            found += page.events
        matches = [event for event in self.memory.read() if matcher(query)(event)]
        assert found == (matches if query.order == "asc" else matches[::-1])

    @rule()
    def reopen(self) -> None:
        epoch = self.files.epoch
        had_segments = self.files.stats().segments > 0
        self.files.close()
        self.files = self.open()
        assert self.files.epoch == epoch or not had_segments

    @rule(garbage=st.binary(max_size=60), zeros=st.integers(0, 60))
    def crash(self, garbage: bytes, zeros: int) -> None:
        """Go on with what a killed process leaves, its last write torn."""
        self.generation += 1
        copy = self.home / f"log{self.generation}"
        shutil.copytree(self.path, copy)
        self.files.close()
        (copy / "clean").unlink(missing_ok=True)
        for last in sorted(copy.glob("*.segment"))[-1:]:
            with last.open("ab") as file:
                file.write(garbage + bytes(zeros))
        self.path = copy
        self.files = self.open()

    @invariant()
    def same(self) -> None:
        assert list(self.files.read()) == list(self.memory.read())
        assert self.files.head == self.memory.head
        for stream in ("a", "b", "c", "agent/x"):
            assert self.files.stream_revision(stream) == self.memory.stream_revision(stream)


TestFilesAgainstMemory = FilesAgainstMemory.TestCase
TestFilesAgainstMemory.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
