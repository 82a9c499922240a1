"""A bounded queue of envelopes in front of one incarnation of an actor, and the system lane that passes it.

The queue is a Trio memory channel; the mailbox keeps both ends, counts, and remembers which asks are unanswered so that
they fail at once when the actor ends. A restarted actor gets a new mailbox: what was queued for the one that crashed
dies with it (asks raise `ActorDied`, tells become dead letters), because the message may be what crashed it.

What is true of the counts at any time, and tested: received = handled + expired + dropped + lost + depth, but for the
one message that is in the handler's hands.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import trio

from actors.kernel.errors import ActorDied, ActorNotFound, MailboxFull
from actors.kernel.messages.reply_slot import ReplySlot
from actors.kernel.messages.system_messages import Command, Down

Overflow = Literal["reject", "drop_oldest"]


class Envelope:
    """A message on its way: the encoded body and what travels with it."""

    __slots__ = ("body", "deadline", "sender", "sent_at", "slot", "trace_id")

    def __init__(  # noqa: PLR0917 - built once per message, where keywords would cost
        self, body: bytes, slot: ReplySlot | None, deadline: float, sent_at: float, sender: str, trace_id: str
    ) -> None:
        self.body = body
        self.slot = slot
        self.deadline = deadline
        self.sent_at = sent_at
        self.sender = sender
        self.trace_id = trace_id


class Mailbox:
    """The queue of one actor incarnation.

    Args:
        name: The actor's name, for errors.
        capacity: How many messages may wait.
        overflow: What a full queue does: `reject` raises `MailboxFull` in the sender, `drop_oldest` drops the oldest
            message (an ask that is dropped fails with `MailboxFull`).

    Attributes:
        depth: How many messages wait.
        received: How many it took.
        dropped: How many a full queue dropped.
        system_lane: What waits there: commands and notices, which pass the queue.
        changed: Set when the system lane gets something, or the mailbox is closed.
        watchers: The mailboxes of those who are told when the actor ends.
    """

    def __init__(self, name: str, capacity: int = 1024, overflow: Overflow = "reject") -> None:
        self.name = name
        self.capacity = capacity
        self.overflow: Overflow = overflow
        self.depth = 0
        self.received = 0
        self.dropped = 0
        self.closed = False
        self.system_lane: deque[Command | Down] = deque()
        self.changed = trio.Event()
        self.watchers: set[Mailbox] = set()
        self._room = trio.Event()
        self._unanswered: set[ReplySlot] = set()
        # One more than the capacity: the None that wakes an idle actor for its system lane takes no message's place.
        self._send, self._receive = trio.open_memory_channel[Envelope | None](capacity + 1)
        self._woken = False

    def put_nowait(self, envelope: Envelope) -> None:
        """Queue an envelope. Does not checkpoint.

        Raises:
            ActorNotFound: The mailbox takes no more messages: its actor is stopping.
            MailboxFull: The queue is full and rejects.
        """
        if self.closed:
            raise ActorNotFound(self.name)
        if self.depth >= self.capacity:
            if self.overflow == "reject":
                raise MailboxFull(self.name, self.capacity)
            self._drop_oldest()
        self._send.send_nowait(envelope)
        self.depth += 1
        self.received += 1
        if envelope.slot is not None:
            self._unanswered.add(envelope.slot)

    async def put(self, envelope: Envelope) -> None:
        """Queue an envelope, waiting for room; a checkpoint.

        Raises:
            ActorNotFound: The mailbox takes no more messages.
        """
        await trio.lowlevel.checkpoint()
        while self.depth >= self.capacity and not self.closed:
            if self._room.is_set():  # else others wait on it already, and wake with this one
                self._room = trio.Event()
            await self._room.wait()
        self.put_nowait(envelope)

    async def get(self) -> Envelope | None:
        """Take the next envelope, or None where only the system lane has something; a checkpoint.

        Raises:
            trio.EndOfChannel: The mailbox was closed and is empty.
        """
        return self._note_taken(await self._receive.receive())

    def get_nowait(self) -> Envelope | None:
        """Take the next envelope of a mailbox whose `depth` is above zero, or None. Does not checkpoint."""
        return self._note_taken(self._receive.receive_nowait())

    def signal(self, message: Command | Down) -> None:
        """Put something on the system lane, past the queue. Does not checkpoint.

        Raises:
            ActorNotFound: The mailbox was closed.
        """
        if self.closed:
            raise ActorNotFound(self.name)
        self.system_lane.append(message)
        self.changed.set()
        if not self.depth and not self._woken:
            self._woken = True
            self._send.send_nowait(None)

    def answered(self, slot: ReplySlot) -> None:
        """Forget an ask that has been answered, abandoned or dropped."""
        self._unanswered.discard(slot)

    def close(self) -> None:
        """Take no more messages; those that wait can still be read."""
        self.closed = True
        self._send.close()
        self.changed.set()
        self._room.set()

    def abandon(self) -> int:
        """End the mailbox: every unanswered ask and command raises `ActorDied`.

        Returns:
            How many queued tells nobody will handle.
        """
        self.close()
        lost_tells = 0
        while self.depth:
            envelope = self.get_nowait()
            lost_tells += envelope is not None and envelope.slot is None
        self._receive.close()
        for slot in self._unanswered:
            slot.fail(ActorDied(self.name))
        self._unanswered.clear()
        for message in self.system_lane:
            message.fail(ActorDied(self.name))
        self.system_lane.clear()
        return lost_tells

    def _note_taken(self, envelope: Envelope | None) -> Envelope | None:
        if envelope is None:
            self._woken = False
        else:
            self.depth -= 1
            self._room.set()
        return envelope

    def _drop_oldest(self) -> None:
        envelope = None
        while envelope is None:  # the None of the system lane may stand first; what it announces stays on the lane
            envelope = self.get_nowait()
        self.dropped += 1
        if envelope.slot is not None:
            self.answered(envelope.slot)
            envelope.slot.fail(MailboxFull(self.name, self.capacity))
