"""Which bugs are seeded into a module, by its syntax tree: the slips that people make, one place at a time. Pure.

What says nothing about behaviour is left alone: docstrings, annotations, decorators, log lines, the texts of errors,
and figures at the top of a module, which were measured and may be another one.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from random import Random
from typing import Final, NamedTuple

from mutation.mutant import Mutant

SEED: Final = "moothall"
"""What the choice of a sample begins with, so that each run takes the same one."""

_SMALL: Final = 16
"""Up to which number a figure within a function is a boundary; beyond it is a size, of which one more is no bug."""

_COMPARED: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<=", ast.LtE: "<", ast.Gt: ">=", ast.GtE: ">", ast.Eq: "!=", ast.NotEq: "==",
    ast.Is: "is not", ast.IsNot: "is", ast.In: "not in", ast.NotIn: "in",
}  # fmt: skip
_CALCULATED: Final[dict[type[ast.operator], str]] = {
    ast.Add: "-", ast.Sub: "+", ast.Mult: "//", ast.FloorDiv: "*", ast.Div: "*", ast.Mod: "//",
    ast.BitOr: "&", ast.BitAnd: "|", ast.LShift: ">>", ast.RShift: "<<",
}  # fmt: skip
_OPPOSITE: Final = {"min": "max", "max": "min", "any": "all", "all": "any"}
_SWAPPED: Final = 2


class _Edit(NamedTuple):
    node: ast.expr | ast.stmt
    text: str
    kind: str


def seeded(module: str, source: str) -> list[Mutant]:
    """Return all bugs that are seeded into a module, in the order of its lines.

    Args:
        module: The module's path, from the checkout.
        source: Its text.
    """
    lines = source.splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line.encode()))
    encoded = source.encode()

    def offset(line: int, column: int) -> int:
        return starts[line - 1] + column

    found: list[Mutant] = []
    for edit, function in _Walk(source).edits():
        node = edit.node
        assert node.end_lineno is not None and node.end_col_offset is not None  # noqa: PT018 - parsed, so it has both
        begin, end = offset(node.lineno, node.col_offset), offset(node.end_lineno, node.end_col_offset)
        changed = (encoded[:begin] + edit.text.encode() + encoded[end:]).decode()
        if changed != source and _compiles(changed):
            found.append(Mutant(module, source, changed, edit.kind, function))
    return found


def sample(mutants: list[Mutant], most: int) -> list[Mutant]:
    """Return so many of the bugs at the most, the same ones each time, in their order."""
    if len(mutants) <= most:
        return mutants
    chosen = Random(f"{SEED}:{mutants[0].module}").sample(range(len(mutants)), most)  # noqa: S311 - chosen, not secret
    return [mutants[number] for number in sorted(chosen)]


def _compiles(source: str) -> bool:
    try:
        compile(source, "mutant", "exec")
    except SyntaxError:
        return False
    return True


class _Walk:
    """Goes through a module and knows which function it is in."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._path: list[str] = []

    def edits(self) -> Iterator[tuple[_Edit, str]]:
        for edit in self._body(ast.parse(self._source).body):
            yield edit, self._edited_in

    def _body(self, statements: list[ast.stmt]) -> Iterator[_Edit]:
        for statement in statements:
            yield from self._statement(statement)

    def _statement(self, node: ast.stmt) -> Iterator[_Edit]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from self._function(node)
        elif isinstance(node, ast.ClassDef):
            self._path.append(node.name)
            yield from self._body([each for each in node.body if isinstance(each, _DEFINITIONS)])
            self._path.pop()
        elif self._in_function and not _says_nothing(node):
            self._edited_in = self._function_name
            yield from self._drop(node)
            yield from self._parts(node)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[_Edit]:
        self._path.append(node.name)
        self._edited_in = self._function_name
        body = node.body[1:] if ast.get_docstring(node) is not None else node.body
        returns_nothing = isinstance(node.returns, ast.Constant) and node.returns.value is None
        if len(body) > 1 and returns_nothing and not _yields(node) and node.name != "__init__":
            yield _Edit(body[0], f"return\n{' ' * body[0].col_offset}{self._text(body[0])}", "early return")
        self._path.append("<locals>")
        yield from self._body(body)
        self._path.pop()
        self._path.pop()

    def _drop(self, node: ast.stmt) -> Iterator[_Edit]:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Await):
            yield _Edit(node, "pass", "await dropped")
        elif isinstance(node, ast.AugAssign):
            yield _Edit(node, "pass", "count dropped")
        elif isinstance(node, ast.Delete) or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
            yield _Edit(node, "pass", "statement dropped")
        elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute | ast.Subscript):
            if not self._function_name.endswith("__init__"):  # whoever reads it would fail at once: no bug to look for
                yield _Edit(node, "pass", "assignment dropped")
        elif isinstance(node, ast.Continue | ast.Break | ast.Raise):
            yield _Edit(node, "pass", "jump dropped")

    def _parts(self, node: ast.AST) -> Iterator[_Edit]:
        """Change the expressions of a statement, and the statements within it."""
        if isinstance(node, ast.Raise):
            return
        if isinstance(node, ast.If | ast.While | ast.IfExp) and not _is_negated_below(node.test):
            yield _Edit(node.test, f"not ({self._text(node.test)})", "condition negated")
        if isinstance(node, ast.expr):
            yield from self._expression(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                yield from self._statement(child)
            elif not isinstance(child, ast.JoinedStr) and child not in _left_alone(node):
                yield from self._parts(child)

    def _expression(self, node: ast.expr) -> Iterator[_Edit]:
        text = self._text
        if isinstance(node, ast.Compare):
            operands = [node.left, *node.comparators]
            for number, operator in enumerate(node.ops):
                others = [text(operands[0])]
                for index, (each, operand) in enumerate(zip(node.ops, operands[1:], strict=True)):
                    sign = _COMPARED[type(each)] if index == number else _sign(each)
                    others.append(f"{sign} {text(operand)}")
                yield _Edit(node, " ".join(others), "comparison flipped" if _orders(operator) else "comparison negated")
        elif isinstance(node, ast.BoolOp):
            word = " or " if isinstance(node.op, ast.And) else " and "
            yield _Edit(node, f"({word.join(f'({text(each)})' for each in node.values)})", "and for or")
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
            yield _Edit(node, f"bool({text(node.operand)})", "condition negated")
        elif isinstance(node, ast.BinOp) and type(node.op) in _CALCULATED and not _is_text(node):
            yield _Edit(node, f"({text(node.left)}) {_CALCULATED[type(node.op)]} ({text(node.right)})", "calculation")
        elif isinstance(node, ast.Constant):
            yield from self._constant(node)
        elif isinstance(node, ast.Call):
            yield from self._call(node)

    def _constant(self, node: ast.Constant) -> Iterator[_Edit]:
        if isinstance(node.value, bool):
            yield _Edit(node, str(not node.value), "constant")
        elif isinstance(node.value, int) and abs(node.value) <= _SMALL:
            yield _Edit(node, str(node.value + 1), "boundary")

    def _call(self, node: ast.Call) -> Iterator[_Edit]:
        name = node.func
        if isinstance(name, ast.Name) and name.id in _OPPOSITE:
            yield _Edit(name, _OPPOSITE[name.id], "opposite function")
        if len(node.args) >= _SWAPPED and not isinstance(name, ast.Name):
            first, second = node.args[:2]
            if not any(isinstance(each, ast.Starred | ast.Constant) for each in (first, second)):
                rest = [*map(self._text, node.args[2:]), *map(self._text, node.keywords)]
                swapped = ", ".join([self._text(second), self._text(first), *rest])
                yield _Edit(node, f"{self._text(name)}({swapped})", "arguments swapped")

    def _text(self, node: ast.AST) -> str:
        found = ast.get_source_segment(self._source, node)
        assert found is not None
        return found

    @property
    def _in_function(self) -> bool:
        return bool(self._path) and self._path[-1] == "<locals>"

    @property
    def _function_name(self) -> str:
        return ".".join(self._path[:-1] if self._in_function else self._path)


_DEFINITIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_SIGNS: Final[dict[type[ast.cmpop], str]] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
}  # fmt: skip


def _left_alone(node: ast.AST) -> list[ast.expr]:
    """Return the parts of a statement that say nothing of behaviour."""
    return [node.annotation] if isinstance(node, ast.AnnAssign) else []


def _sign(operator: ast.cmpop) -> str:
    return _SIGNS[type(operator)]


def _orders(operator: ast.cmpop) -> bool:
    return isinstance(operator, ast.Lt | ast.LtE | ast.Gt | ast.GtE)


def _is_negated_below(test: ast.expr) -> bool:
    """Say whether the opposite of a condition is made anyway, as another comparison or without its `not`."""
    return (isinstance(test, ast.Compare) and not _orders(test.ops[0]) and len(test.ops) == 1) or (
        isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    )


def _is_text(node: ast.BinOp) -> bool:
    return any(
        isinstance(each, ast.JoinedStr) or (isinstance(each, ast.Constant) and isinstance(each.value, str | bytes))
        for each in (node.left, node.right)
    )


def _says_nothing(node: ast.stmt) -> bool:
    """Say whether a statement changes nothing that a test should look at: an import, a log line, an assertion."""
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Assert | ast.Pass | ast.Global | ast.Nonlocal):
        return True
    if not isinstance(node, ast.Expr):
        return False
    called = node.value.func if isinstance(node.value, ast.Call) else None
    logs = isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name) and called.value.id == "log"
    return logs or isinstance(node.value, ast.Constant)


def _yields(node: ast.AST) -> bool:
    return any(isinstance(each, ast.Yield | ast.YieldFrom) for each in ast.walk(node))
