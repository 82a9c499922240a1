"""Which roots count as workspaces: the checkout that a hall was started in, and the worktrees of its repository."""

from __future__ import annotations

import subprocess

import pytest

from transport.discovery.workspaces import workspaces


def git(folder, *words):
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


@pytest.fixture
def repository(make_repository, tmp_path):
    made = make_repository(tmp_path / "project")
    git(made, "-c", "user.name=x", "-c", "user.email=x@x", "commit", "--allow-empty", "-qm", "x")
    return made


def test_a_hall_in_a_subfolder_of_a_checkout_has_the_checkout_and_all_its_worktrees(repository, tmp_path):
    git(repository, "worktree", "add", "-q", str(tmp_path / "beside"))
    (repository / "src").mkdir()
    project, beside = str(repository.resolve()), str((tmp_path / "beside").resolve())
    assert workspaces(None, repository / "src") == (project, beside)
    assert workspaces(None, tmp_path / "beside") == (beside, project)


def test_a_hall_outside_of_any_checkout_has_none(tmp_path):
    assert workspaces(None, tmp_path) == ()


def test_a_hall_that_is_told_its_workspace_has_that_one(repository, tmp_path):
    (tmp_path / "plain").mkdir()
    assert workspaces(tmp_path / "plain", repository) == (str((tmp_path / "plain").resolve()),)
    assert workspaces(repository, tmp_path) == (str(repository.resolve()),)


def test_a_worktree_that_is_gone_and_a_folder_that_does_not_point_back_are_none(repository, tmp_path):
    for name in ("gone", "other"):
        git(repository, "worktree", "add", "-q", str(tmp_path / name))
    (tmp_path / "gone").rename(tmp_path / "elsewhere")
    stranger = tmp_path / "stranger"
    (stranger / ".git").mkdir(parents=True)
    (repository / ".git" / "worktrees" / "other" / "gitdir").write_text(f"{stranger}/.git\n")
    assert workspaces(None, repository) == (str(repository.resolve()),)
