"""What the actors of one tree share: names, deadlines, dead letters, hooks and the source of jitter."""

from __future__ import annotations

import random
from typing import TypeVar

from actors.kernel.errors import ActorNotFound, NameTaken
from actors.kernel.messages.ask_cycles import Waiting
from actors.kernel.messages.dead_letters import DeadLetters
from actors.kernel.messages.deadlines import Deadlines
from actors.kernel.messages.mailbox import Mailbox
from actors.kernel.observing.statistics import ActorStatistics, Statistics
from actors.kernel.observing.trace import Trace
from actors.kernel.observing.tree import Parent

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
    """One actor system. Make one per tree; nothing here is global.

    Args:
        rng: Where the jitter of restarts comes from; pass a seeded one for a repeatable run.

    Attributes:
        mailboxes: The actors that run now.
        supervisors: The supervisors that run now, as far as they can be seen; `Supervisor.find` finds one to work with.
        dead_letters: What could not be delivered, by name.
        trace: Told of each message that was handled; None costs nothing.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self.mailboxes: Names[Mailbox] = Names()
        self.supervisors: Names[Parent] = Names()
        self.counters: dict[str, ActorStatistics] = {}
        self.deadlines = Deadlines()
        self.dead_letters = DeadLetters()
        self.waiting = Waiting()
        self.trace: Trace | None = None
        self.rng = rng if rng is not None else random.Random()  # noqa: S311 - jitter, not a secret

    def statistics(self) -> dict[str, Statistics]:
        """Return a snapshot of every actor that runs or has run, by name."""
        return {name: counter.snapshot(self.mailboxes.get(name)) for name, counter in self.counters.items()}
