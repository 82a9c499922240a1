"""Who may read which of the server's own streams. Pure."""

from __future__ import annotations

from typing import Final

from actors.session.messages import Role
from actors.speed_layer.approvals.approval_events import APPROVALS_STREAM
from actors.speed_layer.audit.buffer import AUDIT_STREAM

HIDDEN: Final = (AUDIT_STREAM, APPROVALS_STREAM)
"""The streams that only experts and admins read."""


def hidden_from(role: Role) -> tuple[str, ...]:
    """Return the streams that a role may not read."""
    return () if role in {"expert", "admin"} else HIDDEN
