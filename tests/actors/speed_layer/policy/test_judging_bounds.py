"""Where judging begins to ask: one file too many, a patch without its end, a word that only looks like a line."""

from __future__ import annotations

import shlex

import pytest

from actors.speed_layer.policy.engine import Policy, PolicyError, PolicySource, Request, packs
from actors.speed_layer.policy.judging.file_tools import MAX_FILES
from actors.speed_layer.policy.judging.patch_files import touched_by
from actors.speed_layer.policy.judging.shell_call import command_line
from actors.speed_layer.policy.judging.written_and_run import Written
from actors.speed_layer.policy.loading import rule_examples
from actors.speed_layer.shell.analysis import analyse
from actors.speed_layer.shell.reading.prepared_text import MAX_BYTES

CWD = "/home/dev/project"


def ruling(tool, **arguments):
    return Policy.default().decide(Request(tool, arguments, CWD))


@pytest.mark.parametrize(
    ("count", "expected"), [(1, "allow"), (MAX_FILES, "allow"), (MAX_FILES + 1, "ask"), (0, "ask")]
)
def test_so_many_files_at_once_are_looked_at_and_no_more(count, expected):
    assert ruling("read_many_files", paths=[f"src/{n}.py" for n in range(count)]).verdict == expected


@pytest.mark.parametrize("given", [3, ["a", 3], {"a": 1}, ""])
def test_what_names_no_file_is_asked_about_and_is_no_fault(given):
    found = ruling("Read", file_path=given)
    assert (found.verdict, "the file's path is empty or no text" in found.reason) == ("ask", True)


LINES = ["*** Begin Patch", "*** Add File: src/a.py", "+x", "*** End Patch"]


@pytest.mark.parametrize(
    ("lines", "reads"),
    [(LINES, True), (LINES[1:], False), (LINES[:-1], False), (LINES[1:-1], False), ([LINES[0], LINES[-1]], False)],
)
def test_a_patch_without_its_beginning_its_end_or_a_file_is_not_read(lines, reads):
    assert (touched_by("\n".join(lines)) is not None) == reads


def test_a_single_word_is_never_read_as_a_line_however_long_it_is():
    for length in (MAX_BYTES - 2, MAX_BYTES):
        word = "ls " + "a" * (length - 3)
        assert command_line([word]) == shlex.quote(word)
    assert len(command_line(["ls", "a" * MAX_BYTES])) == MAX_BYTES + 1


@pytest.mark.parametrize(
    ("written", "below", "path", "expected"),
    [
        ("/w/a", False, "/w/a", True),
        ("/w/a", False, "/w/a/x", False),
        ("/w/a", True, "/w/a/x", True),
        ("/w/a/", True, "/w/a/x", True),
        ("/w/a", True, "/w/ab", False),
        ("/w/a", True, "/w/b/x", False),
        ("/w/*.sh", False, "/w/x.sh", True),
        ("/w/*.sh", False, "/w/x.py", False),
    ],
)
def test_a_file_is_one_that_was_written_or_lies_below_where_any_may_be(written, below, path, expected):
    assert Written(written, analyse("cp x y", CWD).commands[0], True, below).may_be(path) == expected


BOTH = """
[[command]]
id = "mine.limited"
reason = "r"
verdict = "allow"
argv = ["frob"]
at_most = "3/min"

[[command]]
id = "mine.durable"
reason = "r"
verdict = "allow"
argv = ["knob"]
audit = "durable"
"""


@pytest.mark.parametrize(
    ("line", "durable", "limits"), [("frob", False, 1), ("knob", True, 0), ("frob && knob", True, 1), ("ls", False, 0)]
)
def test_a_line_asks_for_all_that_any_rule_behind_it_asks_for(line, durable, limits):
    policy = Policy.load([*packs(), PolicySource("mine.toml", BOTH)], check_examples=False)
    found = policy.decide(Request("Bash", {"command": line}, CWD))
    assert (found.verdict, found.durable, len(found.limits)) == ("allow", durable, limits)
    assert found.cacheable == (not limits)


def test_as_many_examples_as_are_tried_may_stand_in_a_policy_and_not_one_more(monkeypatch):
    monkeypatch.setattr(rule_examples, "MAX_EXAMPLES", 3)
    text = '[[command]]\nid = "a"\nreason = "r"\nverdict = "deny"\nargv = ["frob"]\nmatch = ["frob"]\n'
    Policy.load([PolicySource("mine.toml", text + 'not_match = ["ls", "cat a"]\n')])
    with pytest.raises(PolicyError, match="more than 3 examples"):
        Policy.load([PolicySource("mine.toml", text + 'not_match = ["ls", "cat a", "pwd"]\n')])
