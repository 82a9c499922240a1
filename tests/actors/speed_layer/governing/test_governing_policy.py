"""What was remembered answers what the rules ask, and nothing else."""

from __future__ import annotations

import pytest

from actors.speed_layer.governing.governing_policy import GoverningPolicy
from actors.speed_layer.governing.remembered_decisions import Remembered, RememberedDecisions
from actors.speed_layer.policy.canonical_request import request_hash
from actors.speed_layer.policy.engine import Policy, PolicySource, Request

DEPLOY = Request("deploy", {"to": "production"}, "/home/dev/project")


def rules(verdict):
    text = f'[[tool]]\nid = "mine"\nreason = "a test"\nverdict = "{verdict}"\ntools = ["deploy"]\n'
    return Policy.load([PolicySource("mine.toml", text)])


def remembered(verdict, role="agent", approval="1"):
    hashed = request_hash(DEPLOY.tool, DEPLOY.input, DEPLOY.cwd)
    return Remembered(approval, role, hashed, verdict, "sage", "a test")


@pytest.mark.parametrize("withheld", ["", "the policy no longer loads"])
@pytest.mark.parametrize("decision", ["allow", "deny"])
@pytest.mark.parametrize("ruled", ["allow", "ask", "deny"])
def test_a_remembered_decision_never_overrules_what_the_rules_decide(ruled, decision, withheld):
    policy = GoverningPolicy(rules(ruled), RememberedDecisions([remembered(decision)]), withheld=withheld)
    expected = decision if ruled == "ask" else ruled
    if expected == "allow" and withheld:
        expected = "ask"
    assert policy.decide(DEPLOY).verdict == policy.explain(DEPLOY).ruling.verdict == expected


def test_a_decision_for_one_role_answers_no_other():
    policy = GoverningPolicy(rules("ask"), RememberedDecisions([remembered("allow", "expert")]))
    assert policy.decide(DEPLOY).verdict == "ask"


def test_the_version_says_what_is_remembered_and_withheld():
    base = rules("ask")
    none = GoverningPolicy(base)
    allows, denies = (none.remembering(remembered(verdict)) for verdict in ("allow", "deny"))
    withheld = GoverningPolicy(base, withheld="a test")
    assert len({policy.version for policy in (none, allows, denies, withheld)}) == 4
    assert allows.forgetting("1").version == none.version == base.version
