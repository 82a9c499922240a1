"""Says which breakers are open: as events in the log, and as the trouble that degrades health."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from actors.speed_layer.governing.adoption import since_adoption
from actors.speed_layer.governing.event_recorder import EventRecorder
from store import NewEvent

BREAKERS_STREAM: Final = "moothall/breakers"
OPENED: Final = "moothall.breaker.opened"
CLOSED: Final = "moothall.breaker.closed"

MAX_TOLD: Final = 3
"""How many troubles health names; of more it gives the number, since health is read in one line."""


class OpenBreakers:
    """The open breakers of the speed layer. Only `restore` checkpoints.

    Args:
        recorder: Stores the events.
        tell: Told what keeps the speed layer from its work; an empty text says that nothing does.
    """

    def __init__(self, recorder: EventRecorder, tell: Callable[[str], None]) -> None:
        self._recorder = recorder
        self._tell = tell
        self._troubles: dict[str, str] = {}

    async def restore(self) -> None:
        """Close in the log what a crash has left open: breakers are closed at a start; a checkpoint."""
        still_open: set[str] = set()
        for event in since_adoption(await self._recorder.read(BREAKERS_STREAM)):
            name = event.data["breaker"]
            still_open.add(name) if event.type == OPENED else still_open.discard(name)
        for name in sorted(still_open):
            self._record(CLOSED, {"breaker": name, "why": "the speed layer has started again"})
        self._publish()

    def opened(self, name: str, why: str) -> None:
        """Say that a breaker has opened."""
        self.trouble(name, why)
        self._record(OPENED, {"breaker": name, "why": why})

    def closed(self, name: str) -> None:
        """Say that a breaker has closed."""
        self.trouble(name, "")
        self._record(CLOSED, {"breaker": name, "why": "what had failed works again"})

    def trouble(self, name: str, why: str) -> None:
        """Tell health alone; an empty text says that the trouble is over."""
        if why:
            self._troubles[name] = why
        else:
            self._troubles.pop(name, None)
        self._publish()

    def _publish(self) -> None:
        told = [f"{name}: {why}" for name, why in list(self._troubles.items())[:MAX_TOLD]]
        more = len(self._troubles) - len(told)
        self._tell("; ".join(told) + (f"; and {more} more" if more else ""))

    def _record(self, kind: str, data: dict[str, Any]) -> None:
        self._recorder.add([NewEvent(type=kind, data=data, stream=BREAKERS_STREAM)])
