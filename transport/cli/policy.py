"""`moothall policy`: check a policy's own examples, and explain verdicts; both offline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from actors.speed_layer.policy import Policy, Request, packs
from actors.speed_layer.rules import PolicyError, PolicySource
from transport.cli.failure import CommandFailed, Exit

app = App(name="policy", help="Check a policy and explain its verdicts.")


@app.command
def check(file: Path) -> None:
    """Load a policy on top of the shipped one and check every rule's examples.

    Args:
        file: The policy, as TOML.
    """
    policy = _load(file)
    print(f"{file}: ok, policy version {policy.version}")


@app.command
def explain(*, tool: str, input: str, cwd: Path | None = None, role: str = "agent", policy: Path | None = None) -> None:  # noqa: A002 - the contract's flag
    """Say what the verdict on a call would be and why, as JSON; exit 1 unless it is allowed.

    Args:
        tool: The tool's name, as agents name it.
        input: The tool's arguments, as a JSON object.
        cwd: The working directory of the call; the current one unless given.
        role: The role of the agent that asks.
        policy: A policy file to lay over the shipped policy.
    """
    try:
        arguments = msgspec.json.decode(input, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise CommandFailed(Exit.USAGE, f"--input is not a JSON object: {error}") from None
    loaded = Policy.default() if policy is None else _load(policy)
    where = cwd if cwd is not None else Path.cwd()
    explanation = loaded.explain(Request(tool, arguments, str(where.absolute()), role))
    print(msgspec.json.format(msgspec.json.encode(explanation)).decode())
    if explanation.ruling.verdict != "allow":
        raise SystemExit(Exit.NO)


def _load(file: Path) -> Policy:
    try:
        source = PolicySource(str(file), file.read_text(encoding="utf-8"), "project")
        return Policy.load([*packs(), source])
    except (OSError, UnicodeDecodeError) as error:
        raise CommandFailed(Exit.USAGE, f"cannot read {file}: {error}") from None
    except PolicyError as error:
        raise CommandFailed(Exit.NO, str(error)) from None
