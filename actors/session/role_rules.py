"""Who may do what: pure rules over a role, an operation and the names it touches."""

from __future__ import annotations

import re

from actors.look_alikes import folded
from actors.session.messages import Admission, Admit, Limits, Operation, Principal, Role

LIMITS: dict[Role, Limits] = {
    "observer": Limits(requests_per_s=1_000.0, burst=2_000, batch=1_000, event_bytes=1 << 20, depth=64),
    "agent": Limits(requests_per_s=10_000.0, burst=20_000, batch=1_000, event_bytes=1 << 20, depth=64),
    "expert": Limits(requests_per_s=10_000.0, burst=20_000, batch=1_000, event_bytes=1 << 20, depth=64),
    "admin": Limits(requests_per_s=None, burst=0, batch=1_000, event_bytes=1 << 20, depth=64),
}
"""What each role may use unless configured otherwise."""

ADMITTED = Admission()

_BEGINNINGS = frozenset({"", " ", "m", "M", "r", "R"})
"""What ASCII begins with that could look like `moothall`: `rn` looks like `m`. Nothing in ASCII looks like `agent/`."""

_RESEMBLES = re.compile(r"\s*(?:m|rn)[o0]{2}tha[l1i|]{2}", re.IGNORECASE).match
"""Says whether a name of ASCII begins like `moothall`; in a third of the time that folding takes."""

_OPERATIONS: dict[Role, frozenset[Operation]] = {
    "observer": frozenset({"read"}),
    "agent": frozenset({"read", "append", "validate"}),
    "expert": frozenset({"read", "append", "validate", "decide"}),
    "admin": frozenset({"read", "append", "validate", "decide", "activate", "erase"}),
}


def refusal_of(principal: Principal, message: Admit) -> Admission | None:
    """Return why the principal may never do this, or None if its role and the names allow it."""
    if message.operation not in _OPERATIONS[principal.role]:
        return _forbidden(f"the role {principal.role!r} may not {message.operation}; ask an admin for another token")
    for stream in message.streams:
        looks_like = _looks_like(stream)
        if looks_like == "moothall" or looks_like.startswith("moothall/"):
            return _forbidden(f"stream {stream!r} is written by the server alone; choose another stream")
        if looks_like.startswith("agent/") and stream != f"agent/{principal.agent}":
            return _forbidden(f"stream {stream!r} is written by that agent alone; yours is 'agent/{principal.agent}'")
    for kind in message.types:
        if _looks_like(kind).startswith("moothall."):
            return _forbidden(f"type {kind!r} is the server's own; choose one that does not start with 'moothall.'")
    return None


def _looks_like(name: str) -> str:
    """Return what a name looks like beside the server's own; most cannot, and a batch may have a thousand of them."""
    if not name.isascii():
        return folded(name)
    if name[:1] not in _BEGINNINGS:
        return name.lower()
    return folded(name) if _RESEMBLES(name) else name.strip().lower()


def rate_limited(retry_after_s: float) -> Admission:
    """Return the refusal of a principal that asks too often."""
    return Admission(
        code="rate_limited",
        message=f"too many requests; retry after {retry_after_s:.3f} s",
        retry_after_s=retry_after_s,
    )


def _forbidden(message: str) -> Admission:
    return Admission(code="forbidden", message=message)
