"""A rule that can never match is refused: whoever wrote it would believe to be guarded."""

import json

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


NAMING = COMMAND.format('["git", "push"]') + "{} = {}\n"


@pytest.mark.parametrize("name", ["", "a/b", "moothall", "Moothall", "sc\u200bout", "sc\u043eut", " scout", "x" * 257])
def test_a_name_that_no_agent_may_have_is_refused(name):
    with pytest.raises(PolicyError, match="can never match") as refused:
        load(NAMING.format("agents", json.dumps([name])))
    assert str(refused.value).startswith("rules.toml:1:")


@pytest.mark.parametrize("label", ["", "Deploy", "a b", "-x", "x" * 65, "d\u00e9ploy", "a/b"])
def test_a_label_that_no_agent_may_have_is_refused(label):
    with pytest.raises(PolicyError, match="is no label"):
        load(NAMING.format("labels", json.dumps([label])))


@pytest.mark.parametrize(
    ("key", "value"),
    [("agents", ["scout", "local", "日本語"]), ("labels", ["deploy", "team-a.2_x", "9"]), ("labels", [])],
)
def test_names_and_labels_that_agents_may_have_are_taken(key, value):
    assert load(NAMING.format(key, json.dumps(value)))


def test_a_rule_is_for_none_of_some_agents_where_its_roles_names_and_labels_fit_none_of_them():
    fits = [
        'agents = ["scout"]',
        'roles = ["agent"]\nlabels = ["deploy", "x"]',
        'agents = ["scout"]\nlabels = ["deploy"]',
    ]
    none = ['agents = ["Scout"]', 'roles = ["expert"]\nlabels = ["deploy"]', 'agents = ["rover"]\nlabels = ["deploy"]']
    rules = [
        COMMAND.format('["git", "push"]').replace("mine", f"{kind}.{number}") + limits + "\n"
        for kind, group in (("fits", fits), ("none", none))
        for number, limits in enumerate(group)
    ]
    agents = [("agent", "scout", ("deploy",)), ("expert", "rover", ())]
    assert load("".join(rules)).scopes.for_none_of(agents) == ["none.0", "none.1", "none.2"]
    assert load(COMMAND.format('["git", "push"]') + 'roles = ["admin"]\n').scopes.for_none_of(agents) == []
