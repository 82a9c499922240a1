"""The manifest of promises is complete: no test is missing from it, none is made up, no public name is forgotten."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import actors.kernel

HERE = Path(__file__).parent
PROMISES = tomllib.loads((HERE / "promises.toml").read_text())["promise"]
OWN = {"test_promises", "test_docs"}


@cache
def existing():
    found = set()
    for path in HERE.rglob("test_*.py"):
        if path.stem in OWN:
            continue
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                found.add(f"{path.stem}::{node.name}")
    return found


def test_every_promise_has_a_test_that_exists():
    for promise in PROMISES:
        assert promise["tests"], promise["says"]
        missing = set(promise["tests"]) - existing()
        assert not missing, f"{promise['says']}: {missing}"


def test_every_test_of_the_runtime_stands_behind_exactly_one_promise():
    named = [test for promise in PROMISES for test in promise["tests"]]
    assert len(named) == len(set(named))
    assert set(named) == existing()


def test_every_public_name_of_the_runtime_is_spoken_for_by_a_promise():
    spoken_for = [name for promise in PROMISES for name in promise.get("names", [])]
    assert sorted(spoken_for) == sorted(actors.kernel.__all__)


def test_every_promise_says_where_it_comes_from():
    for promise in PROMISES:
        assert promise["otp"]
        assert set(promise) <= {"says", "otp", "names", "tests"}
