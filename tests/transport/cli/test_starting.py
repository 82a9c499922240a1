"""What a process needs to start, and how it is told."""

from __future__ import annotations

import gc
import subprocess
import sys

import pytest

from transport.cli import garbage_collector
from transport.cli.main import app
from transport.cli.server.serve import plain, serve
from transport.config import OPTIONS

SERVER = (
    "import sys\n"
    "from pathlib import Path\n"
    "from transport.cli.server.server_process import run\n"
    "from transport.config import Config\n"
    "from transport.server import Server\n"
    "Server(Config(auth='none'), Path('nowhere')).root([])\n"
)


def loaded(program: str) -> set[str]:
    """Return the packages that are loaded once a program has run."""
    program += "\nimport sys; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return set(done.stdout.split())


def test_a_server_starts_without_a_command_line_library_and_what_only_rare_requests_need():
    rare = {"jsonschema", "referencing", "rpds", "platformdirs", "rich", "pygments"}
    assert not loaded(SERVER) & {"cyclopts", "docstring_parser", *rare}


def test_what_a_server_is_told_is_read_and_a_mistake_found_without_the_server():
    assert not loaded("import transport.cli.entry, transport.cli.server.serve") & {
        "trio",
        "mcp",
        "pydantic",
        "actors",
        "store",
    }


@pytest.mark.parametrize(
    "words",
    [
        "",
        "--port 0 --http-port 0",
        "--data some/where --host ::1 --port 80",
        "--config hall.toml --auth token --fsync interval:5",
        "--auth none --seal key --tls-cert c --tls-key k --agents-group g",
    ],
)
def test_plain_arguments_mean_what_they_mean_to_the_command_line_library(words: str):
    _, bound, _ = app.parse_args(["serve", *words.split()])
    assert plain(words.split()) == bound.kwargs


@pytest.mark.parametrize(
    "words",
    [
        "--help",
        "--port",
        "--port x",
        "--port -1",
        "--port ٣",
        "--port=1",
        "--auth maybe",
        "--frob 1",
        "--port 1 --port 2",
        "--host --port",
        "somewhere",
        "data somewhere",
    ],
)
def test_all_else_is_left_to_the_command_line_library(words: str):
    assert plain(words.split()) is None


def test_what_there_is_when_a_server_is_ready_is_never_looked_at_again_and_what_comes_is_collected_as_usual():
    before = gc.get_threshold()  # a hook that another test has run in this process spares the collector, too
    usual = garbage_collector._USUAL
    gc.set_threshold(*usual)
    try:
        garbage_collector.spare()
        assert gc.get_threshold()[0] > usual[0]
        garbage_collector.settle()
        assert gc.get_freeze_count() > 0
        assert gc.get_threshold() == usual
    finally:
        gc.unfreeze()
        gc.set_threshold(*before)


def test_the_help_of_serve_names_every_key_of_its_file():
    text = " ".join(serve.__doc__.split())
    assert [name for name in OPTIONS if f" {name}" not in text] == []
