"""A bounded queue of envelopes in front of one incarnation of an actor.

The queue is a Trio memory channel; the mailbox keeps both ends, counts, and remembers which asks are unanswered so that
they fail at once when the actor ends. A restarted actor gets a new mailbox: what was queued for the one that crashed
dies with it (asks raise `ActorDied`, tells become dead letters), because the message may be what crashed it.
"""

from __future__ import annotations

from typing import Literal

import trio

from actors.kernel.errors import ActorDied, ActorNotFound, MailboxFull
from actors.kernel.reply import ReplySlot

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
    """

    def __init__(self, name: str, capacity: int = 1024, overflow: Overflow = "reject") -> None:
        self.name = name
        self.capacity = capacity
        self.overflow: Overflow = overflow
        self.depth = 0
        self.dropped = 0
        self.closed = False
        self._unanswered: set[ReplySlot] = set()
        self._send, self._receive = trio.open_memory_channel[Envelope](capacity)

    def put_nowait(self, envelope: Envelope) -> None:
        """Queue an envelope. Does not checkpoint.

        Raises:
            ActorNotFound: The mailbox takes no more messages: its actor is stopping.
            MailboxFull: The queue is full and rejects.
        """
        if self.closed:
            raise ActorNotFound(self.name)
        try:
            self._send.send_nowait(envelope)
        except trio.WouldBlock:
            if self.overflow == "reject":
                raise MailboxFull(self.name, self.capacity) from None
            self._drop(self._receive.receive_nowait())
            self._send.send_nowait(envelope)
        self.depth += 1
        if envelope.slot is not None:
            self._unanswered.add(envelope.slot)

    async def get(self) -> Envelope:
        """Take the next envelope; a checkpoint.

        Raises:
            trio.EndOfChannel: The mailbox was closed and is empty.
        """
        envelope = await self._receive.receive()
        self.depth -= 1
        return envelope

    def get_nowait(self) -> Envelope:
        """Take the next envelope of a mailbox whose `depth` is above zero. Does not checkpoint."""
        self.depth -= 1
        return self._receive.receive_nowait()

    def answered(self, slot: ReplySlot) -> None:
        """Forget an ask that has been answered, abandoned or dropped."""
        self._unanswered.discard(slot)

    def close(self) -> None:
        """Take no more messages; those that wait can still be read."""
        self.closed = True
        self._send.close()

    def abandon(self) -> int:
        """End the mailbox: every unanswered ask raises `ActorDied`.

        Returns:
            How many queued tells nobody will handle.
        """
        self.close()
        lost_tells = 0
        while self.depth:
            lost_tells += self.get_nowait().slot is None
        self._receive.close()
        for slot in self._unanswered:
            slot.fail(ActorDied(self.name))
        self._unanswered.clear()
        return lost_tells

    def _drop(self, envelope: Envelope) -> None:
        self.depth -= 1
        self.dropped += 1
        if envelope.slot is not None:
            self.answered(envelope.slot)
            envelope.slot.fail(MailboxFull(self.name, self.capacity))
