"""Which files a command runs as code, or takes its rules from: by the words of the command and by well-known names."""

from __future__ import annotations

import re
import sys
from collections.abc import Collection
from fnmatch import fnmatchcase, translate
from typing import Final

from actors.speed_layer.command.simple_command import SimpleCommand

INTERPRETERS: Final = frozenset(
    """
    bash sh zsh dash ksh ash mksh fish rbash source . python pypy node nodejs deno bun tsx ts-node ruby perl php lua
    luajit Rscript julia groovy tclsh expect osascript pwsh powershell elixir escript guile racket clojure clj bb awk
    gawk mawk nawk sed gsed bc sqlite3 psql mysql mongosh redis-cli ed ex vim gdb lldb jq
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
"""Programs that run a file which their words, or a redirection, name."""
FILTERS: Final = frozenset({"jq", "sed", "gsed", "awk", "gawk", "mawk", "nawk"})
"""Those that read data from what they are fed: of their words only the value of an option names code."""
CLIENTS: Final = frozenset({"sqlite3", "psql", "mysql", "mongosh", "redis-cli", "bc"})
"""Those that run what they are fed, and name code in the values of options alone."""
TESTERS: Final = frozenset(
    """
    pytest py.test ptw nosetests nose2 trial green behave robot unittest doctest jest vitest mocha ava tap jasmine uvu
    cypress playwright rspec cucumber minitest phpunit pest codecept behat prove yath go deno bun
    """.split()  # noqa: SIM905
)
"""Programs that run the files of tests which their words name."""
TESTS: Final = re.compile(
    r"(?:test_[^/]*\.py|[^/]*(?:_test|_spec|[.-]test|[.-]spec|Tests?|Spec)\.(?!(?:ba|da|z|k|mk|a)?sh\Z)[a-z]{1,4})\Z"
)
"""Names of tests that programs which run tests find by themselves; no script of a shell is one."""
FIND_TESTS: Final = frozenset({"tox", "nox", *TESTERS}) - {"go", "deno", "bun"}
"""Programs that run all tests where no word names one; others say in their words that they test."""
TEST_TASK: Final = re.compile(
    r"(?:[\w-]*[:.])?(?:r?spec|t|tests?|check|verify|install|package|coverage|ci|pytest|jest|vitest)(?:[:.-].{0,99})?\Z|--test\Z",
    re.IGNORECASE,
)
"""Names of tasks that run the tests."""
CHECKS_ALONE: Final = {"-n": frozenset({"bash", "sh", "zsh", "dash", "ksh"}), "--check": frozenset({"node"})}
"""First words behind interpreters with which these only look whether a file can be read as code."""


_MAKE: Final = "Makefile makefile GNUmakefile BSDmakefile *.mk Makefile.*"
_BUILD: Final = "CMakeLists.txt *.cmake CMakePresets.json CMakeUserPresets.json build.ninja meson.build meson.options"
_PYTHON: Final = """
    conftest.py setup.py setup.cfg pyproject.toml tox.ini pytest.ini .pytest.ini noxfile.py tasks.py dodo.py
    .coveragerc .pylintrc mypy.ini .mypy.ini conf.py mkdocs.yml"""
_JAVA: Final = """
    *.gradle *.gradle.kts gradle.properties pom.xml build.xml build.sbt *.sbt project.clj build.sc gradlew mvnw"""
_RUST: Final = "build.rs Cargo.toml rust-toolchain rust-toolchain.toml"
_OTHERS: Final = """
    package.json *.config.* .*rc .*rc.* jest.setup.* vitest.setup.* gulpfile.* Gruntfile.* karma.conf.*
    Rakefile *.rake Gemfile *.gemspec .rspec spec_helper.rb rails_helper.rb .irbrc .rubocop.yml
    BUILD BUILD.bazel WORKSPACE WORKSPACE.bazel MODULE.bazel *.bzl .bazelrc
    composer.json phpunit.xml phpunit.xml.dist phpstan.neon phpstan.neon.dist .php-cs-fixer.* rector.php bootstrap.php
    mix.exs *.csproj *.fsproj *.props *.targets Package.swift build.zig shard.yml dune-project *.cabal Setup.hs
    justfile Justfile .justfile *.just Taskfile.yml Taskfile.yaml Taskfile.dist.yml turbo.json nx.json project.json
    moon.yml lerna.json Procfile .mise.toml mise.toml pixi.toml magefile.go"""


class Names:
    """Names of files.

    Args:
        text: Globs of them, with blanks between.
        title: What this table of names is called.

    Attributes:
        title: As given.
    """

    __slots__ = ("_globs", "_pattern", "title")

    def __init__(self, text: str, title: str) -> None:
        self.title = title
        self._globs = text.split()
        self._pattern = re.compile("|".join(map(translate, self._globs)))

    def has(self, path: str) -> bool:
        """Return whether a path, which may be a glob itself, may have one of the names."""
        name = path.rpartition("/")[2]
        if self._pattern.match(name):
            return True
        return name[:1] in {"*", "?", "["} and any(fnmatchcase(glob, name) for glob in self._globs)


RULE_FILES: Final[dict[str, Names]] = {
    program: names
    for programs, names in (
        ("cmake ctest ninja ninja-build samu meson", Names(f"{_BUILD} {_MAKE}", "cmake")),
        ("cargo rustc", Names(_RUST, "cargo")),
        ("go", Names("magefile.go", "go")),
        ("pytest py.test tox nox hatch", Names(_PYTHON, "python")),
        ("gradle gradlew mvn mvnw mvnd sbt lein mill ant", Names(_JAVA, "java")),
    )
    for program in programs.split()
}
"""Programs to the names of the files that they take rules from; those that are not listed may take any of them."""
ALL: Final = Names(f"{_MAKE} {_BUILD} {_PYTHON} {_JAVA} {_RUST} {_OTHERS}", "all")
TABLES: Final = frozenset([ALL, *RULE_FILES.values()])
"""All tables of names of rule files."""
PLAIN_CHECKERS: Final = frozenset([
    "ruff", "black", "isort", "gofmt", "goimports", "gofumpt", "rustfmt", "shellcheck", "shfmt", "yamllint", "jsonlint",
    "taplo", "typos", "codespell",
])  # fmt: skip
"""Checkers and formatters whose settings name no code."""
RUNS_RULES: Final = ("build.", "packages.")
"""How the ids of the rules begin that are over programs which build and test a project by its own files."""
ONLY_READ: Final = ("-read", "-list", "-version", "-version-only", "-info", "-check", "-audit", "-clean", "-dry")
"""How the ids of those of these rules end that are over commands which run nothing of the project's."""
VERSION: Final = "packages.python-version"
"""The id of the rule over programs that say their version."""
TELLS_VERSION: Final = frozenset({"--version", "-V", "-version", "--help", "-h"})
APPLIES: Final = "git.apply"
"""The id of the rule that lets a patch out of a file be applied, which is as unknown as code if an agent wrote it."""
PYTHONS: Final = frozenset({"python", "pypy", "ipython", "coverage", "pytest", "py.test", "unittest"})
"""Programs that look for modules in the working directory before they look where Python has its own."""
MODULE: Final = "python -m "
"""How the name of a program begins that is a module of Python's."""
OPTION_VALUE: Final = re.compile(r"--?[A-Za-z][\w-]*=(.+)\Z", re.DOTALL)
LETTER: Final = re.compile(r"[cf]")
MOST_LETTERS: Final = 16
"""So many characters of a word may be letters of options; no program has a use for more in one word."""


def program_of(word: str) -> tuple[str, str]:
    """Return the name of the program that a command's first word calls, and the same without a version."""
    called = word.rpartition("/")[2]
    program = called.removeprefix(MODULE)
    return called, program.rstrip("0123456789.") or program


def named_as_code(command: SimpleCommand, program: str) -> list[str]:
    """Return the words of a command that name files which it runs, as they are written."""
    words, found = command.words, list[str]()
    if "/" in words[0]:
        found.append(words[0])
    if program not in INTERPRETERS or program in CHECKS_ALONE.get("".join(words[1:2]), ()):
        return found
    if program not in FILTERS:
        found += [one.path for one in command.redirects if not one.writes and one.path]
    if program in FILTERS or program in CLIENTS:
        return found + option_values(words)
    return found + option_values(words[: _script(words) + 1]) + list(words[_script(words) :][:1])


def _script(words: tuple[str, ...]) -> int:
    """Return the index of the first word that can be neither an option nor the value of one."""
    for index, word in enumerate(words[1:], 1):
        if not word.startswith("-") and (index == 1 or not words[index - 1].startswith("-")):
            return index
    return len(words)


def option_values(words: tuple[str, ...]) -> list[str]:
    """Return what may be values of options: what stands behind an equals sign, an option's letter, or an option."""
    found: list[str] = []
    for index, word in enumerate(words[1:], 1):
        if word.startswith("-"):
            attached = OPTION_VALUE.match(word)
            found.append(attached[1] if attached else word[2:])
        elif words[index - 1].startswith("-"):
            found.append(word)
    return [value for value in found if value]


def lettered_values(words: tuple[str, ...]) -> list[str]:
    """Return what may be values of `-f` and `-c`, alone or among other letters: behind them, or the next word."""
    found: list[str] = []
    for index, word in enumerate(words):
        if word[:1] != "-" or word[:2] == "--":
            continue
        for letter in LETTER.finditer(word, 1, MOST_LETTERS):
            attached = word[letter.end() :].removeprefix("=")
            found += [attached] if attached else words[index + 1 : index + 2]
    return found


def files_of_module(called: str) -> list[str]:
    """Return the files that Python runs for a module, if they are in the working directory.

    Args:
        called: The name of the program: `python -m `, and the module.
    """
    path = called.removeprefix(MODULE).replace(".", "/")
    package = path.partition("/")[0]
    return [f"{path}.py", f"{path}/__main__.py", f"{path}/__init__.py", f"{package}/__init__.py"]


def is_found_by_testers(path: str) -> bool:
    """Return whether a file is a test, by its name, that is run whether somebody names it or not."""
    return TESTS.match(path.rpartition("/")[2].partition("::")[0]) is not None


def may_find_tests(words: tuple[str, ...]) -> bool:
    """Return whether a program may run tests that it finds: what only builds or checks says nothing of tests."""
    return program_of(words[0])[1] in FIND_TESTS or any(map(TEST_TASK.match, words[1:]))


def stands_for_pythons_own(path: str, cwd: str | None) -> bool:
    """Return whether a file is what Python, in this directory, imports in place of a module of its own."""
    if cwd is None:
        return path.endswith(".py")
    below = path.removeprefix(cwd.rstrip("/") + "/")
    module = below.removesuffix("/__init__.py").removesuffix(".py")
    return below not in {path, module} and module in sys.stdlib_module_names


def runs_rules(rule: str | None) -> bool:
    """Return whether a rule, by its id, is over programs that build and test a project by its own files."""
    return rule is not None and rule.startswith(RUNS_RULES) and not rule.endswith(ONLY_READ)


def may_run(rule: str, programs: str) -> bool:
    """Return whether what a rule is over may run files, or have them as its rules.

    Args:
        rule: Its id.
        programs: The programs that it is over: names or patterns, with a bar between.
    """
    return runs_rules(rule) or rule == APPLIES or any(map(_may_run_files, programs.split("|")))


def _may_run_files(program: str) -> bool:
    if "*" in program or "/" in program:
        return True
    called, base = program_of(program)
    return (base in INTERPRETERS and base not in FILTERS) or base in RULE_FILES or called.startswith(MODULE)


def rule_files(program: str, rules: Collection[str | None], words: tuple[str, ...]) -> Names | None:
    """Return the names of the files that a command takes rules from.

    Args:
        program: Its program.
        rules: The ids of the rules that are about it.
        words: Its words: a version is not all that is asked for where that is only a letter among others (`make -fxh`).
    """
    if program in PLAIN_CHECKERS:
        return None
    names = RULE_FILES.get(program)
    if names is not None:
        return names
    hidden = VERSION in rules and TELLS_VERSION.isdisjoint(words)
    return ALL if hidden or any(map(runs_rules, rules)) else None
