"""How a message is sent: a name, looked up at each send, so that a restarted actor is found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from actors.kernel.errors import ActorError, AskTimeout, DeadlinePassed
from actors.kernel.mailbox import Envelope
from actors.kernel.message import Ask, Tell, decode_reply, encode
from actors.kernel.reply import Expired, ReplySlot
from actors.kernel.system import System

R = TypeVar("R")

DEFAULT_TIMEOUT_S = 5.0
"""How long an ask waits unless told otherwise, as OTP's `gen_server:call`."""


class Ref:
    """A name in a system. Cheap to make, safe to keep, never stale.

    Args:
        system: Where the name is looked up.
        name: The actor's registered name.
        sender: Who sends, for the envelope.
    """

    __slots__ = ("name", "sender", "system")

    def __init__(self, system: System, name: str, sender: str = "") -> None:
        self.system = system
        self.name = name
        self.sender = sender

    def tell(self, message: Tell, *, trace_id: str = "") -> None:
        """Send a message that expects no answer. Does not checkpoint.

        Raises:
            ActorNotFound: No such actor runs now.
            MailboxFull: Its queue is full and rejects.
        """
        envelope = Envelope(encode(message), None, float("inf"), trio.current_time(), self.sender, trace_id)
        self.system.mailboxes.find(self.name).put_nowait(envelope)

    def tell_or_lose(self, message: Tell, *, trace_id: str = "") -> None:
        """Send a message; where it cannot be delivered, count it as a dead letter. Does not checkpoint."""
        try:
            self.tell(message, trace_id=trace_id)
        except ActorError:
            self.system.dead_letters.add(self.name, "it could not be delivered")

    async def tell_patiently(self, message: Tell, *, trace_id: str = "") -> None:
        """Send a message that expects no answer, waiting for room in a full mailbox; a checkpoint.

        An actor may do so only towards those it names in `blocks_on`, which started before it.

        Raises:
            ActorNotFound: No such actor runs now.
        """
        envelope = Envelope(encode(message), None, float("inf"), trio.current_time(), self.sender, trace_id)
        await self.system.mailboxes.find(self.name).put(envelope)

    async def ask(
        self,
        message: Ask[R],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        trace_id: str = "",
        sent: Callable[[], None] | None = None,
    ) -> R:
        """Send a message and wait for its answer; a checkpoint.

        The deadline is the earliest of `timeout_s` from now, the caller's own cancel scopes and, where a handler asks,
        the deadline of the message in its hands. It travels with the message: an actor drops work whose deadline has
        passed, and a caller's deadline covers all that is asked on its behalf.

        Args:
            message: The question.
            timeout_s: How long to wait for the answer, in seconds.
            trace_id: Travels with the message.
            sent: Called once the message is in the mailbox: whatever is asked after that comes after it there.

        Raises:
            ActorNotFound: No such actor runs now.
            MailboxFull: Its queue is full and rejects.
            ActorDied: It ended before it answered.
            AskCycle: It waits, directly or not, for the very handler that asks.
            AskTimeout: `timeout_s` passed; `DeadlinePassed` if it was the deadline of the message in hand. (A deadline
                of the caller's own cancel scope cancels as usual.)
        """
        system = self.system
        mailbox = system.mailboxes.find(self.name)
        waiting = system.waiting.begin(self.name)
        slot = ReplySlot()
        now = trio.current_time()
        own_deadline = now + timeout_s
        if waiting is not None and waiting.deadline < own_deadline:
            own_deadline = waiting.deadline
        deadline = min(own_deadline, trio.current_effective_deadline())
        bucket = None
        try:
            mailbox.put_nowait(Envelope(encode(message), slot, deadline, now, self.sender, trace_id))
            if sent is not None:
                sent()
            bucket = system.deadlines.add(slot, own_deadline)
            body = await slot.wait()
        except Expired:
            on_behalf = waiting is not None and own_deadline == waiting.deadline
            raise (DeadlinePassed if on_behalf else AskTimeout)(self.name, own_deadline - now) from None
        finally:
            system.waiting.end(waiting)
            mailbox.answered(slot)
            if bucket is not None:
                bucket.discard(slot)
        return decode_reply(type(message), body)
