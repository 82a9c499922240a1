"""The published views: what one actor writes and any task may read without a hop.

They are the deliberate exception to "everything is a message", like an ETS table with read concurrency: one writer
each, immutable values, no lock, since all of it happens on one thread. Everything here is derived and may be lost.

An actor says in its own folder which of them it needs, so none knows this module; the hall hands it to all.
"""

from __future__ import annotations

from functools import lru_cache

from actors.cache.verdict_table import VerdictTable
from actors.monitor.messages import Component, Health
from actors.session.messages import Principal, session_of
from actors.session.prepaid_tokens import TOKEN_S, PrepaidTokens
from actors.speed_layer.audit.buffer import AuditBuffer
from actors.speed_layer.governing.stored_bytes import Spend, unmetered
from actors.speed_layer.published_policy import PublishedPolicy
from actors.speed_layer.written.written_files import Asked, WrittenFiles


class Views:
    """All published views of one hall.

    Args:
        version: Moothall's version, for `health`.
        audit_inputs: Whether the audit keeps what was asked.
        spend: Counts what the audit and approvals store for each agent.
        written_asked: Which files that agents wrote are asked about when they are run.

    Attributes:
        verdicts: Written by the cache.
        prepaid: What sessions have admitted in advance, by the session's name; each written by its session.
        audit: Verdicts on their way to the log; the desk adds, the speed layer takes.
        written: What agents have written; the desk adds, the speed layer takes up what the log knows.
        policy: The version of the policy that governs now, empty until one does; written by the speed layer.
        rules: That policy, None until one governs; written by the speed layer.
        sequence: The committed watermark; written by the event store.
        health: Written by the monitor.
        trouble: What keeps an actor that runs, or what stands before the hall, from doing all of its work, by name;
            written by whoever is named.
        connections: How many connections are open; written by the gateway.
        workspaces: Roots of the checkouts that agents work in, the hall's own first; none where it has none. Written
            by whoever serves.
    """

    def __init__(
        self, version: str, *, audit_inputs: bool = True, spend: Spend = unmetered, written_asked: Asked = "created"
    ) -> None:
        self.verdicts = VerdictTable()
        self.prepaid: dict[str, PrepaidTokens] = {}
        self.audit = AuditBuffer(
            inputs=audit_inputs, head=lambda: self.sequence, reason_of=self._reason_of, spend=spend
        )
        self.written = WrittenFiles(written_asked)
        self.policy = ""
        self.rules: PublishedPolicy | None = None
        self.sequence = 0
        self.connections = 0
        self.workspaces: tuple[str, ...] = ()
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

    def _reason_of(self, rule: str) -> str:
        return "" if self.rules is None else self.rules.reason_of(rule)

    def audience_of(self, principal: Principal) -> str:
        """Return all whom the rules that govern do not tell apart from a principal: whose verdicts it shares."""
        rules = self.rules
        if rules is None or rules.audiences is None:
            return principal.role
        return rules.audiences.of(principal.role, principal.agent, principal.labels)

    def workspace_of(self, cwd: str | None) -> str | None:
        """Return the root that counts as the workspace of a request; None where its directory does."""
        return root_around(cwd, self.workspaces) if self.workspaces else None

    def charge(self, agent: str, role: str, used_s: float, requests: int) -> None:
        """Take out of a principal's limit that judging some of its requests took so long, in seconds."""
        if used_s < TOKEN_S * (requests + 1):  # what their tokens have paid for, as of most requests
            return
        prepaid = self.prepaid.get(session_of(agent, role))
        if prepaid is not None:
            prepaid.owe_for(used_s, requests)

    def tell_trouble(self, name: str, what: str) -> None:
        """Note what keeps somebody from their work; an empty text says that nothing does."""
        if what:
            self.trouble[name] = what
        else:
            self.trouble.pop(name, None)


@lru_cache(4096)
def root_around(cwd: str | None, workspaces: tuple[str, ...]) -> str:
    """Return the innermost root that a directory lies in; of one that lies in none the first, so that it is outside."""
    around = [each for each in workspaces if cwd is not None and (cwd == each or cwd.startswith(each + "/"))]
    return max(around, key=len, default=workspaces[0])
