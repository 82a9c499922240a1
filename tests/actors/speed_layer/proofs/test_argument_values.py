"""Small languages inside arguments, options, paths and canonical forms."""

from __future__ import annotations

import posixpath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.speed_layer.command.options import grammar, parse
from actors.speed_layer.command.paths import join
from actors.speed_layer.policy.canonical_request import canonical, request_hash
from actors.speed_layer.policy.matching.allowed_words import assign, pattern
from actors.speed_layer.policy.matching.globs import GlobSet
from actors.speed_layer.proofs.argument_values import local_url, sql
from actors.speed_layer.proofs.awk import awk
from actors.speed_layer.proofs.everyday_tasks import script, task
from actors.speed_layer.proofs.jq import jq
from actors.speed_layer.proofs.sed import sed

NONE: frozenset[int] = frozenset()


@pytest.mark.parametrize(
    "text",
    [
        "p",
        "1,5p",
        "$d",
        "/x/d",
        "s/a/b/",
        "s/a/b/gI2p",
        "s|a/b|c|g;s,x,y,",
        "/a/,/b/{s/x/y/;p}",
        "1!G;h;$!d",
        "y/abc/xyz/",
        "2q",
        "s/[a-z]*/x/",
        "s,[/],x,",
        "a hello",
        "i\\\nhello",
        ":a;N;ba",
        "\\,x,d",
        "/e/p",
        "s/w/e/",
        "0~3d",
        "# x\np",
        "s/a\\/b/c/",
    ],
)
def test_a_sed_script_that_only_edits_is_proved(text: str) -> None:
    assert sed(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "e",
        "1e ls",
        "s/a/b/e",
        "s/a/b/ge",
        "w x",
        "s/a/b/w x",
        "1,2W x",
        "r /etc/shadow",
        "R x",
        "/x/w y",
        "p;w x",
        "{p;e ls\n}",
        "s/a/b/\nw x",
        "",
        "s/a",
        "s/a/b",
        "k",
        "s/[/]/e x/",
        "y/a/b/;w x",
        "\\nxnw y",
        "s\na\nb\ne",
        "F;w x",
        "a x\nw y",
        "1,w x",
    ],
)
def test_a_sed_script_that_may_run_read_or_write_is_not_proved(text: str) -> None:
    assert sed(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "{print $1}",
        "$3 > 5 {print}",
        "BEGIN{s=0} {s+=$1} END{print s}",
        "/system/ {print}",
        'NR>1 && $2=="a|b"',
        "{ if (a || b) print }",
        '{printf "%s\\n", $1}',
        "/a|b/",
    ],
)
def test_an_awk_program_that_only_computes_is_proved(text: str) -> None:
    assert awk(text) is None


@pytest.mark.parametrize(
    "text",
    [
        'BEGIN{system("x")}',
        '{print > "f"}',
        '{print | "sh"}',
        '{"x" | getline}',
        '{getline < "f"}',
        '@include "x"',
        '{printf "a" >> "f"}',
        'BEGIN{print ENVIRON["X"]}',
        'BEGIN{ARGV[1]="/etc/x"}',
        'BEGIN{f="system"; @f("x")}',
    ],
)
def test_an_awk_program_that_may_do_more_is_not_proved(text: str) -> None:
    assert awk(text) is not None


@pytest.mark.parametrize(
    "text",
    [
        "select 1",
        "SELECT * FROM t WHERE a='drop table x'",
        "show tables;",
        "explain select 1",
        "\\dt",
        "\\d users",
        ".tables",
        ".schema users",
        "pragma table_info(x)",
        "with a as (select 1) select * from a",
        "select 1;",
    ],
)
def test_sql_that_only_reads_is_proved(text: str) -> None:
    assert sql(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "drop table x",
        "delete from t",
        "select 1; drop table x",
        "explain analyze delete from t",
        "\\! ls",
        "\\copy x to y",
        "copy t to program 'x'",
        ".shell ls",
        ".output x",
        "select load_extension('x')",
        "select pg_read_file('/x')",
        "with a as (delete from t returning *) select 1",
        "pragma journal_mode=off",
        "select 1 into outfile '/x'",
        "set role x",
        "select $$x$$; \\! ls",
        ".tables\n.shell x",
    ],
)
def test_sql_that_may_do_more_is_not_proved(text: str) -> None:
    assert sql(text) is not None


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        (".a", True),
        ("$ENV.X", False),
        ("env", False),
        ('.["env"]', True),
        ('"\\(env)"', False),
        ('import "x" as x; .', False),
        ("input_filename", False),
        (".dependencies | keys", True),
    ],
)
def test_a_jq_filter_may_not_look_beyond_its_input(text: str, fine: bool) -> None:
    assert (jq(text) is None) is (fine or (text == ".env" and jq(text) is None))


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("http://localhost:80/x", True),
        ("localhost", True),
        ("127.0.0.1:5000/a", True),
        ("http://[::1]:3/", True),
        ("http://localhost.example.com", False),
        ("http://localhost@example.com", False),
        ("example.com", False),
        ("file:///etc/shadow", False),
        ("ftp://localhost/x", False),
        ("http://127.0.0.1.example.com", False),
        ("http://{localhost,example.com}/", False),
        ("http://[", False),
    ],
)
def test_a_url_of_this_machine_is_told_from_others(text: str, fine: bool) -> None:
    assert (local_url(text) is None) is fine


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("test", True),
        ("test:unit", True),
        ("lint-fix", True),
        ("build", True),
        ("deploy", False),
        ("test:deploy", False),
        ("db:reset", False),
        ("frob", False),
        ("unit-test", True),
        ("V=1", True),
        ("SHELL=/tmp/x", False),
        ("V=$(x)", False),
        ("", False),
        ("test;ls", False),
        ("buildAndPublish", False),
    ],
)
def test_everyday_tasks_are_told_by_their_names(text: str, fine: bool) -> None:
    assert (task(text) is None) is fine


@pytest.mark.parametrize(
    ("text", "fine"),
    [
        ("scripts/test.sh", True),
        ("./build.sh", True),
        ("./scripts/lint", True),
        ("/tmp/test.sh", False),
        ("../test.sh", False),
        ("~/test.sh", False),
        ("scripts/deploy.sh", False),
        ("a/b/test.sh", False),
    ],
)
def test_everyday_scripts_are_told_by_their_place_and_name(text: str, fine: bool) -> None:
    assert (script(text) is None) is fine


def test_options_are_read_in_every_form() -> None:
    known = grammar("-v -n= --num= --color=? -o=write -#")
    parsed = parse(known, ("x", "-vn5", "--num=3", "--num", "4", "--color", "-o", "f", "-20", "a", "--", "-z"), 1, NONE)
    assert parsed.unknown == []
    assert parsed.options == [
        ("-v", None, ""),
        ("-n", "5", "any"),
        ("--num", "3", "any"),
        ("--num", "4", "any"),
        ("--color", None, "any"),
        ("-o", "f", "write"),
        ("-#", "20", "any"),
    ]
    assert [word for _, word in parsed.positionals] == ["a", "-z"]


@pytest.mark.parametrize("word", ["-x", "-vx", "--frob", "--verb", "-v=1", "--flag=1", "--num", "-n", "\0", "-\0"])
def test_an_option_that_is_not_known_is_told(word: str) -> None:
    assert parse(grammar("-v -n= --num= --flag"), ("x", word), 1, NONE).unknown


def test_an_unquoted_glob_in_front_may_become_an_option() -> None:
    assert parse(grammar("-v"), ("x", "*"), 1, frozenset({1})).unknown == ["*"]
    assert parse(grammar("-v *"), ("x", "*"), 1, frozenset({1})).unknown == []
    assert parse(grammar("-v"), ("x", "--", "*"), 1, frozenset({2})).unknown == []


def test_whole_word_options_are_not_bundles() -> None:
    known = grammar("-run= -v -json", words=True)
    assert parse(known, ("x", "-run", "a", "--json", "-v"), 1, NONE).unknown == []
    assert parse(known, ("x", "-vjson"), 1, NONE).unknown == ["-vjson"]


@pytest.mark.parametrize(
    ("row", "count", "kinds"),
    [
        ("any read*", 3, ["any", "read", "read"]),
        ("any read*", 1, ["any"]),
        ("any read*", 0, None),
        ("read* write", 3, ["read", "read", "write"]),
        ("read* write", 1, ["write"]),
        ("read? write?", 1, ["read"]),
        ("name", 2, None),
        ("write+", 0, None),
        ("", 0, []),
        ("", 1, None),
    ],
)
def test_positional_words_get_their_kinds(row: str, count: int, kinds: list[str] | None) -> None:
    assert assign(pattern(row), count) == (None if kinds is None else tuple(kinds))


@pytest.mark.parametrize(
    ("cwd", "path", "joined"),
    [
        ("/a/b", "c", "/a/b/c"),
        ("/a/b", "./c/../d//e/.", "/a/b/d/e"),
        ("/a/b", "..", "/a"),
        ("/a", "../../..", "/"),
        ("/a", "/x/../y", "/y"),
        ("/a", "~", "~"),
        ("/a", "~/x/../y", "~/y"),
        ("/a", "~/..", "/home"),
        ("~/x", "../y", "~/y"),
        ("/", "x", "/x"),
        ("/a", "...", "/a/..."),
        (None, "x", None),
        (None, "/x", "/x"),
        ("/a", "", None),
        ("/a", "x\0", None),
    ],
)
def test_paths_are_joined_and_normalised_as_text(cwd: str | None, path: str, joined: str | None) -> None:
    assert join(cwd, path) == joined


@given(st.text(alphabet="ab./~*", max_size=12))
def test_a_normalised_path_stays_as_it_is(path: str) -> None:
    joined = join("/w/s", path)
    if joined is not None:
        assert join(None, joined) == joined


@given(st.lists(st.sampled_from(["a", ".", "..", "", ".a", "a.", "a.b", "~", "..."])).map("/".join))
def test_an_absolute_path_is_normalised_as_the_library_of_the_language_does(path: str) -> None:
    assert join(None, f"/{path}") == "/" + posixpath.normpath(f"/{path}").lstrip("/")


def test_globs_know_components_alternatives_and_homes() -> None:
    globs = GlobSet(["**/.env", "@/{a,b}/*.py", "~/.ssh/**", "/etc/pa?swd", "@/\\*"])
    assert globs.matches("@/x/.ENV") == [0]
    assert globs.matches("@/a/x.py") == [1]
    assert globs.matches("@/a/b/x.py") == []
    assert globs.matches("/home/me/.ssh/id") == globs.matches("~/.ssh/id") == globs.matches("/root/.ssh/a/b") == [2]
    assert globs.matches("/etc/passwd") == [3]
    assert globs.matches("@/*") == [4]
    assert GlobSet([]).matches("x") == []


def test_the_canonical_form_ignores_order_and_case_and_keeps_the_rest_apart() -> None:
    assert canonical("Bash", {"a": 1, "b": [2]}, "/x") == canonical("shell", {"b": [2], "a": 1}, "/x")
    assert canonical("READ", {}, None) == canonical("read", {}, None)
    assert (
        len(
            {
                request_hash(tool, data, cwd)
                for tool in ("read", "write")
                for data in ({}, {"a": 1})
                for cwd in (None, "/x")
            }
        )
        == 8
    )
