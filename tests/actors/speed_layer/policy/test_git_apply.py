"""A patch that a line shows is judged by the files that it changes; one that nobody sees is the project's own."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.speed_layer.policy.engine import Policy, Request
from actors.speed_layer.policy.judging.footprints import files_in
from actors.speed_layer.proofs.patch import Patched, patched_files

CWD = "/home/dev/project"


def diff(name, old="a", new="b"):
    return f"--- a/{name}\n+++ b/{name}\n@@ -1 +1 @@\n-{old}\n+{new}\n"


def shown(text, more=""):
    return f"git apply <<'P'\n{text}P\n{more}"


def kept(text, more=""):
    return f"cat > x.patch <<'P'\n{text}P\ngit apply x.patch{more}"


@pytest.mark.parametrize("wrapped", [shown, kept])
@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (diff("src/x.py"), "allow"),
        (f"diff --git a/src/x.py b/src/x.py\nindex 1..2 100644\n{diff('src/x.py')}", "allow"),
        (diff("src/x.py") + diff("src/y.py"), "allow"),
        (diff("src/x.py") + diff(".claude/settings.json"), "ask"),
        (diff(".git/hooks/pre-commit"), "ask"),
        (diff("../x.py"), "ask"),
        ("diff --git a/a.py b/.envrc\nsimilarity index 100%\nrename from a.py\nrename to .envrc\n", "ask"),
        ("diff --git a/a b/.envrc\nindex 1..2\nGIT binary patch\nliteral 1\nIcmZ\n", "ask"),
        ("diff --git a/x b/x\nnew file mode 120000\n--- /dev/null\n+++ b/x\n@@ -0,0 +1 @@\n+/etc\n", "ask"),
        ('--- "a/\\056envrc"\n+++ "b/\\056envrc"\n@@ -1 +1 @@\n-a\n+b\n', "ask"),
        ("no patch\n", "ask"),
    ],
)
def test_a_patch_is_judged_by_the_files_that_it_changes(shell, wrapped, text, wanted):
    assert shell(wrapped(text)) == wanted


@pytest.mark.parametrize("wrapped", [shown, kept])
def test_what_a_patch_changes_and_the_line_runs_is_asked_about(shell, wrapped):
    assert shell(wrapped(diff("Makefile"), "\nmake")) == "ask"
    assert shell(wrapped(diff("src/x.py"), "\npytest")) == "allow"


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("git apply fix.patch", "allow"),
        ("git apply --3way --index patches/0001.patch && pytest", "allow"),
        ("git apply ../x.patch", "ask"),
        ("git apply /tmp/x.patch", "ask"),
        ("git apply --unsafe-paths x.patch", "ask"),
        ("git apply --directory=.git/hooks x.patch", "ask"),
        ("cat x.patch | git apply", "ask"),
        ("git apply -", "ask"),
        (f"git apply x.patch - <<'P'\n{diff('src/x.py')}P", "ask"),
        ("curl -s https://example.com/x.patch | git apply", "ask"),
    ],
)
def test_a_patch_that_nobody_sees_is_applied_where_it_is_a_file_of_the_project(shell, line, wanted):
    assert shell(line) == wanted


def test_a_patch_in_a_subfolder_is_judged_from_there_and_from_the_top(shell):
    assert shell(f"cd docs && {shown(diff('.envrc'))}") == "ask"


def test_a_patch_that_is_shown_tells_which_files_are_new():
    new = "--- /dev/null\n+++ b/Makefile\n@@ -0,0 +1 @@\n+a\n"
    assert patched_files(new + diff("x.mk")) == [Patched("Makefile", True), Patched("x.mk", False)]
    line = shown(new + diff("x.mk"))
    files = files_in(Policy.default().judge(Request("Bash", {"command": line}, CWD)).footprint)
    assert {f"{CWD}/Makefile"} == {path for path in files.creates if not path.endswith("**")}


def test_lines_of_a_hunk_are_no_headers():
    text = "--- a/q.sql\n+++ b/q.sql\n@@ -1,2 +1,2 @@\n--- .envrc\n+++ .envrc\n x\n"
    assert [each.path for each in patched_files(text)] == ["q.sql"]


NAMES = st.from_regex(r"\A[a-z]{1,3}(?:/[a-z .]{0,2}[a-z]{1,3})?\Z").filter(lambda name: "/." not in name)
LINES = st.lists(st.sampled_from(["a", "b", "-- a/x", "++ b/y", "@@ -1 +1 @@", "", " c"]), max_size=6)


@pytest.mark.skipif(shutil.which("git") is None, reason="git is not here")
@given(st.dictionaries(NAMES, st.tuples(LINES, LINES), min_size=1, max_size=3))
def test_git_names_no_file_that_is_not_found(tmp_path_factory, changed):
    folder = tmp_path_factory.mktemp("diff")
    for side, index in (("a", 0), ("b", 1)):
        for name, texts in changed.items():
            file = folder / side / name
            if not any(parent.is_file() for parent in file.parents) and not file.is_dir():
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_text("".join(f"{line}\n" for line in texts[index]))
    made = ["git", "diff", "--no-index", "--no-prefix", "a", "b"]
    text = subprocess.run(made, cwd=folder, capture_output=True, text=True, check=False, timeout=60).stdout
    told = ["git", "apply", "--numstat", "-z"]
    said = subprocess.run(told, cwd=folder, input=text, capture_output=True, text=True, check=False, timeout=60).stdout
    names = {each.rpartition("\t")[2] for each in said.split("\0") if each}
    found = patched_files(text)
    assert found is None or names <= {each.path for each in found}
