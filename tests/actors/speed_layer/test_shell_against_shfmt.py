"""The analysis against a second opinion: shfmt, a shell parser that shares no code with ours.

Whatever program shfmt finds in a line must be among our commands, with the same words where both
are certain, or the line must be unproved. Lines that shfmt refuses are skipped: there is nothing to compare.
"""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from actors.speed_layer.shell import analyse

SHFMT = Path(sys.executable).parent / "shfmt"
CWD = "/home/dev/project"
ATOMS = [
    "ls",
    "rm -rf x",
    "git status",
    "echo 'a b'",
    'echo "c d"',
    'echo "$x"',
    "echo $(id -u)",
    "X=1 env",
    "cat < in",
    "make > out 2>&1",
    "cd src",
    "true",
    "f",
    "echo `date`",
    "cat <(sort a)",
    "test -f x",
    "[ -n y ]",
    "echo a\\ b",
    "echo $'x\\ty'",
    "X=$(pwd)",
    "echo ${y:-z}",
    "echo $((1+2))",
    "grep -e 'x|y' *.py",
    "tee >(wc -l)",
    "echo hi >&2",
    'echo "$(ls "$(pwd)")"',
    "export A=b",
    "echo a#b",
    "echo {}",
    "rm 2>&1 -rf y >/dev/null",
    ">z ls",
    "printf '%s\\n' \"a'b\"",
    'cat <<< "$x"',
    "echo \\; ls",
    "echo '(' ; ls",
    'echo "a;b"',
    "echo $x$y",
    "! ls",
]
FORMS = [
    "{0}; {1}",
    "{0} && {1}",
    "{0} || {1}",
    "{0} | {1}",
    "{0} & {1}",
    "({0}; {1})",
    "{{ {0}; {1}; }}",
    "if {0}; then {1}; fi",
    "if {0}; then {1}; else {0}; fi",
    "while {0}; do {1}; done",
    "for i in a b; do {0}; done",
    "case x in a) {0};; b) {1};; esac",
    "f() {{ {0}; }}; {1}",
    "echo $({0})",
    'echo "$({0})" | {1}',
    "{0}\n{1}",
    "{0} # {1}",
    "cat <<E\n$({0})\nE\n{1}",
    "cat <<'E' | {1}\n{0}\nE",
    "{0} |& {1}",
    "[[ -n $({0}) ]] && {1}",
    "{0} > o",
    "({0}) 2> e",
    "until {0}; do {1}; done",
    "echo $(( $({0}) + 1 ))",
    "{0} \\\n && {1}",
    "time {0}",
    "{0};\n\n{1}",
]
NOISE = list("\"'\\$`(){};|&<> \n#")


def lines(seed: int, count: int) -> Iterator[str]:
    choose = random.Random(seed)
    for _ in range(count):
        line = choose.choice(ATOMS)
        for _ in range(choose.randint(0, 3)):
            line = choose.choice(FORMS).format(line, choose.choice(ATOMS))
        for _ in range(choose.choice([0, 0, 1, 2])):
            at = choose.randrange(len(line) + 1)
            line = line[:at] + choose.choice(NOISE) + line[at + choose.randint(0, 1) :]
        yield line


def literal(word: dict[str, Any]) -> str | None:
    text = ""
    for part in word.get("Parts", []):
        kind = part["Type"]
        if kind == "Lit" and "\\" not in part["Value"]:
            text += part["Value"]
        elif kind == "SglQuoted" and not part.get("Dollar"):
            text += part.get("Value", "")
        elif kind == "DblQuoted" and all(
            one["Type"] == "Lit" and "\\" not in one["Value"] for one in part.get("Parts", [])
        ):
            text += "".join(one["Value"] for one in part.get("Parts", []))
        else:
            return None
    return text


def calls(node: Any) -> Iterator[list[str | None]]:
    if isinstance(node, dict):
        if node.get("Type") == "CallExpr" and node.get("Args"):
            yield [literal(word) for word in node["Args"]]
        for value in node.values():
            yield from calls(value)
    elif isinstance(node, list):
        for value in node:
            yield from calls(value)


def parsed(line: str) -> list[list[str | None]] | None:
    run = subprocess.run(
        [str(SHFMT), "--to-json", "-ln", "bash"], input=line, capture_output=True, text=True, check=False
    )
    return list(calls(json.loads(run.stdout))) if run.returncode == 0 else None


def hidden(line: str) -> list[list[str | None]]:
    analysis = analyse(line, CWD)
    if analysis.unproved:
        return []
    ours = [one.argv for one in analysis.commands]
    return [
        theirs
        for theirs in parsed(line) or []
        if not any(
            len(one) == len(theirs) and all(a is None or b is None or a == b for a, b in zip(one, theirs, strict=True))
            for one in ours
        )
    ]


@pytest.mark.slow
@pytest.mark.skipif(not SHFMT.exists(), reason="shfmt is not installed beside this interpreter")
@pytest.mark.parametrize("seed", range(4))
def test_no_program_that_shfmt_finds_is_silently_missing(seed: int) -> None:
    missing = {line: found for line in lines(seed, 150) if (found := hidden(line))}
    assert missing == {}
