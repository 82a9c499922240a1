"""Which policy governs, from the events of its stream and back. Pure, but slow where it compiles: some 0.1 s.

A policy is activated by its text: the event holds all of it, so that no file is read again. The layer it becomes is
replaced, the shipped packs stay below all others and are loosened by none.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, Final

import msgspec

from actors.speed_layer.governing.adoption import since_adoption
from actors.speed_layer.governing.remembered_decisions import POLICY_STREAM, RememberedDecisions, remembered_in
from actors.speed_layer.policy.engine import Policy, PolicySource
from actors.speed_layer.policy.rule_tables import Layer
from store import Event, NewEvent

POLICY_ACTIVATED: Final = "moothall.policy.activated"


class ActiveLayer(msgspec.Struct, frozen=True):
    """The text that is a layer.

    Attributes:
        name: What errors call it.
        sha256: The hash of the text.
        text: The policy, as TOML.
    """

    name: str
    sha256: str
    text: str


class History(msgspec.Struct):
    """What the policy's stream says.

    Attributes:
        version: The version of the rules that was activated last; empty if none was.
        layers: The texts that were activated.
        remembered: The decisions that hold.
    """

    version: str
    layers: dict[Layer, ActiveLayer]
    remembered: RememberedDecisions


def history(events: Sequence[Event]) -> History:
    """Read the events of the policy's stream, oldest first."""
    ruling = since_adoption(events)
    found = History("", {}, remembered_in((event.type, event.data) for event in ruling))
    for event in ruling:
        if event.type == POLICY_ACTIVATED:
            found.version = event.data["version"]
            found.layers |= msgspec.convert(event.data.get("layers", {}), dict[Layer, ActiveLayer])
    return found


def activated(rules: Policy, changed: dict[Layer, ActiveLayer], by: str) -> NewEvent:
    """Return the event that says which rules govern from now on.

    Args:
        rules: The rules.
        changed: The layers that were not the same before. An event that held all could outgrow what the log takes.
        by: Who has activated them.
    """
    data: dict[str, Any] = {"version": rules.version, "by": by, "layers": msgspec.to_builtins(changed)}
    return NewEvent(type=POLICY_ACTIVATED, data=data, stream=POLICY_STREAM)


def compiled(base: Policy, layers: dict[Layer, ActiveLayer]) -> Policy:
    """Compile the shipped packs with the activated layers.

    Raises:
        PolicyError: They cannot be used together.
    """
    if not layers:
        return base
    return Policy.load([*base.sources, *(PolicySource(each.name, each.text, layer) for layer, each in layers.items())])


def text_hash(text: str) -> str:
    """Return the SHA-256 of a policy's text, in hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
