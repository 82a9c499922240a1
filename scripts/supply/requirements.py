"""Which packages a checkout needs: what `pyproject.toml` names, and what that needs in turn. Pure but for reading."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

RUN: Final = "run"
"""What is needed without any extra, and to build the checkout."""

ENVIRONMENTS: Final = tuple(
    {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": system,
        "platform_system": platform,
        "platform_machine": machine,
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "os_name": "posix",
    }
    for python in ("3.11", "3.12", "3.13", "3.14")
    for system, platform in (("linux", "Linux"), ("darwin", "Darwin"))
    for machine in ("x86_64", "aarch64", "arm64")
)
"""Where the product runs: a package that is needed on one of these is locked for all."""

Needs = Callable[[str], Iterable[str]]
"""Returns what a package says that it requires; nothing where that is not known."""


def pinned(constraints: str) -> dict[str, str]:
    """Return the versions that a file of constraints names, by the packages' canonical names."""
    pins = (line.partition("==") for line in constraints.splitlines() if "==" in line and not line.startswith("#"))
    return {canonicalize_name(name.strip()): version.split()[0] for name, _, version in pins}


def locked(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Return version and SHA-256 digests of each package that a locked file names, by canonical name."""
    found: dict[str, tuple[str, frozenset[str]]] = {}
    for entry in re.split(r"\n(?=\S)", text):
        if (named := re.match(r"(\S+)==(\S+)", entry)) is not None:
            found[canonicalize_name(named[1])] = named[2], frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})", entry))
    return found


def direct(project: Path) -> dict[str, list[str]]:
    """Return what `pyproject.toml` requires, by extra; without one under `RUN`, with what builds the checkout."""
    content: dict[str, Any] = tomllib.loads(project.read_text())
    run = [*content["project"]["dependencies"], *content["build-system"]["requires"]]
    return {RUN: run, **content["project"]["optional-dependencies"]}


def closure(requirements: Iterable[str], needs: Needs) -> set[str]:
    """Return the canonical names of all that these requirements need, in any of the environments.

    Args:
        requirements: As `pyproject.toml` writes them.
        needs: What a package requires.
    """
    found: set[str] = set()
    asked: set[tuple[str, str]] = set()
    waiting = [Requirement(each) for each in requirements]
    while waiting:
        each = waiting.pop()
        name = canonicalize_name(each.name)
        for extra in ("", *each.extras):
            if (name, extra) not in asked:
                asked.add((name, extra))
                found.add(name)
                waiting += _applying(needs(name), extra)
    return found


def _applying(requirements: Iterable[str], extra: str) -> Iterator[Requirement]:
    for text in requirements:
        each = Requirement(text)
        if each.marker is None:
            if not extra:
                yield each
        elif any(each.marker.evaluate({**environment, "extra": extra}) for environment in ENVIRONMENTS):
            yield each
