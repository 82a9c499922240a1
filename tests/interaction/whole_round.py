"""What every Python client does in its round, whichever library it is of; `conftest.py` judges what it saw."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio

Call = Callable[[str, dict[str, Any]], Awaitable[Any]]
"""Calls a tool by its name with arguments, and returns the structured content of the result."""

PATIENCE_S = 30


async def whole_round(call: Call, stream: str) -> dict[str, Any]:
    """Append, query, wait, ask for verdicts and be refused, in a stream of one's own; return what was seen.

    The client must answer the hall's elicitations with the decision `allow`.
    """
    events = [{"type": "note", "data": {"n": 1}}, {"type": "note", "data": {"n": 2, "ü": "é"}}]
    append = {"events": events, "stream": stream, "expected_revision": "no_stream"}
    once = {"events": [{"type": "note", "data": {"n": 3}}], "stream": stream, "command_id": f"once in {stream}"}
    status, push = {"command": "git status"}, {"command": "git push --force"}
    seen: dict[str, Any] = {
        "stream": stream,
        "appended": await call("append_events", append),
        "page": await call("query_events", {"stream": stream}),
        "verdict": await call("validate", {"tool": "Bash", "input": status}),
        "batch": await call(
            "validate_batch", {"requests": [{"tool": "Bash", "input": each} for each in (status, push)]}
        ),
        "refused": await call("append_events", append),
        "answered": await call(
            "validate", {"tool": "Bash", "input": {"command": f"frob {stream}"}, "wait_s": PATIENCE_S}
        ),
    }

    async def follow() -> None:
        after = seen["appended"]["last_sequence"]
        seen["followed"] = await call("query_events", {"stream": stream, "after": after, "wait_s": PATIENCE_S})

    async with anyio.create_task_group() as group:
        group.start_soon(follow)
        seen["once"] = await call("append_events", once)
    seen["again"] = await call("append_events", once)
    with anyio.move_on_after(0.2):
        await call("query_events", {"stream": "never", "wait_s": PATIENCE_S})
    seen["whoami"] = await call("whoami", {})
    return seen
