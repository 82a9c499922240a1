"""The actor: state that one task owns, a mailbox in front of it, and handlers.

The contract, in the order in which the runtime calls it:

    restore, replay         the state from `journal`, if the actor declares one, before anything else
    on_start()              before the name is registered; raising means the start failed
    handle(message, reply)  for each message, one at a time; raising is a crash (the supervisor decides what follows)
    on_down(down)           when an actor that it watches has ended; passes the queue
    on_batch_end()          after each drained batch: where group work is flushed
    on_stop()               after the mailbox was drained in an ordered stop; not after a crash
    on_exit()               always, last: after a stop, a crash or a cancellation; releases what the actor holds

A handler answers an ask by returning the reply, or returns `LATER` and calls `reply(value)` when it has it, from any
task of the actor's own nursery. Whatever is still unanswered when the actor ends raises `ActorDied` in its asker.
"""

from __future__ import annotations

from functools import cache
from math import inf
from typing import Any, ClassVar, Final

import msgspec
import trio

from actors.kernel.errors import DeadlinePassed, contains
from actors.kernel.lifecycle.restore import Journal, rebuild
from actors.kernel.lifecycle.timer import Timer
from actors.kernel.messages.actor_system import System
from actors.kernel.messages.mailbox import Envelope, Mailbox, Overflow
from actors.kernel.messages.message import Message, Tell
from actors.kernel.messages.ref import Ref
from actors.kernel.messages.reply import LATER, Reply
from actors.kernel.messages.system_messages import Command, Down, Reason
from actors.kernel.observing.statistics import Counters
from actors.kernel.observing.trace import Traced

BATCH: Final = 64
"""How many messages an actor handles before its siblings get a turn.

Measured with a handler that returns at once: a tell costs 6.7 us one at a time, 2.8 us in batches of 64 and 2.6 us in
batches of 256; a sibling waits 0.08 ms for a batch of 64, and 0.34 ms for one of 256.
"""


class Actor:
    """Base of every actor: subclass it, name what it `accepts`, write `handle`.

    Attributes:
        accepts: The union of messages that the actor takes; its mailbox decodes to nothing else.
        capacity: How many messages its mailbox holds. Behind 1,024 of 5 ms each an ask outlives its usual timeout, so
            a longer queue would hold little but work that is dropped.
        overflow: What its full mailbox does.
        blocks_on: Names of actors, started before this one, in whose full mailboxes it may wait for room.
        journal: Where its state is rebuilt from before it starts; None if it begins empty.
        nursery: Tasks that live as long as the actor; one that raises is a crash of the actor.
    """

    accepts: Any
    capacity: ClassVar[int] = 1024
    overflow: ClassVar[Overflow] = "reject"
    blocks_on: ClassVar[tuple[str, ...]] = ()

    journal: Journal | None = None
    name: str
    system: System
    nursery: trio.Nursery
    mailbox: Mailbox

    def restore(self, state: bytes) -> None:
        """Take the state of a snapshot. Does not checkpoint."""
        raise TypeError(f"{type(self).__name__} has a journal with snapshots but no `restore`")

    def replay(self, event: bytes) -> None:
        """Apply one event of the journal. Does not checkpoint."""
        raise TypeError(f"{type(self).__name__} has a journal with events but no `replay`")

    async def on_start(self) -> None:
        """Prepare; may checkpoint. Raising makes the start fail."""

    async def handle(self, message: Any, reply: Reply) -> Any:
        """Handle one message; may checkpoint, which keeps the mailbox waiting.

        Returns:
            The reply to an ask, or `LATER`; ignored for a tell.
        """
        raise TypeError(f"{type(self).__name__} has no handler for {type(message).__name__}")

    async def on_down(self, down: Down) -> None:
        """React to the end of a watched actor; may checkpoint."""

    async def on_batch_end(self) -> None:
        """Flush what a batch of messages gathered; may checkpoint."""

    async def on_stop(self) -> None:
        """Tidy up after the mailbox was drained; may checkpoint, within the shutdown time of the child's spec."""

    def on_exit(self) -> None:
        """Release what the actor holds, however it ended. Does not checkpoint."""

    def state(self) -> Any:
        """Return what `get_state` shows: anything that MessagePack can encode. Does not checkpoint."""
        return {}

    def ref(self, name: str) -> Ref:
        """Return a reference to another actor of this system, by name."""
        return Ref(self.system, name, sender=self.name)

    def watch(self, name: str) -> None:
        """Have `on_down` called once when the actor that has this name now ends. Does not checkpoint."""
        mailbox = self.system.mailboxes.get(name)
        if mailbox is None:
            self.mailbox.signal(Down(name, "not running"))
        else:
            mailbox.watchers.add(self.mailbox)

    def unwatch(self, name: str) -> None:
        """Take a watch back. Does not checkpoint."""
        mailbox = self.system.mailboxes.get(name)
        if mailbox is not None:
            mailbox.watchers.discard(self.mailbox)

    def send_after(self, delay_s: float, message: Tell) -> Timer:
        """Tell this actor a message once, `delay_s` seconds from now, unless the timer is cancelled."""
        return Timer.start(self.nursery, Ref(self.system, self.name, self.name), message, delay_s, None)

    def send_every(self, period_s: float, message: Tell) -> Timer:
        """Tell this actor a message every `period_s` seconds, without drift, until the timer is cancelled.

        A full mailbox misses the beat: a dead letter, not a queue of beats.
        """
        return Timer.start(self.nursery, Ref(self.system, self.name, self.name), message, period_s, period_s)

    def request_stop(self) -> None:
        """Begin an ordered stop: take no more messages, handle those that wait, end. Does not checkpoint."""
        self.mailbox.close()

    def attach(self, name: str, system: System) -> None:
        """Give the actor its name and mailbox; called once, by its supervisor, before `run`."""
        self.name = name
        self.system = system
        self.mailbox = Mailbox(name, self.capacity, self.overflow)
        self._counters = system.counters.setdefault(name, Counters())
        self._decoder: msgspec.msgpack.Decoder[Message] = _decoder(self.accepts)
        self._suspended = False

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live: restore, start, handle messages until stopped, stop. Called by the supervisor."""
        system, name, task = self.system, self.name, trio.lowlevel.current_task()
        reason: Reason = "killed"
        try:
            async with trio.open_nursery() as self.nursery:
                system.waiting.check_blocks_on(name, self.blocks_on)
                if self.journal is not None:
                    await rebuild(self, self.journal)
                await self.on_start()
                system.mailboxes.register(name, self.mailbox)
                self._serving = system.waiting.enter(name, task)
                task_status.started()
                await self._serve()
                await self.on_stop()
                self.nursery.cancel_scope.cancel()
            reason = "stopped"
        except BaseException as error:
            if contains(error, Exception):
                reason = "crashed"
            raise
        finally:
            system.waiting.leave(task)
            try:
                self.on_exit()
            finally:
                self._end(reason)

    def _end(self, reason: Reason) -> None:
        mailbox, counters, system = self.mailbox, self._counters, self.system
        system.mailboxes.unregister(self.name, mailbox)
        counters.received += mailbox.received
        counters.dropped += mailbox.dropped
        counters.lost += mailbox.depth
        if lost_tells := mailbox.abandon():
            system.dead_letters.add(self.name, "the actor ended before it read them", lost_tells)
        down = Down(self.name, reason)
        for watcher in mailbox.watchers:
            if not watcher.closed:
                watcher.signal(down)

    async def _serve(self) -> None:
        mailbox, counters = self.mailbox, self._counters
        groups_work = type(self).on_batch_end is not Actor.on_batch_end
        while True:
            try:
                envelope = await mailbox.get()
            except trio.EndOfChannel:
                return
            began = now = trio.current_time()
            budget = BATCH
            while True:
                if mailbox.system_lane:
                    await self._handle_system_messages()
                if envelope is not None:
                    now = await self._deliver(envelope, now)
                budget -= 1
                if not budget or not mailbox.depth:
                    break
                envelope = mailbox.get_nowait()
            if groups_work:
                await self.on_batch_end()
                now = trio.current_time()
            counters.busy_s += now - began

    async def _deliver(self, envelope: Envelope, now: float) -> float:
        """Hand a message to its handler; `now` is the time, and so is what comes back."""
        counters, slot = self._counters, envelope.slot
        if envelope.deadline <= now or (slot is not None and slot.abandoned):
            counters.expired += 1
            return now
        reply = Reply(envelope, self.mailbox, self.system)
        counters.lost += 1  # until the handler has returned: a crash loses the message in hand
        message = self._decoder.decode(envelope.body)
        serving = self._serving
        serving.deadline, serving.slot = envelope.deadline, slot
        try:
            result = await self.handle(message, reply)
        except DeadlinePassed:
            counters.lost -= 1
            counters.expired += 1
            return trio.current_time()
        finally:
            serving.deadline, serving.slot = inf, None
        counters.lost -= 1
        counters.handled += 1
        counters.wait_s += now - envelope.sent_at
        if slot is not None and result is not LATER:
            reply(result)
        after = trio.current_time()
        if self.system.trace is not None:
            self._trace(envelope, message, now, after)
        return after

    async def _handle_system_messages(self) -> None:
        """Handle what waits on the system lane; while suspended, nothing else."""
        mailbox = self.mailbox
        while mailbox.system_lane or self._suspended:
            while mailbox.system_lane:
                item = mailbox.system_lane[0]  # taken off when it is done: a crash on the way fails it with the others
                if isinstance(item, Down):
                    await self.on_down(item)
                else:
                    self._execute(item)
                mailbox.system_lane.popleft()
            if self._suspended:
                if mailbox.closed:
                    self._suspended = False
                    continue
                mailbox.changed = trio.Event()
                await mailbox.changed.wait()

    def _execute(self, command: Command) -> None:
        if command.kind == "get_state":
            command.answer(self.state())
            return
        self._suspended = command.kind == "suspend"
        command.answer(None)

    def _trace(self, envelope: Envelope, message: Message, began: float, ended: float) -> None:
        assert self.system.trace is not None
        self.system.trace(
            Traced(
                actor=self.name,
                message=type(message).__name__,
                sender=envelope.sender,
                trace_id=envelope.trace_id,
                asked=envelope.slot is not None,
                wait_s=began - envelope.sent_at,
                service_s=ended - began,
            )
        )


@cache
def _decoder(accepts: Any) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(accepts)
