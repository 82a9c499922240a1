"""What docs/log.md shows is what happens: its Python and its commands run, in order, in an empty directory."""

from __future__ import annotations

import doctest
import re
import shlex
from pathlib import Path

from transport.cli.main import app

PAGE = Path(__file__).parents[3] / "docs" / "log.md"
BLOCKS = re.findall(r"```(python|console)\n(.*?)```", PAGE.read_text(), re.DOTALL)


def shell_steps(block):
    """Each command of a console block with what it shall print."""
    for step in re.split(r"^\$ moothall ", block, flags=re.MULTILINE)[1:]:
        command, _, output = step.partition("\n")
        yield shlex.split(command), output


def test_the_page_about_the_log_does_what_it_shows(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    parser, runner, checker = doctest.DocTestParser(), doctest.DocTestRunner(), doctest.OutputChecker()
    commands = 0
    for kind, block in BLOCKS:
        if kind == "console":
            for command, expected in shell_steps(block):
                app(command, exit_on_error=False, print_error=False, result_action="return_value")
                printed = capsys.readouterr().out
                assert checker.check_output(expected, printed, doctest.ELLIPSIS), (command, printed)
                commands += 1
        elif block.startswith(">>>"):
            runner.run(parser.get_doctest(block, names, "log.md", str(PAGE), 0), clear_globs=False)
        else:
            exec(compile(block, str(PAGE), "exec"), names)
    assert (runner.tries > 10, runner.failures) == (True, 0)
    assert commands == 10
