"""The speed layer: holds the policy that governs and judges requests by it."""

from __future__ import annotations

from typing import Any

import trio

from actors.event_store.messages import NAME as EVENT_STORE
from actors.event_store.messages import AppendEvents, QueryEvents
from actors.kernel import Actor, Reply
from actors.ports import Ports
from actors.speed_layer.auditor import Auditor
from actors.speed_layer.messages import Evaluate, Explain, Explained, Messages, Rulings
from actors.speed_layer.policy import Policy, Ruling
from actors.views import Views
from store import Append, NewEvent, Query

SLICE = 32
"""How many requests of a batch are judged before others get a turn: some 3 ms of fresh shell commands."""

POLICY_STREAM = "moothall/policy"
POLICY_ACTIVATED = "moothall.policy.activated"


class SpeedLayer(Actor):
    """Judges requests: pure computation, in slices, so that a large batch does not stall everybody else.

    Args:
        policy: The compiled policy.
        views: Where the version that governs is published, and where verdicts wait for the audit.
        ports: Where names come from.
        audit_inputs: Whether the audit keeps the inputs, with their secrets masked.
    """

    accepts = Messages

    def __init__(self, policy: Policy, views: Views, ports: Ports, *, audit_inputs: bool = True) -> None:
        self._policy = policy
        self._views = views
        self._ports = ports
        self._audit_inputs = audit_inputs

    async def on_start(self) -> None:
        """Record the activation if the log does not have it yet, then publish the version."""
        store = self.ref(EVENT_STORE)
        found = await store.ask(QueryEvents(Query(stream=POLICY_STREAM, order="desc", limit=1)))
        last: Any = found.page.events[0].data if found.page is not None and found.page.events else None
        if last != {"version": self._policy.version}:
            event = NewEvent(type=POLICY_ACTIVATED, data={"version": self._policy.version}, stream=POLICY_STREAM)
            await store.ask(AppendEvents(Append(events=[event], agent="moothall", stream=POLICY_STREAM)))
        self._views.policy = self._policy.version
        self._auditor = Auditor(self._views.audit, store, self._new_name, inputs=self._audit_inputs)
        self.nursery.start_soon(self._auditor.run)

    async def on_stop(self) -> None:
        """Store the last verdicts."""
        await self._auditor.drain()

    async def handle(self, message: Evaluate | Explain, reply: Reply) -> Rulings | Explained:
        """Judge a batch, or explain one."""
        policy = self._policy
        if isinstance(message, Explain):
            return Explained(policy.version, policy.explain(message.request))
        rulings: list[Ruling] = []
        for start in range(0, len(message.requests), SLICE):
            if start:
                await trio.lowlevel.checkpoint()
            rulings += [policy.decide(request) for request in message.requests[start : start + SLICE]]
        return Rulings(policy.version, rulings)

    def _new_name(self) -> str:
        return self._ports.random_bytes(8).hex()
