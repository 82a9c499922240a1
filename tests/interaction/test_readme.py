"""What the README shows is what happens."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from transport.cli.main import app

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


@pytest.mark.slow
async def test_the_python_agent_of_the_readme_works_as_it_is_printed(project, monkeypatch, capsys):
    (example,) = re.findall(r"<!-- example: python-agent -->\n```python\n(.*?)```", README, re.DOTALL)
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    monkeypatch.setenv("XDG_STATE_HOME", project.environment["XDG_STATE_HOME"])
    monkeypatch.chdir(project.project)
    await names["main"]()
    verdict, event = capsys.readouterr().out.strip().splitlines()
    assert re.match(r"(deny|ask) - .+", verdict)
    assert event == "{'steps': 3}"


def test_every_subcommand_that_the_readme_names_has_help(capsys):
    groups = re.findall(r"`moothall (\w+) ([\w|]+)`", README)
    assert groups
    commands = [[group, each] for group, names in groups for each in names.split("|")]
    for command in [*commands, ["demo"], ["connect"], ["tree"], ["bench"]]:
        with pytest.raises(SystemExit) as ended:
            app([*command, "--help"])
        assert ended.value.code == 0, command
        assert f"Usage: moothall {' '.join(command)}" in capsys.readouterr().out


def test_the_configuration_for_clients_that_start_a_command_is_json():
    (line,) = re.findall(r'^    (\{"mcpServers".*)$', README, re.MULTILINE)
    assert json.loads(line)["mcpServers"]["moothall"]["args"] == ["connect"]


def test_every_file_that_the_readme_links_to_exists():
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    for link in links:
        assert (ROOT / link).exists(), link


def test_no_tracked_text_names_a_path_of_a_machine_or_a_registry():
    suspicious = re.compile(r"/(?:home/(?!dev)|Users)/\w+/|https?://[\w.-]*(?:pypi|npmjs)[\w.-]*/")
    texts = ("*.md", "*.txt", "docs/*.md", "scripts/*", "scripts/locked/*", "scripts/supply/*.py")
    for path in (path for pattern in texts for path in ROOT.glob(pattern)):
        if path.is_file():
            assert not suspicious.search(path.read_text(encoding="utf-8", errors="ignore")), path
