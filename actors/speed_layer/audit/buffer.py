"""The audit: every verdict as an event, through a bounded buffer that the hot path only appends to.

Pure but for waking its reader.

Anyone who gives a verdict adds it here. One task (`writer.py`) stores them in batches: after 50 ms or at 1,000
verdicts. A batch stays here until the store has acknowledged it. When the buffer is full the newest verdicts are
dropped and their number takes their place, so that the log says how many are missing, and where.

No principal fills it alone: each may hold as much as there is room left (the dynamic threshold of A. K. Choudhury and
E. L. Hahne, 1998), so one that asks alone takes half, two take a third each, and there is always room for one more.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import trio

from actors.speed_layer.audit.stored_inputs import StoredInputs
from actors.speed_layer.call_and_verdict import Call, Verdict
from actors.speed_layer.governing.stored_bytes import Spend, unmetered
from actors.speed_layer.written.written_files import Notes
from store import NewEvent

AUDIT_STREAM: Final = "moothall/audit"

CAPACITY: Final = 65_536
"""How many verdicts may wait to be stored: 50 MB of them, at some 800 bytes each; half of them one principal's."""

CAPACITY_BYTES: Final = 64 << 20
"""How many bytes of requests may wait with them; of what comes then no input is kept, but the verdict is."""

LONGEST_TOOL: Final = 256
"""How many characters of a tool's name are kept without its input."""

BATCH: Final = 1000
"""How many verdicts are stored at once, and how many end the wait for more: one disk sync is spread over so many."""

STALLED_S: Final = 10.0
"""How long verdicts may wait without any being stored before no more is allowed, in seconds: two tries at least."""

FLUSH_S: Final = 0.05
"""How long a verdict waits for others, in seconds: at most 20 disk syncs a second."""


class Entry(NamedTuple):
    """The verdicts of one request.

    Attributes:
        agent: Who asked.
        role: In which role.
        calls: What was asked.
        verdicts: What was answered, in the same order.
        at: When, on Trio's clock.
        size: How many bytes its requests have; None where their inputs were not kept.
        notes: What they write, and what was approved by them, in the same order; empty where that is nothing.
        labels: The labels of who asked.
    """

    agent: str
    role: str
    calls: Sequence[Call]
    verdicts: Sequence[Verdict]
    at: float
    size: int | None = 0
    notes: Sequence[Notes | None] = ()
    labels: tuple[str, ...] = ()

    def only(self, indices: Sequence[int]) -> Entry:
        """Return it with some of its verdicts alone."""
        return self._replace(
            calls=[self.calls[n] for n in indices],
            verdicts=[self.verdicts[n] for n in indices],
            notes=[self.notes[n] for n in indices] if self.notes else (),
        )

    def without_inputs(self) -> Entry:
        """Return it with no more of each request than its tool's name."""
        return self._replace(
            calls=[Call(call.tool[:LONGEST_TOOL], {}, origin=call.origin) for call in self.calls], size=None
        )


@dataclass(slots=True)
class Batch:
    """What is stored at once.

    Attributes:
        entries: Verdicts and, as numbers, gaps.
        name: Its command id; empty until it is first tried.
        events: What it is in the log: made once, since a command that is repeated has to say the same.
        reasons: What became of the reasons of its requests; see `VerdictEvents`.
    """

    entries: list[Entry | int]
    name: str = ""
    events: list[NewEvent] | None = None
    reasons: Mapping[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])


class _Share:
    """What one principal has in the buffer: so many verdicts, with so many bytes of requests."""

    __slots__ = ("bytes", "held")

    def __init__(self) -> None:
        self.held = 0
        self.bytes = 0


class AuditBuffer:
    """Verdicts that are not stored yet. Belongs to the loop's thread.

    Args:
        capacity: How many verdicts it holds.
        capacity_bytes: How many bytes of requests it holds with them.
        inputs: Whether the events made of them keep the inputs.
        head: Tells the last sequence of the log.
        reason_of: Tells the reason that a rule gives, by the rule's id; empty for one that is not known.
        spend: Counts what is stored for each agent.

    Attributes:
        inputs: As given.
        reason_of: As given.
        spend: As given.
        held: How many verdicts it holds now, those of the batch under way included.
        stored: The inputs that the log has already; noted by whoever has stored them.
    """

    def __init__(
        self,
        capacity: int = CAPACITY,
        *,
        capacity_bytes: int = CAPACITY_BYTES,
        inputs: bool = True,
        head: Callable[[], int] = lambda: 0,
        reason_of: Callable[[str], str] = lambda _rule: "",
        spend: Spend = unmetered,
    ) -> None:
        self._capacity = capacity
        self._capacity_bytes = capacity_bytes
        self.inputs = inputs
        self.reason_of = reason_of
        self.spend = spend
        self._entries: deque[Entry | int] = deque()
        self._batch = Batch([])
        self.held = 0
        self._held_bytes = 0
        self._shares: dict[str, _Share] = {}
        self.stored = StoredInputs(head)
        self._stored_at = 0.0
        self._wake_at = 1
        self._woken = trio.Event()

    def add(self, entry: Entry) -> None:
        """Take the verdicts of a request, or count them as lost if there is no room. Does not checkpoint."""
        count, size = len(entry.verdicts), entry.size or 0
        share = self._shares.get(entry.agent) or self._shares.setdefault(entry.agent, _Share())
        if share.held + count > self._capacity - self.held:
            self._lose(count)
            return
        if not self.held:
            self._stored_at = entry.at  # there was nothing to store until now
        if share.bytes + size > self._capacity_bytes - self._held_bytes:
            entry, size = entry.without_inputs(), 0
        self._entries.append(entry)
        self.held += count
        share.held += count
        self._held_bytes += size
        share.bytes += size
        if self.held >= self._wake_at:
            self._wake_at = self._capacity + 1
            self._woken.set()

    async def wait(self) -> None:
        """Wait for a verdict, then `FLUSH_S` for more, or until there are enough for a batch; a checkpoint."""
        await self._held_at_least(1)
        with trio.move_on_after(FLUSH_S):
            await self._held_at_least(BATCH)
        self._wake_at = self._capacity + 1

    def batch(self) -> Batch:
        """Return what is to be stored next, the same until it is acknowledged; without entries if there is nothing.

        It has at most `BATCH` events.
        """
        batch, count = self._batch, 0
        while not batch.name and self._entries:
            following = self._entries[0]
            size = 1 if isinstance(following, int) else len(following.verdicts)
            if count + size > BATCH:
                break
            count += size
            batch.entries.append(self._entries.popleft())
        return batch

    def acknowledge(self, now: float) -> None:
        """Let the batch go: it is in the log since `now`, on Trio's clock."""
        self.progressed(now)
        for each in self._batch.entries:
            if not isinstance(each, int):
                self._release(each)
        self._batch = Batch([])

    def progressed(self, now: float) -> None:
        """Note that the log has taken a part of the batch `now`, on Trio's clock: it is not stalled."""
        self._stored_at = now

    def stalled(self, now: float) -> bool:
        """Say whether the audit cannot be written: verdicts wait, and for `STALLED_S` none has been stored.

        However much there is to store, a log that stores it is not stalled.
        """
        return self.held > 0 and now - self._stored_at > STALLED_S

    def _release(self, stored: Entry) -> None:
        """Give an entry's place back."""
        count, size, share = len(stored.verdicts), stored.size or 0, self._shares[stored.agent]
        self.held -= count
        share.held -= count
        self._held_bytes -= size
        share.bytes -= size
        if not share.held:
            del self._shares[stored.agent]

    def _lose(self, count: int) -> None:
        last = self._entries[-1] if self._entries else None
        if isinstance(last, int):
            self._entries[-1] = last + count
        else:
            self._entries.append(count)

    async def _held_at_least(self, count: int) -> None:
        self._woken = trio.Event()
        self._wake_at = count
        if self.held >= count:
            await trio.lowlevel.checkpoint()
        else:
            await self._woken.wait()
