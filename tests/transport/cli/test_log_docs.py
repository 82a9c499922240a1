"""What the pages about the log show is what happens: their Python and commands run, in order, in an empty directory."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

import pytest

import store
from transport.cli.main import app

DOCS = Path(__file__).parents[3] / "docs"


def blocks_of(page):
    return re.findall(r"```(python|console)\n(.*?)```", page.read_text(), re.DOTALL)


def shell_steps(block):
    """Each command of a console block with what it shall print."""
    for step in re.split(r"^\$ moothall ", block, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        yield shlex.split(command), output


@pytest.mark.parametrize(("page", "shown"), [("log.md", 11), ("store.md", 0)])
def test_a_page_about_the_log_does_what_it_shows(tmp_path, monkeypatch, capsys, page, shown):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    parser, runner, checker = doctest.DocTestParser(), doctest.DocTestRunner(), doctest.OutputChecker()
    commands = 0
    for kind, block in blocks_of(DOCS / page):
        if kind == "console":
            for command, expected in shell_steps(block):
                app(command, exit_on_error=False, print_error=False, result_action="return_value")
                printed = capsys.readouterr().out
                assert checker.check_output(expected, printed, doctest.ELLIPSIS), (command, printed)
                commands += 1
        elif block.startswith(">>>"):
            runner.run(parser.get_doctest(block, names, page, page, 0), clear_globs=False)
        else:
            exec(compile(block, page, "exec"), names)
    assert (runner.tries > 6, runner.failures) == (True, 0)
    assert commands == shown


def names_in(text):
    """Return what the page says of names: those in headings, and those that stand alone in code."""
    return set(re.findall(r"`(\w+)[`(]", text))


def test_the_reference_has_every_public_name():
    missing = set(store.__all__) - names_in((DOCS / "store.md").read_text())
    assert missing == set()


def test_a_name_that_is_not_there_would_be_missed():
    assert names_in("`EventLog.open(path)` and `Query`, not NewEvent") == {"Query"}
