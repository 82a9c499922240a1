"""What the actors of one tree share: names, deadlines, dead letters, hooks and the source of jitter."""

from __future__ import annotations

import random

from actors.kernel.messages.ask_cycles import WaitForGraph
from actors.kernel.messages.dead_letters import DeadLetters
from actors.kernel.messages.deadlines import Deadlines
from actors.kernel.messages.mailbox import Mailbox
from actors.kernel.messages.registry import Registry
from actors.kernel.observing.statistics import Counters, Statistics
from actors.kernel.observing.trace import Trace
from actors.kernel.observing.tree import Parent


class System:
    """One actor system. Make one per tree; nothing here is global.

    Args:
        rng: Where the jitter of restarts comes from; pass a seeded one for a repeatable run.

    Attributes:
        mailboxes: The actors that run now.
        supervisors: The supervisors that run now, as far as they can be seen; use `Supervisor.find` to change one.
        dead_letters: What could not be delivered, by name.
        trace: Told of each message that was handled; None costs nothing.
    """

    def __init__(self, rng: random.Random | None = None) -> None:
        self.mailboxes: Registry[Mailbox] = Registry()
        self.supervisors: Registry[Parent] = Registry()
        self.counters: dict[str, Counters] = {}
        self.deadlines = Deadlines()
        self.dead_letters = DeadLetters()
        self.waiting = WaitForGraph()
        self.trace: Trace | None = None
        self.rng = rng if rng is not None else random.Random()  # noqa: S311 - jitter, not a secret

    def statistics(self) -> dict[str, Statistics]:
        """Return a snapshot of every actor that runs or has run, by name."""
        return {name: counter.snapshot(self.mailboxes.get(name)) for name, counter in self.counters.items()}
