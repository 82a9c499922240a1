"""The actor: state that one task owns, a mailbox in front of it, and handlers.

The contract, in the order in which the runtime calls it:

    on_start()              before the name is registered; raising means the start failed
    handle(message, reply)  for each message, one at a time; raising is a crash (the supervisor decides what follows)
    on_batch_end()          after each drained batch: where group work is flushed
    on_stop()               after the mailbox was drained in an ordered stop; not after a crash
    on_exit()               always, last: after a stop, a crash or a cancellation; releases what the actor holds

A handler answers an ask by returning the reply, or returns `LATER` and calls `reply(value)` when it has it, from any
task of the actor's own nursery. Whatever is still unanswered when the actor ends raises `ActorDied` in its asker.
"""

from __future__ import annotations

from typing import Any, ClassVar, Final

import msgspec
import trio

from actors.kernel.mailbox import Envelope, Mailbox, Overflow
from actors.kernel.message import Message, encode
from actors.kernel.ref import Ref
from actors.kernel.reply import ReplySlot
from actors.kernel.statistics import ActorStatistics
from actors.kernel.system import System


class Later:
    """The type of `LATER`."""


LATER: Final = Later()
"""Returned by a handler that will call `reply(value)` itself."""

BATCH: Final = 64
"""How many messages an actor handles before its siblings get a turn."""


class Reply:
    """The way back to one asker. Calling it a second time, or after the asker has gone, is harmless."""

    __slots__ = ("_mailbox", "_slot", "deadline", "sender", "trace_id")

    def __init__(self, envelope: Envelope, mailbox: Mailbox) -> None:
        self._slot: ReplySlot | None = envelope.slot
        self._mailbox = mailbox
        self.deadline = envelope.deadline
        self.sender = envelope.sender
        self.trace_id = envelope.trace_id

    def __call__(self, value: object) -> bool:
        """Answer. Returns False where nobody waits for the answer any more."""
        slot, self._slot = self._slot, None
        if slot is None:
            return False
        self._mailbox.answered(slot)
        return slot.resolve(encode(value))

    @property
    def wanted(self) -> bool:
        """Whether somebody still waits."""
        return self._slot is not None and not self._slot.abandoned


class Actor:
    """Base of every actor: subclass it, name what it `accepts`, write `handle`.

    Attributes:
        accepts: The union of messages that the actor takes; its mailbox decodes to nothing else.
        capacity: How many messages its mailbox holds.
        overflow: What its full mailbox does.
        nursery: Tasks that live as long as the actor; one that raises is a crash of the actor.
    """

    accepts: ClassVar[Any]
    capacity: ClassVar[int] = 1024
    overflow: ClassVar[Overflow] = "reject"

    name: str
    system: System
    nursery: trio.Nursery
    mailbox: Mailbox

    async def on_start(self) -> None:
        """Prepare; may checkpoint. Raising makes the start fail."""

    async def handle(self, message: Any, reply: Reply) -> Any:
        """Handle one message; may checkpoint, which keeps the mailbox waiting.

        Returns:
            The reply to an ask, or `LATER`; ignored for a tell.
        """
        raise TypeError(f"{type(self).__name__} has no handler for {type(message).__name__}")

    async def on_batch_end(self) -> None:
        """Flush what a batch of messages gathered; may checkpoint."""

    async def on_stop(self) -> None:
        """Tidy up after the mailbox was drained; may checkpoint, within the shutdown time of the child's spec."""

    def on_exit(self) -> None:
        """Release what the actor holds, however it ended. Does not checkpoint."""

    def ref(self, name: str) -> Ref:
        """Return a reference to another actor of this system, by name."""
        return Ref(self.system, name, sender=self.name)

    def request_stop(self) -> None:
        """Begin an ordered stop: take no more messages, handle those that wait, end. Does not checkpoint."""
        self.mailbox.close()

    def attach(self, name: str, system: System) -> None:
        """Give the actor its name and mailbox; called once, by its supervisor, before `run`."""
        self.name = name
        self.system = system
        self.mailbox = Mailbox(name, self.capacity, self.overflow)
        self._counters = system.counters.setdefault(name, ActorStatistics())
        self._decoder: msgspec.msgpack.Decoder[Message] = _decoder(type(self))

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live: start, handle messages until stopped, stop. Called by the supervisor."""
        mailbox, system, name = self.mailbox, self.system, self.name
        try:
            async with trio.open_nursery() as self.nursery:
                await self.on_start()
                system.mailboxes.claim(name, mailbox)
                task_status.started()
                await self._serve()
                await self.on_stop()
                self.nursery.cancel_scope.cancel()
        finally:
            try:
                self.on_exit()
            finally:
                system.mailboxes.release(name, mailbox)
                self._counters.dropped += mailbox.dropped
                if lost := mailbox.abandon():
                    system.dead_letters[name] += lost

    async def _serve(self) -> None:
        mailbox = self.mailbox
        while True:
            try:
                envelope = await mailbox.get()
            except trio.EndOfChannel:
                return
            began = trio.current_time()
            budget = BATCH
            while True:
                await self._deliver(envelope)
                budget -= 1
                if not budget or not mailbox.depth:
                    break
                envelope = mailbox.get_nowait()
            await self.on_batch_end()
            self._counters.busy_s += trio.current_time() - began

    async def _deliver(self, envelope: Envelope) -> None:
        counters, slot = self._counters, envelope.slot
        now = trio.current_time()
        if envelope.deadline <= now or (slot is not None and slot.abandoned):
            counters.expired += 1
            return
        reply = Reply(envelope, self.mailbox)
        answer = await self.handle(self._decoder.decode(envelope.body), reply)
        counters.handled += 1
        counters.wait_s += now - envelope.sent_at
        if slot is not None and answer is not LATER:
            reply(answer)


_decoders: dict[type[Actor], msgspec.msgpack.Decoder[Any]] = {}


def _decoder(kind: type[Actor]) -> msgspec.msgpack.Decoder[Any]:
    decoder = _decoders.get(kind)
    if decoder is None:
        decoder = _decoders[kind] = msgspec.msgpack.Decoder(kind.accepts)
    return decoder
