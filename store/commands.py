"""Which commands were carried out, so that a retry gets the first result instead of a second append.

A settled command costs a number each: a hash of its name points to its frame, and the frame, which has the name in
full, decides.
"""

import msgspec

from store.append import Appended
from store.errors import Invalid
from store.frame import Command


class CommandMemory:
    """The commands of late, and those that are staged.

    Two generations make forgetting cheap: when the younger one is full, the older one is dropped.

    Args:
        limit: at least so many settled commands are remembered, at most twice as many.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._recent: dict[int, int] = {}
        self._older: dict[int, int] = {}
        self._staged: dict[tuple[str, str], tuple[Command, Appended]] = {}

    def __len__(self) -> int:
        return len(self._recent) + len(self._older)

    def staged(self, agent: str, command_id: str) -> tuple[Command, Appended] | None:
        """Return a staged command with its outcome-to-be."""
        return self._staged.get((agent, command_id))

    def sequence(self, agent: str, command_id: str) -> int | None:
        """Return the first sequence of a frame that may hold this command."""
        key = hash((agent, command_id))
        return self._recent.get(key) or self._older.get(key)

    def stage(self, command: Command, appended: Appended) -> None:
        """Remember a command that is on its way."""
        self._staged[command.agent, command.command_id] = command, appended

    def take_back(self, command: Command) -> None:
        """Forget a staged command: it failed."""
        del self._staged[command.agent, command.command_id]

    def settle(self, command: Command, first_sequence: int) -> None:
        """Remember where a command was stored, staged before or found at opening."""
        key = hash((command.agent, command.command_id))
        self._staged.pop((command.agent, command.command_id), None)
        if len(self._recent) >= self._limit:
            self._older, self._recent = self._recent, {}
        self._recent[key] = first_sequence


def repeated(command: Command, first: Command, appended: Appended) -> Appended:
    """Return the result of a command that was carried out before as what its repetition gets.

    Raises:
        Invalid: it is not the same command: another payload under the same id.
    """
    if first.payload_hash != command.payload_hash:
        raise Invalid(
            f"command {command.command_id!r} was already used for another append, stored as event "
            f"{appended.first_sequence}: use a new command id for a new append"
        )
    return msgspec.structs.replace(appended, deduplicated=True)
