"""A hook tells what the files hold that a command runs, so that an approval is for this content alone."""

from __future__ import annotations

import hashlib
import json
import os

import pytest

from transport.hooks import script_digests
from transport.hooks.script_digests import MOST_FILES, MOST_SCRIPT_BYTES, with_scripts


@pytest.fixture
def project(tmp_path):
    (tmp_path / "bin").mkdir()
    for name, mode in (("deploy.sh", 0o644), ("bin/run", 0o755), ("data.csv", 0o644), ("a b.sh", 0o755)):
        file = tmp_path / name
        file.write_text(f"echo {name}\n")
        file.chmod(mode)
    return tmp_path


def scripts_of(project, command, **more):
    asked = with_scripts({"tool": "Bash", "input": {"command": command}, "cwd": str(project), **more})
    found = asked.get("scripts", {})
    return {os.path.relpath(path, project): digest for path, digest in found.items()}


def digest(project, name):
    return hashlib.sha256((project / name).read_bytes()).hexdigest()


@pytest.mark.parametrize(
    ("command", "runs"),
    [
        *(("sh ./deploy.sh", "deploy.sh"), ("bash -x deploy.sh prod", "deploy.sh"), (". ./deploy.sh", "deploy.sh")),
        *(("source deploy.sh", "deploy.sh"), ("ls; . deploy.sh", "deploy.sh"), ("python3.12 deploy.sh", "deploy.sh")),
        *(("sh < deploy.sh", "deploy.sh"), ("cat deploy.sh | sh", "deploy.sh"), ("sudo -E sh deploy.sh", "deploy.sh")),
        *(("bash -c 'sh ./deploy.sh'", "deploy.sh"), ("bash -c \"bash -c './bin/run x'\"", "bin/run")),
        *(
            ("./bin/run x", "bin/run"),
            ("bin/run", "bin/run"),
            ("env A=1 ./bin/run", "bin/run"),
            ("x && ./bin/run", "bin/run"),
        ),
        *(("find . -exec ./bin/run {} ';'", "bin/run"), ("cd bin && ./run", "bin/run"), ("cd bin; sh run", "bin/run")),
        *(
            ("'./a b.sh'", "a b.sh"),
            ("./a\\ b.sh", "a b.sh"),
            ('"./a b".sh', "a b.sh"),
            ("(sh deploy.sh)", "deploy.sh"),
        ),
        *(
            ("/bin/sh deploy.sh", "deploy.sh"),
            ("sh ./bin/../deploy.sh", "deploy.sh"),
            ("sh 'unclosed deploy.sh", "deploy.sh"),
        ),
    ],
)
def test_the_content_of_what_a_command_runs_is_told(project, command, runs):
    found = scripts_of(project, command)
    assert {name: each for name, each in found.items() if not name.startswith("..")} == {runs: digest(project, runs)}


@pytest.mark.parametrize(
    "command", ["ls", "cat deploy.sh data.csv", "git add .", "./missing.sh", "sh ./missing.sh", "ls bin", ""]
)
def test_what_runs_no_file_tells_of_none(project, command):
    assert scripts_of(project, command) == {}


def test_another_content_is_another_question(project):
    before = scripts_of(project, "sh deploy.sh")
    (project / "deploy.sh").write_text("rm -rf ~\n")
    assert scripts_of(project, "sh deploy.sh") != before


def test_a_list_of_words_is_a_command_too(project):
    assert scripts_of(project, ["sh", "deploy.sh"]).keys() == {"deploy.sh"}


@pytest.mark.parametrize(
    "more", [{"tool": "Read"}, {"cwd": None}, {"cwd": "here"}, {"input": {"command": 3}}, {"input": {}}]
)
def test_what_is_no_command_in_a_known_place_is_left_as_it_is(project, more):
    asked = {"tool": "Bash", "input": {"command": "sh deploy.sh"}, "cwd": str(project), **more}
    assert with_scripts(asked) == asked


def test_what_cannot_be_read_is_told_as_such(project):
    (project / "large.sh").write_bytes(b"x" * (MOST_SCRIPT_BYTES + 1))
    assert scripts_of(project, "sh large.sh") == {"large.sh": None}


def test_what_is_no_regular_file_is_not_opened(project):
    os.mkfifo(project / "pipe.sh")
    assert scripts_of(project, "sh pipe.sh /dev/zero") == {}


def test_of_very_many_files_it_is_said_that_not_all_were_read(project):
    names = [f"{n}.sh" for n in range(MOST_FILES + 5)]
    for name in names:
        (project / name).write_text(name)
    found = scripts_of(project, f"sh {' '.join(names)}")
    assert len(found) == MOST_FILES + 1
    assert [name for name, each in found.items() if each is None] == [names[MOST_FILES]]


def test_a_long_line_is_looked_at_in_part(project):
    assert scripts_of(project, "sh " + "x" * script_digests.MOST_CHARACTERS + " deploy.sh") == {}


def test_what_is_told_is_json(project):
    assert json.dumps(with_scripts({"tool": "Bash", "input": {"command": "sh deploy.sh"}, "cwd": str(project)}))
