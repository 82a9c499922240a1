"""What people wrote down about bugs: the hand-made ones, and which of the seeded ones are none. Pure but for reading.

`handmade.toml` holds bugs, each with the tests that must notice it. A bug that was once in the code, or that a review
fears, stands there for good. `ignored.toml` holds changes that are no bugs, each with the reason.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from mutation.mutant import Mutant, WrittenDown

HERE: Final = Path(__file__).parent
HANDMADE: Final = HERE / "handmade.toml"
IGNORED: Final = HERE / "ignored.toml"


class _HandMade(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    module: str
    kind: str
    old: str
    new: str
    why: str
    tests: tuple[str, ...]


class _HandMadeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    mutant: list[_HandMade]


class Ignored(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change that no test can notice, or none should.

    Attributes:
        module: The module's path, from the checkout.
        old: The lines that go, without the blanks around them.
        new: The lines that come.
        why: Why it is no bug.
    """

    module: str
    old: str
    new: str
    why: str


class _IgnoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    ignored: list[Ignored] = []


def handmade(checkout: Path, written: Path = HANDMADE) -> list[Mutant]:
    """Return the hand-made bugs.

    Args:
        checkout: Where the modules are.
        written: The file.

    Raises:
        WrittenDown: The text that one of them replaces is not in its module, or more than once.
    """
    return [_made(checkout, each) for each in msgspec.toml.decode(written.read_text(), type=_HandMadeFile).mutant]


def _made(checkout: Path, each: _HandMade) -> Mutant:
    path = checkout / each.module
    source = path.read_text() if path.exists() else ""
    if (times := source.count(each.old)) != 1:
        raise WrittenDown(
            f"handmade.toml: {each.module} has this text {times} times and must have it once; write the bug anew for "
            f"the code as it is now:\n{each.old}"
        )
    changed = source.replace(each.old, each.new)
    return Mutant(each.module, source, changed, each.kind, why=each.why, tests=each.tests)


def ignored(written: Path = IGNORED) -> list[Ignored]:
    """Return which changes are no bugs."""
    return msgspec.toml.decode(written.read_text(), type=_IgnoredFile).ignored


def is_ignored(mutant: Mutant, among: list[Ignored]) -> bool:
    """Say whether a seeded bug is none."""
    return any((each.module, (each.old, each.new)) == (mutant.module, mutant.change) for each in among)
