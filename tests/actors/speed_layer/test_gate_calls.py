"""Calls that agents make, of the kinds that a gate gets wrong, through the shipped policy.

`gate_calls.jsonl` has a call a line: `kind`, `tool`, `input`, `cwd`, and `want`, the verdicts that are right. A new
call goes to the others of its kind.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from actors.speed_layer.policy.engine import Policy, Request

CALLS = [json.loads(line) for line in Path(__file__).with_name("gate_calls.jsonl").read_text("utf-8").splitlines()]
KINDS = sorted({call["kind"] for call in CALLS})


@pytest.mark.parametrize("kind", KINDS)
def test_each_call_of_a_kind_has_a_verdict_that_is_right(kind):
    policy = Policy.default()
    wrong = []
    for call in [call for call in CALLS if call["kind"] == kind]:
        ruling = policy.decide(Request(call["tool"], call["input"], call["cwd"]))
        if ruling.verdict not in call["want"]:
            wrong.append((call["tool"], call["input"], ruling.verdict, ruling.rule, ruling.reason))
    assert wrong == []


def test_no_call_is_there_twice():
    keys = [json.dumps([call["tool"], call["input"], call["cwd"]], sort_keys=True) for call in CALLS]
    assert sorted({key for key in keys if keys.count(key) > 1}) == []
