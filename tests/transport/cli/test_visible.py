"""What agents wrote is shown as it is: on a terminal it moves, turns and hides nothing."""

from __future__ import annotations

import subprocess
import sys
from types import SimpleNamespace

import msgspec
import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from transport.cli.people import approvals
from transport.cli.visible import visible, visible_request

HIDING = [
    *("\x1b[2K", "\r", "\b", "\x9b1A"),
    *("\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\U000e0041"),
    *("\u034f", "\ufe0f", "\u3164"),
]
TEXTS = st.text(st.one_of(st.sampled_from("".join(HIDING)), st.characters()), max_size=40)


@given(TEXTS)
def test_a_text_is_one_line_in_which_every_character_is_printable(text):
    assert visible(text).isprintable()
    assert not any(each in visible(text) for each in HIDING)


def test_an_ordinary_text_stays_as_it_is():
    for text in ("git commit -m 'it works'", "grep '\\d' src", "ls ~/Müller", "日本語", ""):
        assert visible(text) == text


@pytest.mark.parametrize("text", [f"ls {each} -la" for each in HIDING] + ["a\nb\t'c' \\ d\x1b", "\\u202e \u202e"])
def test_what_is_escaped_is_what_bash_would_read(text):
    script = f"printf %s {visible(text)}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, check=True, env={"LC_ALL": "C.UTF-8"})
    assert done.stdout.decode() == text


@given(TEXTS)
def test_no_other_text_is_shown_alike(text):
    shown = visible(text)
    assert shown == text or visible(shown) != shown


def pending(command, agent="scout"):
    return {
        "id": "a1",
        "tool": "Bash",
        "input": {"command": command},
        "cwd": "/home/dev/project",
        "agent": agent,
        "role": "agent",
        "reason": "no rule knows it",
        "waiting": 1,
        "since": "2026-01-02T03:04:05.000000000Z",
        "expires": "2026-01-02T04:04:05.000000000Z",
    }


def screen(text):
    """Return the lines that a terminal shows of an output."""
    terminal = pyte.Screen(200, 24)
    pyte.Stream(terminal).feed(text.replace("\n", "\r\n"))
    return [line.rstrip() for line in terminal.display if line.strip()]


class FakeHall:
    """What the commands ask of a hall, with one approval that waits."""

    def __init__(self, waits):
        self._waits = waits

    def __call__(self, *_where):
        return self

    def run(self, ask):
        hall = SimpleNamespace(
            pending_approvals=lambda: [self._waits],
            decide=lambda *_, **__: {"verdict": "allow", "reason": "go"},
        )
        return ask(hall)


SPOOFS = [
    "rm -rf / \x1b[2K\x1b[1Als",
    "rm -rf /\rls     ",
    "rm -rf /\nb2  rover (agent)  asked 1 s ago, 1 waiting",
    "rm -rf /" + "\b" * 8 + "ls      ",
    "\u202esl\u202c; rm -rf /",
]


@pytest.mark.parametrize("command", SPOOFS)
def test_a_spoofed_approval_shows_what_it_would_run(command, monkeypatch, capsys):
    monkeypatch.setattr(approvals, "Online", FakeHall(pending(command)))
    approvals.list_pending()
    shown = screen(capsys.readouterr().out)
    assert len(shown) == 4
    assert "rm -rf /" in shown[1]
    assert "in /home/dev/project" in shown[2]
    assert "agent" in shown[0]


def test_a_spoof_passes_where_nothing_is_escaped():
    assert "rm -rf /" not in "".join(screen(f"    Bash: {SPOOFS[0]}\n"))


def test_a_person_who_decides_is_shown_what_is_decided(monkeypatch, capsys):
    monkeypatch.setattr(approvals, "Online", FakeHall(pending("make deploy\x1b[8m; rm -rf /")))
    approvals.approve("a1")
    told = capsys.readouterr()
    assert told.out == "allow: go\n"
    assert "rm -rf /" in screen(told.err)[1]


def test_a_long_command_is_shown_to_its_end():
    line = "echo " + "x" * 20_000 + "; rm -rf /"
    assert visible_request("Bash", {"command": line}).endswith("; rm -rf /")


def test_another_tools_input_is_shown_as_json():
    shown = visible_request("Write", {"file_path": "/tmp/a", "content": "a\u202eb"})
    assert shown.startswith("Write: $'{")
    assert "\u202e" not in shown
    assert msgspec.json.encode({"command": "ls", "x": 1}).decode() in visible_request("Bash", {"command": "ls", "x": 1})


def test_what_shows_texts_needs_no_hall_and_no_sdk():
    code = "import sys, transport.cli.visible; sys.exit(any(name in sys.modules for name in ('mcp', 'trio')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
