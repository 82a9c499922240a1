"""Words that are known although they are not written out: braces, and variables that hold one constant."""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from actors.speed_layer.shell.analysis import analyse
from actors.speed_layer.shell.reading.brace_expansion import expand_braces

CWD = "/home/dev/project"
PIECES = [
    *"ab1,{}/-.",
    "..",
    "{a,b}",
    "{1..3}",
    "{}",
    "{c..a}",
    "{x,{y,z}}",
    "{01..10..3}",
    "{5..-5..-2}",
    "{-03..1}",
    "{A..C}",
    "{e..a..2}",
    "{1..3..0}",
]


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash to compare with")
def test_braces_become_the_words_that_bash_makes_of_them(tmp_path: Path) -> None:
    choose = random.Random(5)
    drawn = {"".join(choose.choices(PIECES, k=choose.randint(1, 6))) for _ in range(2000)}
    texts = sorted(text for text in drawn if "{" in text)
    script = "\n".join(f"printf '%s\\1' {text}; echo" for text in texts)
    run = subprocess.run(["bash"], input=script, capture_output=True, text=True, check=True, cwd=tmp_path)
    theirs = [line.split("\1")[:-1] for line in run.stdout.split("\n")]
    known = [(text, ours, words) for text, words in zip(texts, theirs, strict=False) if (ours := expand_braces(text))]
    assert [one for one in known if one[1] != one[2]] == []
    assert len(known) > len(texts) / 4


@pytest.mark.parametrize(
    "text", ["{a,b}" * 9, "{1..900}", "{a..z}{a..z}", "a{", "{a,b", "'{a,b}'", "{a..C}", "{1..9..x}"]
)
def test_braces_that_are_not_certain_or_too_many_stay_unknown(text: str) -> None:
    assert expand_braces(text) in (None, [text])


def test_a_program_s_name_is_not_taken_from_braces() -> None:
    for line in ("{rm,-rf,/x}", "X=1 {rm,-rf,/x}", "> o {rm,-rf,/x}", "ls; {rm,-rf,/x}", "env X=1 {rm,-rf,/x}"):
        assert analyse(line, CWD).unproved


@pytest.mark.parametrize(
    "line",
    [
        "x=/; rm -rf $x",
        'D=~; rm -rf "$D"/',
        "x=rm; $x -rf /",
        "x=/etc && rm -rf ${x}",
        "mkdir a && x=/ && rm -rf $x",
        "rm -rf /{etc,usr}",
        "for d in {etc,usr}; do rm -rf /$d; done",
        'f() { rm -rf "$@"; }; f /',
    ],
)
def test_a_constant_does_not_hide_what_is_destroyed(shell, line: str) -> None:
    assert shell(line) == "deny"


@pytest.mark.parametrize(
    "line",
    [
        "mkdir -p src/{a,b}/c",
        "touch f{1..3}.txt",
        "for i in {1..5}; do echo $i; done",
        "x=src; cat $x/a",
        'out=dist; mkdir -p "$out" && cp a "$out/b"',
        "x=src; while true; do cat $x; done",
    ],
)
def test_a_constant_is_as_good_as_the_word_itself(shell, line: str) -> None:
    assert shell(line) == "allow"


@pytest.mark.parametrize(
    "line",
    [
        "[ -f a ] && x=src; cat $x",
        "if true; then x=src; fi; cat $x",
        "while true; do x=src; done; cat $x",
        "case a in a) x=src;; esac; cat $x",
        "false || x=src; cat $x",
        "false && x=src || cat $x",
        "(x=src); cat $x",
        "x=src & cat $x",
        "x=src | true; cat $x",
        "x=src; x=/etc/shadow; cat $x",
        "x=src; for x in /etc/shadow; do :; done; cat $x",
        "x=src; f() { x=/etc/shadow; }; f; cat $x",
        "x=src; f() { for x in /etc/shadow; do :; done; }; f; cat $x",
        "x=src; read x; cat $x",
        "x=src; r''ead $'x'; cat $x",
        "x=src; p''rintf -v $n %s /etc/shadow; cat $x",
        "x=src; eval 'x=/etc/shadow'; cat $x",
        "x=src; trap 'x=/etc/shadow' DEBUG; cat $x",
        "x=src; : ${x:=/etc/shadow}; cat $x",
        "UID=src; cat $UID",
        "x='*'; sort $x",
        "f() { cat $x; }; x=src; f",
        'f() { shift; cat "$@"; }; f a',
    ],
)
def test_a_value_that_may_have_changed_or_not_been_set_is_unknown(shell, line: str) -> None:
    assert shell(line) == "ask"


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["\n", " ", ";", "a ", "do\n", "$'", "{x}"])
def test_no_text_takes_much_longer_to_look_through_than_others(unit: str) -> None:
    program = f"""
import resource
from actors.speed_layer.shell.walking.constant_variables import is_constant
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
is_constant("X", "X=" + {unit!r} * 200_000)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
