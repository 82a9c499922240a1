"""How a message is sent: a name, looked up at each send, so that a restarted actor is found again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

import trio

from actors.kernel.errors import ActorError, AskTimeout, DeadlinePassed
from actors.kernel.messages.actor_system import System
from actors.kernel.messages.mailbox import Envelope, Mailbox
from actors.kernel.messages.message import Ask, Tell, decode_reply, encode
from actors.kernel.messages.reply_slot import Expired, ReplySlot

R = TypeVar("R")

DEFAULT_TIMEOUT_S = 5.0
"""How long an ask waits unless told otherwise, as OTP's `gen_server:call`."""


class Asked(Generic[R]):
    """An ask that was sent; made by `Ref.send`."""

    __slots__ = ("_bucket", "_mailbox", "_message", "_slot", "_timeout_s")

    def __init__(
        self, message: Ask[R], slot: ReplySlot, mailbox: Mailbox, bucket: set[ReplySlot] | None, timeout_s: float
    ) -> None:
        self._message = message
        self._slot = slot
        self._mailbox = mailbox
        self._bucket = bucket
        self._timeout_s = timeout_s

    async def answer(self) -> R:
        """Wait for the answer; a checkpoint. To be called once, whatever happens meanwhile.

        Raises:
            ActorDied: The actor ended before it answered.
            AskTimeout: The ask's time has passed.
        """
        try:
            body = await self._slot.wait()
        except Expired:
            raise AskTimeout(self._mailbox.name, self._timeout_s) from None
        finally:
            self._mailbox.answered(self._slot)
            if self._bucket is not None:
                self._bucket.discard(self._slot)
        return decode_reply(type(self._message), body)


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

    def send(self, message: Ask[R], *, timeout_s: float = DEFAULT_TIMEOUT_S) -> Asked[R]:
        """Send a message now, whose answer a task waits for later; not for handlers. Does not checkpoint.

        Raises:
            ActorNotFound: No such actor runs now.
            MailboxFull: Its queue is full and rejects.
        """
        mailbox, slot, now = self.system.mailboxes.find(self.name), ReplySlot(), trio.current_time()
        mailbox.put_nowait(Envelope(encode(message), slot, now + timeout_s, now, self.sender, ""))
        return Asked(message, slot, mailbox, self.system.deadlines.add(slot, now + timeout_s), timeout_s)

    async def ask(
        self,
        message: Ask[R],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        trace_id: str = "",
        sent: Callable[[], None] | None = None,
    ) -> R:
        """Send a message and wait for its answer; a checkpoint.

        The deadline is `timeout_s` from now or, where a handler asks, the deadline of the message in its hands if that
        is earlier. It travels with the message: an actor drops work whose deadline has passed. A cancel scope of the
        caller ends the ask where it stands, and with it all that is being asked on its behalf.

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
            AskTimeout: `timeout_s` passed; `DeadlinePassed` if whoever waits for the handler that asks has given up.
        """
        system = self.system
        mailbox = system.mailboxes.find(self.name)
        waiting = system.waiting.begin(self.name)
        slot = ReplySlot()
        now = trio.current_time()
        deadline = now + timeout_s
        behalf = None  # the slot of whoever waits for the handler that asks here
        if waiting is not None:
            deadline = min(deadline, waiting.deadline)
            behalf = waiting.slot
        bucket = told_before = None
        try:
            mailbox.put_nowait(Envelope(encode(message), slot, deadline, now, self.sender, trace_id))
            if sent is not None:
                sent()
            if behalf is not None:
                told_before, behalf.on_abandoned = behalf.on_abandoned, slot.expire
            bucket = system.deadlines.add(slot, deadline)
            body = await slot.wait()
        except Expired:
            given_up = waiting is not None and (
                deadline == waiting.deadline or (behalf is not None and behalf.abandoned)
            )
            raise (DeadlinePassed if given_up else AskTimeout)(self.name, deadline - now) from None
        finally:
            if behalf is not None:
                behalf.on_abandoned = told_before
                if behalf.abandoned and told_before is not None:
                    told_before()
            system.waiting.end(waiting)
            mailbox.answered(slot)
            if bucket is not None:
                bucket.discard(slot)
        return decode_reply(type(message), body)
