"""Rules that are for some roles, or for some time, and what layers may do to one another."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.speed_layer.policy.engine import Policy, PolicyError, PolicySource, Request, packs
from actors.speed_layer.policy.replay import replay
from actors.speed_layer.policy.rule_tables import LAYERS, Layer

CWD = "/home/dev/project"
STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}
MONDAY_NOON = "2030-01-07T12:00:00Z"


def rule(identity: str, verdict: str, argv: list[str], **more: Any) -> str:
    fields = {"id": identity, "verdict": verdict, "reason": "a test", "argv": argv, **more}
    if verdict == "allow":
        fields.setdefault("options", "*")
        fields.setdefault("args", "any*")
    return "[[command]]\n" + "".join(f"{name} = {value!r}\n" for name, value in fields.items())


def load(*texts: str) -> Policy:
    return Policy.load([PolicySource(f"{number}.toml", text) for number, text in enumerate(texts)])


def verdict(policy: Policy, line: str, role: str = "agent", at: str = MONDAY_NOON) -> str:
    request = Request("Bash", {"command": line}, CWD, role, datetime.fromisoformat(at).timestamp())
    explained = policy.explain(request).ruling
    decided = policy.decide(request)
    assert explained.verdict == decided.verdict
    return decided.verdict


def test_a_rule_for_some_roles_is_nothing_to_the_others() -> None:
    policy = load(rule("a", "allow", ["frob"], roles=["expert", "admin"]), rule("b", "deny", ["nix"], roles=["agent"]))
    assert verdict(policy, "frob x", "agent") == "ask"
    assert verdict(policy, "frob x", "expert") == "allow"
    assert verdict(policy, "nix x", "agent") == "deny"
    assert verdict(policy, "nix x", "admin") == "ask"


def test_a_rule_with_an_end_holds_until_then() -> None:
    policy = load(rule("a", "allow", ["frob"], until="2030-01-07T12:00:00Z"))
    assert verdict(policy, "frob", at="2030-01-07T11:59:59Z") == "allow"
    assert verdict(policy, "frob", at="2030-01-07T12:00:00Z") == "ask"


@pytest.mark.parametrize(
    ("hours", "at", "holds"),
    [
        ("08:00-18:00", "2030-01-07T08:00:00Z", True),
        ("08:00-18:00", "2030-01-07T18:00:00Z", False),
        ("22:00-06:00", "2030-01-07T23:00:00Z", True),
        ("22:00-06:00", "2030-01-07T05:59:00Z", True),
        ("22:00-06:00", "2030-01-07T12:00:00Z", False),
        ("mon-fri 08:00-18:00", "2030-01-12T12:00:00Z", False),
        ("fri-mon 08:00-18:00", "2030-01-12T12:00:00Z", True),
        ("fri-mon 08:00-18:00", "2030-01-14T12:00:00Z", True),
        ("fri-mon 08:00-18:00", "2030-01-09T12:00:00Z", False),
        ("fri 22:00-06:00", "2030-01-12T05:00:00Z", True),
        ("fri 22:00-06:00", "2030-01-11T05:00:00Z", False),
        ("sat 00:00-24:00", "2030-01-12T23:59:59Z", True),
    ],
)
def test_a_rule_with_hours_holds_in_them(hours: str, at: str, holds: bool) -> None:
    assert verdict(load(rule("a", "allow", ["frob"], hours=hours)), "frob", at=at) == ("allow" if holds else "ask")


def test_rules_over_files_variables_tools_and_lines_have_scopes_too() -> None:
    text = """
[[path]]
id = "p"
reason = "a test"
globs = ["@/**"]
write = "deny"
roles = ["observer"]
[[variable]]
id = "v"
reason = "a test"
verdict = "deny"
names = ["A"]
until = "2020-01-01T00:00:00Z"
[[tool]]
id = "t"
reason = "a test"
verdict = "allow"
tools = ["webfetch"]
hosts = ["*.example.com"]
roles = ["expert"]
"""
    policy = Policy.load([*packs(), PolicySource("x.toml", text)], check_examples=False)
    write = Request("Write", {"file_path": "a"}, CWD)
    assert policy.decide(write).verdict == "allow"
    assert policy.decide(Request("Write", {"file_path": "a"}, CWD, "observer")).verdict == "deny"
    assert verdict(policy, "echo x > a") == "allow"
    assert verdict(policy, "echo x > a", "observer") == "deny"
    assert verdict(policy, "A=1 ls") == "ask"
    fetch = {"url": "https://docs.example.com/x"}
    assert policy.decide(Request("WebFetch", fetch, CWD, "expert")).verdict == "allow"
    assert policy.decide(Request("WebFetch", fetch, CWD, "agent")).verdict == "ask"
    assert policy.decide(Request("WebFetch", {"url": "https://example.org"}, CWD, "expert")).verdict == "ask"


def test_a_ruling_that_the_time_may_change_is_not_kept() -> None:
    policy = load(rule("a", "allow", ["frob"], hours="08:00-18:00"), rule("b", "allow", ["ls"]))
    for line, kept in (("frob", False), ("f''rob", False), ("ls", True), ("ls | frob", False)):
        cacheable = policy.decide(Request("Bash", {"command": line}, CWD, at=0.0)).cacheable
        assert cacheable is kept, line
    assert policy.decide(Request("Bash", {"command": "ls"}, CWD)).cacheable
    noon = datetime.fromisoformat(MONDAY_NOON).timestamp()
    assert not policy.decide(Request("Bash", {"command": "frob"}, CWD, at=noon)).cacheable


@pytest.mark.parametrize(
    "line",
    [
        "frob",
        "f''rob",
        'f""rob',
        "f\\rob",
        "'frob'",
        '"fr"ob',
        "ls | f''rob",
        "ls; x=$(f''rob)",
        "bash -c \"f''rob\"",
        "$'fr\\x6fb'",
    ],
)
def test_no_spelling_of_a_line_under_a_rule_for_some_hours_is_kept_while_it_is_allowed(line: str) -> None:
    policy = load(rule("a", "allow", ["frob"], hours="08:00-18:00"), rule("b", "allow", ["ls|bash"]))
    noon = datetime.fromisoformat(MONDAY_NOON).timestamp()
    ruling = policy.decide(Request("Bash", {"command": line}, CWD, at=noon))
    assert not ruling.cacheable


def test_the_plainest_disguise_is_allowed_while_the_rule_holds_and_asked_about_when_it_does_not() -> None:
    policy = load(rule("a", "allow", ["frob"], hours="08:00-18:00"))
    assert [verdict(policy, "f''rob", at=f"2030-01-07T{hour}:00:00Z") for hour in (12, 20)] == ["allow", "ask"]


def test_a_ruling_on_another_tool_under_a_rule_with_an_end_is_not_kept() -> None:
    timed = """
[[tool]]
id = "t"
reason = "a test"
verdict = "allow"
tools = ["webfetch"]
hosts = ["*.example.com"]
until = "2031-01-01T00:00:00Z"
"""
    noon = datetime.fromisoformat(MONDAY_NOON).timestamp()
    asked = Request("WebFetch", {"url": "https://docs.example.com/x"}, CWD, at=noon)
    always, elsewhere = timed.partition("until")[0], rule("c", "allow", ["frob"], hours="08:00-18:00")
    rulings = [load(*texts).decide(asked) for texts in ((timed,), (always,), (always, elsewhere))]
    kept = [(ruling.verdict, ruling.cacheable) for ruling in rulings]
    assert kept == [("allow", False), ("allow", True), ("allow", False)]


@pytest.mark.parametrize(
    "field",
    [
        {"roles": ["agnet"]},
        {"hours": "8-18"},
        {"hours": "25:00-26:00"},
        {"hours": "foo-bar 08:00-18:00"},
        {"hours": "mon-bar 08:00-18:00"},
        {"hours": "foo-mon 08:00-18:00"},
        {"hours": "08:00-24:01"},
        {"hours": "08:00-08:00"},
        {"until": "tomorrow"},
        {"until": "2030-01-01T00:00:00"},
    ],
)
def test_a_scope_that_is_none_refuses_the_policy_with_its_line(field: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match=r"^0\.toml:7: "):
        load(rule("a", "deny", ["x"]) + "\n" + rule("b", "deny", ["y"], **field))


@pytest.mark.parametrize("hours", ["mon-bar 08:00-18:00", "foo-mon 08:00-18:00", "foo 08:00-18:00"])
def test_a_day_that_is_none_is_called_that(hours: str) -> None:
    with pytest.raises(PolicyError, match="names a day that is none"):
        load(rule("a", "deny", ["x"], hours=hours))


def test_a_replay_judges_at_the_time_of_the_record() -> None:
    policy = load(rule("a", "allow", ["frob"], until="2030-01-07T12:00:00Z"))
    record = {"role": "agent", "request": "1", "verdict": "allow", "rule": "a", "tool": "Bash", "cwd": CWD}
    records = [
        {**record, "whole": True, "input": {"command": "frob"}, "at": f"2030-01-07T{h}:00:00Z"} for h in (11, 13)
    ]
    changes = replay(records, policy).changes
    assert [(change.before, change.after, change.times) for change in changes] == [("allow", "ask", 1)]


rules = st.builds(
    dict,
    verdict=st.sampled_from(["allow", "ask", "deny"]),
    argv=st.sampled_from([["frob"], ["frob", "sync"], ["frob|nix", "*"], ["nix"]]),
    has=st.sampled_from([[], ["-f"]]),
    roles=st.sampled_from([[], ["agent"], ["expert"]]),
    hours=st.sampled_from(["", "08:00-18:00"]),
)
written = st.lists(st.tuples(st.sampled_from(LAYERS), rules), max_size=6)
asked = st.sampled_from(["frob", "frob sync", "frob sync -f", "nix x", "nix -f", "frob; nix", "ls"])


def layered(entries: list[tuple[Layer, dict[str, Any]]], layers: tuple[Layer, ...]) -> Policy:
    texts = [
        rule(f"r{n}", **{name: value for name, value in one.items() if value}) for n, (_, one) in enumerate(entries)
    ]
    sources = [PolicySource(f"{n}.toml", texts[n], layer) for n, (layer, _) in enumerate(entries) if layer in layers]
    return Policy.load(sources)


@settings(max_examples=200, deadline=None)
@given(written, asked, st.sampled_from(["agent", "expert"]), st.sampled_from([MONDAY_NOON, "2030-01-07T03:00:00Z"]))
def test_a_lower_layer_never_turns_a_refusal_or_a_question_of_a_higher_one_into_allow(
    entries: list[tuple[Layer, dict[str, Any]]], line: str, role: str, at: str
) -> None:
    everything = layered(entries, LAYERS)
    for count in range(1, len(LAYERS)):
        above = layered(entries, LAYERS[:count])
        request = Request("Bash", {"command": line}, CWD, role, datetime.fromisoformat(at).timestamp())
        ruling = above.decide(request)
        if ruling.rule is not None:
            assert STRICTNESS[everything.decide(request).verdict] >= STRICTNESS[ruling.verdict]


def test_a_lower_layer_never_loosens_what_a_shipped_rule_says() -> None:
    loosening = [rule(f"l{n}", "allow", [name]) for n, name in enumerate(("rm", "git", "cat", "meshctl", "frob"))]
    lower = Policy.load([*packs(), PolicySource("l.toml", "\n".join(loosening))], check_examples=False)
    for line in ("rm -rf ~", "rm a", "git push -f", "git push", "cat .env", "meshctl db destroy x"):
        request = Request("Bash", {"command": line}, CWD)
        assert STRICTNESS[lower.decide(request).verdict] >= STRICTNESS[Policy.default().decide(request).verdict] > 0
    assert verdict(lower, "frob x") == "allow"
