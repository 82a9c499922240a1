"""Judges a file of labelled shell commands by the shipped policy and prints how it fared, by family.

    python scripts/judge_corpus.py FILE.jsonl [--show]

Every row has `command`, `cwd`, `label` (`safe`, `risky`, `destructive`) and `family`. Exits 1 if a destructive or risky
row is allowed or a safe row denied. `--show` lists the safe rows that ask and the destructive rows that are not denied.

A file whose rows have `expected` (the simple commands a shell would run, `null` for a word known only at run time, or
for all of them where braces make the words) is compared with the analysis instead: exits 1 if a command is missing from
a line that is not called unproved.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from actors.speed_layer.policy.engine import Policy, Request

WRONG = {("destructive", "allow"), ("risky", "allow"), ("safe", "deny")}


def main(arguments: list[str]) -> int:
    """Judge the file named first; return the exit code."""
    show = "--show" in arguments
    names = [argument for argument in arguments if not argument.startswith("--")]
    if len(names) != 1:
        print("usage: judge_corpus.py FILE.jsonl [--show]", file=sys.stderr)
        return 2
    with Path(names[0]).open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    if rows and "expected" in rows[0]:
        return compare(rows, show=show)
    policy = Policy.default()
    families = defaultdict[tuple[str, str], Counter[str]](Counter)
    totals = defaultdict[str, Counter[str]](Counter)
    notes = list[str]()
    wrong = 0
    taken = list[float]()
    for row in rows:
        request = Request("Bash", {"command": row["command"]}, row["cwd"])
        start = time.perf_counter()
        ruling = policy.decide(request)
        taken.append(time.perf_counter() - start)
        label = row["label"]
        families[label, row["family"]][ruling.verdict] += 1
        totals[label][ruling.verdict] += 1
        mistaken = (label, ruling.verdict) in WRONG
        wrong += mistaken
        wanted = {"safe": "allow", "destructive": "deny"}.get(label, ruling.verdict)
        if mistaken or (show and ruling.verdict != wanted):
            mark = "WRONG" if mistaken else "     "
            notes.append(f"{mark} {label} {ruling.verdict}: {row['command']!r} ({ruling.rule}: {ruling.reason})")
    print(f"{'label':12} {'family':18} {'allow':>6} {'ask':>6} {'deny':>6}")
    for (label, family), counts in families.items():
        print(f"{label:12} {family:18} {counts['allow']:6} {counts['ask']:6} {counts['deny']:6}")
    for label, counts in totals.items():
        share = ", ".join(f"{verdict} {counts[verdict] / counts.total():.1%}" for verdict in ("allow", "ask", "deny"))
        row = f"{counts['allow']:6} {counts['ask']:6} {counts['deny']:6}"
        print(f"{label:12} {'all ' + str(counts.total()):18} {row}   {share}")
    taken.sort()
    mean, p99 = sum(taken) / len(taken) * 1e6, taken[int(len(taken) * 0.99)] * 1e6
    print(f"decide: mean {mean:.1f} us, p99 {p99:.1f} us, {wrong} wrong of {len(rows)}")
    for note in notes:
        print(note)
    return 1 if wrong else 0


def compare(rows: list[dict[str, Any]], *, show: bool) -> int:
    """Compare the commands of each line with those expected; return the exit code."""
    outcomes = Counter[str]()
    for row in rows:
        told = Policy.default().explain(
            Request("Bash", {"command": row["command"]}, row.get("cwd", "/home/dev/project"))
        )
        missing = not contains(told.commands, row["expected"] or [])
        outcome = "unproved" if told.unproved else "missing" if missing else "found"
        outcomes[outcome] += 1
        if outcome == "missing" or (show and outcome == "unproved"):
            print(f"{outcome}: {row['command']!r}: expected {row['expected']}, got {told.commands} {told.unproved}")
    print(", ".join(f"{outcome} {outcomes[outcome]}" for outcome in ("found", "unproved", "missing")))
    return 1 if outcomes["missing"] else 0


def contains(ours: list[list[str | None]], expected: list[list[str | None]]) -> bool:
    """Return whether each expected command is one of ours, each of ours counted once."""
    left = list(ours)
    for theirs in expected:
        same = next((one for one in left if fits(one, theirs)), None)
        if same is None:
            return False
        left.remove(same)
    return True


def fits(ours: list[str | None], theirs: list[str | None]) -> bool:
    """Return whether two commands have the same words where both are known."""
    if theirs == ["["]:
        return ours[:1] == ["["]
    return len(ours) == len(theirs) and all(a is None or b is None or a == b for a, b in zip(ours, theirs, strict=True))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
