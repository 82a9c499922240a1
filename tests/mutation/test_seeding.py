"""Which bugs are seeded, where they stand, and what is written down about them."""

from __future__ import annotations

import ast
from pathlib import Path

import msgspec
import pytest

from mutation.covering import Covering, KnownFile, KnownTest, mirror
from mutation.files import Ignored, handmade, ignored, is_ignored
from mutation.mutant import WrittenDown
from mutation.seeding import sample, seeded

ROOT = Path(__file__).parents[2]
SOURCE = '''
"""A module."""

LIMIT = 8

class Box:
    """A box."""

    def __init__(self) -> None:
        self.held = 0

    async def give(self, size: int, name: str = "x") -> None:
        """Give."""
        if size < 3 and not self.held:
            raise ValueError("too small: 1")
        log.info("given", size=size)
        self.held -= size
        self.names[name] = size
        await self.wait()
        self.move(size, name)

        def inner() -> bool:
            return size + 1 == 2

    def most(self) -> int:
        return max(self.held, 100)
'''


def changes(source=SOURCE):
    return {(each.function, each.kind, *each.change) for each in seeded("box.py", source)}


@pytest.mark.parametrize(
    ("function", "kind", "old", "new"),
    [
        ("Box.give", "comparison flipped", "if size < 3 and not self.held:", "if size <= 3 and not self.held:"),
        ("Box.give", "boundary", "if size < 3 and not self.held:", "if size < 4 and not self.held:"),
        ("Box.give", "and for or", "if size < 3 and not self.held:", "if ((size < 3) or (not self.held)):"),
        ("Box.give", "condition negated", "if size < 3 and not self.held:", "if size < 3 and bool(self.held):"),
        ("Box.give", "jump dropped", 'raise ValueError("too small: 1")', "pass"),
        ("Box.give", "count dropped", "self.held -= size", "pass"),
        ("Box.give", "assignment dropped", "self.names[name] = size", "pass"),
        ("Box.give", "await dropped", "await self.wait()", "pass"),
        ("Box.give", "statement dropped", "self.move(size, name)", "pass"),
        ("Box.give", "arguments swapped", "self.move(size, name)", "self.move(name, size)"),
        ("Box.give.<locals>.inner", "comparison negated", "return size + 1 == 2", "return size + 1 != 2"),
        ("Box.give.<locals>.inner", "calculation", "return size + 1 == 2", "return (size) - (1) == 2"),
        ("Box.most", "opposite function", "return max(self.held, 100)", "return min(self.held, 100)"),
    ],
)
def test_a_slip_of_each_kind_is_seeded(function, kind, old, new):
    assert (function, kind, old, new) in changes()


def test_what_says_nothing_of_behaviour_is_left_alone():
    old = " ".join(change[2] for change in changes())
    assert not any(text in old for text in ("LIMIT", "log.info", '"""', "name: str"))
    assert ("Box.__init__", "assignment dropped", "self.held = 0", "pass") not in changes()
    assert ("Box.most", "boundary", "return max(self.held, 100)", "return max(self.held, 101)") not in changes()


def test_every_bug_is_in_one_place_and_compiles():
    for path in sorted((ROOT / "store" / "writing").glob("*.py")):
        for mutant in seeded(str(path), path.read_text()):
            ast.parse(mutant.changed)
            assert mutant.changed != mutant.source
            assert mutant.diff.count("@@") == 2, mutant.diff


def test_a_sample_is_the_same_each_time_and_in_order():
    mutants = seeded("box.py", SOURCE)
    assert sample(mutants, 5) == sample(mutants, 5)
    assert [mutants.index(each) for each in sample(mutants, 5)] == sorted(mutants.index(e) for e in sample(mutants, 5))
    assert sample(mutants, 1000) == mutants


def test_a_bug_that_is_none_is_left_out_by_its_lines_and_only_in_its_module():
    mutants = seeded("box.py", SOURCE)
    (dropped,) = [each for each in mutants if each.kind == "count dropped"]
    excuse = Ignored("box.py", "self.held -= size", "pass", "a test")
    assert is_ignored(dropped, [excuse])
    assert not is_ignored(dropped._replace(module="other.py"), [excuse])


def test_every_excuse_fits_a_bug_that_is_seeded():
    excuses = ignored()
    stale = [
        each
        for each in excuses
        if not any(is_ignored(mutant, [each]) for mutant in seeded(each.module, (ROOT / each.module).read_text()))
    ]
    assert stale == []
    assert all(len(each.why) > 20 for each in excuses)


def test_the_hand_made_bugs_fit_the_code_and_name_tests_that_are_there():
    mutants = handmade(ROOT)
    assert len(mutants) >= 40
    for mutant in mutants:
        ast.parse(mutant.changed)
        assert mutant.tests, mutant.diff
        for name in mutant.tests:
            path, _, test = name.partition("::")
            assert test.partition("[")[0] in (ROOT / path).read_text(), name


def test_a_hand_made_bug_that_no_longer_fits_is_told_of(tmp_path):
    (tmp_path / "box.py").write_text("x = 1\nx = 1\n")
    written = tmp_path / "handmade.toml"
    for old in ("x = 1", "y = 1"):
        entry = f'[[mutant]]\nmodule = "box.py"\nkind = "k"\nold = "{old}"\nnew = "z = 1"\nwhy = "w"\ntests = ["t"]\n'
        written.write_text(entry)
        with pytest.raises(WrittenDown, match="must have it once"):
            handmade(tmp_path, written)


def test_the_tests_that_enter_a_function_look_for_its_bugs_the_quick_and_the_near_ones_first(tmp_path):
    entered = frozenset({"store/writing/tail.py::Tail.sync"})
    tests = [
        KnownTest("tests/actors/test_hall.py::a", 0.1, entered),
        KnownTest("tests/store/writing/test_tail.py::slow", 3.0, entered),
        KnownTest("tests/actors/test_hall.py::late", 2.0, entered),
        KnownTest("tests/store/writing/test_tail.py::quick", 0.2, entered),
        KnownTest("tests/store/writing/test_tail.py::elsewhere", 0.1, frozenset({"store/writing/tail.py::Tail.trim"})),
    ]
    kept = tmp_path / "covering.json"
    kept.write_bytes(msgspec.json.encode({"tests/all.py": KnownFile("", tests)}))
    covering = Covering(kept)

    def names(function, within_s):
        return [
            each.name.rpartition("::")[2] for each in covering.tests_of("store/writing/tail.py", function, within_s)
        ]

    assert names("Tail.sync", 10.0) == ["quick", "a", "slow", "late"]
    assert names("Tail.sync", 0.2) == ["quick"]
    assert names("Tail.nobody", 10.0) == ["elsewhere", "quick", "a", "slow", "late"]


def test_the_folder_of_tests_that_mirrors_a_module():
    assert mirror("store/writing/tail.py") == "tests/store/writing"
    assert mirror("actors/kernel/messages/ref.py") == "tests/kernel/messages"
    assert mirror("actors/session/actor.py") == "tests/actors/session"
