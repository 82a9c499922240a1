"""The house: no circle of modules, no folder and no module that has outgrown its room."""

from __future__ import annotations

import ast
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HOUSES = ("actors", "store", "transport", "scripts/benchmarks")
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
        elif isinstance(node, ast.ImportFrom) and node.module:
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


PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_module_that_a_page_names_exists(page):
    assert [name for name in named_in(page.read_text()) if not (ROOT / name).exists()] == []


def test_a_module_that_does_not_exist_would_be_noticed():
    assert named_in("as `store/nowhere.py` does, unlike `store/log.py`") == ["store/log.py", "store/nowhere.py"]


def test_every_folder_says_what_it_is_for_what_enters_and_what_leaves():
    said = {path: ast.get_docstring(ast.parse(path.read_text())) for path in files() if path.name == "__init__.py"}
    silent = [path for path, text in said.items() if not re.search(r"\A[^\n]+\n\nIn: .+\nOut: .+", text, re.DOTALL)]
    assert [str(path.relative_to(ROOT)) for path in silent] == []
