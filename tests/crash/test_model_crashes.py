"""The log in files against the log in memory, with crashes that take what was not synced, or parts of it."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from msgspec.structs import replace

from store import Append, Appended, EventLog, Limits, MemoryLog, NewEvent, verify
from store.format.segment import HEADER_BYTES

LIMITS = Limits(segment_bytes=900, reserve_bytes=0)
EVENTS = st.builds(NewEvent, type=st.sampled_from(["t1", "t2"]), data=st.integers(0, 3).map(lambda n: {"n": n}))
APPENDS = st.builds(
    Append,
    events=st.lists(EVENTS, min_size=1, max_size=3),
    agent=st.just("a"),
    stream=st.sampled_from(["a", "b"]),
    expected_revision=st.sampled_from([None, None, None, "any", "no_stream", 2]),
    command_id=st.none() | st.integers(0, 10**6).map("c{}".format),
)
BLOCK = 64


class CrashesAgainstMemory(RuleBasedStateMachine):
    """Holds both logs, and what the disk has of each file since it was last synced."""

    lossless = frozenset(("always", "group"))

    @initialize(policy=st.sampled_from(["always", "group", "never"]))
    def begin(self, policy: str) -> None:
        self.home = Path(tempfile.mkdtemp())
        self.policy, self.generation = policy, 0
        self.synced: dict[str, bytes] = {}
        self.stored: list[tuple[Append, Appended]] = []
        self.memory = MemoryLog(limits=LIMITS, clock_ns=lambda: 1)
        self.files = self.open()

    @property
    def path(self) -> Path:
        return self.home / str(self.generation)

    def open(self) -> EventLog:
        return EventLog.open(self.path, self.policy, limits=LIMITS, clock_ns=lambda: 1, sync=self.sync)

    def sync(self, fd: int) -> None:
        path = Path(f"/proc/self/fd/{fd}").readlink()
        self.synced[path.name] = path.read_bytes()

    def teardown(self) -> None:
        if hasattr(self, "home"):
            self.files.close()
            shutil.rmtree(self.home)

    @rule(appends=st.lists(APPENDS, min_size=1, max_size=3))
    def commit(self, appends: list[Append]) -> None:
        ours, theirs = self.files.commit(appends), self.memory.commit(appends)
        for append, left, right in zip(appends, ours, theirs, strict=True):
            assert type(left) is type(right)
            if isinstance(left, Appended):
                assert left == right
                if not left.deduplicated:
                    self.stored.append((append, left))

    @rule()
    def sync_now(self) -> None:
        self.files.sync()

    @rule()
    def stop_and_open(self) -> None:
        self.files.close()
        self.files = self.open()

    @rule(seed=st.randoms(use_true_random=False), kept=st.sampled_from([0.0, 0.5, 0.9]))
    def cut_the_power(self, seed, kept: float) -> None:
        before, durable = self.path, self.files.stats().durable
        promised = self.files.head if self.policy in self.lossless else durable
        self.generation += 1
        shutil.copytree(before, self.path)
        synced = dict(self.synced)
        self.files.close()
        for segment in self.path.glob("*.segment"):
            content = segment.read_bytes()
            safe = synced.get(segment.name, content[:HEADER_BYTES])[: len(content)].ljust(len(content), b"\0")
            blocks = (slice(start, start + BLOCK) for start in range(0, len(content), BLOCK))
            # A file is longer than what is in it, so what was synced may be zeros where later something was written.
            segment.write_bytes(b"".join((content if seed.random() < kept else safe)[block] for block in blocks))
        self.files = self.open()
        self.synced = {segment.name: segment.read_bytes() for segment in self.path.glob("*.segment")}
        assert self.files.head >= promised, f"{promised} events were promised, {self.files.head} are there"
        self.forget_beyond(self.files.head)

    def forget_beyond(self, head: int) -> None:
        """Take back from the log in memory what the crash took: appends as a whole."""
        self.stored = [(append, appended) for append, appended in self.stored if appended.last_sequence <= head]
        self.memory = MemoryLog(limits=LIMITS, clock_ns=lambda: 1)
        for append, appended in self.stored:
            (again,) = self.memory.commit([append])
            assert again == appended

    @invariant()
    def same(self) -> None:
        if hasattr(self, "home"):
            assert list(self.files.read()) == list(self.memory.read())
            for stream in ("a", "b"):
                assert self.files.stream_revision(stream) == self.memory.stream_revision(stream)
                ours, theirs = self.files.query(stream=stream), self.memory.query(stream=stream)
                assert replace(ours, looked=0) == replace(theirs, looked=0)
            assert verify(self.path).problems == []


SETTINGS = settings(max_examples=30, stateful_step_count=12, deadline=None, derandomize=True)


@pytest.fixture
def _without_syncs(monkeypatch):
    """Nothing is at risk, and thousands of syncs would take time."""
    monkeypatch.setattr(os, "fsync", lambda _fd: None)


@pytest.mark.slow
@pytest.mark.usefixtures("_without_syncs")
def test_both_logs_agree_whatever_a_power_cut_takes():
    run_state_machine_as_test(CrashesAgainstMemory, settings=SETTINGS)


class DeafDisk(CrashesAgainstMemory):
    """Acknowledges what it did not sync."""

    def sync(self, fd: int) -> None:
        """Nothing is durable."""


@pytest.mark.slow
@pytest.mark.usefixtures("_without_syncs")
def test_the_machine_catches_a_log_that_acknowledges_without_a_sync():
    with pytest.raises(Exception, match=r"promised|durable"):
        run_state_machine_as_test(DeafDisk, settings=settings(SETTINGS, phases=[Phase.generate], max_examples=200))


class DiskThatSyncsOnce(CrashesAgainstMemory):
    """Syncs each file the first time, and then only says so."""

    def sync(self, fd: int) -> None:
        if Path(f"/proc/self/fd/{fd}").readlink().name not in self.synced:
            super().sync(fd)


@pytest.mark.slow
@pytest.mark.usefixtures("_without_syncs")
def test_the_machine_catches_a_second_sync_of_a_file_that_does_nothing():
    with pytest.raises(Exception, match=r"promised|durable"):
        run_state_machine_as_test(DiskThatSyncsOnce, settings=settings(SETTINGS, phases=[Phase.generate]))
