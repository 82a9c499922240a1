"""What agents wrote is shown as it is: on a terminal it moves, turns and hides nothing."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import unicodedata
from pathlib import Path
from types import SimpleNamespace

import msgspec
import pyte
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from actors.speed_layer.approvals.approval_events import Requested
from actors.speed_layer.governing.remembered_decisions import Remembered
from actors.speed_layer.messages import Answer
from actors.speed_layer.policy.engine import Request, Ruling
from store import EventLog, NewEvent
from transport.cli.failure import Exit, fail
from transport.cli.folding import BAR, folded
from transport.cli.log import care
from transport.cli.people import approvals
from transport.cli.policy import policy
from transport.cli.policy.explain import Supposed, explain
from transport.cli.policy.remembered import remembered
from transport.logs import QueuedLines
from transport.mcp.elicitation import _message
from transport.visible import visible, visible_json, visible_request

HIDING = [
    *("\x1b[2K", "\r", "\b", "\x9b1A"),
    *("\u202e", "\u2066", "\u200b", "\ufeff", "\u2028", "\U000e0041"),
    *("\u034f", "\ufe0f", "\u3164"),
]
TEXTS = st.lists(st.sampled_from("".join(HIDING)) | st.characters(), max_size=40).map("".join)
"""Not `st.text` of both, which takes them for one alphabet, in which what hides is rare."""


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
        "rule": None,
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
            pending_approval=lambda _approval: self._waits,
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
    assert shown == 'Write: {"file_path":"/tmp/a","content":"a\\u202eb"}'
    assert msgspec.json.encode({"command": "ls", "x": 1}).decode() in visible_request("Bash", {"command": "ls", "x": 1})


def test_what_shows_texts_needs_no_hall_and_no_sdk():
    code = "import sys, transport.visible; sys.exit(any(name in sys.modules for name in ('mcp', 'trio')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


WHOLE = TEXTS.map(lambda text: text.encode("utf-8", "ignore").decode())
JSON = st.recursive(WHOLE, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WHOLE, inner, max_size=3))


@given(JSON, st.sampled_from([None, 2]))
def test_json_hides_nothing_and_means_the_same(value, indent):
    shown = visible_json(value, indent=indent)
    assert msgspec.json.decode(shown) == value
    lines = shown.split("\n")
    assert all(line.isprintable() and not any(each in line for each in HIDING) for line in lines)
    assert indent is not None or len(lines) == 1


def test_json_for_programs_is_as_it_was_where_nothing_hides():
    value = {"a": [1, "x", None], "b": "日本語"}
    assert visible_json(value) == msgspec.json.encode(value).decode()


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("hiding", HIDING, ids=ascii)
def test_an_explanation_hides_nothing_of_what_it_explains(hiding, as_json, capsys):
    asked = msgspec.json.encode({"command": f"frob 'x{hiding}y' -la"}).decode()
    with pytest.raises(SystemExit):
        explain(tool="Bash", input=asked, cwd=Path("/work"), supposed=Supposed(offline=True), json=as_json)
    shown = capsys.readouterr().out
    assert hiding not in shown
    assert msgspec.json.decode(shown)["commands"] == [["frob", f"x{hiding}y", "-la"]] or "unproved" in shown


@pytest.mark.parametrize("hiding", HIDING, ids=ascii)
def test_what_a_command_fails_with_is_one_line_that_hides_nothing(hiding, capsys):
    with pytest.raises(SystemExit):
        fail(Exit.NO, f"no approval '{hiding}' is pending\nmoothall: all is well")
    shown = capsys.readouterr().err
    assert hiding not in shown
    assert len(shown.splitlines()) == 1


@pytest.mark.parametrize("hiding", HIDING, ids=ascii)
def test_a_log_for_people_hides_nothing(hiding):
    class Terminal(io.StringIO):
        def isatty(self):
            return True

    lines = QueuedLines(Terminal())
    try:
        int(f"a{hiding}b")
    except ValueError as error:
        failed = (ValueError, error.with_traceback(None), None)
    record = logging.LogRecord("lib", logging.ERROR, "x", 1, f"said {hiding}", (), failed)
    record.fields = {"agent": f"s{hiding}c"}
    shown = lines.format(record)
    assert hiding not in shown
    assert "ValueError" in shown


@pytest.mark.parametrize("hiding", HIDING, ids=ascii)
def test_the_person_at_a_client_is_shown_all_of_what_is_asked(hiding):
    asked = Request("Bash", {"command": f"rm -rf / {hiding}ls"}, f"/w{hiding}")
    shown = _message(asked, Answer(Ruling("ask", f"no rule covers {hiding}", None, False)))
    assert shown is not None
    assert hiding not in shown
    assert len(shown.splitlines()) == 2


@pytest.mark.parametrize("hiding", HIDING, ids=ascii)
def test_the_settings_of_a_repository_become_no_rule_that_hides_something(hiding, tmp_path, capsys):
    settings = tmp_path / "settings.json"
    settings.write_bytes(msgspec.json.encode({"permissions": {"allow": [f"WebFetch(domain:a{hiding}b)"]}}))
    policy.claude_settings(settings)
    told = capsys.readouterr()
    assert hiding not in told.out
    assert hiding not in told.err


def test_figures_of_a_log_hide_nothing_of_its_names(tmp_path, capsys):
    with EventLog.open(tmp_path) as log:
        log.append([NewEvent(type="note\u202e\u034f")], stream="s", agent="a\ufe0f")
    care.stats(data=tmp_path)
    shown = capsys.readouterr().out
    assert not any(each in shown for each in ("\u202e", "\u034f", "\ufe0f"))


def test_a_remembered_decision_shows_who_asked_for_what_where_and_why(monkeypatch, capsys):
    def query(filters):
        if filters["stream"] == "moothall/policy":
            kept = Remembered("a1", "agent", "00", "allow", "boss", "fine\x1b[2K")
            return {
                "events": [{"type": "moothall.policy.remembered", "data": msgspec.to_builtins(kept)}],
                "has_more": False,
            }
        action = msgspec.json.encode(["bash", "/work\u202e", {"command": "frob\n sync"}]).decode()
        asked = Requested("a1", "agent", "scout\u034f", "Bash", action, "00", "p", "who knows\r", "x.y", 0, 1)
        return {"events": [{"type": "moothall.approval.requested", "data": msgspec.to_builtins(asked)}]}

    where = SimpleNamespace(access=lambda: SimpleNamespace(query=query))
    remembered(where=where)
    shown = screen(capsys.readouterr().out)
    assert shown == [
        "a1  allow for agent by boss: $'fine\\U0000001b[2K'",
        "    Bash: $'frob\\n sync'",
        "    in $'/work\\U0000202e'",
        "    asked by $'scout\\U0000034f' at 1970-01-01T00:00:00Z; rule x.y asks: $'who knows\\U0000000d'",
    ]


@pytest.mark.parametrize("tool", ["Bash\x1b[2K\x1b[1A", "Ba\u202esh", "Bash\nRead", "Ba\u3164sh"])
@pytest.mark.parametrize("asked", [{"command": "ls"}, {"path": "a"}])
def test_the_name_of_a_tool_is_escaped_as_what_it_is_asked_to_do(tool, asked):
    shown = visible_request(tool, asked)
    assert shown.isprintable()
    assert shown.startswith(f"{visible(tool)}: ")
    assert "\\" in shown


def at_columns(text, columns):
    screen = pyte.Screen(columns, 60)
    pyte.Stream(screen).feed(text.replace("\n", "\r\n"))
    return [line.rstrip() for line in screen.display if line.strip()]


@pytest.mark.parametrize("columns", [40, 80, 132])
def test_no_padding_makes_an_agents_text_begin_where_the_halls_lines_do(columns):
    """A shell ignores blanks, and a terminal goes on in its next line."""
    forged = "make -n docs".ljust(columns - 4) + "    in /home/me".ljust(columns) + "f00dfeed  scout (agent)  asked 1 s"
    for text in (forged, forged.replace("  ", " .")):
        shown = f"cafe  agent (agent)\n    {visible_request('Bash', {'command': text})}\n    in /elsewhere"
        lines = at_columns("\n".join(folded(line, columns) for line in shown.split("\n")), columns)
        assert [line for line in lines if not line.startswith((BAR, "cafe", "    Bash: ", "    in /elsewhere"))] == []
        assert len([line for line in lines if line.startswith("    in ")]) == 1


@given(st.text(), st.integers(20, 100))
@example("\U0001f3fb", 20)  # a skin tone alone, which has no width
def test_what_is_folded_is_no_wider_and_loses_nothing(text, columns):
    line = visible(text)
    lines = folded(line, columns).split("\n")
    assert "".join([lines[0], *(each.removeprefix(BAR) for each in lines[1:])]) == line
    assert all(cell_len(each) <= columns for each in lines)


def test_blanks_in_json_are_the_same_value_and_end_no_line():
    value = {"a": "x" + " " * 100 + "y"}
    assert "  " not in visible_json(value)
    assert json.loads(visible_json(value)) == value
    assert json.loads(visible_json(value, indent=2)) == value


@pytest.mark.parametrize("character", "\u0338\u0336\u20dd\u0488\ufffc\u2d7f\U0001d159")
def test_what_is_drawn_over_letters_or_has_no_picture_is_escaped(character):
    assert character not in visible(f"rm{character} x")


LEFTWARDS = ["א", "ش", "ة", "٣", "\u07ca", "\U00010900", "\U0001e900"]


@given(st.lists(st.sampled_from(LEFTWARDS) | st.characters()).map("".join))
def test_a_terminal_shows_each_text_in_the_order_in_which_a_shell_reads_it(text):
    """Nothing is left that is written from right to left, so there is nothing to turn around."""
    for shown in (visible(text), visible_json(text.encode("utf-8", "ignore").decode())):
        assert {unicodedata.bidirectional(each) for each in shown}.isdisjoint({"R", "AL", "AN"})


@pytest.mark.parametrize("letter", LEFTWARDS, ids=ascii)
def test_an_approval_does_not_show_source_and_target_the_other_way_round(letter):
    command = f"cp {letter}1 / {letter}2"
    shown = visible_request("Bash", {"command": command})
    assert shown == f"Bash: $'cp \\U{ord(letter):08x}1 / \\U{ord(letter):08x}2'"


@pytest.mark.parametrize("text", ["make" + " " * 200 + "forged", "  begins", "ends  ", "one  two"])
def test_more_than_one_blank_in_a_row_is_escaped_where_an_agent_wrote_it(text):
    shown = visible(text)
    assert "  " not in shown
    assert subprocess.run(["bash", "-c", f"printf %s {shown}"], capture_output=True, check=True).stdout.decode() == text
    assert visible(text, blanks=True) == text
