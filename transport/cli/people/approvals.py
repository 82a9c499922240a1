"""`moothall approvals`: what waits for a decision, and the decisions; with an expert's or admin's token."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, Literal

from cyclopts import App, Parameter

from transport.cli.failure import CommandFailed, Exit
from transport.cli.folding import show
from transport.cli.log_source import Online
from transport.cli.which_hall import THIS, WhichHall
from transport.visible import visible, visible_json, visible_request, visible_scripts

CUT: Final = "not whole: `moothall approvals show {}` shows all of it"

app = App(name="approvals", help="Decide what no rule decides.")


@Parameter(name="*")
@dataclass(frozen=True)
class How:
    """How a decision is taken.

    Attributes:
        reason: Why, for those who asked.
        remember: exact decides the same action of the same role from now on (and where rules tell its agents apart, of
            those like the one that asked); rule also commands like it, which takes an admin: it prints which, and asks
            where somebody sits at the terminal.
        json: Print the verdict as one JSON object.
    """

    reason: str | None = None
    remember: Literal["exact", "rule"] | None = None
    json: bool = False


PLAINLY = How()


@app.command(name="list")
def list_pending(*, hall: WhichHall = THIS, json: bool = False) -> None:
    """List what waits for a decision, the oldest first; what is cut of a long one is seen with `show`.

    Args:
        hall: Which hall is meant; it takes an expert's or admin's token.
        json: Print one JSON object a line.
    """
    found = Online(hall.given(person=True)).run(lambda hall: hall.pending_approvals())
    if not found and not json:
        print("nothing waits for a decision", file=sys.stderr)
    for pending in found:
        if json:
            print(visible_json(pending))
            continue
        show(_described(pending))


@app.command(name="show")
def show_pending(approval: str, *, hall: WhichHall = THIS, json: bool = False) -> None:
    """Show one that waits for a decision, with all of its input.

    Args:
        approval: Its id, as `list` shows it.
        hall: Which hall is meant; it takes an expert's or admin's token.
        json: Print it as one JSON object.
    """
    pending = Online(hall.given(person=True)).run(lambda hall: hall.pending_approval(approval))
    if json:
        print(visible_json(pending))
    else:
        show(_described(pending))


@app.command
def approve(approval: str, *, how: How = PLAINLY, hall: WhichHall = THIS) -> None:
    """Allow what waits.

    Args:
        approval: Its id, as `list` shows it.
        how: How the decision is taken.
        hall: Which hall is meant; it takes an expert's or admin's token.
    """
    _decide(approval, "allow", how, hall)


@app.command
def deny(approval: str, *, how: How = PLAINLY, hall: WhichHall = THIS) -> None:
    """Deny what waits.

    Args:
        approval: Its id, as `list` shows it.
        how: How the decision is taken.
        hall: Which hall is meant; it takes an expert's or admin's token.
    """
    _decide(approval, "deny", how, hall)


def _decide(approval: str, decision: Literal["allow", "deny"], how: How, which: WhichHall) -> None:
    hall = Online(which.given(person=True))
    show(_described(hall.run(lambda hall: hall.pending_approval(approval))), sys.stderr)
    if how.remember == "rule":
        _review(hall, approval, decision)
    verdict = hall.run(lambda hall: hall.decide(approval, decision, reason=how.reason, remember=how.remember))
    print(visible_json(verdict) if how.json else f"{verdict['verdict']}: {visible(verdict['reason'])}")


def _described(pending: dict[str, Any]) -> str:
    """Return what a decision is about, of which the asking agent wrote some: nothing of what was given is cut."""
    asked_s = max(0.0, (datetime.now(UTC) - datetime.fromisoformat(f"{pending['since'][:19]}+00:00")).total_seconds())
    who = f"{pending['agent']} ({', '.join([pending['role'], *pending.get('labels', ())])})"
    asks = "no rule decides" if pending["rule"] is None else f"rule {visible(pending['rule'])} asks"
    return "\n".join(
        (
            f"{pending['id']}  {visible(who)}  asked {asked_s:.0f} s ago, {pending['waiting']} waiting",
            f"    {visible_request(pending['tool'], pending['input'])}",
            f"    in {'an unknown directory' if pending['cwd'] is None else visible(pending['cwd'])}",
            *(f"    {each}" for each in visible_scripts(pending.get("scripts"))),
            f"    {asks}: {visible(pending['reason'])}; until {pending['expires'][:19]}Z",
            *([] if pending.get("whole", True) else [f"    {CUT.format(pending['id'])}"]),
        )
    )


def _review(hall: Online, approval: str, decision: str) -> None:
    """Show the rule, which is not this command's result; whoever sits at the terminal is asked."""
    rule = hall.run(lambda hall: hall.propose_rule(approval))
    show(f"{decision} from now on: {visible(rule)}", sys.stderr)
    if sys.stdin.isatty():
        print("remember this? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in {"y", "yes"}:
            raise CommandFailed(Exit.NO, f"nothing was decided; decide {approval} without `--remember rule`")
