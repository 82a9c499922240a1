"""Names as small integers, so that an index keeps four bytes where an event has a string."""

import zlib
from collections.abc import Iterable, Sequence
from itertools import filterfalse

from store.limits import check_names

_REMEMBERED = 1 << 14


class Interner:
    """Gives each name a number, from 0 in the order of arrival, for the life of the process."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, name: str) -> int:
        """Return the name's number, giving it one if it has none."""
        number = self._ids.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        return number

    def name_of(self, number: int) -> str:
        """Return the name that has a number."""
        return self._names[number]

    @property
    def names(self) -> Sequence[str]:
        """All names, by number; not to be changed."""
        return self._names

    def add(self, names: Iterable[str]) -> None:
        """Give numbers to names that have none yet, in order."""
        first = len(self._names)
        self._names.extend(names)
        self._ids.update(zip(self._names[first:], range(first, len(self._names)), strict=True))

    def forget(self, count: int) -> None:
        """Forget all names but the first so many: no one has used their numbers."""
        for name in self._names[count:]:
            del self._ids[name]
        del self._names[count:]

    def known(self, name: str) -> int | None:
        """Return the name's number, None if it has none."""
        return self._ids.get(name)

    def ids_of(self, names: Iterable[str]) -> list[int]:
        """Return the numbers of names that all have one.

        Raises:
            KeyError: one has none.
        """
        return list(map(self._ids.__getitem__, names))

    def unknown(self, names: Iterable[str]) -> list[str]:
        """Return those of the names that have no number, each once."""
        return [*dict.fromkeys(filterfalse(self._ids.__contains__, names))]


def name_hash(name: str) -> int:
    """Return 32 bits of a name that are the same in every process: its CRC-32."""
    return zlib.crc32(name.encode())


def name_hashes(names: Iterable[str]) -> list[int]:
    """Return the same for many, at C speed."""
    return list(map(zlib.crc32, map(str.encode, names)))


class CorrelationHashes:
    """What the index keeps of correlation ids: their hashes, those of late remembered."""

    def __init__(self) -> None:
        self._known: dict[str | None, int] = {None: 0}

    def of(self, correlation_ids: Sequence[str | None]) -> list[int]:
        """Return a hash for each, 0 for none.

        Raises:
            Invalid: one is no name.
        """
        try:
            return list(map(self._known.__getitem__, correlation_ids))
        except (KeyError, TypeError):
            return self._learn(correlation_ids)

    def _learn(self, correlation_ids: Sequence[str | None]) -> list[int]:
        given = [name for name in correlation_ids if name is not None]
        if not {str}.issuperset(map(type, given)):  # what is no string may not be hashable either
            check_names("correlation_id", given)
        if len(self._known) > _REMEMBERED:
            self._known = {None: 0}
        fresh = list({*given}.difference(self._known))
        check_names("correlation_id", fresh)
        self._known.update(zip(fresh, name_hashes(fresh), strict=True))
        return list(map(self._known.__getitem__, correlation_ids))
