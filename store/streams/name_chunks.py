"""A list of very many names that grows at its end, in tuples: Python's garbage collector does not look through these.

Each time that it looks at what is old, it looks at each entry of a list: 20 ms for 250,000 names. A tuple of nothing
but strings it lets go of for good.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain, islice

BITS = 10
_CHUNK = 1 << BITS
_MASK = _CHUNK - 1


class NameChunks:
    """Names by number, from 0; may be read in any thread while one lets it grow."""

    def __init__(self) -> None:
        self._chunks: list[list[str] | tuple[str, ...]] = [[]]

    def __len__(self) -> int:
        """Return how many there are."""
        chunks = self._chunks
        return ((len(chunks) - 1) << BITS) + len(chunks[-1])

    def __getitem__(self, number: int) -> str:
        """Return a name."""
        return self._chunks[number >> BITS][number & _MASK]

    def __iter__(self) -> Iterator[str]:
        """Yield all of them."""
        return chain.from_iterable(self._chunks)

    def between(self, start: int, end: int) -> list[str]:
        """Return the names from one number up to another."""
        return [self[number] for number in range(start, end)]

    def extend(self, names: Iterable[str]) -> None:
        """Add names at the end."""
        left = iter(names)
        while True:
            last = self._chunks[-1]
            if len(last) == _CHUNK:
                self._chunks[-1] = tuple(last)
                self._chunks.append(last := [])
            assert isinstance(last, list)
            more = list(islice(left, _CHUNK - len(last)))
            if not more:
                return
            last.extend(more)

    def shorten(self, count: int) -> None:
        """Keep the first so many."""
        del self._chunks[(count >> BITS) + 1 :]
        self._chunks[-1] = list(self._chunks[-1][: count & _MASK])
