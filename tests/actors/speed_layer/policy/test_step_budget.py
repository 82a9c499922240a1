"""Judging a request costs what its steps say, whatever the line: no time that grows with the square of its length.

Time is only compared: a line against one of the same length that holds nothing special, in the same run, as processor
time and the least of several.
"""

from __future__ import annotations

import itertools
import time

import pytest

from actors.speed_layer.command.steps import MAX_STEPS, TOO_LONG
from actors.speed_layer.policy.engine import Policy, Request
from actors.speed_layer.policy.judging import shell_line
from actors.speed_layer.shell.analysis import analyse
from actors.speed_layer.shell.walking import syntax_tree

CWD = "/home/dev/project"
fresh = itertools.count()
NESTED = "for i in 1 2 3 4 5 6 7 8; do for j in 1 2 3 4 5 6 7 8; do {}; done; done"
ROUNDS = 3
AT_MOST = 12
"""How many times as long as its control a line may take: twice what was measured. What is mended took 16 to 11,000."""


def doubling(depth):
    names = "abcdefghijklmnop"[:depth]
    calls = [f"{name}(){{ {before};{before}; }}; " for before, name in itertools.pairwise(names)]
    return f"a(){{ ls;ls; }}; {''.join(calls)}{names[-1]}"


def judged(line, **request):
    return Policy.default().judge(Request("Bash", {"command": line}, CWD, **request))


def least(tool, given):
    """Return the least processor time of some judgements, each of a request that no cache knows."""
    times = []
    for _ in range(ROUNDS):
        request = Request(tool, given, f"{CWD}-{next(fresh)}")
        began = time.thread_time()
        Policy.default().decide(request)
        times.append(time.thread_time() - began)
    return min(times)


COSTLY = {
    "doubling functions": doubling(9),
    "a shell in nested loops": NESTED.format("bash -c 'ls $0'"),
    "a document in nested loops": NESTED.replace("{}; ", "cat <<E\n" + "$HOME a\n" * 90 + "E\n"),
    "escapes in nested loops": NESTED.format(f"ls $'{'a' * 800}'"),
    "loops in loops": "".join(f"for name{n} in 1 2; do " for n in range(10)) + "ls;" + " done;" * 10,
    "substitutions in substitutions": "echo " + "$(echo $(echo $(ls))) " * 40,
    "words": "git add " + "a " * 1000,
    "words that are files": "cat " + " ".join(f"src/f{n}" for n in range(900)),
    "files that are copied": "cp " + "a " * 1000 + "b",
    "redirections": "ls " + ">>a " * 1000,
    "braces": "ls " + "{a,b}{c,d}{e,f}{g,h}{i,j}{k,l} " * 100,
    "a program in sed": "sed '" + "s/[a]/b/;" * 1500 + "' f",
    "a program in awk": "awk '" + "{print $1}" * 1500 + "' f",
    "a program in jq": "jq '" + ".a|" * 4000 + ".' f",
    "a program in SQL": "psql -c 'select " + "a," * 7000 + "b from t'",
    "paths in a word": "curl -d '" + "a=b:" * 3800 + "' https://x.com",
    "directories": "git " + "-C a " * 400 + "log",
}


@pytest.mark.parametrize("line", COSTLY.values(), ids=COSTLY)
def test_no_line_is_judged_for_more_steps_than_a_request_may_take_and_then_it_is_asked_about(line):
    found = judged(line)
    ruling, steps = found.ruling, found.steps
    assert ruling.verdict == "ask"
    assert ruling.rule is not None or any(
        why in ruling.reason for why in (TOO_LONG, "too many commands", "only at run time")
    )
    assert steps.taken <= MAX_STEPS


USUAL = (
    "git status",
    "ls -la src",
    "cat a.txt | grep x | sort",
    "cd src && pytest -q tests",
    "for f in a b; do ls $f; done",
)


@pytest.mark.parametrize("line", COSTLY.values(), ids=COSTLY)
def test_no_line_takes_longer_than_so_many_steps_of_usual_lines_do(line):
    usual = [(least("Bash", {"command": each}), judged(each).steps.taken) for each in USUAL]
    step_s = sum(took for took, _ in usual) / sum(steps for _, steps in usual)
    assert least("Bash", {"command": line}) < 4 * MAX_STEPS * step_s


def test_the_steps_of_a_line_are_the_same_every_time_whatever_is_cached():
    for line in [*COSTLY.values(), "git status && ls -la | grep x"]:
        assert len({Policy.default().judge(Request("Bash", {"command": line}, CWD)).steps.taken for _ in "123"}) == 1
        Policy.default()._known.cache_clear()


def test_what_is_refused_before_the_steps_run_out_stays_refused():
    assert judged("rm -rf / " + "a " * 900).ruling.verdict == "deny"
    assert judged("rm -rf /; " + doubling(6)).ruling.verdict == "deny"


def test_the_commands_of_a_usual_line_are_far_from_what_a_request_may_take():
    for line in ("git status", 'for f in *.json; do jq . "$f" > /dev/null || echo bad $f; done', doubling(3)):
        assert judged(line).steps.taken < MAX_STEPS / 3


def test_a_long_line_with_a_construct_of_the_shell_is_read_to_its_end():
    line = "for f in a b; do cat " + "src/some/long/file_name.py " * 60 + '"$f"; done'
    assert len(line) > 1024
    assert analyse(line, CWD).unproved == []
    assert judged(line).ruling.verdict == "allow"


PUMPED = {
    "brackets in awk": ("Bash", "awk '/" + "[^]" * 18 + "' f", "awk '/" + "abc" * 18 + "' f"),
    "a path of modules": ("Bash", "PYTHONPATH=" + "/a" * 20 + "! ls", "PYTHONPATH=" + "/a" * 20 + " ls"),
    "what looks like a fork bomb": ("Bash", "f(){ f; }; f; echo " + "a" * 4000, "f(){ g; }; f; echo " + "a" * 4000),
    "errors of grammar": ("Bash", "ls; " + ")é" * 250, "ls; " + "aé" * 250),
    "arrays that do not close": ("Bash", "a=(" * 300, "a==" * 300),
    "a long definition": ("Bash", "cmake -DA" + "_SANITIZE" * 1500 + "! .", "cmake -DA" + "_sanitize" * 1500 + " ."),
    "a long name in arithmetic": ("Bash", "let " + "_" * 3000, "let " + "1" * 3000),
    "braces of a glob": ("Bash", "rg -g '" + "{a,b}" * 900 + "' f", "rg -g '" + "(a.b)" * 900 + "' f"),
}


@pytest.mark.parametrize(("tool", "attack", "control"), PUMPED.values(), ids=PUMPED)
def test_no_pattern_is_searched_for_out_of_proportion_to_a_line(tool, attack, control):
    assert least(tool, {"command": attack}) < AT_MOST * least(tool, {"command": control})


MEBIBYTE = {
    "a file": ("Read", {"file_path": "a/" * 500_000}),
    "a file above": ("Read", {"file_path": "a/../" * 200_000}),
    "a glob": ("Read", {"file_path": "*a" * 500_000}),
    "a search": ("Glob", {"pattern": "a/" * 500_000}),
    "a page": ("WebFetch", {"url": "http://" + "a." * 500_000}),
}


@pytest.mark.parametrize(("tool", "given"), MEBIBYTE.values(), ids=MEBIBYTE)
def test_a_mebibyte_is_asked_about_without_being_looked_at(tool, given):
    long = {name: value[:50_000] for name, value in given.items()}
    assert Policy.default().decide(Request(tool, given, CWD)).verdict == "ask"
    assert least(tool, given) < AT_MOST * least(tool, long)


def test_a_working_directory_that_no_system_has_is_as_good_as_unknown():
    assert Policy.default().decide(Request("Bash", {"command": "rm a"}, "/" + "a/" * 500_000)).verdict == "ask"


def test_the_grammar_is_never_given_a_text_with_more_places_for_errors_than_there_are_steps_for(monkeypatch):
    parsed = []
    parse = syntax_tree._parsed
    monkeypatch.setattr(syntax_tree, "_parsed", lambda source, steps: parsed.append(source) or parse(source, steps))
    for text in ("(" * 100, "ls # '" + ")é" * 100 + "'", '"$(' * 100, "'a' " * 100 + "$", "if " * 100):
        analyse(text, CWD)
    assert parsed == []
    analyse("echo '" + "(" * 100 + "' $a", CWD)
    assert len(parsed) == 1


@pytest.mark.parametrize("line", ["git status", "frob sync", "frob $x", doubling(6), "frob " + "a" * 600])
def test_a_request_is_taken_apart_once(monkeypatch, line):
    taken = []
    monkeypatch.setattr(shell_line, "analyse", lambda text, cwd: taken.append(text) or analyse(text, cwd))
    request = Request("Bash", {"command": line}, f"{CWD}-once-{len(line)}")
    policy = Policy.default()
    policy.plain_command(request, policy.judge(request))
    assert taken == [line]
