"""`moothall policy`: check, explain and import policies offline; activate one; replay what was recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final, Literal

import msgspec
from cyclopts import App

from actors.agent_names import EVERYBODY
from actors.speed_layer.governing.activation import text_hash
from actors.speed_layer.policy.claude_settings import import_settings
from actors.speed_layer.policy.engine import Policy
from actors.speed_layer.policy.loading.sources import PolicySource, load
from actors.speed_layer.policy.rule_tables import CommandRule, PathRule
from transport.access.token_file import TokenError
from transport.access.tokens import Tokens
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import existing, meant
from transport.cli.log_source import Online
from transport.cli.policy.load_policy import load_policy
from transport.cli.which_hall import THIS, WhichHall
from transport.visible import visible

EVERYBODY_WITHOUT_TOKENS: Final = ("admin", EVERYBODY, ())
"""Who everybody is in a hall with `--auth none`."""

app = App(name="policy", help="Check a policy, explain its verdicts, activate it.")
importing = App(name="import", help="Turn another program's permissions into rules.")
app.command(importing)
app.command("transport.cli.policy.explain:explain", help="Say what the verdict on a call would be and why.")
app.command("transport.cli.policy.replay:replay", help="Judge recorded requests by another policy: what would change.")
app.command("transport.cli.policy.remembered:remembered", help="List the decisions that are remembered.")
app.command("transport.cli.policy.remembered:forget", help="Let a remembered decision hold no longer.")


@app.command
def check(file: Path, *, data: Path | None = None) -> None:
    """Load a policy on top of the shipped one, check every rule's examples, and print the hash that `activate` takes.

    Args:
        file: The policy, as TOML.
        data: The data directory of the hall whose agents rules may name; by default MOOTHALL_DATA, else that of this
            repository, if there is one.
    """
    policy = load_policy(file)
    text = file.read_text(encoding="utf-8")
    for entry in load(PolicySource(str(file), text, "project")):
        if isinstance(entry.table, CommandRule | PathRule) and not entry.table.match:
            why = f"rule {entry.table.id!r} has no `match` examples: nothing shows that it matches what you mean"
            print(visible(f"{file}:{entry.line}: {why}"), file=sys.stderr)
    _warn_of_rules_for_nobody(file, policy, data)
    print(f"{file}: ok, policy version {policy.version}, sha256 {text_hash(text)}")


def _warn_of_rules_for_nobody(file: Path, policy: Policy, data: Path | None) -> None:
    """Name the rules that are for no agent of the hall, if there is a hall: most often a name is misspelt."""
    where = existing(data) if data is not None else meant(None)
    try:
        agents = [(each.role, each.name, each.labels) for each in Tokens(where).entries()]
    except TokenError as error:
        raise CommandFailed(Exit.NO, str(error)) from None
    if not agents:
        return
    for rule in policy.scopes.for_none_of([*agents, EVERYBODY_WITHOUT_TOKENS]):
        why = f"rule {rule!r} is for no agent that the hall in {where} has: `moothall agent list` names them"
        print(visible(f"{file}: {why}"), file=sys.stderr)


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
