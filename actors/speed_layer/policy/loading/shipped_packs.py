"""The packs that the policy ships with."""

from __future__ import annotations

from importlib import resources
from typing import Final

from actors.speed_layer.policy.loading.sources import PolicySource

PACKS: Final = (
    "core", "git", "files", "text", "network", "packages", "build", "containers", "databases", "cloud", "system",
    "secrets", "hall", "tools",
)  # fmt: skip


def packs() -> list[PolicySource]:
    """Return the shipped packs as sources."""
    folder = resources.files("actors.speed_layer.policy") / "packs"
    return [PolicySource(f"{name}.toml", (folder / f"{name}.toml").read_text("utf-8"), "built-in") for name in PACKS]
