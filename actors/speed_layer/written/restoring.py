"""Takes up from the log, at a start, what agents had written before it."""

from __future__ import annotations

from typing import Final

from actors.event_store.messages import QueryEvents
from actors.kernel import ActorError, Ref
from actors.speed_layer.written.log_notes import FILES_TAG, from_log
from actors.speed_layer.written.session_files import Earlier
from actors.speed_layer.written.written_files import WrittenFiles
from store import Event, Query

STREAM: Final = "moothall/audit"
PAGE: Final = 1000
MAX_EVENTS: Final = 10_000
"""How many requests that wrote something are taken up, the last ones: days of work, and some 0.2 s of a start."""


async def restore(written: WrittenFiles, store: Ref) -> None:
    """Take up what the log says that agents have written, once a process; a checkpoint.

    Raises:
        ActorError: The log cannot be read.
    """
    if written.restored:
        return
    events = list[Event]()
    before: int | None = None
    while len(events) < MAX_EVENTS:
        query = Query(stream=STREAM, tags=(FILES_TAG,), before=before, order="desc", limit=PAGE)
        found = await store.ask(QueryEvents(query))
        if found.page is None:
            raise ActorError(f"stream {STREAM!r} cannot be read: {found.refused}")
        events += found.page.events
        before = found.page.next
        if not found.page.has_more:
            break
    for event in reversed(events):
        data = event.data
        by = Earlier(str(data.get("tool", "a tool")), str(data.get("request", "")))
        written.restore(str(data.get("agent", "")), data.get("session_id"), from_log(data), by, data.get("workspace"))
    written.restored = True
