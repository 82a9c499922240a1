"""Loads a policy file for the commands that look at one."""

from __future__ import annotations

from pathlib import Path

from actors.speed_layer.policy.engine import Policy, packs
from actors.speed_layer.policy.loading.sources import PolicyError, PolicySource
from transport.cli.failure import CommandFailed, Exit


def load_policy(file: Path) -> Policy:
    """Load a policy on top of the shipped one.

    Raises:
        CommandFailed: It cannot be read or used.
    """
    try:
        source = PolicySource(str(file), file.read_text(encoding="utf-8"), "project")
        return Policy.load([*packs(), source])
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(Exit.USAGE, f"cannot read {file}: {error}") from None
    except PolicyError as error:
        raise CommandFailed(Exit.NO, str(error)) from None
