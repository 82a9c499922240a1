"""What must hold of the analysis for every line there is."""

from __future__ import annotations

import re
import shlex

from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from actors.speed_layer.policy.engine import Policy, Request
from actors.speed_layer.shell.analysis import analyse, analyse_slowly

CWD = "/home/dev/project"
STRICTNESS = {"allow": 0, "ask": 1, "deny": 2}
policy = Policy.default()

atoms = st.sampled_from(
    [
        "ls",
        "rm",
        "-rf",
        "cat",
        "a",
        "b.txt",
        "src/x",
        "~",
        "/",
        "..",
        "*.py",
        "'a b'",
        '"c d"',
        "e\\ f",
        "$x",
        '"$x"',
        "${HOME}",
        "$(id)",
        "`pwd`",
        "git",
        "status",
        "echo",
        "X=1",
        "--opt=v",
        "-n5",
        "{a,b}",
        "{}",
        "a#b",
        "=",
        "+x",
        "bash",
        "-c",
        "'ls'",
        "cd",
        "src",
        "sudo",
        "time",
        "!",
        "env",
        "xargs",
        "find",
        ".",
        "-exec",
        "\\;",
    ]
)
operators = st.sampled_from(
    [
        " ",
        " ",
        " ",
        " ",
        "; ",
        " && ",
        " || ",
        " | ",
        "\n",
        " & ",
        " > ",
        " < ",
        " 2>&1 ",
        " >> ",
        " <<< ",
        " # ",
        ";",
        "|",
        ">",
    ]
)
lines = st.lists(st.tuples(atoms, operators), min_size=1, max_size=8).map(
    lambda pairs: "".join(a + o for a, o in pairs).strip()
)
shells = st.one_of(
    lines,
    lines.map(lambda line: f"({line})"),
    lines.map(lambda line: f"if {line}; then {line}; fi"),
    lines.map(lambda line: f"for x in 1 2; do {line}; done"),
    lines.map(lambda line: f"cat <<E\n{line}\nE"),
    lines.map(lambda line: f"bash -c {shlex.quote(line)}"),
    lines.map(lambda line: f'echo "$({line})"'),
)
words = st.sampled_from(["ls", "rm", "-rf", "a", "~", "/", "git", "push", "-f", "cat", ".env", "sudo", "src/x", "--"])
soup = st.text(alphabet="ab \t\n'\"\\$`(){}[]<>|&;#!*?~=-+/.,:\x00\u00e9\ud800", max_size=40)

PIPE = re.compile(r"(?<!\|)\|(?!\|)")
LIST = re.compile(r"&&|\|\|")


def verdict(line: str) -> str:
    return policy.decide(Request("Bash", {"command": line}, CWD)).verdict


def seen(line: str, *, slowly: bool) -> tuple[list[object], bool]:
    analysis = (analyse_slowly if slowly else analyse)(line, CWD)
    commands = [
        (
            one.argv,
            one.words,
            one.env,
            one.redirects,
            one.cwd,
            one.origin,
            one.listed,
            one.function,
            one.globs,
            one.fallbacks,
            one.judged,
            one.wraps,
            one.sets,
            None if one.stdin is None else (one.stdin.kind, one.stdin.text, [fed.words for fed in one.stdin.producers]),
        )
        for one in analysis.commands
    ]
    return list(commands), bool(analysis.unproved)


@settings(max_examples=400, deadline=None)
@given(st.one_of(soup, st.text(max_size=60), shells))
@example("\ud800")
@example("\x00")
@example("$(" * 2000)
@example("{" * 5000)
@example("a" * 70_000)
@example('"' + "\\\n" * 50)
def test_the_analysis_never_raises(line: str) -> None:
    analyse(line, CWD)
    analyse(line, None)
    assert verdict(line) in STRICTNESS


@settings(max_examples=400, deadline=None)
@given(st.one_of(lines, soup))
@example("a|b;c&&d")
@example("a 2>&1 >f")
@example("\\ :")
@example("\\ a; b")
@example("cd a || b; cd c && d & e\ncd f; g")
@example("eval 'cd a' && b || c; d")
@example("FOO=1 a >b | c 2>&1 &")
@example("a 'b c'\"d \\$ \\e\"\\f > 'g h'")
@example("find . -name '*.o' -exec rm {} \\; | xargs -I{} echo {}")
@example("a\n\n b &&\n c |\n d\n")
@example("a; ; b")
@example("a & && b")
@example("2>a>b c")
def test_the_fast_path_sees_what_the_grammar_sees_or_more(line: str) -> None:
    assume(not (PIPE.search(line) and LIST.search(line)))  # the grammar takes `a | b && c` for `a | { b && c; }`
    fast, fast_unproved = seen(line, slowly=False)
    slow, slow_unproved = seen(line, slowly=True)
    if not fast_unproved and not slow_unproved:
        assert fast == slow


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.sampled_from(["a b", "c >d 'e f'", "env g | h", "xargs i <j", "\\k; l"]), min_size=1, max_size=4),
    st.sampled_from([" && ", " || ", "; ", "\n", " & "]),
)
def test_what_a_list_runs_is_what_its_parts_run(parts: list[str], separator: str) -> None:
    whole, _ = seen(separator.join(parts), slowly=False)
    assert whole == [command for part in parts for command in seen(part, slowly=False)[0]]


@settings(max_examples=200, deadline=None)
@given(st.lists(words, min_size=1, max_size=5), st.integers(0, 4), st.sampled_from(["'{}'", '"{}"', "$'{}'"]))
def test_quoting_a_word_never_loosens_the_verdict(line: list[str], at: int, quotes: str) -> None:
    quoted = [quotes.format(word) if index == at else word for index, word in enumerate(line)]
    assert STRICTNESS[verdict(" ".join(quoted))] >= STRICTNESS[verdict(" ".join(line))]


@settings(max_examples=200, deadline=None)
@given(shells)
def test_a_verdict_is_the_same_every_time(line: str) -> None:
    request = Request("Bash", {"command": line}, CWD)
    assert policy.decide(request) == policy.decide(request)


@settings(max_examples=300, deadline=None)
@given(
    lines,
    lines,
    st.sampled_from(["{0}; {1}", "{0} && {1}", "{0} | {1}", "{1}; {0}", "{0} $({1})", "({0}); {{ {1}; }}", "{0}\n{1}"]),
)
def test_adding_a_part_to_a_line_never_makes_a_denied_part_pass(line: str, part: str, form: str) -> None:
    if verdict(part) == "deny":
        assert verdict(form.format(line, part)) != "allow"
    if verdict(line) == "deny":
        assert verdict(form.format(line, part)) != "allow"


@settings(max_examples=200, deadline=None)
@given(lines)
def test_a_wrapper_never_loosens_what_it_wraps(line: str) -> None:
    inner = verdict(line)
    for wrapped in (f"bash -c {shlex.quote(line)}", f"eval {shlex.quote(line)}", f"({line})", f"bash <<'E'\n{line}\nE"):
        if inner != "allow":
            assert verdict(wrapped) != "allow"
