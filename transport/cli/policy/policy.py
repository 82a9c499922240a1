"""`moothall policy`: check, explain and import policies offline; activate one; replay what was recorded."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any, Literal

import msgspec
from cyclopts import App

from actors.session.messages import Role
from actors.speed_layer.governing.activation import text_hash
from actors.speed_layer.policy.claude_settings import import_settings
from actors.speed_layer.policy.engine import Policy, Request, packs
from actors.speed_layer.policy.loading.sources import PolicyError, PolicySource, load
from actors.speed_layer.policy.rule_tables import CommandRule, PathRule
from transport.cli.failure import CommandFailed, Exit
from transport.cli.log_source import Online
from transport.cli.which_hall import THIS, WhichHall
from transport.visible import visible, visible_json

app = App(name="policy", help="Check a policy, explain its verdicts, activate it.")
importing = App(name="import", help="Turn another program's permissions into rules.")
app.command(importing)
app.command("transport.cli.policy.replay:replay", help="Judge recorded requests by another policy: what would change.")
app.command("transport.cli.policy.remembered:remembered", help="List the decisions that are remembered.")
app.command("transport.cli.policy.remembered:forget", help="Let a remembered decision hold no longer.")


@app.command
def check(file: Path) -> None:
    """Load a policy on top of the shipped one, check every rule's examples, and print the hash that `activate` takes.

    Args:
        file: The policy, as TOML.
    """
    policy = load_policy(file)
    text = file.read_text(encoding="utf-8")
    for entry in load(PolicySource(str(file), text, "project")):
        if isinstance(entry.table, CommandRule | PathRule) and not entry.table.match:
            why = f"rule {entry.table.id!r} has no `match` examples: nothing shows that it matches what you mean"
            print(visible(f"{file}:{entry.line}: {why}"), file=sys.stderr)
    print(f"{file}: ok, policy version {policy.version}, sha256 {text_hash(text)}")


@app.command
def explain(
    *,
    tool: str,
    input: str,  # noqa: A002 - the contract's flag
    cwd: Path | None = None,
    role: Role = "agent",
    policy: Path | None = None,
    offline: bool = False,
    json: bool = False,
    hall: WhichHall = THIS,
) -> None:
    """Say what the verdict on a call would be and why; exit 1 unless it is allowed.

    The running hall answers, by the policy that governs there and with what it remembers, in the role of the token.
    Offline the shipped policy does, with a file laid over it.

    Args:
        tool: The tool's name, as agents name it.
        input: The tool's arguments, as a JSON object.
        cwd: The working directory of the call; the current one unless given.
        role: The role of the agent that asks.
        policy: A policy file to lay over the shipped policy; asks no hall.
        offline: Ask no hall.
        json: Print it as one line of JSON.
        hall: Which hall is asked.
    """
    try:
        arguments = msgspec.json.decode(input, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise CommandFailed(Exit.USAGE, f"--input is not a JSON object: {error}") from None
    where = os.path.abspath(cwd if cwd is not None else Path.cwd())  # noqa: PTH100 - without the `..` that pathlib keeps
    if offline or policy is not None:
        loaded = Policy.default() if policy is None else load_policy(policy)
        explanation = loaded.explain(Request(tool, arguments, where, role))
        verdict, version, shown = explanation.ruling.verdict, loaded.version, msgspec.to_builtins(explanation)
    else:
        told: dict[str, Any] = Online(hall.given()).run(lambda client: client.explain(tool, arguments, cwd=where))
        verdict, version, shown = told["verdict"], told["policy"], told
    print(visible_json(shown, indent=None if json else 2))
    by = "files alone" if offline or policy is not None else "the running hall"
    print(f"answered by {by}, policy version {version}", file=sys.stderr)
    if verdict != "allow":
        raise SystemExit(Exit.NO)


@app.command
def activate(
    file: Path,
    *,
    sha256: str | None = None,
    layer: Literal["organisation", "project"] = "project",
    hall: WhichHall = THIS,
) -> None:
    """Let a policy govern as a layer above the shipped one, in place of what that layer was.

    Args:
        file: The policy, as TOML; the server keeps its text, and the file plays no part from then on.
        sha256: The hash that the file must have: of what you have looked at.
        layer: Which layer it becomes.
        hall: Which hall is meant; it takes an admin's token.
    """
    load_policy(file)
    text = file.read_text(encoding="utf-8")
    found = text_hash(text)
    if sha256 is not None and sha256.lower() != found:
        raise CommandFailed(Exit.NO, f"{file} has the hash {found}, not {sha256}; look at it again")
    online = Online(hall.given(person=True))
    version = online.run(lambda hall: hall.activate_policy(file.name, text, found, layer=layer))
    print(f"policy version {version} governs; {layer} layer: {file.name}, sha256 {found}")


@importing.command(name="claude-settings")
def claude_settings(file: Path) -> None:
    """Turn Claude Code's permissions into rules: TOML on stdout, what could not be carried over on stderr.

    Args:
        file: A settings.json.
    """
    try:
        imported = import_settings(msgspec.json.decode(file.read_bytes()))
    except (OSError, ValueError) as error:
        raise CommandFailed(Exit.USAGE, f"cannot import {file}: {error}") from None
    print(imported.text, end="")
    for entry, why in imported.left_out:
        print(f"not carried over: {visible(entry)} ({visible(why)})", file=sys.stderr)
    print(f"{imported.rules} rules; check them with `moothall policy check`, then activate them", file=sys.stderr)


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
