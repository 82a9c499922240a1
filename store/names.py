"""Names as small integers, so that an index keeps four bytes where an event has a string."""

from collections.abc import Iterable, Sequence


class Interner:
    """Gives each name a number, from 0 in the order of arrival, for the life of the process."""

    def __init__(self) -> None:
        self._ids: dict[str, int] = {}

    def __len__(self) -> int:
        return len(self._ids)

    def id_of(self, name: str) -> int:
        """Return the name's number, giving it one if it has none."""
        return self._ids.setdefault(name, len(self._ids))

    def known(self, name: str) -> int | None:
        """Return the name's number, None if it has none."""
        return self._ids.get(name)

    def ids_of(self, names: Iterable[str]) -> list[int]:
        """Return the numbers of names that all have one.

        Raises:
            KeyError: one has none.
        """
        return list(map(self._ids.__getitem__, names))

    def unknown(self, names: Iterable[str]) -> set[str]:
        """Return those of the names that have no number."""
        return set(names).difference(self._ids)


def correlation_id_hash(correlation_id: str | None) -> int:
    """Return what the index keeps of a correlation id: 0 for none, else 32 bits, good for this process only."""
    return 0 if correlation_id is None else (hash(correlation_id) & 0xFFFF_FFFF) or 1


def correlation_id_hashes(correlation_ids: Sequence[str | None]) -> list[int]:
    """Return the same for many."""
    if correlation_ids.count(None) == len(correlation_ids):
        return [0] * len(correlation_ids)
    return list(map(correlation_id_hash, correlation_ids))
