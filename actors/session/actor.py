"""A session: one actor per principal in use, shared by all of its connections.

It starts with the first request of its principal, counts its connections, and ends an idle time after the last one has
gone; its rate limit lives as long, and longer than its bucket needs to fill, so a reconnect does not reset it. Its
start and end are events in the log. What it admits in advance it publishes as prepaid tokens.
"""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio

from actors.event_store.messages import NAME as EVENT_STORE
from actors.event_store.messages import AppendEvents
from actors.kernel import Actor, ActorError, Down, Reply
from actors.ports import Ports
from actors.session.messages import (
    Admission,
    Admit,
    Charge,
    Limits,
    Messages,
    Principal,
    SessionInfo,
    TopUp,
    WhoAmI,
    connection_name,
    session_name,
)
from actors.session.prepaid_tokens import PrepaidTokens
from actors.session.role_rules import ADMITTED, rate_limited, refusal_of
from actors.token_bucket import TokenBucket
from store import Append, NewEvent

OWED_S = 30.0
"""For how long a principal may owe tokens, for what was refused or took long, in seconds: less than a ping may take."""

SESSIONS_STREAM = "moothall/sessions"
STARTED = "moothall.session.started"
ENDED = "moothall.session.ended"


class Session(Actor):
    """Admits what its principal asks for.

    Args:
        principal: Whose session it is.
        limits: What its role may use.
        ports: The wall clock and the source of ids.
        prepaid: Where it publishes its prepaid tokens while it runs, by the session's name.
        idle_s: How long it outlives its last connection, in seconds.
    """

    accepts = Messages

    def __init__(
        self,
        principal: Principal,
        limits: Limits,
        ports: Ports,
        prepaid: dict[str, PrepaidTokens],
        idle_s: float = 60.0,
    ) -> None:
        self._principal = principal
        self._limits = limits
        self._idle_s = idle_s
        self._id = ports.random_bytes(16).hex()
        self._since_ns = ports.clock_ns()
        self._prepaid_of_sessions = prepaid
        self._prepaid = PrepaidTokens(None if limits.requests_per_s is None else limits.burst)
        self._bucket = TokenBucket(limits.requests_per_s, limits.burst, trio.current_time(), held=self._prepaid.unspent)
        self._connections = self._prepaid.connections
        self._idle_since = trio.current_time()
        self._tally: Counter[str] = Counter()
        self._charged = 0

    async def on_start(self) -> None:
        """Record the start. A log that refuses it (a full disk) must not keep its principal from reading."""
        await self._record(STARTED, {})
        self._top_up()
        self._prepaid_of_sessions[session_name(self._principal)] = self._prepaid
        self.nursery.start_soon(self._end_when_idle)

    async def on_down(self, down: Down) -> None:
        """Forget a connection that has ended."""
        self._connections.discard(down.name)
        self._idle_since = trio.current_time()

    async def handle(self, message: Admit | WhoAmI | TopUp | Charge, reply: Reply) -> Admission | SessionInfo | None:
        """Admit, introduce itself, admit more in advance, or take what a refused request costs."""
        if isinstance(message, TopUp):
            self._top_up()
            return None
        if isinstance(message, Charge):
            self._charge(message.cost)
            return None
        self._connections.add(connection_name(message.connection))
        return self._admit(message) if isinstance(message, Admit) else self._info()

    async def on_stop(self) -> None:
        """Record the end; a store that is gone already must not keep the session from ending."""
        try:
            await self._record(ENDED, {"counters": self._counters_now()})
        except ActorError:
            self.system.dead_letters.add(EVENT_STORE, "the store had gone before the session ended")

    def on_exit(self) -> None:
        """Take the prepaid tokens back."""
        name = session_name(self._principal)
        if self._prepaid_of_sessions.get(name) is self._prepaid:
            del self._prepaid_of_sessions[name]

    def _admit(self, message: Admit) -> Admission:
        self._collect()
        admission = refusal_of(self._principal, message)
        if admission is None:
            wait_s = self._bucket.take(message.cost, trio.current_time())
            admission = ADMITTED if wait_s is None else rate_limited(wait_s)
        self._tally[admission.code or message.operation] += 1
        self._top_up()
        return admission

    def _charge(self, cost: int) -> None:
        now, unspent = trio.current_time(), self._prepaid.unspent()
        self._idle_since = now  # a sender of nothing else has no connection that is known here
        self._prepaid.grant(-unspent)
        self._bucket.charge(cost - unspent, now, OWED_S)
        self._prepaid.owes_until = now + self._bucket.lacks_for_s(1, now)

    def _collect(self) -> None:
        """Take what is owed for the time that judging took out of the bucket."""
        owed, self._charged = self._prepaid.owed - self._charged, self._prepaid.owed
        if owed:
            self._bucket.charge(owed, trio.current_time(), OWED_S)

    def _top_up(self) -> None:
        self._collect()
        wanted = self._prepaid.wanted()
        if wanted > 0:
            self._prepaid.grant(self._bucket.take_up_to(wanted, trio.current_time()))

    def _counters_now(self) -> dict[str, int]:
        return dict(self._tally + self._prepaid.tally)

    def _info(self) -> SessionInfo:
        return SessionInfo(
            agent=self._principal.agent,
            role=self._principal.role,
            session=self._id,
            connected_since=self._since_ns,
            limits=self._limits,
            counters=self._counters_now(),
        )

    async def _record(self, kind: str, data: dict[str, Any]) -> None:
        about = {"agent": self._principal.agent, "role": self._principal.role, "session": self._id, **data}
        event = NewEvent(type=kind, data=about, stream=SESSIONS_STREAM)
        await self.ref(EVENT_STORE).ask(AppendEvents(Append(events=[event], agent="moothall", stream=SESSIONS_STREAM)))

    async def _end_when_idle(self) -> None:
        while True:
            now = trio.current_time()
            self._collect()
            idle_until = self._idle_since + max(self._idle_s, self._bucket.full_in_s(now))
            if not self._connections and now >= idle_until:
                self.request_stop()
                return
            await trio.sleep(max(idle_until - now, self._idle_s / 4))
