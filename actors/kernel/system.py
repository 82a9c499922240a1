"""What the actors of one tree share: the registry of names, dead letters and the source of jitter."""

from __future__ import annotations

import random
from collections import Counter
from typing import TYPE_CHECKING, TypeVar

from actors.kernel.deadlines import Deadlines
from actors.kernel.errors import ActorNotFound, NameTaken

if TYPE_CHECKING:
    from actors.kernel.mailbox import Mailbox
    from actors.kernel.statistics import ActorStatistics, Statistics
    from actors.kernel.supervisor import Supervisor

T = TypeVar("T")


class Names(dict[str, T]):
    """Names of what runs now. A name is free again as soon as its holder ends."""

    def claim(self, name: str, holder: T) -> None:
        """Enter a holder under a name.

        Raises:
            NameTaken: Something that runs has the name.
        """
        if name in self:
            raise NameTaken(name)
        self[name] = holder

    def release(self, name: str, holder: T) -> None:
        """Free a name if this holder has it."""
        if self.get(name) is holder:
            del self[name]

    def find(self, name: str) -> T:
        """Return who has the name now.

        Raises:
            ActorNotFound: Nobody has it at the moment.
        """
        try:
            return self[name]
        except KeyError:
            raise ActorNotFound(name) from None


class System:
    """One actor system: names, dead letters, counters. Make one per tree; nothing here is global.

    Args:
        rng: Where the jitter of restarts comes from; pass a seeded one for a repeatable run.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self.mailboxes: Names[Mailbox] = Names()
        self.supervisors: Names[Supervisor] = Names()
        self.counters: dict[str, ActorStatistics] = {}
        self.deadlines = Deadlines()
        self.dead_letters: Counter[str] = Counter()
        self.rng = rng if rng is not None else random.Random()  # noqa: S311 - jitter, not a secret

    def statistics(self) -> dict[str, Statistics]:
        """Return a snapshot of every actor that runs or has run under a permanent name, by name."""
        return {
            name: counter.snapshot(mailbox.depth if (mailbox := self.mailboxes.get(name)) else 0)
            for name, counter in self.counters.items()
        }
