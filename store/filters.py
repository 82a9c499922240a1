"""Conditions on payload fields: what `where` asks, checked and made ready once per query. Pure.

A condition is a value, which the field must equal, or operators: `{"$gt": 3, "$lte": 9}`, `{"$in": ["a", "b"]}`. A dict
is read as operators only if every one of its keys begins with `$`; so `{"gt": 3}` is a dict to be equal to, and
`{"$eq": {"$gt": 3}}` asks for equality to one whose keys begin with `$`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from store.errors import Invalid

_DICT: type[Any] = dict
_LIST: type[Any] = list
_NUMBERS = (int, float)
_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "$gt": operator.gt,
    "$gte": operator.ge,
    "$lt": operator.lt,
    "$lte": operator.le,
}
_KNOWN = (*_COMPARISONS, "$eq", "$ne", "$in")


class Condition(NamedTuple):
    """A field and what must hold of it: an operator and its operand."""

    path: str
    operator: str
    operand: Any


def conditions(where: Mapping[str, Any] | None) -> list[Condition]:
    """Read a `where`: every condition must hold.

    Raises:
        Invalid: an operator is unknown, or its operand does not fit.
    """
    found: list[Condition] = []
    for path, value in (where or {}).items():
        if type(value) is _DICT and value and all(type(key) is str and key.startswith("$") for key in value):
            found += [_checked(path, name, operand) for name, operand in value.items()]
        else:
            found.append(Condition(path, "$eq", value))
    return found


def holds(condition: Condition, data: Any) -> bool:
    """Say whether a condition holds of a payload. Of a field that is missing none does, not even `$ne`."""
    path, name, operand = condition
    present, value = _field(data, path)
    if not present:
        return False
    if name == "$eq":
        return same(value, operand)
    if name == "$ne":
        return not same(value, operand)
    if name == "$in":
        return any(same(value, each) for each in operand)
    return _comparable(value, operand) and _COMPARISONS[name](value, operand)


def _checked(path: str, name: str, operand: Any) -> Condition:
    if name not in _KNOWN:
        raise Invalid(f"where: {path!r} has the operator {name!r}: use one of {', '.join(_KNOWN)}")
    if name == "$in" and type(operand) is not _LIST:
        raise Invalid(f"where: {path!r} has $in with {type(operand).__name__}: give a list of values")
    if name in _COMPARISONS and not _comparable(operand, operand):
        raise Invalid(f"where: {path!r} has {name} with {type(operand).__name__}: give a number or a string")
    return Condition(path, name, operand)


def _comparable(left: Any, right: Any) -> bool:
    """Numbers compare with numbers and strings with strings, by code points; True is no number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    return (isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS)) or (
        isinstance(left, str) and isinstance(right, str)
    )


def _field(data: Any, path: str) -> tuple[bool, Any]:
    """Find a field by its name, or by a dotted path into dicts."""
    if type(data) is _DICT and path in data:
        return True, data[path]
    for part in path.split("."):
        if type(data) is not _DICT or part not in data:
            return False, None
        data = data[part]
    return True, data


def same(left: Any, right: Any) -> bool:
    """Say whether two payload values are equal; True is not 1."""
    if type(left) is _DICT and type(right) is _DICT:
        return left.keys() == right.keys() and all(same(left[key], right[key]) for key in left)
    if type(left) is _LIST and type(right) is _LIST:
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)
