"""A hook tells which of the files that a call may write are there, by what the hall's own table says of its tool."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from actors.speed_layer.policy.tool_signatures import SHIPPED_SIGNATURES
from transport.hooks import existing_files, tool_table
from transport.hooks.existing_files import with_existing
from transport.hooks.script_digests import with_scripts
from transport.mcp.tools.gate_schemas import EXISTING


@pytest.fixture
def project(tmp_path):
    (tmp_path / "bin").mkdir()
    for name in ("build.sh", "bin/run", "a b.sh"):
        (tmp_path / name).write_text("echo\n")
    return tmp_path


def existing(project, tool, **given):
    asked = with_existing({"tool": tool, "input": given, "cwd": str(project)})
    return None if "existing" not in asked else [path.removeprefix(f"{project}/") for path in asked["existing"]]


@pytest.mark.parametrize(
    ("command", "there"),
    [
        ("echo a > build.sh", ["build.sh"]),
        ("echo a >build.sh; echo b >> new.sh", ["build.sh"]),
        ("cd bin && tee run", ["bin/run"]),
        ("cp ./build.sh 'a b.sh'", ["build.sh", "a b.sh"]),
        ("echo a > new.sh", []),
        ("touch bin", []),
    ],
)
def test_of_a_shell_line_the_files_that_it_names_are_told(project, command, there):
    assert existing(project, "Bash", command=command) == there
    assert existing(project, "exec_command", cmd=command) == there


def test_of_a_tool_that_writes_the_files_in_its_paths_are_told(project):
    assert existing(project, "Write", file_path="build.sh", content="x") == ["build.sh"]
    assert existing(project, "write_file", path=str(project / "bin" / ".." / "build.sh")) == ["build.sh"]
    assert existing(project, "Write", file_path="new.sh", content="build.sh") == []
    assert existing(project, "move_file", source="build.sh", destination="bin/run") == ["build.sh", "bin/run"]


@pytest.mark.parametrize(
    ("tool", "cwd"), [("Read", None), ("mcp__a__b", None), ("apply_patch", None), ("Bash", "here")]
)
def test_nothing_is_told_of_other_tools_and_from_an_unknown_place(project, tool, cwd):
    asked = {"tool": tool, "input": {"command": "cat build.sh", "file_path": "build.sh"}, "cwd": cwd or str(project)}
    assert with_existing(asked) == asked


def test_no_more_files_are_told_of_than_the_hall_takes(project):
    names = [f"{number}.txt" for number in range(existing_files.MOST_FILES + 5)]
    for name in names:
        (project / name).write_text(name)
    assert existing(project, "Bash", command=f"touch {' '.join(names)}") == names[: existing_files.MOST_FILES]
    assert existing_files.MOST_FILES <= EXISTING


def test_the_table_is_read_as_the_hall_reads_it():
    for signature in SHIPPED_SIGNATURES:
        for tool in signature.tools:
            known = tool_table.keys_of(tool.upper())
            assert known is not None
            assert (known.act, known.command, known.paths) == (signature.act, signature.command, signature.paths)
    assert tool_table.keys_of("frob") is None
    assert tool_table.keys_of("ash") is None


@pytest.mark.parametrize("tool", [tool for each in SHIPPED_SIGNATURES if each.act == "shell" for tool in each.tools])
def test_every_shell_tool_of_the_table_has_its_scripts_told(project, tool):
    asked = with_scripts({"tool": tool, "input": {"command": "sh build.sh"}, "cwd": str(project)})
    assert list(asked["scripts"]) == [str(project / "build.sh")]


def test_a_table_that_cannot_be_read_is_an_error_and_no_pass(project, monkeypatch):
    monkeypatch.setattr(tool_table, "FILE", str(project / "gone.toml"))
    with pytest.raises(OSError, match="gone"):
        with_existing({"tool": "Bash", "input": {"command": "ls"}, "cwd": str(project)})


def test_what_is_told_is_json(project):
    assert json.dumps(with_existing({"tool": "Bash", "input": {"command": "touch build.sh"}, "cwd": str(project)}))


def test_a_hook_reads_the_table_without_what_takes_long_to_import():
    code = (
        "import sys; from transport.hooks.tool_table import keys_of; keys_of('Bash');"
        "print(*sorted({'tomllib', 'msgspec', 'trio', 'importlib.resources'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == ""
