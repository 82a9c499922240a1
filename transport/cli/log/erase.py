"""`moothall events erase`: erases what the events of a stream hold, as for personal data."""

from __future__ import annotations

from typing import Any

import msgspec

from store import EventLog
from transport.cli.agreement import agreed
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import existing
from transport.cli.log_source import HERE, OFFLINE, Online, Where, checked, seal_key
from transport.cli.which_hall import WhichHall
from transport.visible import visible, visible_json


def erase(*, stream: str, yes: bool = False, where: Where = HERE, json: bool = False) -> None:
    """Erase what the events of a stream hold, for good: payloads, metadata, tags, ids of correlation and causation.

    The events keep their places, and the log tells who erased which stream. Backups lose it when they are next brought
    up to date; archives, exports and what a repair or a restore put aside keep it.

    Args:
        stream: The stream; none of the hall's own.
        yes: Do it without asking.
        where: Which log is meant; through the server it takes an admin's token.
        json: Print what was done as one JSON object.
    """
    if not yes and not agreed(f"erase for good what the events of stream {visible(stream)} hold?"):
        raise CommandFailed(Exit.NO, f"nothing was erased; with --yes the events of stream {stream!r} are")
    done = _in_files(stream, where) if where.data is not None else _by_the_server(stream, where)
    if json:
        print(visible_json(done))
        return
    print(f"{visible(stream)}: erased {done['events']} events, up to event {done['last_sequence']} of the log")
    if done["gone"]:
        print(f"{done['gone']} events of it had left the log before: look for them in the archive")


def _in_files(stream: str, where: Where) -> dict[str, Any]:
    assert where.data is not None
    data, key = existing(where.data), seal_key(where.seal)
    with checked(lambda: EventLog.open(data, seal_key=key)) as log:
        done: dict[str, Any] = msgspec.to_builtins(checked(lambda: log.erase(stream, agent=OFFLINE.agent)))
    return done


def _by_the_server(stream: str, where: Where) -> dict[str, Any]:
    online = Online(WhichHall(where.url, None, where.token_file).given(person=True))
    done: dict[str, Any] = online.run(lambda hall: hall.erase_stream(stream))
    return done
