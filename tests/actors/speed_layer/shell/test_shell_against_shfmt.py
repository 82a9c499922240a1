"""The analysis against a second opinion: shfmt, a shell parser that shares no code with ours.

Whatever program shfmt finds in a line must be among our commands, with the same words where both
are certain, or the line must be unproved. Lines that shfmt refuses are skipped: there is nothing to compare.

shfmt reads one text a process, so lines go to it by the thousand: those it takes one by one (`--list` over files) are
joined, with a marker behind each, into one text.
"""

from __future__ import annotations

import json
import random
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.speed_layer.shell.analysis import analyse

SHFMT = Path(sys.executable).parent / "shfmt"
CWD = "/home/dev/project"
HERE = Path(__file__).parents[1]
CORPUS = [json.loads(row)["command"] for row in (HERE / "commands.jsonl").read_text().splitlines()]
BATCH = 2_500
CHOICE = re.compile(r"\{[^{}]*(?:,|\.\.)[^{}]*\}")
MISREAD = re.compile(r"#[^\n]*\\\n|<<[^\n]*(?:\[\[|\blet\b)|\bcoproc\s+(?:\w+=|\w+ [*?\[])")
"""What shfmt 3.14 reads otherwise than bash.

A comment that ends in a backslash goes on in the next line for it, the body of a here-document that is opened in front
of `[[` or `let` is a command, and so is an assignment or a glob behind `coproc`.
"""
pytestmark = pytest.mark.skipif(not SHFMT.exists(), reason="shfmt is not installed beside this interpreter")

Call = list[str | None]


ATOMS = [
    "ls", "rm -rf x", "git status", "echo 'a b'", 'echo "c d"', 'echo "$x"', "echo $(id -u)", "X=1 env", "cat < in",
    "make > out 2>&1", "cd src", "true", "f", "echo `date`", "cat <(sort a)", "test -f x", "[ -n y ]", "echo a\\ b",
    "echo $'x\\ty'", "X=$(pwd)", "echo ${y:-z}", "echo $((1+2))", "grep -e 'x|y' *.py", "tee >(wc -l)", "echo hi >&2",
    'echo "$(ls "$(pwd)")"', "export A=b", "echo a#b", "echo {}", "rm 2>&1 -rf y >/dev/null", ">z ls",
    "printf '%s\\n' \"a'b\"", 'cat <<< "$x"', "echo \\; ls", "echo '(' ; ls", 'echo "a;b"', "echo $x$y", "! ls",
    "mkdir -p a/{b,c}", "touch f{1..3}", "x=src; cat $x", "a=(1 $(ls) 3)", 'echo "${a[@]}"', "echo ${#x} ${x%.*}",
    'echo "${x:-$(ls)}"', "ls &>log", "ls &>> log", "sudo -u me rm y", "env -i A=b ls -l", "xargs -0 rm",
    "bash -c 'ls; rm z'", 'sh -c "ls $x"', "eval 'ls'", "find . -exec rm {} \\;", "find . -name '*.o' -exec ls {} +",
    "timeout 5 ls", "trap 'ls' EXIT", "coproc ls", "local x=1", "declare -a b", "read -r x", "let i=1", "((i++))",
    "[[ $x == y* ]]", "[[ -n $(ls) ]]", "exec 3< in", "ls 3>&1 1>&2 2>&3", 'echo "a\\"b"', "echo a\\\nb",
    "ssh host 'ls -l'", 'echo "`ls`"', "echo '$(ls)'", "time -p ls", "nohup ls &", ": ${x:=1}", "echo ~/a $HOME",
    "cat <<-E\n\tx\n\tE", "cat <<'E'\n$(ls)\nE", "echo *.{a,b}", "printf -v x y",
]  # fmt: skip
FORMS = [
    "{0}; {1}", "{0} && {1}", "{0} || {1}", "{0} | {1}", "{0} & {1}", "({0}; {1})", "{{ {0}; {1}; }}",
    "if {0}; then {1}; fi", "if {0}; then {1}; else {0}; fi", "while {0}; do {1}; done", "for i in a b; do {0}; done",
    "case x in a) {0};; b) {1};; esac", "f() {{ {0}; }}; {1}", "echo $({0})", 'echo "$({0})" | {1}', "{0}\n{1}",
    "{0} # {1}", "cat <<E\n$({0})\nE\n{1}", "cat <<'E' | {1}\n{0}\nE", "{0} |& {1}", "[[ -n $({0}) ]] && {1}",
    "{0} > o", "({0}) 2> e", "until {0}; do {1}; done", "echo $(( $({0}) + 1 ))", "{0} \\\n && {1}", "time {0}",
    "{0};\n\n{1}", "function f {{ {0}; }}; {1}", "select i in a; do {0}; done", "for ((i=0; i<2; i++)); do {0}; done",
    "case $x in (a|b) {0} ;; *) {1} ;; esac", "x=$({0}); {1}", "a=($({0})); {1}", 'echo "${{x:-$({0})}}"',
    "{0} <<< $({1})", "diff <({0}) <({1})", "! {0} | {1}", "if ! {0}; then {1}; elif {0}; then ls; fi",
    "{0} && {{ {1}; }} || ls", "({0}) | ({1})", "while read -r l; do {0}; done < <({1})", "echo `{0}`",
    "{0} > >({1})", "{0} 2>&1 | {1}",
]  # fmt: skip
NOISE = list("\"'\\$`(){};|&<> \n#!*?[]=~,\t")


def made_up(choose: random.Random) -> str:
    """Return a line of the grammar, perhaps with a few characters changed."""
    line = choose.choice(ATOMS)
    for _ in range(choose.randint(0, 3)):
        line = choose.choice(FORMS).format(line, choose.choice(ATOMS))
    return mutated(choose, line, choose.choice([0, 0, 1, 2]))


def mutated(choose: random.Random, line: str, times: int) -> str:
    """Return a line with characters put in, replaced or taken out at random places."""
    for _ in range(times):
        at = choose.randrange(len(line) + 1)
        kept = at + choose.randint(0, 1)
        line = line[:at] + choose.choice([*NOISE, ""]) + line[kept:]
    return line


def lines(seed: int, count: int, corpus: list[str]) -> Iterator[str]:
    """Yield lines: of the grammar, changed ones of a corpus, and joined ones."""
    choose = random.Random(seed)
    for _ in range(count):
        kind = choose.random()
        if kind < 0.5 or not corpus:
            yield made_up(choose)
        elif kind < 0.85:
            yield mutated(choose, choose.choice(corpus), choose.randint(1, 3))
        else:
            yield choose.choice(FORMS).format(choose.choice(corpus), made_up(choose))


def _grown(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(str.format, st.sampled_from(FORMS), parts, parts)


shell_lines = st.recursive(st.sampled_from(ATOMS), _grown, max_leaves=6)
"""Lines of the same grammar for Hypothesis, which shrinks them."""


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


def calls(node: Any) -> Iterator[Call]:
    if isinstance(node, dict):
        if node.get("Type") == "CallExpr" and node.get("Args"):
            yield [literal(word) for word in node["Args"]]
        for value in node.values():
            yield from calls(value)
    elif isinstance(node, list):
        for value in node:
            yield from calls(value)


def read(text: str) -> list[dict[str, Any]] | None:
    """Return the statements shfmt finds in a text, None if it refuses the text."""
    run = subprocess.run(
        [str(SHFMT), "--to-json", "-ln", "bash"], input=text, capture_output=True, text=True, check=False
    )
    return json.loads(run.stdout).get("Stmts", []) if run.returncode == 0 else None


def taken(texts: list[str], folder: Path) -> list[str]:
    """Return the texts that shfmt takes."""
    paths = [folder / f"{number}.sh" for number in range(len(texts))]
    for path, text in zip(paths, texts, strict=True):
        path.write_text(text + "\n", newline="")
    run = subprocess.run(
        [str(SHFMT), "--list", "-ln", "bash", *map(str, paths)], capture_output=True, text=True, check=False
    )
    refused = {line.partition(":")[0] for line in run.stderr.splitlines()}
    return [text for path, text in zip(paths, texts, strict=True) if str(path) not in refused]


def parsed(texts: list[str]) -> list[list[Call]]:
    """Return the calls shfmt finds in each of many texts that it takes."""
    joined = read("".join(f"{text}\n\n: MARK{number}\n" for number, text in enumerate(texts)))
    assert joined is not None
    found, current = list[list[Call]](), list[Call]()
    for statement in joined:
        here = list(calls(statement))
        if here == [[":", f"MARK{len(found)}"]]:
            found.append(current)
            current = []
        else:
            current.extend(here)
    assert len(found) == len(texts)
    return found


def is_ours(theirs: Call, ours: list[tuple[str | None, ...]]) -> bool:
    """Return whether one of our commands is this call; where braces make its words, the program counts."""
    if any(word is not None and CHOICE.search(word) for word in theirs):
        return any(one and (theirs[0] is None or one[0] in {None, theirs[0]}) for one in ours)
    return any(
        len(one) == len(theirs) and all(a is None or b is None or a == b for a, b in zip(one, theirs, strict=True))
        for one in ours
    )


def hidden(line: str, found: list[Call]) -> list[Call]:
    """Return the calls that are neither among our commands nor doubted."""
    analysis = analyse(line, CWD)
    if analysis.unproved:
        return []
    ours = [one.argv for one in analysis.commands]
    return [theirs for theirs in found if not is_ours(theirs, ours)]


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(8))
def test_no_program_that_shfmt_finds_is_silently_missing(seed: int, tmp_path: Path) -> None:
    drawn = [line for line in lines(seed, BATCH, CORPUS) if line.strip() and not MISREAD.search(line)]
    texts = taken(drawn, tmp_path)
    assert len(texts) > BATCH / 3
    missing = {line: gone for line, found in zip(texts, parsed(texts), strict=True) if (gone := hidden(line, found))}
    assert missing == {}


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(shell_lines.filter(lambda line: not MISREAD.search(line)))
def test_no_program_of_a_line_of_the_grammar_is_silently_missing(line: str) -> None:
    statements = read(line)
    assert hidden(line, [one for statement in statements or [] for one in calls(statement)]) == []


@pytest.mark.parametrize("line", ["ls; rm x", "echo $(rm x)", "f() { rm x; }; f"])
def test_a_program_that_an_analysis_forgot_would_be_noticed(line: str) -> None:
    statements = read(line)
    assert statements is not None
    found = [one for statement in statements for one in calls(statement)]
    assert ["rm", "x"] in found
    assert not is_ours(["rm", "x"], [("ls",), ("echo", None), ("f",), ("rm",), ("rm", "y")])
