"""The cache's door: verdicts come in by message, and go out through the published table (`verdict_table.py`)."""

from __future__ import annotations

from actors.kernel import Tell
from actors.speed_layer.policy.engine import Ruling

NAME = "cache"


class KeepRuling(Tell, frozen=True):
    """Keep the ruling of a request, under the key that `VerdictTable.key` gives."""

    key: bytes
    ruling: Ruling


Messages = KeepRuling
