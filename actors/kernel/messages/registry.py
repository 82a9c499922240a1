"""Which actor or supervisor has which name: here a name is taken, found and given back."""

from __future__ import annotations

from typing import TypeVar

from actors.kernel.errors import ActorNotFound, NameTaken

T = TypeVar("T")


class Registry(dict[str, T]):
    """What runs now, by name. A name is free again as soon as its holder ends."""

    def register(self, name: str, holder: T) -> None:
        """Enter a holder under a name.

        Raises:
            NameTaken: Something that runs has the name.
        """
        if name in self:
            raise NameTaken(name)
        self[name] = holder

    def unregister(self, name: str, holder: T) -> None:
        """Free a name if this holder has it."""
        if self.get(name) is holder:
            del self[name]

    def find(self, name: str) -> T:
        """Return the holder of a name.

        Raises:
            ActorNotFound: The name is free at the moment.
        """
        try:
            return self[name]
        except KeyError:
            raise ActorNotFound(name) from None
