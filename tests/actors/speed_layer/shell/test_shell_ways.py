"""A line that one pattern reads is followed as the grammar follows it: the same commands, places and inputs."""

from __future__ import annotations

import pytest

from actors.speed_layer.command.simple_command import UNKNOWN
from actors.speed_layer.command.steps import Steps
from actors.speed_layer.shell.analysis import analyse, analyse_slowly
from actors.speed_layer.shell.reading.brace_expansion import MAX_LENGTH, expand_braces
from actors.speed_layer.shell.reading.prepared_text import STEP_LENGTH, prepare
from actors.speed_layer.shell.reading.tokens import Unproved
from actors.speed_layer.shell.walking.constant_variables import MAX_VALUE, bind_constants
from actors.speed_layer.shell.walking.syntax_tree import check_comment
from actors.speed_layer.shell.walking.walk_state import STEPS_OF_COMMAND, State
from actors.speed_layer.shell.walking.walker import Walker

CWD = "/home/dev/project"


def told(analysis):
    """Return what an analysis says of each command, and of the line."""
    commands = [
        (
            one.argv,
            one.cwd,
            one.fallbacks,
            one.judged,
            one.listed,
            one.origin,
            None
            if one.stdin is None
            else (one.stdin.kind, one.stdin.text, [producer.argv for producer in one.stdin.producers]),
        )
        for one in analysis.commands
    ]
    return commands, analysis.unproved


@pytest.mark.parametrize(
    "line",
    [
        "cd a; b",
        "cd a && b",
        "cd a || b",
        "cd a || cd b; c",
        "cd a && b || c",
        "a && cd b || c; d",
        "a || cd b; c",
        "a || b; c",
        "cd a | b; c",
        "cd a || b | c; d",
        "a | cd b || c; d",
        "cd a & b",
        "cd a; cd b; cd ..; c",
        "cd; a",
        "cd -; a",
        "cd /tmp && a | b | c",
        "cd a; echo ls | bash",
        "cd a; echo ls | b | bash",
        "cd a; b | c < in",
        "cd a; b < in | c",
        "echo 'rm x' | sh",
        "echo x | xargs rm",
        "sudo a | sh",
        "env -C b a; c",
    ],
)
def test_a_plain_line_is_followed_as_the_grammar_follows_it(line):
    assert told(analyse(line, CWD)) == told(analyse_slowly(line, CWD))


@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("cd a; b", ["", "/a"]),
        ("cd a || b", ["", ""]),
        ("cd a && b || c", ["", "/a", None]),
        ("cd a | b; c", ["", "", ""]),
        ("cd a & b", ["", ""]),
        ("a || cd b; c", ["", "", None]),
    ],
)
def test_where_a_command_runs_is_known_where_it_is_certain(line, places):
    found = [one.cwd for one in analyse(line, CWD).commands]
    assert found == [None if place is None else CWD + place for place in places]


@pytest.mark.parametrize(("option", "place"), [("-exec", CWD), ("-ok", CWD), ("-execdir", None), ("-okdir", None)])
def test_what_find_runs_stands_where_the_file_is_only_where_it_says_so(option, place):
    *_, inner = analyse(f"find . -name x {option} a {{}} ';'", CWD).commands
    assert (inner.argv[0], inner.cwd) == ("a", place)


def test_what_feeds_a_command_is_all_that_stands_before_it_in_its_pipeline():
    *_, last = analyse("cd a; b x | c | d", CWD).commands
    assert [one.argv for one in last.stdin.producers] == [("b", "x"), ("c",)]
    *_, fed = analyse("cd a; b x | c < in", CWD).commands
    assert fed.stdin is None or fed.stdin.kind == "file"


def test_a_here_string_beside_a_here_document_is_none():
    found = analyse("a <<< x; b <<E\nt\nE\nc <<< y", CWD)
    assert ([one.argv for one in found.commands], found.unproved) == ([("a",), ("b",), ("c",)], [])


def test_the_longest_word_whose_braces_are_expanded_is_so_long():
    rest = "x" * (MAX_LENGTH - len("{a,b}"))
    assert expand_braces("{a,b}" + rest) == ["a" + rest, "b" + rest]
    assert expand_braces("{a,b}x" + rest) is None


@pytest.mark.parametrize("length", [1, 500, 5000])
def test_what_it_takes_to_read_a_line_grows_with_its_length(length):
    steps = Steps()
    assert prepare("a" * length, steps) == ("a" * length, [])
    assert steps.taken == 8 + length // STEP_LENGTH


def test_what_a_string_of_escapes_takes_does_not_depend_on_where_it_stands():
    def one_more(behind):
        one, two = (analyse(f"{behind} $'\\x41'" + "$'\\x41'" * n, CWD).steps.taken for n in (0, 1))
        return two - one

    near, far = one_more("echo b"), one_more("echo " + "b" * 3000)
    assert abs(near - far) <= 10  # that of a line by its length is rounded


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (r"\x41\101\u0041\U00000041", "AAAA"),
        (r"\u0001\x01\001", "\1\1\1"),
        (r"\n\t\\\'", "\n\t\\'"),
        (r"\x00", None),
        (r"\000", None),
        (r"\400", None),
        (r"\u0000", None),
        (r"\ud800", None),
        (r"\U00110000", None),
        (r"\ca", None),
        (r"\xff", None),
    ],
)
def test_a_string_of_escapes_is_what_bash_makes_of_it_or_unproved(body, expected):
    found = analyse(f"echo $'{body}'", CWD)
    if expected is None:
        assert found.unproved
    else:
        assert ([one.argv for one in found.commands], found.unproved) == ([("echo", expected)], [])


@pytest.mark.parametrize("line", ["a=b(c) d", "a(b d", "echo a=b(c)", "echo (b)", "a=b(c)"])
def test_brackets_in_a_word_are_never_taken_for_a_part_of_it(line):
    for found in (analyse(line, CWD), analyse_slowly(line, CWD)):
        assert found.unproved


def test_every_word_that_the_grammar_finds_takes_a_step():
    def taken(words):
        return analyse_slowly("ls" + " x" * words, CWD).steps.taken

    assert taken(200) - taken(100) >= 100
    assert analyse_slowly("ls; " * 20, CWD).steps.taken >= 20 * STEPS_OF_COMMAND


def test_what_a_counting_loop_sets_is_set():
    line = "for ((PATH=1; PATH<2; PATH++)); do a; done"
    assert "PATH" in {name for one in analyse(line, CWD).commands for name, _ in one.sets}


def test_a_command_takes_steps_for_each_of_its_parts():
    analysis = analyse("ls", CWD)
    (command,) = analyse("X=1 Y=2 a b c > d", CWD).commands
    before = analysis.steps.taken
    Walker("", [], analysis, State(CWD)).add(command)
    assert analysis.steps.taken - before == STEPS_OF_COMMAND + 3 + 2 + 1
    assert analysis.commands[-1] is command


def test_a_constant_of_so_many_characters_is_noted_and_a_longer_or_unknown_one_is_not():
    state = State(CWD)
    given = {"a": "x" * MAX_VALUE, "b": "x" * (MAX_VALUE + 1), "c": None, "d": UNKNOWN}
    bind_constants(state, "a=1; b=1; c=1; d=1", given.items())
    assert state.bindings == {"a": "x" * MAX_VALUE}


@pytest.mark.parametrize(
    ("text", "start", "end", "is_one"),
    [
        ("# a", 0, 3, True),
        ("x # a\ny", 2, 5, True),
        ("x# a", 1, 4, False),
        ("x # a\nb", 2, 7, False),
        ("x # ab", 2, 5, False),
    ],
)
def test_a_comment_begins_behind_a_blank_and_ends_with_its_line(text, start, end, is_one):
    if is_one:
        check_comment(text, start, end)
    else:
        with pytest.raises(Unproved, match="may not be one"):
            check_comment(text, start, end)
