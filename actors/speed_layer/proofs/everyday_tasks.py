"""Which tasks of a project (make targets, package scripts) are its everyday work, by their names.

A test, a linter or a build may be run; a deployment, a release or a migration may not. A name is split at
punctuation: its first part must be an everyday one and none of its parts may be a weighty one.
"""

from __future__ import annotations

import re
from typing import Final

EVERYDAY: Final = frozenset(
    """
    all analyse analyze api assemble audit-ci bench benchmark benchmarks build builds bundle check checks clean
    codegen compile coverage cov css cy cypress default debug dist doc docs doctest e2e eslint fix fmt format
    gen generate help html integration int ios it jest lib lint lints list mypy package playwright prebuild
    prettier proto protos report ruff schema spec specs sources static style stylelint test tests testcover
    testing tsc typecheck types unit validate verify vet vitest webpack wheel type typings format-check isort
    black flake8 pylint pytest rspec rubocop unittest smoke snapshot snapshots perf binary binaries bin
    debug-build release-build man info pdf web frontend backend core app wasm classes testClasses jar
    compileJava compileTestJava compileKotlin dependencies properties projects tasks version
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
WEIGHTY: Final = frozenset(
    """
    admin apply bootstrap cert clobber db delete deliver deploy deployment deployments destroy distclean down
    drop drops email eject erase exec flash format-disk force ghpages global helm infra init install kill login
    logout migrate migration migrations mrproper nuke prod production promote provision prune publish purge push
    register release releases remote remove reset restart restore rm rollback rollout root run seed send setup
    ship ssh staging start stop sudo sync teardown terraform truncate uninstall unpublish up update upgrade
    upload wipe write yank
    """.split()  # noqa: SIM905 - easier to read and to change than quoted words
)
SCRIPT: Final = re.compile(
    r"(?:\./)?(?:(?:scripts?|bin|tools|ci|hack|dev|build|script|\.ci)/)?([A-Za-z0-9_-]+)(?:\.(?:sh|py|js|ts|rb|pl|bash|mjs))?\Z"
)
SERVED: Final = re.compile(r"(?:dev|watch|preview|storybook)(?:[:_.-][a-z0-9:_.-]+)?\Z")
VARIABLE: Final = re.compile(
    r"(?:V|VERBOSE|DEBUG|CONFIG|CONFIGURATION|BUILD|BUILD_TYPE|CI|COVERAGE|JOBS|RACE|COLOR|O|TEST|TESTS|PKG|PKGS|PACKAGE|FILTER|RELEASE|ARCH|TAGS|NAME|FILE|Q)=[A-Za-z0-9_./:-]*\Z"
    r"|(?:CC|CXX)=(?:gcc|g\+\+|cc|c\+\+|clang|clang\+\+)(?:-[0-9.]+)?\Z"
)
STORED: Final = frozenset(
    """
    data database databases volume volumes storage postgres postgresql pg mysql mariadb sqlite redis mongo mongodb
    state bucket buckets backup backups record records table tables user users flyway liquibase
    """.split()  # noqa: SIM905
)
"""Parts of names that say what holds data."""
TAKEN_AWAY: Final = frozenset(
    "clean cleanup clear empty flush fresh rebuild recreate reinit nuke scrub".split()  # noqa: SIM905
)
"""Parts of names that say that something is taken away; with what holds data, that is more than everyday work."""


def task(text: str) -> str | None:
    """Return why a task's name is not that of everyday work, `None` if it is."""
    if VARIABLE.match(text):
        return None
    parts = [part for part in re.split(r"[:_.\-/]+", re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", text)) if part]
    lowered = [part.lower() for part in parts]
    if not lowered or not re.fullmatch(r"[A-Za-z0-9:_./@-]+", text):
        return f"{text[:40]!r} is not the name of a task"
    heavy = next((part for part in lowered if part in WEIGHTY), None)
    if heavy:
        return f"{text[:40]!r} sounds like more than everyday work ({heavy})"
    if not STORED.isdisjoint(lowered) and not TAKEN_AWAY.isdisjoint(lowered):
        return f"{text[:40]!r} sounds like taking data away"
    if text not in EVERYDAY and lowered[0] not in EVERYDAY and lowered[-1] not in EVERYDAY:
        return f"{text[:40]!r} is not a task known to be everyday work"
    return None


def package_task(text: str) -> str | None:
    """Return why a script of a package is not everyday work; to serve it on this machine while it is written is."""
    if SERVED.match(text) and not WEIGHTY.intersection(re.split(r"[:_.\-]+", text)):
        return None
    return task(text)


def script(text: str) -> str | None:
    """Return why a path is not that of a script for everyday work in the workspace."""
    match = SCRIPT.match(text)
    if not match:
        return f"{text[:60]!r} is not a script for everyday work"
    return task(match[1])
