"""`moothall approvals`: what waits for a decision, and the decisions; with an expert's or admin's token."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec
from cyclopts import App

from transport.cli.log_access import online
from transport.client import HallClient
from transport.schemas import VerdictResult

app = App(name="approvals", help="Decide what no rule decides.")


@app.command(name="list")
def list_pending(*, url: str | None = None, token_file: Path | None = None, json: bool = False) -> None:
    """List what waits for a decision, the oldest first.

    Args:
        url: The server's websocket URL; by default that of this project's server.
        token_file: A file that holds an expert's or admin's token.
        json: Print one JSON object a line.
    """
    for pending in online(url, token_file).run(lambda hall: hall.pending_approvals()):
        if json:
            print(msgspec.json.encode(pending).decode())
            continue
        asked = msgspec.json.encode(pending["input"]).decode()
        print(f"{pending['id']}  {pending['agent']} ({pending['waiting']} waiting)  {pending['tool']} {asked}")
        print(f"    {pending['reason']}; until {pending['expires'][:19]}Z")


@app.command
def approve(
    approval: str,
    *,
    reason: str | None = None,
    remember: Literal["exact"] | None = None,
    url: str | None = None,
    token_file: Path | None = None,
    json: bool = False,
) -> None:
    """Allow what waits.

    Args:
        approval: Its id, as `list` shows it.
        reason: Why, for those who asked.
        remember: exact allows the same action to the same role from now on.
        url: The server's websocket URL; by default that of this project's server.
        token_file: A file that holds an expert's or admin's token.
        json: Print the verdict as one JSON object.
    """
    _decide(approval, "allow", reason, remember, (url, token_file), json=json)


@app.command
def deny(
    approval: str,
    *,
    reason: str | None = None,
    remember: Literal["exact"] | None = None,
    url: str | None = None,
    token_file: Path | None = None,
    json: bool = False,
) -> None:
    """Deny what waits.

    Args:
        approval: Its id, as `list` shows it.
        reason: Why, for those who asked.
        remember: exact denies the same action to the same role from now on.
        url: The server's websocket URL; by default that of this project's server.
        token_file: A file that holds an expert's or admin's token.
        json: Print the verdict as one JSON object.
    """
    _decide(approval, "deny", reason, remember, (url, token_file), json=json)


def _decide(
    approval: str,
    decision: Literal["allow", "deny"],
    reason: str | None,
    remember: Literal["exact"] | None,
    where: tuple[str | None, Path | None],
    *,
    json: bool,
) -> None:
    async def decide(hall: HallClient) -> VerdictResult:
        return await hall.decide(approval, decision, reason=reason, remember=remember)

    verdict = online(*where).run(decide)
    print(msgspec.json.encode(verdict).decode() if json else f"{verdict['verdict']}: {verdict['reason']}")
