"""The policy that governs, as the speed layer publishes it: the desk rules by it without a message to the actor.

Only what needs nobody else is ruled here: an `allow` or `deny` of the rules on a shell line, for an agent that no
breaker has anything against, while this turn's slice of time lasts. All else is the speed layer's: what may open an
approval or join one, what counts against a limit, what has to be recorded first, what takes long. The policy keeps its
rulings on such lines, so that what turns out to be the speed layer's is not judged twice.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import trio

from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.guarded_judging import BUDGET_S, Guard
from actors.speed_layer.governing.turns import Charge, PublishedSlice
from actors.speed_layer.policy.engine import Request, Ruling, is_kept
from actors.speed_layer.policy.judging.footprints import Footprint, files_in
from actors.speed_layer.policy.ruling import Files

MAX_REQUESTS: Final = 16
"""How many requests of one message are ruled on here: some 1 ms of fresh shell commands."""
MAX_FOOTPRINTS: Final = 8192
"""Of how many requests the files are kept, a kilobyte or two each: those of a quarter of usual commands matter."""
MAX_KEY_BYTES: Final = 8192
"""The longest canonical request whose files are kept: as with verdicts."""


class PublishedPolicy:
    """A policy as it may be used by any task. Nothing here checkpoints.

    Args:
        policy: The policy that governs.
        guard: Knows the agents whose requests failed.
        slice_: How long this may take before others get a turn.
        charge: Told what each agent has used.

    Attributes:
        version: The policy's version.
        audiences: Which agents its rules tell apart; None where they tell apart roles alone.
    """

    __slots__ = ("_charge", "_footprints", "_guard", "_policy", "_slice", "audiences", "version")

    def __init__(self, policy: GoverningPolicy, guard: Guard, slice_: PublishedSlice, charge: Charge) -> None:
        self._policy = policy
        self._guard = guard
        self._slice = slice_
        self._charge = charge
        self._footprints: dict[tuple[str, bytes], Footprint] = {}
        self.version = policy.version
        self.audiences = policy.audiences or None

    def rule(self, requests: Mapping[bytes, Request], agent: str) -> dict[bytes, Ruling] | None:
        """Return the rulings on an agent's requests, by their keys; None where one of them is for the speed layer."""
        if len(requests) > MAX_REQUESTS or not self._slice.lasts() or not self._guard.trusts(agent):
            return None
        if not all(map(is_kept, requests.values())):
            return None
        found: dict[bytes, Ruling] = {}
        for key, request in requests.items():
            if not self._slice.lasts():
                return None
            ruling = self._decide(key, request, agent)
            if ruling.verdict == "ask" or ruling.limits or ruling.durable:
                return None
            found[key] = ruling
        return found

    def reason_of(self, rule: str) -> str:
        """Return the reason that a rule gives, by its id; an empty text where the policy has no such rule."""
        return self._policy.rules.reasons.get(rule, "")

    def files(self, key: bytes, request: Request) -> Files:
        """Return which files a request writes and runs; where that is not known any more, it is judged again.

        Args:
            key: Its canonical form.
            request: The request.
        """
        footprint = self._footprints.get((self._audience_of(request), key))
        if isinstance(footprint, Files):
            return footprint
        files = files_in(self._policy.footprint(request) if footprint is None else footprint)
        self._keep(key, request, files)
        return files

    def _keep(self, key: bytes, request: Request, footprint: Footprint | None) -> None:
        if footprint is not None and len(key) <= MAX_KEY_BYTES:
            asked = self._audience_of(request), key
            if len(self._footprints) >= MAX_FOOTPRINTS and asked not in self._footprints:
                del self._footprints[next(iter(self._footprints))]
            self._footprints[asked] = footprint

    def _audience_of(self, request: Request) -> str:
        return self._policy.audiences.of(request.role, request.agent, request.labels)

    def _decide(self, key: bytes, request: Request, agent: str) -> Ruling:
        began = trio.current_time()
        ruling = self._policy.decide(request)
        if ruling.writes or ruling.runs:
            self._keep(key, request, self._policy.footprint(request))
        now = trio.current_time()
        took_s = now - began
        self._slice.use(took_s)
        self._charge(agent, request.role, took_s, 1)
        if took_s > BUDGET_S:
            self._guard.took_too_long(agent, took_s, now)
        return ruling
