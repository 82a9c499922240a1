"""What the task of one request runs to judge it: admission, the published views, and only then the speed layer.

No handler of an actor ever waits here; the request's own task does. The hot path is admission by the tokens that
the session has prepaid, a look at the cache's published table, on a miss the policy that the speed layer has published,
and a place in the audit buffer; what these cannot answer asks the speed layer. What needs no hop needs no task either:
`validate_nowait`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import msgspec
import trio

from actors.cache.messages import NAME as CACHE
from actors.cache.messages import KeepRuling
from actors.desk.admission import Admissions, Caller
from actors.desk.await_decision import Given, Person, Waiting, is_pending
from actors.desk.call_files import CallFiles, request_of
from actors.desk.record_verdicts import VerdictRecord
from actors.desk.shares import Share
from actors.desk.verdicts import known_ruling, verdict_on
from actors.event_store.messages import NAME as EVENT_STORE
from actors.kernel import Ref, System
from actors.session.messages import Admit
from actors.speed_layer.audit.buffer import Entry
from actors.speed_layer.call_and_verdict import Call, Origin, Verdict
from actors.speed_layer.messages import NAME as SPEED_LAYER
from actors.speed_layer.messages import Answer, Evaluate, Explain
from actors.speed_layer.policy.engine import Explanation, Request, Ruling, canonical
from actors.speed_layer.policy.ruling import Files
from actors.views import Views


class AtHand(NamedTuple):
    """Rulings on all calls of a request, in order, and the canonical requests of those that were not cached."""

    rulings: list[Ruling]
    fresh: Collection[bytes] = ()


class RequestJudge:
    """Judges what callers want to do. Every coroutine may raise the kernel's `ActorError`s.

    Args:
        system: Where the actors are found.
        views: What they publish.
        admissions: Admits requests.
        waits: How many requests may wait for decisions.
        remember: Told the verdict on each call that a hook asked about, and the files of the call.
    """

    def __init__(
        self,
        system: System,
        views: Views,
        admissions: Admissions,
        waits: Share,
        remember: Callable[[str, Origin, Verdict, Files | None], None],
    ) -> None:
        self._remember_origin = remember
        self._views = views
        self._files = CallFiles(views)
        self._waits = waits
        self._admissions = admissions
        self._record = VerdictRecord(Ref(system, EVENT_STORE), views, self._files)
        self._speed_layer = Ref(system, SPEED_LAYER)
        self._cache = Ref(system, CACHE)
        self._waiting = Waiting(self._speed_layer)

    async def validate(
        self, caller: Caller, calls: Sequence[Call], wait_s: float = 0.0, person: Person | None = None
    ) -> list[Verdict]:
        """Judge what the caller wants to do; verdicts come in the order of the calls. A checkpoint.

        Args:
            caller: Who asks.
            calls: What for.
            wait_s: How long to wait for decisions on what no rule decides, in seconds.
            person: Asks the person at the caller's client meanwhile, where their answer counts.

        Raises:
            Refusal: The session does not admit the request, or too many of the principal's wait for decisions; then
                what was asked stays pending, and may be asked again.
        """
        began = trio.current_time()
        await self._admissions.admit(caller, Admit(caller.connection, "validate", len(calls)))
        verdicts, policy = self._views.verdicts, self._views.policy
        canonicals = [canonical(call.tool, call.input, call.cwd, call.scripts, call.workspace) for call in calls]
        at_hand = self._cached(policy, caller, calls, canonicals, began) or self._ruled(
            caller, calls, canonicals, began
        )
        if at_hand is not None:
            await trio.lowlevel.checkpoint()
            return self._given(caller, calls, canonicals, at_hand, policy=policy, began=began)
        asker, audience = caller.principal, self._views.audience_of(caller.principal)
        keys = [verdicts.key(policy, audience, each) for each in canonicals]
        known = {
            key: self._standing(verdicts.get(key), caller, call, each)
            for key, call, each in zip(keys, calls, canonicals, strict=True)
        }
        missing = {key: request_of(call, asker) for key, call in zip(keys, calls, strict=True) if known[key] is None}
        opens = wait_s > 0 or any(call.origin is None for call in calls)
        found = await self._evaluate(policy, missing, caller, opens=opens)
        if wait_s > 0 and any(is_pending(each.answer) for each in found.values()):
            until = began + wait_s
            with self._waits.held(caller.principal):
                found = await self._waiting.decisions(found, missing, caller, until=until, person=person)
        answers = [found[key] if key in found else Given(policy, Answer(known_ruling(known[key]))) for key in keys]
        elapsed_us = round((trio.current_time() - began) * 1e6)
        known_files = self._files.of_all(calls, asker, canonicals)

        def files_of(index: int) -> Files:
            return answers[index].answer.files or known_files(index)

        rulings = self._files.within(calls, [one.answer.ruling for one in answers], files_of)
        given = [
            verdict_on(
                ruling,
                one.answer.approval,
                one.policy,
                each,
                cached=key not in found and ruling.cacheable,
                elapsed_us=elapsed_us,
            )
            for ruling, one, key, each in zip(rulings, answers, keys, canonicals, strict=True)
        ]
        size = sum(map(len, canonicals))
        given = await self._record.recorded(caller, calls, rulings, given, size=size, files_of=files_of)
        self._note_origins(caller, calls, given, [one.answer.files for one in answers])
        return given

    def _note_origins(
        self,
        caller: Caller,
        calls: Sequence[Call],
        given: Sequence[Verdict],
        files: Sequence[Files | None] = (),
    ) -> None:
        for call, verdict, each in zip_longest(calls, given, files):
            if call.origin is not None:
                self._remember_origin(caller.principal.agent, call.origin, verdict, each)

    def _standing(self, ruling: Ruling | None, caller: Caller, call: Call, canonical: bytes) -> Ruling | None:
        """Return a ruling; None where there is none, or what the session has written stands against it."""
        if ruling is None or not ruling.runs:
            return ruling
        return None if self._files.hold_back(ruling, caller.principal, call, canonical) else ruling

    def validate_nowait(self, caller: Caller, calls: Sequence[Call]) -> list[Verdict]:
        """Judge as `validate` does, where nothing has to be waited for. Does not checkpoint.

        Raises:
            trio.WouldBlock: Something has; nothing was counted or paid.
        """
        began = trio.current_time()
        policy = self._views.policy
        canonicals = [canonical(call.tool, call.input, call.cwd, call.scripts, call.workspace) for call in calls]
        message = Admit(caller.connection, "validate", len(calls))
        at_hand = self._cached(policy, caller, calls, canonicals, began)
        if at_hand is None and self._admissions.would_admit(caller, message):
            at_hand = self._ruled(caller, calls, canonicals, began)
        if at_hand is None or not self._admissions.admit_nowait(caller, message):
            raise trio.WouldBlock
        return self._given(caller, calls, canonicals, at_hand, policy=policy, began=began)

    async def explain(self, caller: Caller, call: Call) -> tuple[Verdict, Explanation]:
        """Judge one call and say why; a checkpoint.

        Raises:
            Refusal: The session does not admit the request.
        """
        began = trio.current_time()
        await self._admissions.admit(caller, Admit(caller.connection, "validate"))
        request = request_of(call, caller.principal)
        explained = await self._speed_layer.ask(Explain(request, caller.principal.agent))
        asked = canonical(call.tool, call.input, call.cwd, call.scripts, call.workspace)
        verdict = verdict_on(
            explained.explanation.ruling,
            None,
            explained.policy,
            asked,
            cached=False,
            elapsed_us=round((trio.current_time() - began) * 1e6),
        )
        judged = msgspec.structs.replace(explained.explanation.ruling, writes=False)  # nothing is done by asking why
        (recorded,) = await self._record.recorded(
            caller, [call], [judged], [verdict], size=len(asked), files_of=lambda _index: Files()
        )
        return recorded, explained.explanation

    def _cached(
        self, policy: str, caller: Caller, calls: Sequence[Call], canonicals: Sequence[bytes], now: float
    ) -> AtHand | None:
        """Return the published rulings; None unless all are there, can be recorded, and none has to be first."""
        verdicts, audience = self._views.verdicts, self._views.audience_of(caller.principal)
        if self._views.audit.stalled(now):
            return None
        found: list[Ruling] = []
        for call, each in zip(calls, canonicals, strict=True):
            ruling = verdicts.table.get(verdicts.key(policy, audience, each))
            if ruling is not None and ruling.runs:
                ruling = self._standing(ruling, caller, call, each)
            if ruling is None or ruling.durable:
                return None
            found.append(ruling)
        return AtHand(found)

    def _ruled(self, caller: Caller, calls: Sequence[Call], canonicals: Sequence[bytes], now: float) -> AtHand | None:
        """Return the rulings, of the published policy where none is cached; None where the speed layer has to rule."""
        views, audience = self._views, self._views.audience_of(caller.principal)
        rules = views.rules
        if rules is None or rules.version != views.policy or views.audit.stalled(now):
            return None
        known: dict[bytes, Ruling] = {}
        missing: dict[bytes, Request] = {}
        for call, each in zip(calls, canonicals, strict=True):
            ruling = views.verdicts.table.get(views.verdicts.key(rules.version, audience, each))
            if ruling is not None and self._standing(ruling, caller, call, each) is None:
                return None
            if ruling is None:
                missing[each] = request_of(call, caller.principal)
            elif ruling.durable:
                return None
            else:
                known[each] = ruling
        ruled = rules.rule(missing, caller.principal.agent)
        if ruled is None:
            return None
        for call, each in zip(calls, canonicals, strict=True):
            if each in ruled and self._standing(ruled[each], caller, call, each) is None:
                return None
        self._remember({views.verdicts.key(rules.version, audience, each): ruling for each, ruling in ruled.items()})
        return AtHand([ruled[each] if each in ruled else known[each] for each in canonicals], ruled.keys())

    def _remember(self, rulings: Mapping[bytes, Ruling]) -> None:
        """Have the cache keep rulings by their keys."""
        for key, ruling in rulings.items():
            if ruling.cacheable and ruling.verdict != "ask":
                self._cache.tell_or_lose(KeepRuling(key, ruling))

    def _given(
        self,
        caller: Caller,
        calls: Sequence[Call],
        canonicals: Sequence[bytes],
        at_hand: AtHand,
        *,
        policy: str,
        began: float,
    ) -> list[Verdict]:
        """Give and record verdicts that were at hand."""
        asker, (rulings, fresh) = caller.principal, at_hand
        files_of = None
        for ruling in rulings:
            if ruling.writes or ruling.runs:  # as few do
                files_of = self._files.of_all(calls, asker, canonicals)
                rulings = self._files.within(calls, rulings, files_of)
                break
        self._views.verdicts.hits += len(rulings) - len(fresh)
        self._views.verdicts.misses += len(fresh)
        elapsed_us = round((trio.current_time() - began) * 1e6)
        given = [
            verdict_on(ruling, None, policy, each, cached=each not in fresh and ruling.cacheable, elapsed_us=elapsed_us)
            for ruling, each in zip(rulings, canonicals, strict=True)
        ]
        size = sum(map(len, canonicals))
        notes = [] if files_of is None else self._files.noted(asker.agent, calls, rulings, given, files_of)
        self._views.audit.add(Entry(asker.agent, asker.role, calls, given, began, size, notes, asker.labels))
        self._note_origins(caller, calls, given)
        return given

    async def _evaluate(
        self, policy: str, missing: dict[bytes, Request], caller: Caller, *, opens: bool
    ) -> dict[bytes, Given]:
        if not missing:
            await trio.lowlevel.checkpoint()
            return {}
        told = await self._speed_layer.ask(Evaluate(list(missing.values()), caller.principal.agent, opens))
        found = dict(zip(missing, told.answers, strict=True))
        if told.policy == policy:  # else the keys name a policy that gave way meanwhile
            self._remember({key: answer.ruling for key, answer in found.items()})
        return {key: Given(told.policy, answer) for key, answer in found.items()}
