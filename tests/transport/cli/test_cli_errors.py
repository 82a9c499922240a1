"""What the command line says when something is wrong: what, where, what to do, and the exit code."""

from __future__ import annotations

import socket

import pytest

from transport.cli import main as command_line


@pytest.fixture
def said(monkeypatch, capsys, tmp_path):
    """Return a function that runs a command in an empty project and returns its exit code and its line on stderr."""
    (tmp_path / "file").write_text("no event")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    for name in ("MOOTHALL_URL", "MOOTHALL_TOKEN", "MOOTHALL_DATA"):
        monkeypatch.delenv(name, raising=False)

    def run(*arguments: str) -> tuple[int, str]:
        monkeypatch.setattr("sys.argv", ["moothall", *arguments])
        with pytest.raises(SystemExit) as ended:
            command_line.main()
        (line,) = capsys.readouterr().err.splitlines()
        return ended.value.code, line

    return run


@pytest.mark.parametrize(
    "command",
    [
        ("agent", "list"),
        ("agent", "add", "scout"),
        ("agent", "rotate", "scout"),
        ("agent", "revoke", "scout"),
        ("events", "verify"),
        ("events", "stats"),
        ("events", "repair"),
        ("events", "retire"),
        ("events", "backup", "copy"),
        ("events", "query"),
        ("events", "append", "note"),
    ],
)
@pytest.mark.parametrize("there", ["nowhere", "file"])
def test_whoever_names_no_data_directory_is_told_so(said, command, there):
    assert said(*command, "--data", there) == (
        2,
        f"moothall: there is no data directory {there}; name an existing one with --data",
    )


def test_a_file_in_the_place_of_the_data_directory_is_named(said):
    code, line = said("serve", "--port", "0", "--http-port", "0", "--data", "file")
    assert code == 1
    assert "cannot use" in line
    assert "/file" in line or "'file'" in line
    assert line.endswith("choose another directory")


def test_a_backup_into_a_file_names_both_places(said, tmp_path):
    (tmp_path / "log").mkdir()
    code, line = said("events", "backup", "file", "--data", "log")
    assert code == 1
    assert line.startswith("moothall: cannot back up log to file: ")
    assert line.endswith("choose another directory")


def test_an_import_into_a_file_does_not_blame_the_source(said, tmp_path):
    (tmp_path / "events").write_text(
        '{"sequence": 1, "stream": "s", "revision": 1, "type": "note", "data": {}, "agent": "a",'
        ' "time": "2026-01-01T00:00:00.000000000Z", "correlation_id": null, "causation_id": null, "metadata": null}\n'
    )
    code, line = said("events", "import", "events", "--data", "file")
    assert code == 1
    assert line.startswith("moothall: cannot use file: ")


@pytest.mark.parametrize(
    "options",
    [
        ("events", "query", "--limit", "0"),
        ("events", "query", "--limit", "1001"),
        ("events", "query", "--order", "up"),
        ("events", "append", "note", "--expected-revision", "often"),
        ("policy", "explain", "--tool", "Bash", "--input", "{}", "--role", "king"),
    ],
)
def test_a_value_that_is_none_names_its_flag(said, options):
    code, line = said(*options)
    assert code == 2
    assert options[-2] in line
    assert options[-1] in line


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:8766/mcp", "ws:///mcp", "ws://127.0.0.1:99999/mcp"])
@pytest.mark.parametrize("command", [("tree",), ("connect",)])
def test_an_address_that_is_none_is_a_mistake_of_the_caller(said, command, url):
    code, line = said(*command, "--url", url)
    assert code == 2
    assert url in line


def test_a_token_file_that_cannot_be_read_is_a_mistake_of_the_caller(said, tmp_path):
    (tmp_path / "folder").mkdir()
    code, line = said("tree", "--url", "ws://127.0.0.1:1/mcp", "--token-file", "folder")
    assert code == 2
    assert "'folder'" in line


@pytest.mark.parametrize("flag", ["--port", "--http-port"])
def test_a_port_in_use_is_named_with_its_flag(said, flag):
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        others = {"--port": "0", "--http-port": "0", flag: str(taken)}
        code, line = said("serve", "--data", "data", *(word for pair in others.items() for word in pair))
    assert code == 1
    assert f"127.0.0.1:{taken}" in line
    assert f"another port with {flag}," in line


def test_an_address_of_no_machine_leads_to_the_host(said):
    code, line = said("serve", "--data", "data", "--port", "0", "--http-port", "0", "--host", "999.1.1.1", "--insecure")
    assert code == 1
    assert "999.1.1.1" in line
    assert line.endswith("--host")


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--fsync", "often"), ("--seal", "nowhere")])
async def test_what_the_log_cannot_use_is_one_line_too(server, options):
    assert await server.start(*options) is None
    assert server.process.returncode == 2
    (line,) = server.logged().splitlines()
    assert options[1] in line
