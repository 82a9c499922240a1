"""A rule that can never match is refused: whoever wrote it would believe to be guarded."""

import pytest

from actors.speed_layer.policy.engine import Policy, PolicySource
from actors.speed_layer.policy.loading.sources import PolicyError

COMMAND = '[[command]]\nid = "mine"\nreason = "r"\nverdict = "deny"\nargv = {}\n'
PATH = '[[path]]\nid = "mine"\nreason = "r"\nwrite = "deny"\nglobs = ["{}"]\n'


def load(text):
    return Policy.load([PolicySource("rules.toml", text, "project")])


@pytest.mark.parametrize("glob", ["infra/**", "*.tf", "./infra/**", "infra", "src/*.py"])
def test_a_path_that_is_no_whole_path_is_refused_with_what_was_meant(glob):
    with pytest.raises(PolicyError, match="can never match") as refused:
        load(PATH.format(glob))
    assert f'write "@/{glob}"' in str(refused.value)
    assert str(refused.value).startswith("rules.toml:1:")


@pytest.mark.parametrize("glob", ["@/infra/**", "/etc/**", "~/.ssh/**", "**/*.tf", "{@,~}/x", "**"])
def test_whole_paths_are_taken(glob):
    assert load(PATH.format(glob))


@pytest.mark.parametrize("argv", ['["git", "push --force"]', '["kubectl", "get", "delete|apply -f"]'])
def test_a_word_with_a_blank_is_refused(argv):
    with pytest.raises(PolicyError, match="which has a blank"):
        load(COMMAND.format(argv))


@pytest.mark.parametrize("argv", ['["git", "push|pull"]', '["python -m json.tool"]'])
def test_words_without_blanks_and_programs_of_several_words_are_taken(argv):
    assert load(COMMAND.format(argv))
