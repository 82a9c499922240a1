"""Names as small integers, so that an index keeps four bytes where an event has a string."""

import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from store.model.limits import check_names

_REMEMBERED = 1 << 14
"""How many hashes of correlation ids are kept, about 2 MB: one call of an agent names the same id a few times."""


class Numbers(ABC):
    """The numbers of names, from 0, and the names of numbers."""

    @abstractmethod
    def known(self, name: str) -> int | None:
        """Return the name's number, None if it has none."""

    @abstractmethod
    def name_of(self, number: int) -> str:
        """Return the name that has a number."""


class Interner(Numbers):
    """Gives each name a number, from 0 in the order of arrival, for the life of the process.

    Args:
        what: what the names name, for errors.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._ids: dict[str, int] = {}
        self._names: list[str] = []

    def __len__(self) -> int:
        return len(self._names)

    def id_of(self, name: str) -> int:
        """Return the name's number, giving it one if it has none."""
        number = self._ids.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        return number

    def ids_of(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of names, giving new ones theirs.

        Raises:
            Invalid: a new one is not a name.
        """
        return looked_up(self._ids, names, self._learn)

    def name_of(self, number: int) -> str:
        """Return the name that has a number."""
        return self._names[number]

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each name; not to be changed, and the same dict for the life of the process."""
        return self._ids

    @property
    def names(self) -> Sequence[str]:
        """All names, by number; not to be changed."""
        return self._names

    def add(self, names: Iterable[str]) -> None:
        """Give numbers to names that have none yet, in order.

        Whoever interrupts this leaves numbers that no one uses, and never a number for two names.
        """
        first = len(self._names)
        self._names.extend(names)
        self._ids.update(zip(self._names[first:], range(first, len(self._names)), strict=True))

    def forget(self, count: int) -> None:
        """Forget all names but the first so many: no one has used their numbers."""
        for name in self._names[count:]:
            self._ids.pop(name, None)
        del self._names[count:]

    def known(self, name: str) -> int | None:
        """Return the name's number, None if it has none."""
        return self._ids.get(name)

    def _learn(self, names: Sequence[str]) -> Mapping[str, int]:
        check_names(self._what, names)
        self.add(names)
        return self._ids


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
            Invalid: one is not a name.
        """
        return looked_up(self._known, correlation_ids, self._learn)

    def known(self, correlation_id: str | None) -> int | None:
        """Return the hash of an id of late, 0 of None; None if it is not remembered."""
        return self._known.get(correlation_id)

    def _learn(self, fresh: Sequence[str | None]) -> Mapping[str | None, int]:
        names = [name for name in fresh if name is not None]
        check_names("correlation_id", names)
        if len(self._known) > _REMEMBERED:
            self._known.clear()
            self._known[None] = 0
        self._known.update(zip(names, name_hashes(names), strict=True))
        return self._known


def looked_up(
    known: Mapping[Any, int], names: Sequence[Any], learn: Callable[[Sequence[Any]], Mapping[Any, int]]
) -> list[int]:
    """Return the number of each name; `learn` gives those of names that have none, and refuses bad ones."""
    found: list[Any]
    try:
        found = list(map(known.get, names))
    except TypeError:  # a value that is not a string may not be hashable
        learn(names)
        raise
    try:
        sum(found)  # takes a sixth of the time of `None in found`
    except TypeError:
        missing = [at for at, number in enumerate(found) if number is None]
        learned = learn(list(dict.fromkeys([names[at] for at in missing])))
        for at in missing:
            found[at] = learned[names[at]]
    return found
