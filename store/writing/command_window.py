"""Which commands were carried out, so that a retry gets the first result instead of a second append.

A settled command costs two numbers: a hash of its name points to its frame, and the frame, which has the name in full,
decides. Those of before the log was opened are loaded from the segments' indexes when the first command comes.
"""

import msgspec

from store.errors import Invalid
from store.format.frame import Command
from store.format.tombstone import ERASED_HASH
from store.index.command_keys import EarlierCommands, command_key, key_of
from store.model.append import Appended


class CommandMemory:
    """The commands of late, and those that are staged.

    Two generations make forgetting cheap: when the younger one is full, the older one is dropped.

    Args:
        limit: at least so many settled commands are remembered, at most twice as many and the history.
        history: the last ones of before, that many at least if there are.
    """

    def __init__(self, limit: int, history: EarlierCommands) -> None:
        self._limit = limit
        self._history: EarlierCommands | None = history
        self._recent: dict[int, int] = {}
        self._before: dict[int, int] = {}
        self._staged: dict[tuple[str, str], tuple[Command, Appended]] = {}

    def __len__(self) -> int:
        older = self._history.count if self._history is not None else len(self._before)
        return len(self._recent) + older

    def staged(self, agent: str, command_id: str) -> tuple[Command, Appended] | None:
        """Return a staged command with its outcome-to-be."""
        return self._staged.get((agent, command_id))

    def sequence(self, agent: str, command_id: str) -> int | None:
        """Return the first sequence of a frame that may hold this command."""
        key = key_of(agent, command_id)
        return self._recent.get(key) or self._older().get(key)

    def stage(self, command: Command, appended: Appended) -> None:
        """Remember a command that is on its way."""
        self._staged[command.agent, command.command_id] = command, appended

    def take_back(self, command: Command) -> None:
        """Forget a staged command: it failed."""
        self._staged.pop((command.agent, command.command_id), None)

    def settle(self, command: Command, first_sequence: int) -> None:
        """Remember where a staged command was stored."""
        del self._staged[command.agent, command.command_id]
        if len(self._recent) >= self._limit:
            self._before, self._recent, self._history = self._recent, {}, None
        self._recent[command_key(command)] = first_sequence

    def _older(self) -> dict[int, int]:
        if self._history is not None:
            self._before, self._history = dict(self._history.load()), None
        return self._before


def repeated(command: Command, first: Command, appended: Appended) -> Appended:
    """Return the result of a command that was carried out before as what its repetition gets.

    Of one whose events were erased the name must do: what they held is not known any more, nor is it stored again.

    Raises:
        Invalid: it is not the same command: another payload under the same id.
    """
    if first.payload_hash not in {command.payload_hash, ERASED_HASH}:
        raise Invalid(
            f"command {command.command_id!r} was already used for another append, stored as event "
            f"{appended.first_sequence}: use a new command id for a new append"
        )
    return msgspec.structs.replace(appended, deduplicated=True)
