"""What docs/runtime.md and the runtime's docstrings show is what happens."""

from __future__ import annotations

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import pytest

import actors.kernel

TUTORIAL = Path(__file__).parents[2] / "docs" / "runtime.md"
MODULES = [module.name for module in pkgutil.walk_packages(actors.kernel.__path__, "actors.kernel.")]


def test_the_tutorial_does_what_it_shows():
    names = {"__name__": "tutorial"}
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for block in re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(), re.DOTALL):
        if block.startswith(">>>"):
            runner.run(parser.get_doctest(block, names, "runtime.md", str(TUTORIAL), 0), clear_globs=False)
        else:
            exec(compile(block, str(TUTORIAL), "exec"), names)
    assert runner.tries > 3
    assert runner.failures == 0


def test_the_service_of_the_tutorial_takes_no_more_than_60_lines():
    service = re.findall(r"```python\n(.*?)```", TUTORIAL.read_text(), re.DOTALL)[0]
    assert len([line for line in service.splitlines() if line.strip()]) <= 60


@pytest.mark.parametrize("name", ["actors.kernel", *MODULES])
def test_the_examples_in_the_docstrings_run(name):
    result = doctest.testmod(importlib.import_module(name))
    assert result.failed == 0
