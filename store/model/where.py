"""Conditions on payload fields: what `where` asks, checked and made ready once per query. Pure.

A condition is a value, which the field must equal, or operators: `{"$gt": 3, "$lte": 9}`, `{"$in": ["a", "b"]}`. A dict
is read as operators only if every one of its keys begins with `$`; so `{"gt": 3}` is a dict to be equal to, and
`{"$eq": {"$gt": 3}}` asks for equality to one whose keys begin with `$`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple

import msgspec

from store.errors import Invalid

WHERE_BYTES = 1 << 15
"""How many bytes a `where` may take encoded: it is read anew for each slice of a long search."""

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
_encode = msgspec.msgpack.Encoder().encode


class Condition(NamedTuple):
    """A field, with the parts of its path, and what must hold of it: an operator and its operand.

    The operand of `$in` is the set of the values' keys (`_key`): an event costs the same however many there are.
    """

    path: str
    parts: list[str]
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
            found.append(Condition(path, path.split("."), "$eq", value))
    return found


def check_size(where: Mapping[str, Any] | None) -> None:
    """Refuse a `where` that would take long to read.

    Raises:
        Invalid: it takes too many bytes, or has a value that no payload has.
    """
    try:
        size = len(_encode(where))
    except (OverflowError, TypeError, ValueError, RecursionError) as error:
        raise Invalid(f"where: a value is none that a payload can have ({error}): use plain JSON values") from error
    if size > WHERE_BYTES:
        raise Invalid(f"where takes {size} bytes encoded, {WHERE_BYTES} is the most: ask for less at a time")


def holds(condition: Condition, data: Any) -> bool:
    """Say whether a condition holds of a payload. Of a field that is missing none does, not even `$ne`."""
    path, parts, name, operand = condition
    present, value = _field(data, path, parts)
    if not present:
        return False
    if name == "$eq":
        return same(value, operand)
    if name == "$ne":
        return not same(value, operand)
    if name == "$in":
        return _key(value) in operand
    return _comparable(value, operand) and _COMPARISONS[name](value, operand)


def _checked(path: str, name: str, operand: Any) -> Condition:
    if name not in _KNOWN:
        raise Invalid(f"where: {path!r} has the operator {name!r}: use one of {', '.join(_KNOWN)}")
    if name == "$in":
        if type(operand) is not _LIST:
            raise Invalid(f"where: {path!r} has $in with {type(operand).__name__}: give a list of values")
        operand = frozenset(map(_key, operand))
    if name in _COMPARISONS and not _comparable(operand, operand):
        raise Invalid(f"where: {path!r} has {name} with {type(operand).__name__}: give a number or a string")
    return Condition(path, path.split("."), name, operand)


def _comparable(left: Any, right: Any) -> bool:
    """Numbers compare with numbers and strings with strings, by code points; True is not a number."""
    if isinstance(left, bool) or isinstance(right, bool):
        return False
    return (isinstance(left, _NUMBERS) and isinstance(right, _NUMBERS)) or (
        isinstance(left, str) and isinstance(right, str)
    )


def _field(data: Any, path: str, parts: list[str]) -> tuple[bool, Any]:
    """Find a field by its name, or by a dotted path into dicts."""
    if type(data) is _DICT and path in data:
        return True, data[path]
    for part in parts:
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


def _key(value: Any) -> Hashable:
    """Return what two payload values have in common exactly if they are the same."""
    if type(value) is _DICT:
        return _DICT, frozenset((name, _key(each)) for name, each in value.items())
    if type(value) is _LIST:
        return _LIST, tuple(map(_key, value))
    return isinstance(value, bool), value
