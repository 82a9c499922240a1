"""The workspace apart from the working directory: `cwd` only resolves paths where the hall has a workspace."""

from __future__ import annotations

import pytest

from actors.speed_layer.policy.engine import Policy, Request, request_hash
from actors.views import Views

ROOT = "/home/dev/project"


def verdict(tool, arguments, cwd, workspace=ROOT):
    return Policy.default().decide(Request(tool, arguments, cwd, workspace=workspace)).verdict


@pytest.mark.parametrize(
    ("path", "cwd", "expected"),
    [
        ("../docs/a.md", f"{ROOT}/src", "allow"),
        (f"{ROOT}/README.md", f"{ROOT}/src", "allow"),
        ("a.md", f"{ROOT}/src", "allow"),
        ("../../other/a.md", f"{ROOT}/src", "ask"),
        ("../.git/hooks/pre-commit", f"{ROOT}/src", "ask"),
        ("a.md", "/home/dev/other", "ask"),
        (f"{ROOT}/a.md", "/home/dev/other", "allow"),
        ("a.md", None, "ask"),
    ],
)
def test_an_agent_in_a_subfolder_may_edit_its_own_project_and_one_outside_nothing_there(path, cwd, expected):
    assert verdict("Write", {"file_path": path, "content": "x"}, cwd) == expected


@pytest.mark.parametrize(
    ("line", "cwd", "expected"),
    [
        ("make test", f"{ROOT}/packages/api", "allow"),
        ("cp ../a.py b.py", f"{ROOT}/src", "allow"),
        ("make test", "/home/dev/other", "ask"),
        ("git status", "/tmp/x", "ask"),
        ("rm -rf ~", "/tmp/x", "deny"),
        ("rm -rf ..", f"{ROOT}/src", "deny"),
        ("git status", f"{ROOT}2", "ask"),
    ],
)
def test_a_command_runs_in_the_workspace_or_is_asked_about(line, cwd, expected):
    assert verdict("Bash", {"command": line}, cwd) == expected


@pytest.mark.parametrize("cwd", ["/home/dev/project", "/root/project", "/var/lib/jenkins/job", "/srv/app"])
def test_where_the_hall_has_no_workspace_the_directory_is_it(cwd):
    assert verdict("Bash", {"command": "touch a"}, cwd, None) == "allow"


@pytest.mark.parametrize(
    "cwd",
    ["/", "/home/dev", "/home/dev/.nvm", "/home/dev/.config/x", "/var/lib/docker/x", "/etc/x", "/root", "/root/.x"],
)
def test_a_home_what_a_program_keeps_there_and_the_system_are_nobodys_workspace(cwd):
    assert verdict("Bash", {"command": "touch a"}, cwd, None) in {"ask", "deny"}
    assert verdict("Bash", {"command": "rg x"}, cwd, None) == "ask"


def test_the_hall_may_be_told_that_a_folder_of_settings_is_its_project():
    place = "/home/dev/.dotfiles"
    assert verdict("Bash", {"command": "touch a"}, place, place) == "allow"
    assert verdict("Bash", {"command": "touch a"}, place, None) == "ask"


def test_the_workspace_is_a_part_of_the_request():
    asked = ("Bash", {"command": "make"}, ROOT)
    assert request_hash(*asked) != request_hash(*asked, None, ROOT)
    assert request_hash(*asked, None, ROOT) != request_hash(*asked, None, "/home/dev")


def test_the_innermost_checkout_around_a_directory_is_its_workspace_and_else_the_halls_own():
    views = Views("0")
    assert views.workspace_of(ROOT) is None
    views.workspaces = (ROOT, f"{ROOT}/.worktrees/a", "/home/dev/beside")
    places = [f"{ROOT}/src", f"{ROOT}/.worktrees/a/src", "/home/dev/beside", "/home/dev/beside2", None]
    assert [views.workspace_of(each) for each in places] == [
        *(ROOT, f"{ROOT}/.worktrees/a", "/home/dev/beside", ROOT, ROOT),
    ]
