"""The numbers of streams' names: those of late in memory, all others in a file that is mapped.

A name that is new is in memory until the file is written anew with it, in steps. A name of the file that is used is
kept in memory too, so that it is found as quickly as any; of these the oldest gives way when there are many.

One thread gives numbers, and takes over a new file (`adopt`); the steps may run in another; any may look names up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

from store.errors import DiskFull
from store.format.names_file import BLOCK, NamesFile
from store.format.names_merge import write_names
from store.model.limits import Limits, check_names
from store.streams.name_chunks import NameChunks
from store.streams.name_numbers import Numbers, looked_up

_SHARE = 8
"""The file is written anew once a new name comes to so many in it: so each name is written so many times, about."""

_BATCH = 512
"""How many names a step lets go of."""

Steps = Generator[None, None, None]


class _Names(NamedTuple):
    """All names; replaced at once, so that nobody sees one part without the others.

    Attributes:
        file: the first ones.
        in_file: how many those are.
        leaving: those that come behind them, and are being written to the next file; what comes after is in `new`, too.
        begin: how many come before `new`.
        new: the rest.
    """

    file: NamesFile | None
    in_file: int
    leaving: NameChunks
    begin: int
    new: NameChunks


class StreamNames(Numbers):
    """Gives each name a number, from 0 in the order of arrival, for the life of the log's files.

    Args:
        file: the names that there are.
        new: those that come behind them.

    Attributes:
        due: whether `merge` or `adopt` has something to do.
        in_memory: how many names are kept in memory, about.
    """

    def __init__(self, file: NamesFile | None = None, new: Sequence[str] = ()) -> None:
        self.due = False
        self.in_memory = Limits().streams_in_memory
        count = len(file) if file is not None else 0
        self._names = _Names(file, count, NameChunks(), count, NameChunks())
        self._numbers: dict[str, int] = {}
        self._recalled: deque[str] = deque()
        self._written: NamesFile | None = None
        self._merging = False
        self._refused = 0
        self.add(new)

    def __len__(self) -> int:
        return self._names.begin + len(self._names.new)

    def __iter__(self) -> Iterator[str]:
        """Yield all names, by number."""
        return chain(self._names.file or (), self.new)

    @property
    def file(self) -> NamesFile | None:
        """The file that names are looked up in."""
        return self._names.file

    @property
    def new(self) -> Sequence[str]:
        """The names that are not in the file."""
        _, in_file, leaving, begin, new = self._names
        return [*leaving.between(0, begin - in_file), *new]

    @property
    def numbers(self) -> dict[str, int]:
        """The number of each name in memory; not to be changed, and the same dict for the life of the process."""
        return self._numbers

    @property
    def behind(self) -> int:
        """How many times as many new names there are as should be: 0 while the file keeps up."""
        return (len(self) - self._names.in_file) // (self._most + 1)

    def known(self, name: str) -> int | None:
        """Return the name's number, None if it has none.

        Raises:
            LogDamaged: the file is not what was written.
        """
        number = self._numbers.get(name)
        return self._recall(name) if number is None and self._names.file is not None else number

    def id_of(self, name: str) -> int:
        """Return the name's number, giving it one if it has none; raises as `known`."""
        number = self.known(name)
        if number is None:
            number = len(self)
            self.add((name,))
        return number

    def ids_of(self, names: Sequence[str]) -> list[int]:
        """Return the numbers of names, giving new ones theirs.

        Raises:
            Invalid: a new one is not a name.
            LogDamaged: the file is not what was written.
        """
        return looked_up(self._numbers, names, self._learn)

    def name_of(self, number: int) -> str:
        """Return the name that has a number; raises as `known`."""
        return self.names_of((number,))[0]

    def names_of(self, numbers: Iterable[int]) -> list[str]:
        """Return the names of numbers that ascend; raises as `known`."""
        file, in_file, leaving, begin, new = self._names
        at, block, names = -1, list[str](), list[str]()
        for number in numbers:
            if file is None or number >= in_file:
                names.append(leaving[number - in_file] if number < begin else new[number - begin])
                continue
            if number // BLOCK != at:
                at = number // BLOCK
                block = file.names_in(at)
            names.append(block[number % BLOCK])
        return names

    def add(self, names: Iterable[str]) -> None:
        """Give numbers to names that have none yet, in order.

        Whoever interrupts this leaves numbers that no one uses, and never a number for two names.
        """
        given, first = list(names), len(self)
        self._names.new.extend(given)
        self._numbers.update(zip(given, range(first, first + len(given)), strict=True))
        self._look_whether_due()

    def forget(self, count: int) -> None:
        """Forget all names but the first so many, which the file may not have: no one has used their numbers."""
        new = self._names.new
        begin = max(0, count - self._names.begin)
        for name in new.between(begin, len(new)):
            self._numbers.pop(name, None)
        if begin < len(new):
            new.shorten(begin)

    def merge(self, path: Path, stored: int, *, sync: bool) -> Steps:
        """Return the steps that write the file anew, with the new names in it; then `adopt` is due.

        On a full disk nothing comes of it, until there are twice as many.

        Args:
            path: the file's.
            stored: how many names no append can take back any more.
            sync: whether to make it durable.
        """
        names = self._names
        count = (stored - names.in_file) // BLOCK * BLOCK
        if names.begin == names.in_file and count > 0:
            rest = NameChunks()
            rest.extend(names.new.between(count, len(names.new)))
            names = self._names = _Names(names.file, names.in_file, names.new, names.in_file + count, rest)
        self._merging = names.begin > names.in_file
        self._look_whether_due()
        return self._merged(path, names, sync=sync) if self._merging else _nothing()

    def adopt(self) -> Steps:
        """Look names up in the file that was written; return the steps that take those it has now from memory."""
        file, names = self._written, self._names
        if file is None:
            return _nothing()
        self._names = _Names(file, len(file), NameChunks(), names.begin, names.new)
        self._written, self._merging, self._refused = None, False, 0
        self._look_whether_due()
        return self._let_go(names.leaving, names.begin - names.in_file)

    def _merged(self, path: Path, names: _Names, *, sync: bool) -> Steps:
        count = names.begin - names.in_file
        with suppress(DiskFull):
            self._written = yield from write_names(path, names.file, names.leaving, count, sync=sync)
        if self._written is None:
            self._refused, self._merging = count, False
        self._look_whether_due()

    def _let_go(self, names: NameChunks, count: int) -> Steps:
        """Take the first so many names from memory, and let go of all of them."""
        while count:
            before = max(0, count - _BATCH)
            for name in names.between(before, count):
                self._numbers.pop(name, None)
            names.shorten(before)
            count = before
            yield

    def _look_whether_due(self) -> None:
        new = len(self) - self._names.in_file
        self.due = self._written is not None or (not self._merging and new >= max(self._most, 2 * self._refused))

    @property
    def _most(self) -> int:
        return max(1, self.in_memory, self._names.in_file // _SHARE)

    def _learn(self, missing: Sequence[Any]) -> Mapping[str, int]:
        if self._names.file is None:
            check_names("stream", missing)
            self.add(missing)
            return self._numbers
        found = {name: self._recall(name) for name in missing if isinstance(name, str)}
        fresh = [name for name in missing if not isinstance(name, str) or found[name] is None]
        check_names("stream", fresh)
        first = len(self)
        self.add(fresh)
        known = {name: number for name, number in found.items() if number is not None}
        return known | dict(zip(fresh, range(first, first + len(fresh)), strict=True))

    def _recall(self, name: Any) -> int | None:
        """Look a name up in the file, and keep it in memory if it is there."""
        file = self._names.file
        number = file.find(name) if file is not None and isinstance(name, str) else None
        if number is not None:
            self._numbers[name] = number
            self._recalled.append(name)
            if len(self._recalled) > self.in_memory:
                self._numbers.pop(self._recalled.popleft(), None)
        return number


def _nothing() -> Steps:
    yield from ()
