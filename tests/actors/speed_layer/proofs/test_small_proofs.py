"""What a slash means in awk, what rustfmt is handed, and how many steps are left."""

from __future__ import annotations

import pytest

from actors.speed_layer.command.steps import OutOfSteps, Steps
from actors.speed_layer.proofs.awk import awk
from actors.speed_layer.proofs.build_tool_values import tool_arguments


@pytest.mark.parametrize("value", ["a[1]", "x", "3", '"s"', "f(x)", "x++"])
def test_behind_a_value_a_slash_divides_and_hides_nothing(value):
    assert awk(f'{{ y = {value} / 2; system("rm") / 3 }}') is not None
    assert awk(f"{{ y = {value} / 2; z = 1 / 3 }}") is None


@pytest.mark.parametrize("before", ["x +", "!", "$1 ~", "if (x)", "print", "(", "x = "])
def test_elsewhere_a_slash_begins_an_expression_in_which_nothing_runs(before):
    assert awk(f"{{ {before} /a|system(b)>c/ ") is None


@pytest.mark.parametrize(
    "text", ["--check", "--verbose", "--quiet", "-l", "--", "--edition=2021", "--color", "--edition"]
)
def test_what_rustfmt_is_handed_is_harmless_where_it_only_says_how(text):
    assert tool_arguments(text) is None


@pytest.mark.parametrize("text", ["", "src/a.rs", "--config-path=x", "-", "--emit", "check", "--backup"])
def test_everything_else_that_it_is_handed_is_not(text):
    assert tool_arguments(text) is not None


def test_the_last_step_may_be_taken_and_not_one_more():
    steps = Steps(taken=5, limit=10)
    assert steps.allow(5)
    assert not steps.allow(6)
    steps.spend(5)
    assert (steps.taken, steps.allow(0), steps.allow(1)) == (10, True, False)
    with pytest.raises(OutOfSteps):
        steps.spend(1)
    assert steps.taken == 10
    again = steps.copy()
    again.go_on_to_judging()
    again.spend(1)
    assert (steps.taken, again.taken) == (10, 11)
