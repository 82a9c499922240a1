"""A plugin of pytest: notes which functions of the product each test enters.

What a fixture of a whole module or session enters counts for each test that uses it.
"""

from __future__ import annotations

import os
import sys
import threading
from collections import defaultdict
from collections.abc import Generator
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import msgspec
import pytest

from mutation.covering import RESULT, Entered, KnownTest

_entered: dict[int, CodeType] = {}
_of_fixture: dict[tuple[str, str], set[str]] = defaultdict(set)
_of_test: dict[str, set[str]] = {}
_seconds: dict[str, float] = defaultdict(float)
_passed: dict[str, bool] = {}
_failed: dict[str, None] = {}
_root = f"{Path.cwd()}/"


def _note(frame: FrameType, _event: str, _argument: Any) -> None:
    code = frame.f_code
    _entered[id(code)] = code


def pytest_sessionstart() -> None:
    """Begin to look."""
    threading.settrace(_note)
    sys.settrace(_note)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    """Keep apart what a fixture of many tests enters."""
    if fixturedef.scope == "function":
        return (yield)
    before = set(_entered)
    result = yield
    new = {number: code for number, code in list(_entered.items()) if number not in before}
    _of_fixture[fixturedef.baseid, fixturedef.argname] |= _named(list(new.values()))
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, Any, Any]:
    """Note what one test enters."""
    _entered.clear()
    sys.settrace(_note)
    result = yield
    names: set[str] = set(getattr(item, "fixturenames", ()))
    shared = [functions for (_, name), functions in _of_fixture.items() if name in names]
    _of_test[item.nodeid] = _named(list(_entered.values())).union(*shared)
    return result


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Note whether a test passes and how long it takes."""
    _seconds[report.nodeid] += report.duration
    _passed[report.nodeid] = _passed.get(report.nodeid, True) and report.passed
    if report.failed:
        _failed[report.nodeid] = None


def pytest_sessionfinish() -> None:
    """Leave what was seen."""
    sys.settrace(None)
    tests = [
        KnownTest(name, round(_seconds[name], 3), frozenset(functions))
        for name, functions in _of_test.items()
        if _passed.get(name)
    ]
    Path(os.environ[RESULT]).write_bytes(msgspec.json.encode(Entered(tests, [*_failed])))


def _named(codes: list[CodeType]) -> set[str]:
    houses = tuple(f"{_root}{house}/" for house in ("store", "actors", "transport"))
    return {
        f"{code.co_filename.removeprefix(_root)}::{code.co_qualname}"
        for code in codes
        if code.co_filename.startswith(houses) and code.co_name != "<module>"
    }
