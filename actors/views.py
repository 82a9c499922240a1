"""The published views: what one actor writes and any task may read without a hop.

They are the deliberate exception to "everything is a message", like an ETS table with read concurrency: one writer
each, immutable values, no lock, since all of it happens on one thread. Everything here is derived and may be lost.
"""

from __future__ import annotations

from actors.monitor.messages import Component, Health
from actors.session.permit import Permit
from actors.speed_layer.audit.buffer import AuditBuffer
from actors.speed_layer.policy.engine import Ruling
from actors.speed_layer.published import Published


class Verdicts:
    """The cache's table: rulings by key. Written by the cache actor alone.

    The key covers everything a cached ruling depends on: policy version, role, tool, working directory, canonical
    input. A new policy version therefore empties nothing; it changes the key.

    Attributes:
        hits: Look-ups that found a ruling.
        misses: Look-ups that did not.
        table: The rulings.
    """

    def __init__(self) -> None:
        self.hits = 0
        self.misses = 0
        self.table: dict[bytes, Ruling] = {}

    @staticmethod
    def key(policy: str, role: str, canonical_request: bytes) -> bytes:
        """Return the key of a canonical request (tool, input, cwd) of a role under a policy version."""
        return b"\x00".join((policy.encode(), role.encode(), canonical_request))

    def get(self, key: bytes) -> Ruling | None:
        """Return the cached ruling, or None; counts hits and misses."""
        ruling = self.table.get(key)
        if ruling is None:
            self.misses += 1
        else:
            self.hits += 1
        return ruling


class Views:
    """All published views of one hall.

    Args:
        version: Moothall's version, for `health`.
        audit_inputs: Whether the audit keeps what was asked.

    Attributes:
        verdicts: Written by the cache.
        permits: What sessions have admitted in advance, by the session's name; each written by its session.
        audit: Verdicts on their way to the log; the desk adds, the speed layer takes.
        policy: The version of the policy that governs now, empty until one does; written by the speed layer.
        rules: That policy, None until one governs; written by the speed layer.
        sequence: The committed watermark; written by the event store.
        health: Written by the monitor.
        trouble: What keeps an actor that runs from doing all of its work, by name; written by that actor.
        connections: How many connections are open; written by the gateway.
    """

    def __init__(self, version: str, *, audit_inputs: bool = True) -> None:
        self.verdicts = Verdicts()
        self.permits: dict[str, Permit] = {}
        self.audit = AuditBuffer(inputs=audit_inputs)
        self.policy = ""
        self.rules: Published | None = None
        self.sequence = 0
        self.connections = 0
        self.trouble: dict[str, str] = {}
        self.health = Health(
            status="failing",
            version=version,
            uptime_s=0.0,
            sequence=0,
            sessions=0,
            connections=0,
            components={"hall": Component("failing", "starting")},
        )

    def tell_trouble(self, name: str, what: str) -> None:
        """Note what keeps an actor from its work; an empty text says that nothing does."""
        if what:
            self.trouble[name] = what
        else:
            self.trouble.pop(name, None)
