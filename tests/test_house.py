"""The house: no circle of modules, no folder and no module that has outgrown its room."""

from __future__ import annotations

import ast
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSES = ("actors", "store", "transport", "scripts/benchmarks", "scripts/mutation", "scripts/supply")
MOST_MODULES = 16
MOST_LINES = 300


def files():
    return sorted(path for house in HOUSES for path in (ROOT / house).rglob("*.py"))


def name_of(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    parts = parts[1:] if parts[0] == "scripts" else parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(source, modules):
    """Return which modules a module imports, wherever it says so: at its top, in a function, or for types alone."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, "imports are absolute, so that they can be followed"
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            inside = names & modules
            found |= inside
            found |= {node.module} if names - inside else set()
    return found & modules


def test_no_modules_import_each_other_in_a_circle():
    modules = {name_of(path): path for path in files()}
    graph = {name: imports(path.read_text(), modules.keys()) - {name} for name, path in modules.items()}
    TopologicalSorter(graph).prepare()


def test_a_circle_would_be_found_also_where_only_a_function_closes_it():
    sources = {"a": "from b import x", "b": "def f():\n    from a import y", "c": "import a"}
    graph = {name: imports(source, sources.keys()) for name, source in sources.items()}
    with pytest.raises(CycleError):
        TopologicalSorter(graph).prepare()


def test_no_folder_has_more_modules_than_one_takes_in_at_a_glance():
    counts = Counter(path.parent for path in files() if path.name != "__init__.py")
    assert {str(folder.relative_to(ROOT)): count for folder, count in counts.items() if count > MOST_MODULES} == {}


def test_no_module_has_outgrown_its_room():
    lines = {path: len(path.read_text().splitlines()) for path in files()}
    assert {str(path.relative_to(ROOT)): count for path, count in lines.items() if count > MOST_LINES} == {}


def named_in(page):
    """Return the paths of the product's modules and folders that a page names."""
    return sorted(set(re.findall(r"`((?:actors|store|transport|scripts|tests|docs)/[\w/.]*)`", page)))


PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_page_names_exists(page):
    assert [name for name in named_in(page.read_text()) if not (ROOT / name).exists()] == []


def test_a_module_that_does_not_exist_would_be_noticed():
    assert named_in("as `store/nowhere.py` does, unlike `store/log.py`") == ["store/log.py", "store/nowhere.py"]


def test_every_folder_says_what_it_is_for_what_enters_and_what_leaves():
    said = {path: ast.get_docstring(ast.parse(path.read_text())) for path in files() if path.name == "__init__.py"}
    silent = [path for path, text in said.items() if not re.search(r"\A[^\n]+\n\nIn: .+\nOut: .+", text, re.DOTALL)]
    assert [str(path.relative_to(ROOT)) for path in silent] == []


def arguments_said(text):
    """Return the names that a docstring describes under `Args`."""
    section = re.search(r"^ *Args:\n(.*?)(?:\n\n|\Z)", text or "", re.DOTALL | re.MULTILINE)
    lines = section[1].splitlines() if section else []
    indent = min((len(line) - len(line.lstrip()) for line in lines), default=0)
    return {found[1] for line in lines if (found := re.match(rf" {{{indent}}}\*{{0,2}}(\w+)(?: \(.*\))?:", line))}


def arguments_of(node):
    """Return the names of a function's arguments, or of what makes a class; None where a struct or a base has them."""
    if isinstance(node, ast.ClassDef):
        makes = [each for each in node.body if isinstance(each, ast.FunctionDef) and each.name == "__init__"]
        return arguments_of(makes[0]) if makes else None
    given = node.args
    every = [*given.posonlyargs, *given.args, *given.kwonlyargs, *filter(None, (given.vararg, given.kwarg))]
    return {each.arg for each in every}


def stale_docstrings(source):
    """Return the arguments that docstrings of a module describe and that are not there."""
    nodes = (ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, nodes) and (given := arguments_of(node)) is not None:
            yield from (f"{node.name}: {name}" for name in arguments_said(ast.get_docstring(node)) - given)


def test_docstrings_describe_arguments_that_are_there():
    found = {str(path.relative_to(ROOT)): [*stale_docstrings(path.read_text())] for path in files()}
    assert {path: stale for path, stale in found.items() if stale} == {}


def test_an_argument_that_is_not_there_any_more_would_be_noticed():
    source = 'def f(new):\n    """Do it.\n\n    Args:\n        old: what it was.\n            And more: of it.\n    """'
    assert [*stale_docstrings(source)] == ["f: old"]


def test_docstrings_name_modules_that_are_there():
    known = {path.name for path in files()}
    named = {
        (str(path.relative_to(ROOT)), name)
        for path in files()
        for name in re.findall(r"`(?:[\w/]+/)?(\w+\.py)`", path.read_text())
    }
    assert {(path, name) for path, name in named if name not in known} == set()
