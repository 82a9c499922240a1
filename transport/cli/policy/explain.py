"""`moothall policy explain`: what the verdict on a call would be and why, by the running hall or by files alone."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import Parameter

from actors.agent_names import why_no_labels
from actors.session.messages import Role
from actors.speed_layer.policy.engine import Policy, Request
from actors.views import root_around
from transport.cli.failure import CommandFailed, Exit
from transport.cli.log_source import Online
from transport.cli.policy.load_policy import load_policy
from transport.cli.which_hall import THIS, WhichHall
from transport.discovery.workspaces import workspaces
from transport.visible import visible_json


@Parameter(name="*")
@dataclass(frozen=True)
class Supposed:
    """What is supposed where no hall answers.

    Attributes:
        offline: Ask no hall.
        policy: A policy file to lay over the shipped policy; asks no hall.
        workspace: The project's root; by default the checkout that the command stands in, and the worktrees of that
            repository. Outside any checkout the working directory counts.
        role: The role of the agent that asks; agent unless given.
        agent: The name of the agent that asks.
        label: A label of the agent that asks; can be given again.
    """

    offline: bool = False
    policy: Path | None = None
    workspace: Path | None = None
    role: Role | None = None
    agent: str | None = None
    label: tuple[str, ...] = ()

    @property
    def by_files(self) -> bool:
        """Whether no hall is asked."""
        return self.offline or self.policy is not None

    def check(self) -> None:
        """See that all this is of use.

        Raises:
            CommandFailed: It is not.
        """
        given = {"--workspace": self.workspace, "--role": self.role, "--agent": self.agent, "--label": self.label}
        idle = next((name for name, value in given.items() if value), None)
        if idle is not None and not self.by_files:
            why = f"{idle} goes with --offline or --policy: the running hall knows its workspace and who has the token"
            raise CommandFailed(Exit.USAGE, why)
        why = why_no_labels(self.label)
        if why:
            raise CommandFailed(Exit.USAGE, why)
        if self.workspace is not None and not self.workspace.is_dir():
            raise CommandFailed(Exit.USAGE, f"{self.workspace}, the workspace, is no directory: name one that is there")


NOTHING = Supposed()


def explain(
    *,
    tool: str,
    input: str,  # noqa: A002 - the contract's flag
    cwd: Path | None = None,
    supposed: Supposed = NOTHING,
    json: bool = False,
    hall: WhichHall = THIS,
) -> None:
    """Say what the verdict on a call would be and why; exit 1 unless it is allowed.

    The running hall answers, by the policy that governs there and with what it remembers, for the agent of the token.
    Offline the shipped policy does, with a file laid over it.

    Args:
        tool: The tool's name, as agents name it.
        input: The tool's arguments, as a JSON object.
        cwd: The working directory of the call; the current one unless given.
        supposed: What is supposed where no hall answers.
        json: Print it as one line of JSON.
        hall: Which hall is asked.
    """
    supposed.check()
    try:
        arguments = msgspec.json.decode(input, type=dict[str, Any])
    except msgspec.DecodeError as error:
        raise CommandFailed(Exit.USAGE, f"--input is not a JSON object: {error}") from None
    where = os.path.abspath(cwd if cwd is not None else Path.cwd())  # noqa: PTH100 - without the `..` that pathlib keeps
    if supposed.by_files:
        loaded = Policy.default() if supposed.policy is None else load_policy(supposed.policy)
        explanation = loaded.explain(_request(tool, arguments, where, supposed))
        verdict, version, shown = explanation.ruling.verdict, loaded.version, msgspec.to_builtins(explanation)
    else:
        told: dict[str, Any] = Online(hall.given()).run(lambda client: client.explain(tool, arguments, cwd=where))
        verdict, version, shown = told["verdict"], told["policy"], told
    print(visible_json(shown, indent=None if json else 2))
    by = "files alone" if supposed.by_files else "the running hall"
    print(f"answered by {by}, policy version {version}", file=sys.stderr)
    if verdict != "allow":
        raise SystemExit(Exit.NO)


def _request(tool: str, arguments: dict[str, Any], cwd: str, supposed: Supposed) -> Request:
    roots = workspaces(supposed.workspace, Path.cwd())
    return Request(
        tool,
        arguments,
        cwd,
        supposed.role or "agent",
        workspace=root_around(cwd, roots) if roots else None,
        agent=supposed.agent or "",
        labels=tuple(sorted(set(supposed.label))),
    )
