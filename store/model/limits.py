"""What the log accepts: sizes, names and payloads.

The checks look at a whole batch at a time, level by level, because a Python call per value would cost more than
encoding and writing the event.
"""

import math
import re
from collections.abc import Collection, Iterable, Sequence
from gc import get_referents
from typing import Any, cast

import msgspec

from store.errors import Invalid

NAME_CHARACTERS = 256
MAX_TAGS = 32

_SCALARS = frozenset((str, int, float, bool, type(None)))
_CONTAINERS = frozenset((dict, list))
_DICTS = {dict}
_STRINGS = frozenset((str,))
_EMPTY = frozenset[Any]()
_NON_FINITE = re.compile(rb"\xcb[\x7f\xff][\xf0-\xff]")
_DELETE = 0x7F
_C1_END = 0x9F
_SPACE = 0x20


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Sizes that the log refuses to exceed, and sizes it works with.

    Attributes:
        event_bytes: the longest record, an event encoded with its names.
        append_bytes: the most that the records of one append may take together.
        batch_events: the most events in one append.
        depth: how deep a payload may nest; `{}` is 1 deep.
        segment_bytes: a segment that would outgrow this is followed by a new one.
        page_bytes: a page of a query ends before its records would take more, unless it is a single one.
        look_bytes: a search that may look at n events decodes about n times so many bytes of records: of the densest
            there are, nothing but empty lists, 500 times as many take 20 ms.
        commands: how many command ids are remembered at least.
        streams_in_memory: of how many streams the names are kept in memory, about: those of late. Of a large log's new
            ones a quarter as many as it has.
        reserve_bytes: the size of the file that is given up so that a full disk still allows a clean stop.
    """

    event_bytes: int = 1 << 20
    append_bytes: int = 64 << 20
    batch_events: int = 1000
    depth: int = 64
    segment_bytes: int = 32 << 20
    page_bytes: int = 1 << 20
    look_bytes: int = 256
    commands: int = 100_000
    streams_in_memory: int = 1 << 15
    reserve_bytes: int = 64 << 10


def check_name(what: str, name: object) -> None:
    """Check a stream, type, agent, correlation, causation or command name.

    Raises:
        Invalid: it is not a string of 1..256 characters without control characters.
    """
    if not isinstance(name, str):
        raise Invalid(f"{what} is {type(name).__name__}: give a string")
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise Invalid(f"{what} has {len(name)} characters: use 1..{NAME_CHARACTERS}")
    if not name.isprintable() and any(_is_control(ord(character)) for character in name):
        raise Invalid(f"{what} {name!r} contains a control character or half a surrogate pair: leave it out")


def check_names(what: str, names: Collection[object]) -> None:
    """Check many such names: all at once, and one by one only if something is wrong.

    Raises:
        Invalid: one is not a string of 1..256 characters without control characters.
    """
    if not names:
        return
    if _STRINGS.issuperset(map(type, names)):
        strings = cast("Collection[str]", names)
        lengths = set(map(len, strings))
        if min(lengths) and max(lengths) <= NAME_CHARACTERS and "".join(strings).isprintable():
            return
    for name in names:
        check_name(what, name)


def _is_control(code: int) -> bool:
    return code < _SPACE or _DELETE <= code <= _C1_END or 0xD800 <= code <= 0xDFFF  # noqa: PLR2004 - Unicode's bounds


def check_tags(tags: object) -> None:
    """Check the tags of one event.

    Raises:
        Invalid: they are no list of up to 32 names.
    """
    if not isinstance(tags, list | tuple):
        raise Invalid(f"tags is {type(tags).__name__}: give a list of strings")
    if len(cast("list[object]", tags)) > MAX_TAGS:
        raise Invalid(f"an event has {len(cast('list[object]', tags))} tags: {MAX_TAGS} is the most")
    check_names("tag", cast("list[object]", tags))


def check_payloads(values: Iterable[Any], depth: int) -> bool:
    """Check that payloads hold plain values only, nested at most `depth` deep.

    Integers beyond 64 bits are left to the encoder, which refuses them; NaN to `check_finite`.

    Returns:
        Whether there are floats, so that `check_finite` has something to do.

    Raises:
        Invalid: a value is of another kind, a key is not a string, or the nesting is too deep.
    """
    level: Sequence[Any] = list(values)
    floats = False
    for _ in range(depth + 1):
        kinds = set(map(type, level))
        floats = floats or float in kinds
        if kinds <= _SCALARS:
            return floats
        if strange := kinds - _SCALARS - _CONTAINERS:
            names = ", ".join(sorted(kind.__name__ for kind in strange))
            raise Invalid(f"a payload contains {names}: use plain dicts, lists, strings, numbers, booleans and None")
        dicts = level if kinds == _DICTS else _of_kind(dict, level)
        if not _STRINGS.issuperset(map(type, _keys_of(dicts))):
            raise Invalid("a payload has a key that is no string: use strings as keys")
        level = get_referents(*level)  # what containers hold, at C speed: recursion takes 2.8 times as long
    raise Invalid(f"a payload nests deeper than {depth}: flatten it")


def check_payload(value: Any, depth: int) -> bool:
    """Check one payload as `check_payloads` does; a flat dict of scalars in half the time."""
    if depth and type(value) in _DICTS and _STRINGS.issuperset(map(type, value)):
        kinds = set(map(type, value.values()))
        if kinds <= _SCALARS:
            return float in kinds
    return check_payloads((value,), depth)


def check_finite(values: Iterable[Any]) -> None:
    """Check that payloads, known to be plain and not too deep, hold no NaN and no infinity.

    Raises:
        Invalid: one does.
    """
    level: Sequence[Any] = list(values)
    while level:
        if not all(map(math.isfinite, _of_kind(float, level))):
            raise Invalid("a payload contains NaN or an infinity: JSON has no such number, use null or a string")
        level = get_referents(*level)


def _of_kind(kind: type[Any], level: Iterable[Any]) -> list[Any]:
    return [value for value in level if type(value) is kind]


def _keys_of(dicts: Iterable[dict[str, Any]]) -> frozenset[Any]:
    return _EMPTY.union(*dicts)


def may_hold_non_finite(encoded: bytes) -> bool:
    """Say quickly whether MessagePack bytes may hold a NaN or an infinity: false alarms happen, misses do not."""
    return _NON_FINITE.search(encoded) is not None
