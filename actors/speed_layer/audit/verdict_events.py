"""What the log gets of verdicts: one event each, and an input only where the log has it nowhere near.

Pure but for giving others a turn.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Final

import msgspec
import trio

from actors.speed_layer.audit.buffer import AUDIT_STREAM, Entry
from actors.speed_layer.audit.form_search import MASK, without_forms
from actors.speed_layer.audit.secret_masks import Masked
from actors.speed_layer.audit.secret_repetitions import as_the_rule_gave
from actors.speed_layer.audit.stored_inputs import PLACES, StoredInputs
from actors.speed_layer.call_and_verdict import Call, Origin
from actors.speed_layer.governing.stored_bytes import Spend, spent, unmetered
from actors.speed_layer.written.log_notes import FILES_TAG, in_log, logged_size
from store import NewEvent

VERDICT_GIVEN: Final = "moothall.verdict.given"
GAP: Final = "moothall.audit.gap"

MOST_REASONS: Final = 8
"""How many reasons of verdicts on one request are remembered; rules give one, and a quota's or a breaker's differs."""

_encode: Final = msgspec.msgpack.Encoder().encode

SLICE: Final = 64
"""How many events are made before others get a turn: masking so many short commands takes 1 ms."""

LARGE_INPUT: Final = 1024
"""An input with more characters than this is large: masking it takes over 0.1 ms, and others get a turn after it."""


EVENT_BYTES: Final = 512
"""How many bytes an event counts as beside what of the request is in it."""

HEAD: Final = 100
"""How many characters of a command are kept for an agent that has no bytes left."""


class VerdictEvents:
    """The events of one append, each input at most once.

    What is stored for agents counts against their bytes (`append_bytes_per_day`), though the hall appends it. Where
    they are used up, an event has the hash, the tool and the head of a command alone.

    Args:
        stored: What the log has already.
        reason_of: Tells the reason that a rule gives, by the rule's id; empty for one that is not known.
        spend: Counts what is stored for each agent.

    Attributes:
        events: The events so far.
        reasons: What became of the reasons of each request whose input is among them.
    """

    def __init__(self, stored: StoredInputs, reason_of: Callable[[str], str], spend: Spend = unmetered) -> None:
        self._stored = stored
        self._reason_of = reason_of
        self._spend = spend
        self._own: dict[str, tuple[int, Masked]] = {}
        self.events: list[NewEvent] = []
        self.reasons: dict[str, dict[str, str]] = {}

    async def add_all(self, entry: Entry, indices: Iterable[int], *, inputs: bool, late_s: float = 0.0) -> None:
        """Add verdicts of a request; a checkpoint after every `SLICE` events and every large input.

        Args:
            entry: The request.
            indices: Which of its verdicts.
            inputs: Whether inputs are kept.
            late_s: How much later than the verdicts the events are made, in seconds.
        """
        for index in indices:
            mask = partial(Masked, entry.calls[index].input) if inputs and entry.size is not None else None
            masked = self.add(entry, index, mask, late_s)
            if len(self.events) % SLICE == 0 or (masked is not None and masked.size > LARGE_INPUT):
                await trio.lowlevel.checkpoint()

    def add(self, entry: Entry, index: int, mask: Callable[[], Masked] | None, late_s: float = 0.0) -> Masked | None:
        """Add one verdict of a request; returns its input where that had to be masked for it.

        Args:
            entry: The request.
            index: Which of its verdicts.
            mask: Makes its input without secrets; None keeps no input.
            late_s: How much later than the verdict the event is made, in seconds.
        """
        verdict, call = entry.verdicts[index], entry.calls[index]
        request, asked = verdict.request, verdict.reason
        given = "" if verdict.rule is None else self._reason_of(verdict.rule)
        kept: dict[str, Any]
        masked: Masked | None = None
        if mask is None:
            kept = {"reason": as_the_rule_gave(asked, given), **_places(call, _without_forms)}
        elif request in self._own:
            place, known_here = self._own[request]
            kept = {**_places(call, known_here.elsewhere), "reason": known_here.reason(asked, given)}
            kept |= {"input_at": place - len(self.events), "whole": known_here.whole}
            if len(self.reasons[request]) < MOST_REASONS:
                self.reasons[request][asked] = kept["reason"]
        elif (known := self._stored.find(request)) is not None:
            kept = _places(call, _hidden if PLACES in known.reasons else _without_forms)
            reason = known.reasons.get(asked, "")
            if asked not in known.reasons:  # what its input masks is to be masked in it, too
                masked = mask()
                _places(call, masked.elsewhere)
                reason = masked.reason(asked, given)
                if len(known.reasons) < MOST_REASONS:
                    known.reasons[asked] = reason
            kept |= {"reason": reason, "input_at": known.at, "whole": known.whole}
        else:
            masked = mask()
            kept = _places(call, masked.elsewhere)
            kept["reason"] = masked.reason(asked, given)
            kept |= {"input": masked.value, "whole": masked.whole}
        notes = entry.notes[index] if entry.notes else None
        noted: dict[str, Any] = {} if notes is None else in_log(notes, _without_forms)
        if not self._has_room_for(entry, kept, entry.at + late_s, noted):
            kept, noted = _in_short(kept), {"writes": None} if noted else {}
        elif masked is not None and "input" in kept:
            self._own[request] = len(self.events), masked
            self.reasons[request] = {asked: kept["reason"], **({PLACES: ""} if masked.shown_elsewhere else {})}
        self.events.append(_verdict_event(entry, index, kept | noted if noted else kept, late_s, files=bool(noted)))
        return masked

    def _has_room_for(self, entry: Entry, kept: dict[str, Any], now: float, noted: dict[str, Any]) -> bool:
        """Count an event on its agent's account; say whether that has room for it."""
        size = EVENT_BYTES + len(kept["tool"]) + len(kept["cwd"] or "")
        if "scripts" in kept:
            size += sum(map(len, kept["scripts"]))
        if "input" in kept:
            size += len(_encode(kept["input"]))
        if noted:
            size += logged_size(noted)
        return not spent(self._spend, entry.agent, entry.role, now, size)


def standing_alone(events: Sequence[NewEvent]) -> list[NewEvent]:
    """Return the events of an append so that they may be appended apart: each says itself what another of them said."""
    apart: list[NewEvent] = []
    for place, event in enumerate(events):
        data: dict[str, Any] = event.data
        back: int = data.get("input_at", 0)
        if back < 0:
            first: dict[str, Any] = events[place + back].data
            own: dict[str, Any] = {key: value for key, value in data.items() if key != "input_at"}
            own["input"] = first["input"]
            apart.append(msgspec.structs.replace(event, data=own))
        else:
            apart.append(event)
    return apart


def gap_event(count: int) -> NewEvent:
    """Return the event that says how many verdicts are missing before it."""
    return NewEvent(type=GAP, data={"count": count}, stream=AUDIT_STREAM)


def _places(call: Call, shown: Callable[[str], str]) -> dict[str, Any]:
    """Return what stands beside the input of a request, each as it is shown."""
    places: dict[str, Any] = {"tool": shown(call.tool), "cwd": None if call.cwd is None else shown(call.cwd)}
    if call.scripts:
        places["scripts"] = {shown(path): digest for path, digest in call.scripts.items()}
    if call.workspace is not None:
        places["workspace"] = shown(call.workspace)
    return places


def _in_short(kept: dict[str, Any]) -> dict[str, Any]:
    """Return what is kept of a request for an agent that has no bytes left; it has no secrets any more."""
    command = kept.get("input", {}).get("command")
    head = {"head": command[:HEAD]} if isinstance(command, str) else {}
    return {"tool": kept["tool"][:HEAD], "cwd": None, "reason": kept["reason"], **head}


def _without_forms(text: str) -> str:
    return without_forms(text)[0]


def _hidden(_text: str) -> str:
    return MASK


def _shown_origin(origin: Origin) -> dict[str, str | None]:
    said: dict[str, str | None] = msgspec.structs.asdict(origin)
    return {name: None if value is None else _without_forms(value) for name, value in said.items()}


def _verdict_event(
    entry: Entry, index: int, kept: dict[str, Any], late_s: float = 0.0, *, files: bool = False
) -> NewEvent:
    """Return one verdict of a request as an event.

    Args:
        entry: The request.
        index: Which of its verdicts.
        kept: What is kept of what was asked and of the reason; see `stored_inputs` for the input.
        late_s: How much later than the verdict the event is made, in seconds.
        files: Whether it says which files the request writes.
    """
    verdict = entry.verdicts[index]
    data: dict[str, Any] = {
        "agent": entry.agent,
        "role": entry.role,
        "tool": kept["tool"],
        "cwd": kept["cwd"],
        "request": verdict.request,
        "verdict": verdict.verdict,
        "reason": kept["reason"],
        "rule": verdict.rule,
        "policy": verdict.policy,
        "cached": verdict.cached,
        "elapsed_us": verdict.elapsed_us,
        "approval": None if verdict.approval is None else verdict.approval.id,
        "late_ms": round(late_s * 1e3),
        **kept,
    }
    if entry.labels:
        data["labels"] = entry.labels
    origin = entry.calls[index].origin
    if origin is not None:
        data |= _shown_origin(origin)
    return NewEvent(type=VERDICT_GIVEN, data=data, stream=AUDIT_STREAM, tags=(FILES_TAG,) if files else ())
