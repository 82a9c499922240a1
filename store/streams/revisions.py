"""The revision of each stream, by its number: in chunks that are copied when they are first written to.

What was saved is mapped from its file, and what a rotation takes note of stays as it was, without a copy of all of
them: either is a chunk that cannot be written to, and whoever wants to puts a copy in its place.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from typing import TypeAlias

BITS = 10
CHUNK = 1 << BITS
"""How many streams a chunk has: 8 KiB, which takes 2 us to copy. The native part knows it, too."""
MASK = CHUNK - 1
_WIDTH = 8

Chunk: TypeAlias = "array[int] | memoryview[int]"
"""Revisions of `CHUNK` streams, u64; a memoryview cannot be written to."""


class Revisions:
    """Revisions by the numbers of streams; those that were never set are 0.

    Attributes:
        chunks: the revisions; the same list for the life of the process.
        noted: whether there ever was a chunk that cannot be written to.

    Args:
        chunks: what was saved.
    """

    def __init__(self, chunks: Iterable[Chunk] = ()) -> None:
        self.chunks: list[Chunk] = list(chunks)
        self.noted = bool(self.chunks)

    def __getitem__(self, stream: int) -> int:
        """Return the revision of a stream."""
        chunk = stream >> BITS
        return self.chunks[chunk][stream & MASK] if chunk < len(self.chunks) else 0

    def make_room(self, count: int) -> None:
        """See to it that so many streams have their places."""
        while len(self.chunks) << BITS < count:
            self.chunks.append(array("Q", bytes(_WIDTH * CHUNK)))

    def writable(self, chunk: int) -> array[int]:
        """Return a chunk that can be written to, in the place of one that cannot."""
        found = self.chunks[chunk]
        if not isinstance(found, array):
            self.chunks[chunk] = found = array("Q", found.tobytes())
        return found

    def move(self, stream: int, by: int) -> None:
        """Move a stream on, or back."""
        self.writable(stream >> BITS)[stream & MASK] += by

    def reach(self, stream: int, revision: int) -> None:
        """Move a stream on to a revision, unless it is further already."""
        if self[stream] < revision:
            self.writable(stream >> BITS)[stream & MASK] = revision

    def frozen(self, without: Iterable[int]) -> Revisions:
        """Return the revisions as they are now, but for a step back for each time that a stream is named."""
        chunks, self.noted = self.chunks, True
        for number, chunk in enumerate(chunks):
            if isinstance(chunk, array):
                chunks[number] = memoryview(chunk).toreadonly()
        now = Revisions(chunks)
        for stream in without:
            now.move(stream, -1)
        return now


def in_chunks(revisions: memoryview) -> Sequence[Chunk]:
    """Return saved revisions, of a number that whole chunks have, as chunks."""
    column = revisions.cast("Q")
    return [column[at : at + CHUNK] for at in range(0, len(column), CHUNK)]
