"""What may be installed: by digest, in versions whose known faults are repaired, and listed for whoever asks."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from supply.bill_of_materials import bill_of_materials
from supply.locking import locked_file, packages_by_file
from supply.requirements import RUN, closure, direct, locked, pinned

ROOT = Path(__file__).parents[2]
PINS = pinned((ROOT / "constraints.txt").read_text())
EXTRAS = direct(ROOT / "pyproject.toml")
REPAIRED = tomllib.loads((Path(__file__).parent / "repaired.toml").read_text())["repaired"]


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_is_locked_is_what_is_needed_in_the_versions_of_the_constraints(extra):
    found = locked(locked_file(extra).read_text())
    needed = packages_by_file()[locked_file(extra)]
    assert {name: version for name, (version, _) in found.items()} == {name: PINS[name] for name in needed}


def test_a_constraint_that_nothing_needs_would_be_noticed():
    assert set().union(*packages_by_file().values()) == PINS.keys()


@pytest.mark.parametrize("extra", EXTRAS)
def test_a_locked_file_holds_versions_and_digests_and_names_no_place(extra):
    lines = locked_file(extra).read_text().splitlines()
    assert lines[0].startswith("# Made by scripts/lock")
    allowed = re.compile(r"[\w.-]+==[\w.]+ \\|    --hash=sha256:[0-9a-f]{64}(?: \\)?")
    assert [line for line in lines[1:] if not allowed.fullmatch(line)] == []


@pytest.mark.parametrize("extra", EXTRAS)
def test_no_package_is_locked_without_a_digest(extra):
    assert [name for name, (_, digests) in locked(locked_file(extra).read_text()).items() if not digests] == []


def test_what_is_compiled_is_locked_for_more_than_one_platform():
    digests = {name: found for name, (_, found) in locked(locked_file(RUN).read_text()).items()}
    assert min(len(digests[name]) for name in ("msgspec", "google-re2", "pydantic-core", "tree-sitter")) > 10


def test_nothing_is_installed_whose_digest_is_not_locked():
    script = (ROOT / "scripts" / "environment").read_text()
    ensured = script.partition("install_unlocked()")[0]
    installs = re.findall(r"pip install [^\n]+", ensured)
    assert installs
    assert [
        each for each in installs if "--require-hashes" not in each and "--no-deps --no-build-isolation" not in each
    ] == []
    callers = [
        path.name for path in (ROOT / "scripts").iterdir() if path.is_file() and "install_unlocked" in path.read_text()
    ]
    assert sorted(callers) == ["environment", "lock"]


def floors():
    """Yield the lowest version that `pyproject.toml` lets in of each package that it names."""
    for requirement in (Requirement(each) for named in EXTRAS.values() for each in named):
        lowest = [Version(each.version) for each in requirement.specifier if each.operator in {">=", "==", "~="}]
        yield canonicalize_name(requirement.name), max(lowest)


@pytest.mark.parametrize("repaired", REPAIRED, ids=lambda each: f"{each['package']} {each['advisory']}")
def test_no_version_with_a_known_fault_may_be_installed(repaired):
    version = Version(repaired["version"])
    assert Version(PINS[repaired["package"]]) >= version
    assert [floor for name, floor in floors() if name == repaired["package"] and floor < version] == []


def test_what_is_needed_includes_extras_and_other_platforms_and_leaves_out_other_extras():
    requires = {
        "a": ["b[fast]>=1", 'c; sys_platform == "darwin"', 'd; sys_platform == "win32"', 'e; extra == "more"'],
        "b": ['f; extra == "fast"', 'g; extra == "slow"', 'h; python_version >= "3.14"', 'i; python_version < "3.11"'],
    }
    assert closure(["a"], lambda name: requires.get(name, ())) == {"a", "b", "c", "f", "h"}


def test_the_bill_of_materials_lists_what_is_locked_and_what_needs_what():
    bill = bill_of_materials("moothall")
    assert (bill["bomFormat"], bill["specVersion"], bill["metadata"]["component"]["name"]) == (
        "CycloneDX",
        "1.6",
        "moothall",
    )
    listed = {each["name"]: each["version"] for each in bill["components"]}
    needed = {
        name: version for name, (version, _) in locked(locked_file(RUN).read_text()).items() if name != "setuptools"
    }
    assert listed.items() <= needed.items()
    named = [Requirement(each).name for each in EXTRAS[RUN]]
    assert {canonicalize_name(name) for name in named} - listed.keys() == {"setuptools"}
    references = [bill["metadata"]["component"]["bom-ref"], *(each["bom-ref"] for each in bill["components"])]
    assert len(set(references)) == len(references)
    graph = {each["ref"]: each["dependsOn"] for each in bill["dependencies"]}
    assert graph.keys() == set(references)
    assert {reference for needs in graph.values() for reference in needs} <= graph.keys()
    assert all(each["purl"] == f"pkg:pypi/{each['name']}@{each['version']}" for each in bill["components"])


def test_two_bills_of_one_environment_are_equal():
    assert bill_of_materials("moothall") == bill_of_materials("moothall")
