"""Code on a command line that is proved to only read and print, and code that is not."""

from __future__ import annotations

import pytest

from actors.speed_layer.proofs.one_liners import javascript_reads, perl
from actors.speed_layer.proofs.python_code import python_reads


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("print(1 + 1)", []),
        ("import json; print(json.load(open('a.json'))['v'])", ["a.json"]),
        ("import json, sys\nfor row in json.load(sys.stdin):\n    print(row['name'])", []),
        ("import sys\nfor line in sys.stdin: print(line.strip().split()[0])", []),
        ("from pathlib import Path; print(Path('a').read_text())", ["a"]),
        ("import pathlib; print(pathlib.Path('a').exists())", ["a"]),
        ("from os import path; print(path.join('a', 'b'))", []),
        ("with open('a.csv') as f:\n    print(len(f.read()))", ["a.csv"]),
        ("print('a'.replace('a', 'b'), '{}'.format(3), f'{1:>3}')", []),
        ("import re, sys; print(re.findall('[0-9]+', sys.stdin.read()))", []),
        ("def double(x): return 2 * x\nprint([double(x) for x in range(3)])", []),
    ],
)
def test_python_that_only_reads_and_prints_is_proved_with_the_files_that_it_reads(text: str, paths: list[str]) -> None:
    assert python_reads(text) == (None, paths)


@pytest.mark.parametrize(
    "text",
    [
        "import os; os.remove('a')",
        "import os; print(os.environ)",
        "open('a', 'w')",
        "open('a', mode=x)",
        "open('a', mode='w')",
        "f = open; f('a', 'w')",
        "list(map(open, ['a']))",
        "import json; json.codecs.open('a', 'w')",
        "import sys; sys.modules['os'].system('x')",
        "import sys; sys.path.insert(0, '/tmp')",
        "import os; os.path.os.system('x')",
        "import os; p = os.path; p.os.system('x')",
        "import pathlib; pathlib.os.system('x')",
        "import pathlib; p = pathlib.Path; p('a').unlink()",
        "from pathlib import Path; Path('a').replace('b')",
        "from pathlib import Path; Path('a').write_text('b')",
        "from pathlib import Path; print((Path('a') / 'b').read_text())",
        "().__class__.__base__.__subclasses__()",
        "(x for x in []).gi_frame.f_builtins['exec']('x')",
        "'{0.__globals__}'.format(print)",
        "__import__('os').system('x')",
        "getattr(1, 'real')",
        "exec('x')",
        "class A:\n    __del__ = print",
        "import json; json.load = 3",
        "from json import codecs",
        "from . import x",
        "import urllib.request",
        "print(open(name).read())",
        "(lambda: 1)()",
        "(",
        "x",
    ],
)
def test_python_that_may_do_more_is_not_proved(text: str) -> None:
    assert python_reads(text)[0] is not None


@pytest.mark.parametrize(
    "text",
    [
        "require('./a.json').version",
        "console.log(process.version)",
        "1 + 2",
        "JSON.stringify(require('./a.json'), null, 2)",
    ],
)
def test_javascript_that_prints_a_value_is_proved(text: str) -> None:
    assert javascript_reads(text)[0] is None


@pytest.mark.parametrize(
    "text",
    [
        "process.env", "process.exit()", "require('fs').rmSync('a')", "require('./a')", "require('./a.json').x()", "x",
        "console.log(eval('1'))", "require(`./a.json`)", "process.version; process.kill(1)",
    ],
)  # fmt: skip
def test_javascript_that_may_do_more_is_not_proved(text: str) -> None:
    assert javascript_reads(text)[0] is not None


@pytest.mark.parametrize(
    "text",
    ["print if /x/", "s/a/b/g", 'print "$1\\n" if /foo(\\d+)/', "print; last if $. > 3", "next unless /a$/; print"],
)
def test_perl_that_prints_lines_is_proved(text: str) -> None:
    assert perl(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "print `ls`", "system('x')", "s/a/b/e", "print @{[system 1]}", "s/a/@{[`x`]}/", "print if /(?{system 1})/",
        "print if /(??{1})/", "print $ENV{HOME}", "unlink $_", "print if /$x/", "open F, '>x'", "print <*>",
        "print # a\nsystem 1",
    ],
)  # fmt: skip
def test_perl_that_may_do_more_is_not_proved(text: str) -> None:
    assert perl(text) is not None


def test_code_of_many_blanks_takes_no_longer_than_its_length() -> None:
    assert javascript_reads("1" + " " * 2_000 + "!")[0] is not None
    assert perl("print" + " " * 2_000 + "!") is not None
