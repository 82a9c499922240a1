"""Which repository a folder is of: what git itself says, and nothing that only one side says."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from transport.discovery.data_directory import folder_name
from transport.discovery.git_repository import common_directory
from transport.discovery.private_directory import NotBelieved


def git(folder, *arguments):
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    who = ("-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "protocol.file.allow=always")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def repository(tmp_path):
    folder = tmp_path / "project"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "file").write_text("x")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_outside_of_a_repository_there_is_none(tmp_path):
    assert common_directory(tmp_path) is None


def test_subfolders_and_worktrees_share_one_with_git(repository, tmp_path):
    (repository / "a" / "b").mkdir(parents=True)
    for number, options in enumerate([(), ("--detach",)]):
        git(repository, "worktree", "add", "-q", *options, tmp_path / f"tree{number}")
        (tmp_path / f"tree{number}" / "deep").mkdir()
    places = [repository, repository / "a" / "b", tmp_path / "tree0", tmp_path / "tree1" / "deep"]
    common = {common_directory(place) for place in places}
    assert common == {repository / ".git"}
    assert {git(place, "rev-parse", "--path-format=absolute", "--git-common-dir") for place in places} == {
        str(repository / ".git")
    }
    assert len({folder_name(each) for each in common}) == 1


def test_a_link_to_a_folder_is_that_folder(repository, tmp_path):
    (tmp_path / "link").symlink_to(repository)
    assert common_directory(tmp_path / "link") == repository / ".git"


def test_a_bare_repository_beside_its_worktrees_is_theirs(repository, tmp_path):
    home = tmp_path / "home"
    home.mkdir()
    git(tmp_path, "clone", "-q", "--bare", repository, home / ".bare")
    (home / ".git").write_text("gitdir: ./.bare\n")
    git(home, "worktree", "add", "-q", "--detach", "main")
    assert common_directory(home) == common_directory(home / "main") == home / ".bare"


def test_inside_of_a_bare_repository_it_is_that_one_and_its_worktrees_share_it(repository, tmp_path):
    bare = tmp_path / "shared.git"
    git(tmp_path, "clone", "-q", "--bare", repository, bare)
    git(bare, "worktree", "add", "-q", "--detach", tmp_path / "tree")
    places = [bare, bare / "refs" / "heads", bare / "worktrees" / "tree", tmp_path / "tree"]
    assert [common_directory(place) for place in places] == [bare] * 4
    assert {git(place, "rev-parse", "--path-format=absolute", "--git-common-dir") for place in places} == {str(bare)}


def test_a_bare_repository_that_a_clone_can_bring_is_part_of_the_clone(repository):
    git(repository, "clone", "-q", "--bare", repository, "shipped")
    assert common_directory(repository / "shipped") == repository / ".git"
    assert common_directory(repository / ".git" / "refs") == repository / ".git"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
def test_a_bare_repository_of_another_user_is_believed_only_where_git_calls_it_safe(repository, tmp_path, monkeypatch):
    bare = tmp_path / "shared.git"
    git(tmp_path, "clone", "-q", "--bare", repository, bare)
    os.chown(bare, 54321, 54321)
    config = tmp_path / "gitconfig"
    config.write_text("")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.delenv("SUDO_UID", raising=False)
    with pytest.raises(NotBelieved, match=r"safe\.directory"):
        common_directory(bare / "refs")
    config.write_text(f"[safe]\n\tdirectory = {bare}\n")
    assert common_directory(bare / "refs") == bare


def test_a_submodule_and_its_worktrees_are_a_repository_of_their_own(repository, tmp_path):
    other = tmp_path / "other"
    shutil.copytree(repository, other)
    git(other, "submodule", "add", "-q", str(repository), "sub")
    git(other / "sub", "worktree", "add", "-q", "--detach", tmp_path / "tree")
    assert common_directory(other / "sub") == other / ".git" / "modules" / "sub" == common_directory(tmp_path / "tree")


@pytest.mark.parametrize("made", ["empty", "without objects", "without refs", "without HEAD"])
def test_a_folder_that_only_has_the_name_is_no_repository(repository, made):
    nested = repository / "nested"
    (nested / ".git").mkdir(parents=True)
    names = {"empty": [], "without objects": ["refs"], "without refs": ["objects"], "without HEAD": ["objects", "refs"]}
    for name in names[made]:
        (nested / ".git" / name).mkdir()
    assert common_directory(nested) == repository / ".git"


def test_a_folder_that_says_it_is_a_worktree_is_not_believed_unless_the_repository_says_so(repository, tmp_path):
    git(repository, "worktree", "add", "-q", "--detach", tmp_path / "tree")
    for name in ("forged", "moved"):
        (tmp_path / name).mkdir()
        shutil.copy(tmp_path / "tree" / ".git", tmp_path / name / ".git")
        with pytest.raises(NotBelieved, match="git worktree repair"):
            common_directory(tmp_path / name)


def test_a_worktree_of_a_made_up_repository_beside_the_real_one_is_not_believed(repository, tmp_path):
    """Its `commondir` names the victim's repository, which knows nothing of it."""
    forged = tmp_path / "forged"
    own = forged / "own" / "worktrees" / "x"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/main\n")
    (own / "commondir").write_text(f"{repository / '.git'}\n")
    (own / "gitdir").write_text(f"{forged / '.git'}\n")
    (forged / ".git").write_text(f"gitdir: {own}\n")
    with pytest.raises(NotBelieved, match="knows of none here"):
        common_directory(forged)


@pytest.mark.parametrize("kind", ["file", "link"])
def test_a_folder_that_points_to_anothers_repository_is_one_of_its_own(repository, tmp_path, kind):
    forged = tmp_path / "forged"
    forged.mkdir()
    if kind == "file":
        (forged / ".git").write_text(f"gitdir: {repository / '.git'}\n")
    else:
        (forged / ".git").symlink_to(repository / ".git")
    assert common_directory(forged) == forged / ".git"


@pytest.mark.parametrize("text", ["", "gitdir:", "gitdir: ", "gitdir: /nowhere", "gitdir: .", "x" * 100_000])
def test_a_pointer_to_nothing_is_said_and_not_guessed(repository, text):
    nested = repository / "nested"
    nested.mkdir()
    (nested / ".git").write_text(text)
    with pytest.raises(NotBelieved):
        common_directory(nested)


def test_a_file_that_only_looks_like_a_pointer_is_not_followed(repository, tmp_path):
    nested = tmp_path / "nested"
    nested.mkdir()
    (nested / ".git").write_text(f"gitdr: {repository / '.git'}")
    with pytest.raises(NotBelieved, match="neither a repository nor points to one"):
        common_directory(nested)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
@pytest.mark.parametrize("kind", ["worktree", "submodule", "pointer"])
def test_what_points_to_a_repository_is_believed_only_where_all_of_it_is_the_users_own(
    repository, tmp_path, monkeypatch, kind
):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.delenv("SUDO_UID", raising=False)
    folder = tmp_path / "tree"
    if kind == "worktree":
        git(repository, "worktree", "add", "-q", "--detach", folder)
        others = [folder / ".git", repository / ".git" / "worktrees" / "tree"]
    elif kind == "submodule":
        shutil.copytree(repository, tmp_path / "other")
        git(tmp_path / "other", "submodule", "add", "-q", str(repository), "sub")
        folder = tmp_path / "other" / "sub"
        others = [folder / ".git", tmp_path / "other" / ".git" / "modules" / "sub"]
    else:
        folder.mkdir()
        (folder / ".git").write_text(f"gitdir: {repository / '.git'}\n")
        others = [folder / ".git"]
    believed = common_directory(folder)
    for path in (folder, *others):
        os.chown(path, 12345, -1)
        with pytest.raises(NotBelieved, match=r"safe\.directory"):
            common_directory(folder)
        os.chown(path, os.geteuid(), -1)
    assert common_directory(folder) == believed


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can make another user's files")
def test_a_repository_of_another_user_is_believed_only_where_git_calls_it_safe(repository, tmp_path, monkeypatch):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "gitconfig"))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    monkeypatch.delenv("SUDO_UID", raising=False)
    for path in (repository / ".git", repository):
        os.chown(path, 12345, -1)
        with pytest.raises(NotBelieved, match=r"safe\.directory"):
            common_directory(repository)
    (tmp_path / "gitconfig").write_text(f"[safe]\n\tdirectory = {repository}\n")
    assert common_directory(repository) == repository / ".git"


def test_two_repositories_have_two_folders_and_their_names_are_harmless(tmp_path):
    names = [
        folder_name(tmp_path / name / ".git") for name in ("a", "b", "a b", "ä\n\u202e", "-rf", "..", "x" * 300, "...")
    ]
    assert len(set(names)) == len(names)
    assert all(name.replace("-", "").replace("_", "").replace(".", "").isalnum() for name in names)
    assert all(len(name) < 80 and name.isascii() and name[0] not in "-." for name in names)
