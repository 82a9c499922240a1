"""Which test enters which function: what decides whose turn it is when a bug is seeded there.

A map by function, made while the tests run once, and not the folder of tests that mirrors a module: most rooms are
tested through the hall, by tests that stand elsewhere. Of the tests that enter a function, the quick ones come first,
and those in the mirroring folder before others of their kind. A test file is looked at again when it has changed, or a
module that it enters.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

import msgspec

from mutation.copies import environment

PLUGIN: Final = "mutation.entered"
RESULT: Final = "MUTATION_ENTERED"
"""The variable that tells the plugin where to leave what it saw."""

FOLDERS: Final = (
    "tests/store",
    "tests/crash",
    "tests/kernel",
    "tests/actors",
    "tests/transport",
    "tests/faults",
    "tests/interaction",
)
"""Where tests of the product stand: those of the benchmarks and of the house find no bug in it."""

_NEARER: Final = 4
"""How much longer a test may take that stands in the mirroring folder, to come before one that stands elsewhere."""

_CHUNK: Final = 12
"""How many test files are looked at by one process: what it saw is kept, also when the next ones fail."""


class KnownTest(msgspec.Struct):
    """A test that passes.

    Attributes:
        name: What pytest calls it.
        seconds: How long it took, its fixtures with it.
        functions: What it entered, as `path::qualified name`.
    """

    name: str
    seconds: float
    functions: frozenset[str]


class Entered(msgspec.Struct):
    """What one process saw.

    Attributes:
        tests: Those that pass.
        failed: The names of those that fail.
    """

    tests: list[KnownTest]
    failed: list[str]


class KnownFile(msgspec.Struct):
    """A file of tests, as it was when it was looked at.

    Attributes:
        digest: Of its text, of what all tests share, and of the modules that its tests enter; empty where one of its
            tests failed, so that it is looked at again.
        tests: Those that pass.
    """

    digest: str
    tests: list[KnownTest]


class Covering:
    """The map.

    Args:
        kept: Where it is kept from one run to the next.
    """

    def __init__(self, kept: Path) -> None:
        self._kept = kept
        self._files = msgspec.json.decode(kept.read_bytes(), type=dict[str, KnownFile]) if kept.exists() else {}

    def bring_up_to_date(self, copy: Path) -> None:
        """Run the tests that have changed, and note what they enter; some minutes for all of them.

        Those that fail are told of, and are in no map.

        Args:
            copy: A copy of the checkout.
        """
        paths = [*test_files(copy)]
        self._files = {path: known for path, known in self._files.items() if path in paths}
        stale = [path for path in paths if self._is_stale(copy, path)]
        for start in range(0, len(stale), _CHUNK):
            chunk = stale[start : start + _CHUNK]
            print(f"looking at what tests enter: {start + len(chunk)} of {len(stale)} files", file=sys.stderr)
            entered = _run(copy, chunk)
            for path in chunk:
                own = [each for each in entered.tests if _file_of(each.name) == path]
                has_failed = path in map(_file_of, entered.failed)
                self._files[path] = KnownFile("" if has_failed else _digest(copy, path, own), own)
            self._kept.parent.mkdir(exist_ok=True)
            self._kept.write_bytes(msgspec.json.encode(self._files))
            for name in entered.failed:
                print(f"fails without a bug, so it can notice none: {name}", file=sys.stderr)

    def tests_of(self, module: str, function: str, within_s: float) -> list[KnownTest]:
        """Return the tests that enter a function, or its module if none does, in the order in which they should run.

        Args:
            module: The module's path.
            function: The function's qualified name.
            within_s: How many seconds they may take together.
        """
        every = [test for file in self._files.values() for test in file.tests]
        wanted = f"{module}::{function}"
        found = [test for test in every if wanted in test.functions]
        found = found or [test for test in every if any(each.startswith(f"{module}::") for each in test.functions)]
        mirrored = mirror(module)
        found.sort(key=lambda test: test.seconds / (_NEARER if test.name.startswith(mirrored) else 1))
        chosen: list[KnownTest] = []
        for test in found:
            within_s -= test.seconds
            if chosen and within_s < 0:
                break
            chosen.append(test)
        return chosen

    def _is_stale(self, copy: Path, path: str) -> bool:
        known = self._files.get(path)
        return known is None or known.digest != _digest(copy, path, known.tests)


def mirror(module: str) -> str:
    """Return the folder of tests that mirrors a module's."""
    folder = module.rpartition("/")[0]
    return f"tests/{folder.removeprefix('actors/') if folder.startswith('actors/kernel') else folder}"


def _file_of(test: str) -> str:
    return test.partition("::")[0]


def test_files(copy: Path) -> Iterator[str]:
    """Yield the files of tests in which bugs may be noticed."""
    for folder in FOLDERS:
        yield from sorted(str(path.relative_to(copy)) for path in (copy / folder).rglob("test_*.py"))


_FINISHED: Final = (0, 1, 5)
"""How pytest ends when it has run what there is: all passed, some failed, there was none."""


def _digest(copy: Path, path: str, tests: Iterable[KnownTest]) -> str:
    entered = {function.partition("::")[0] for test in tests for function in test.functions}
    shared = [each for each in (copy / "tests").rglob("*.py") if not each.name.startswith("test_")]
    digest = hashlib.sha256()
    for each in [copy / path, *sorted(shared), *sorted(copy / name for name in entered)]:
        digest.update(each.read_bytes() if each.exists() else b"gone")
    return digest.hexdigest()


def _run(copy: Path, paths: list[str]) -> Entered:
    result = copy / "entered.json"
    result.unlink(missing_ok=True)
    options = ["-q", "-p", "no:xdist", "-p", "no:cacheprovider", "-p", PLUGIN, "-m", "not slow", "-W", "default"]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", *options, *paths],
        cwd=copy,
        env={**environment(copy), RESULT: str(result)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode not in _FINISHED or not result.exists():
        sys.stderr.write(done.stdout.decode(errors="replace")[-4000:])
        raise SystemExit(f"pytest ended with {done.returncode} and left nothing; run it on {' '.join(paths)}")
    return msgspec.json.decode(result.read_bytes(), type=Entered)


def kept_in(checkout: Path) -> Path:
    """Return where the map of a checkout is kept."""
    return checkout / ".mutants" / "covering.json"
