"""The shell analysis, line by line: what a line runs, where, fed by what, and what cannot be proved."""

from __future__ import annotations

import pytest

from actors.speed_layer.shell.analysis import analyse

CWD = "/home/dev/project"


def programs(line: str) -> list[list[str | None]]:
    return [list(one.argv) for one in analyse(line, CWD).commands if one.listed and one.argv]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("ls -la", [["ls", "-la"]]),
        ("a;b && c || d | e", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("a & b", [["a"], ["b"]]),
        ("a 'b c' \"d e\" f\\ g", [["a", "b c", "d e", "f g"]]),
        ("a'b'\"c\"d", [["abcd"]]),
        ("a '' \"\"", [["a", "", ""]]),
        ('echo "$x" $y ${z}', [["echo", None, None, None]]),
        ("echo \"\\$x\" '$x' \\$x", [["echo", "$x", "$x", "$x"]]),
        ("echo a$ b", [["echo", "a$", "b"]]),
        ("echo $'a\\tb\\x41\\101\\u00e9'", [["echo", "a\tbAA\u00e9"]]),
        ("echo h\u00e9llo 'w\u00f6rld'", [["echo", "h\u00e9llo", "w\u00f6rld"]]),
        ("a > out 2>&1 < in -x", [["a", "-x"]]),
        ("a 2>err >>log 1>&2 &>all b", [["a", "b"]]),
        ("X=1 Y='2 3' a", [["a"]]),
        ("X=1", []),
        ("X=$(a b)", [["a", "b"]]),
        ("a $(b $(c))", [["a", None], ["b", None], ["c"]]),
        ('a "$(b "$(c)")"', [["a", None], ["b", None], ["c"]]),
        ("a `b c`", [["a", None], ["b", "c"]]),
        ("diff <(a x) <(b)", [["diff", None, None], ["a", "x"], ["b"]]),
        ("a > >(b)", [["a"], ["b"]]),
        ("echo $((1 + $(nproc)))", [["echo", None], ["nproc"]]),
        ("echo ${x:-$(a)} ${y//b/$(c)}", [["echo", None, None], ["a"], ["c"]]),
        ("(a; b) && { c; }", [["a"], ["b"], ["c"]]),
        ("! a", [["a"]]),
        ("time -p a b", [["a", "b"]]),
        ("coproc a b", [["a", "b"]]),
        ("if a; then b; elif c; then d; else e; fi", [["a"], ["b"], ["c"], ["d"], ["e"]]),
        ("while a; do b; done", [["a"], ["b"]]),
        ("until a\ndo\nb\ndone", [["a"], ["b"]]),
        ("for i in 1 2; do a $i; done", [["a", None]]),
        ("for i in $(a); do b; done", [["a"], ["b"]]),
        ("for ((i=0; i<$(nproc); i++)); do b; done", [["nproc"], ["b"]]),
        ("case $(a) in x) b;; $(c)) d;; esac", [["a"], ["b"], ["c"], ["d"]]),
        ("f() { a; }; f", [["a"], ["f"]]),
        ("function f { a; }", [["a"]]),
        ("[[ -f $(a) && x == y ]] && b", [["["], ["a"], ["b"]]),
        ("[ -f x ] && b", [["[", "-f", "x", "]"], ["b"]]),
        ("time \\-p ls", [["-p", "ls"]]),
        ("a=(1 $(b)); c", [["b"], ["c"]]),
        ("export A=$(b)", [["export", None], ["b"]]),
        ('a <<< "$(b)"', [["a"], ["b"]]),
        ("a > x <<< y", [["a"]]),
        ("a <<E\nt $(b) `c`\nE", [["a"], ["b"], ["c"]]),
        ("a <<'E'\nt $(b) `c`\nE", [["a"]]),
        ("a <<-E\n\tt\n\tE\nb", [["a"], ["b"]]),
        ("a <<E | b > c\nt\nE\nd", [["a"], ["b"], ["d"]]),
        ("a <<E && b\nt\nE", [["a"], ["b"]]),
        ("a <<E; b <<F\n1\nE\n2\nF\nc", [["a"], ["b"], ["c"]]),
        ('a "$(b <<\'E\'\nit\'s "x" $(c)\nE\n)"', [["a", None], ["b"]]),
        ("a # b; c", [["a"]]),
        ("a # b\nc", [["a"], ["c"]]),
        ("a#b c", [["a#b", "c"]]),
        ("# only", []),
        ("a \\\n  b", [["a", "b"]]),
        ("a \\\n'b\\\nc'", [["a", "b\\\nc"]]),
        ("# x \\\na", [["a"]]),
        ("echo {} {a} '{b,c}' {x", [["echo", "{}", "{a}", "{b,c}", "{x"]]),
        ("ls *.py [ab]* ?x ~/y", [["ls", "*.py", "[ab]*", "?x", "~/y"]]),
        ("cat $(<a)", [["cat", None]]),
        (">f", []),
    ],
)
def test_the_commands_of_a_line_are_those_bash_would_run(line: str, expected: list[list[str | None]]) -> None:
    analysis = analyse(line, CWD)
    assert analysis.unproved == []
    assert sorted(programs(line), key=repr) == sorted(expected, key=repr)


@pytest.mark.parametrize(
    "line",
    [
        "{a,b} c",
        "a{1..3}",
        "a {b,$c}",
        "'a",
        'a "b',
        "a \\",
        "a $(b",
        "a `b",
        "if a; then b",
        "a )",
        "( a",
        "a <<E\nb",
        "a &&",
        "| a",
        "eval $x",
        'eval "$(a)"',
        'bash -c "$x"',
        "a | sh",
        "bash <(a)",
        "sh < f",
        "$'\\0'",
        "a \x00b",
        "a \ud800",
        "a\x07",
        "a\rb",
        "f() { f; }; f",
        ":(){ :|:& };:",
        "sudo --frob a",
        "xargs --frob a",
        "timeout --frob 1 a",
        "env -S 'a b'",
        "*x a",
        "a?c",
        "${!x@P} a",
        "echo ${x:=$(a)}",
        "parallel rm ::: a",
        'echo $"a"',
        "if",
        "then a",
        "a <<$x\nb\n$x",
        "a `b \\`c\\``",
        "a <<E\nb \\\nE\nE",
        "find . -exec a",
        "echo ${x'a'}",
        "[[ 'a[$(b)]' -eq 0 ]]",
        "x='a[$(b)]'; echo $((x))",
        "while :; do f() { f; }; f; done",
    ],
)
def test_what_cannot_be_told_is_unproved(line: str) -> None:
    assert analyse(line, CWD).unproved


@pytest.mark.parametrize(
    ("line", "inner"),
    [
        ("sudo -u x a b", ["a", "b"]),
        ("sudo A=1 a", ["a"]),
        ("doas a", ["a"]),
        ("env -i X=1 a b", ["a", "b"]),
        ("nice -n 5 a", ["a"]),
        ("nohup a &", ["a"]),
        ("\\time -v a", ["a"]),
        ("timeout -k 5 10s a b", ["a", "b"]),
        ("stdbuf -oL a", ["a"]),
        ("setsid ionice -c3 a", ["a"]),
        ("command a", ["a"]),
        ("exec -a n a b", ["a", "b"]),
        ("builtin a", ["a"]),
        ("xargs -0 -n 1 a b", ["a", "b", None]),
        ("xargs -I{} a {} c", ["a", None, "c"]),
        ("find . -name x -exec a {} \\;", ["a", None]),
        ("find . -execdir a {} +", ["a", None]),
        ("fd x -x a", ["a", None]),
        ("bash -c 'a b'", ["a", "b"]),
        ("bash -euxo pipefail -c 'a'", ["a"]),
        ("sh -lc a", ["a"]),
        ("eval 'a b'", ["a", "b"]),
        ("eval a b", ["a", "b"]),
        ("bash <<'E'\na b\nE", ["a", "b"]),
        ("bash <<< 'a b'", ["a", "b"]),
        ("echo 'a b' | sh", ["a", "b"]),
        ("printf 'a b' | sudo bash", ["a", "b"]),
        ("watch -n 1 a b", ["a", "b"]),
        ("su x -c 'a b'", ["a", "b"]),
        ("trap 'a b' EXIT", ["a", "b"]),
        ("alias x='a b'", ["a", "b"]),
        ("python3 -m pytest b", ["pytest", "b"]),
        ("npx --no-install a b", ["a", "b"]),
        ("poetry run a b", ["a", "b"]),
        ("bundle exec a", ["a"]),
        ("docker exec -it c a b", ["a", "b"]),
        ("kubectl exec p -- a b", ["a", "b"]),
        ("busybox a b", ["a", "b"]),
        ("time timeout 5 env X=1 bash -c 'nice a b'", ["a", "b"]),
    ],
)
def test_what_a_wrapper_runs_is_among_the_commands(line: str, inner: list[str | None]) -> None:
    assert inner in [list(one.argv) for one in analyse(line, CWD).commands]


@pytest.mark.parametrize(
    ("line", "directory"),
    [
        ("a", CWD),
        ("cd src && a", f"{CWD}/src"),
        ("cd src; cd ..; a", CWD),
        ("cd /; a", "/"),
        ("cd; a", "~"),
        ("cd ~/x && a", "~/x"),
        ('cd "$HOME/x" && a', "~/x"),
        ('cd "$x" && a', None),
        ("cd - && a", None),
        ("(cd src); a", CWD),
        ("(cd src; a)", f"{CWD}/src"),
        ("cd src | b; a", CWD),
        ("cd src & a", CWD),
        ("if b; then cd src; fi; a", None),
        ("cd src || exit; a", f"{CWD}/src"),
        ("pushd src; popd; a", None),
        ("f() { cd src; }; f; a", f"{CWD}/src"),
        ("eval 'cd src'; a", f"{CWD}/src"),
        ("bash -c 'cd src'; a", CWD),
        ("for d in x y; do (cd $d && a); done", f"{CWD}/x"),
        ("env -C src a", f"{CWD}/src"),
    ],
)
def test_the_working_directory_is_followed(line: str, directory: str | None) -> None:
    found = [one.cwd for one in analyse(line, CWD).commands if one.argv == ("a",)]
    assert found[0] == directory


def test_a_loop_over_constants_is_judged_for_each_of_them_and_listed_once() -> None:
    analysis = analyse("for f in a b; do rm $f; done", CWD)
    assert [one.words for one in analysis.commands if one.words] == [("rm", "a"), ("rm", "b")]
    assert [one.listed for one in analysis.commands if one.words] == [True, False]


def test_a_loop_variable_that_is_assigned_again_is_unknown() -> None:
    analysis = analyse("for f in a b; do f=/; rm $f; done", CWD)
    assert all(one.argv == ("rm", None) and "\0" in one.words[1] for one in analysis.commands if one.argv)


def test_the_body_of_a_function_is_judged_with_the_words_of_each_call() -> None:
    analysis = analyse('f() { rm "$1"; }; f a; f b', CWD)
    assert [one.words for one in analysis.commands if one.judged and not one.function] == [("rm", "a"), ("rm", "b")]


def test_the_body_of_a_function_that_nobody_calls_is_judged_where_it_stands() -> None:
    analysis = analyse("f() { rm x; }", CWD)
    assert [one.words for one in analysis.commands if one.judged] == [("rm", "x")]


def test_a_function_of_a_subshell_does_not_stand_for_a_program_outside_it() -> None:
    analysis = analyse("(ls() { :; }); ls", CWD)
    assert not analysis.commands[-1].function


def test_redirections_say_what_is_read_and_written() -> None:
    [command] = analyse("a >x 2>>y <z >|w 2>&1", CWD).commands
    assert [(one.op, one.path, one.writes, one.to_stdout) for one in command.redirects] == [
        (">", "x", True, True),
        (">>", "y", True, False),
        ("<", "z", False, True),
        (">|", "w", True, True),
    ]


def test_a_redirection_to_a_name_of_run_time_has_no_path() -> None:
    [command] = analyse('a > "$x"', CWD).commands
    assert [one.path for one in command.redirects] == [None]


def test_a_pipeline_feeds_every_stage_with_all_stages_before_it() -> None:
    last = analyse("a | b | c", CWD).commands[-1]
    assert last.stdin is not None
    assert [one.words for one in last.stdin.producers] == [("a",), ("b",)]


def test_text_that_is_certain_is_known_as_input() -> None:
    texts = [
        analyse(line, CWD).commands[-1].stdin
        for line in ("a <<'E'\nx $y\nE", "a <<E\nx $y\nE", "a <<< 'x'", "echo x y | a", "echo $x | a", "cat f | a")
    ]
    assert [one.text if one else None for one in texts] == ["x $y\n", None, "x\n", "x y\n", None, None]


def test_home_and_pwd_are_read_as_such_for_judging_but_not_listed_as_certain() -> None:
    [command] = analyse('a "$HOME/x" ${HOME} "$PWD"/y', CWD).commands
    assert command.words == ("a", "~/x", "~", f"{CWD}/y")
    assert command.argv == ("a", None, None, None)


def test_home_that_the_line_itself_sets_is_unknown() -> None:
    assert all("~" not in one.words for one in analyse("HOME=/x; a $HOME", CWD).commands)


def test_an_unquoted_expansion_may_be_several_words_or_options() -> None:
    [unquoted] = analyse("a -x$y", CWD).commands
    [quoted] = analyse('a "-x$y"', CWD).commands
    assert unquoted.words == ("a", "\0")
    assert quoted.words == ("a", "-x\0")


@pytest.mark.parametrize("line", ["( " * 400 + "a" + " )" * 400, "a " * 40_000, "a;" * 600, "$(" * 3000, "{ " * 200])
def test_a_line_beyond_the_limits_is_unproved(line: str) -> None:
    assert analyse(line, CWD).unproved
