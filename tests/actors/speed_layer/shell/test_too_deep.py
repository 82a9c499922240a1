"""A line that the analysis cannot follow to its end is unproved, whatever it had found by then."""

from __future__ import annotations

import pytest

from actors.speed_layer.policy.engine import Policy, Request
from actors.speed_layer.shell.analysis import analyse, analyse_slowly
from actors.speed_layer.shell.walking import syntax_tree

LINE = "if true; then ls; fi"


@pytest.mark.parametrize("reading", [analyse, analyse_slowly])
def test_a_line_that_nests_deeper_than_python_follows_is_unproved(monkeypatch, reading):
    assert reading(LINE, "/home/dev").unproved == []

    def too_deep(*_):
        raise RecursionError

    monkeypatch.setattr(syntax_tree, "parts", too_deep)
    assert reading(LINE, "/home/dev").unproved == ["too deeply nested"]
    assert Policy.default().decide(Request("Bash", {"command": LINE}, "/home/dev/deep")).verdict == "ask"
