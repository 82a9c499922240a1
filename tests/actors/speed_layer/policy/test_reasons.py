"""Reasons name what decided, in words that a person says."""

from __future__ import annotations

import pytest

from actors.speed_layer.audit.secret_repetitions import as_the_rule_gave
from actors.speed_layer.policy.engine import Policy, PolicySource, Request, packs
from actors.speed_layer.policy.judging.deciding import deciding
from actors.speed_layer.policy.matching.path_rules import Finding

CWD = "/home/dev/project"


def ruling(policy, line, cwd=CWD):
    return policy.decide(Request("Bash", {"command": line}, cwd))


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("pytest -q 2>/dev/null", "runs the project's tests"),
        ("pytest -q > out.txt 2>&1", "runs the project's tests"),
        ("time pytest -q", "runs the project's tests"),
        ("CI=1 pytest -q", "runs the project's tests"),
        ("env LANG=C pytest -q", "runs the project's tests"),
        ("x=1; cd sub && pytest -q; echo $?", "runs the project's tests"),
        ("for f in a b; do wc -l $f; done", "only reads files"),
        ("cat a | cat | wc -l", "only reads files"),
        ("cat a | grep b | jq .", "only reads files; searches text; filters JSON"),
        ("date; cat a | grep b | jq .", "prints the time; only reads files; searches text"),
        ("echo hi", "prints its arguments or does nothing"),
        ("echo hi > notes.txt", f"writes {CWD}/notes.txt: it lies in the workspace"),
        ("echo hi > /dev/null", "prints its arguments or does nothing"),
        ("x=1", "sets x, a variable of the shell alone"),
        ("git push 2>/dev/null", "sends commits to another repository"),
        ("git fetch && npm install x", "fetches from another repository; fetches and installs packages"),
        ("rm -r build", "removes files"),
        ("rm -rf ../other", "removes /home/dev/other: it lies outside the workspace"),
        ("rm -rf ..", "removes /home/dev: the workspace lies below it"),
        ("cat /home/other/x", "reads /home/other/x, outside the workspace: no rule covers that"),
        ("cd .. && make", "cd: '..' does not lie in the workspace; it runs in /home/dev, outside the workspace"),
        ("frob deploy web.toml --token=x", "no rule knows the program `frob`"),
        ("/opt/x/frob a", "no rule knows the program `/opt/x/frob`"),
        ("pkill -f 'uvicorn app:main'", "no rule covers this use of `pkill`"),
        ("terraform state rm module.cache", "no rule covers this use of `terraform state rm`"),
        ("kill -9 12", "no rule covers this use of `kill`"),
        ("mysql app secret-word9", "no rule covers this use of `mysql app`"),
        ("rg --pre ./x y", "rg: an option that is not known to be harmless: '--pre'"),
        ("bash /tmp/setup.sh", "bash: '/tmp/setup.sh' is not a script for everyday work"),
        (
            "find . -name '*.ts' -exec cp blank.ts {} \\;",
            "cp: writes the same to every file that './**/*.ts' stands for",
        ),
        ("rg -l foo | xargs -I{} cp blank {}", "cp: writes the same to every file that another program names"),
        ("A=$(id) make", "sets A to a value known only at run time: no rule covers that"),
    ],
)
def test_a_reason_names_what_decided(policy, line, reason):
    told = ruling(policy, line).reason
    assert told == reason


def test_the_rule_that_a_verdict_names_is_the_first_that_its_reason_tells(policy):
    for line in ("pytest -q 2>/dev/null", "cat a | grep b", "git fetch && npm install x", "rm -rf ../other"):
        found = ruling(policy, line)
        assert policy.reasons[found.rule] in found.reason.partition("; ")[0]


def test_what_a_user_sets_aside_is_told_only_where_there_is_nothing_else(policy):
    rules = (
        '[[command]]\nid = "mine.frob"\nverdict = "allow"\nreason = "frobs"\nargv = ["frob"]\naside = true\n'
        '[[command]]\nid = "mine.nix"\nverdict = "allow"\nreason = "nixes"\nargv = ["nix"]\n'
    )
    mine = Policy.load([*packs(), PolicySource("mine.toml", rules)])
    assert [ruling(mine, line).reason for line in ("frob", "frob; nix", "frob; echo")] == [
        "frobs",
        "nixes",
        policy.reasons["core.print"],
    ]


def test_what_is_milder_or_comes_without_a_rule_is_not_told_beside_a_rule():
    said = [
        Finding("ask", None, "no rule covers it"),
        Finding("allow", "a", "reads"),
        Finding("ask", "b", "sends"),
        Finding("ask", "c", "sends"),
        Finding("ask", "d", "removes"),
    ]
    assert deciding(said) == Finding("ask", "b", "sends; removes")
    assert deciding(said[:2]) == said[0]
    assert deciding([*said, Finding("deny", None, "never")]) == Finding("deny", None, "never")
    assert deciding([]) is None


@pytest.mark.parametrize(
    ("reason", "kept"),
    [
        ("reads", "reads"),
        ("reads; sends customer", "reads; MASKED"),
        ("writes /customer: reads", "MASKED: reads"),
        ("writes /customer: reads; sends", "MASKED: reads; MASKED"),
        ("customer", "MASKED"),
        ("readscustomer", "MASKED"),
    ],
)
def test_of_a_reason_with_several_parts_what_the_rule_gave_is_kept_without_the_input(reason, kept):
    assert as_the_rule_gave(reason, "reads") == kept
