"""Two ways to the log that look alike to the commands: through the server, or in the files themselves."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar

import msgspec
import trio
from cyclopts import Parameter

from actors.kernel import first
from actors.session.messages import Admit, Principal
from actors.session.role_rules import refusal_of
from store import (
    Append,
    Appended,
    Encoding,
    Event,
    EventLog,
    Invalid,
    LogDamaged,
    LogLocked,
    NewEvent,
    StoreError,
    SyncFailed,
    export_events,
    look,
    read_key,
)
from store.format.retention_record import NOTHING_RETIRED
from store.model.query import as_query
from store.model.times import from_rfc3339, to_rfc3339
from transport.cli.failure import CommandFailed, Exit
from transport.cli.find_server import existing, find_server
from transport.client import PATIENCE_S, HallClient, HallError, connect_by
from transport.discovery.find_hall import Given

T = TypeVar("T")
Events = list[dict[str, Any]]

PAGE = 1000
"""How many events one question to the server brings."""

OFFLINE = Principal("local", "admin")
"""Who appends with `--data`: whoever may write the files."""


class Access(Protocol):
    """A way to the log. Arguments and results are those of the MCP tools, as built-ins."""

    def append(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Append; takes the arguments of `append_events`."""
        ...

    def query(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return a page; takes the arguments of `query_events`."""
        ...

    def export(self, target: BinaryIO, encoding: Encoding, after: int) -> int:
        """Write every event after a sequence to a stream; return how many."""
        ...


class Online:
    """Through the server. Every method raises `CommandFailed` with the contract's exit code."""

    def __init__(self, given: Given) -> None:
        self._where = find_server(given)

    def append(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Append through the server."""
        result: dict[str, Any] = self.run(lambda hall: hall.append(**arguments))
        return result

    def query(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Query through the server."""
        page: dict[str, Any] = self.run(lambda hall: hall.query(**arguments))
        return page

    def export(self, target: BinaryIO, encoding: Encoding, after: int) -> int:
        """Write the events that the token may read."""
        return export_events(self._read(after), target, encoding=encoding)

    def follow(self, filters: dict[str, Any], after: int | None, show: Callable[[Events], None]) -> None:
        """Show events as they come, until interrupted."""

        async def follow(hall: HallClient) -> None:
            cursor = after if after is not None else (await hall.health()).sequence
            while True:
                page = await hall.query(**filters, after=cursor, limit=1000, wait_s=60.0)
                show(msgspec.to_builtins(page.events))
                cursor = page.next

        self.run(follow, patience_s=PATIENCE_S)

    def _read(self, after: int) -> Iterator[Event]:
        while True:
            page = self.query({"after": after, "limit": PAGE})
            for fields in page["events"]:
                fields.pop("erased", None)  # its payload says it too
                yield Event(time_ns=from_rfc3339(fields.pop("time")), **fields)
            if not page["has_more"]:
                return
            after = page["next"]

    def run(self, work: Callable[[HallClient], Awaitable[Any]], patience_s: float = 0) -> Any:
        """Do something with a connection, and return what comes of it as built-ins.

        Args:
            work: What to do.
            patience_s: How long a lost connection is waited for, in seconds.
        """

        async def connected() -> Any:
            async with connect_by(self._where, patience_s=patience_s) as hall:
                return await work(hall)

        end: BaseException
        try:
            return msgspec.to_builtins(trio.run(connected))
        except* HallError as group:
            error = first(group, HallError)
            assert isinstance(error, HallError)
            end = _failure(error)
        except* KeyboardInterrupt:
            end = KeyboardInterrupt()
        raise end  # out here: before 3.11.4, what an except* raises comes in a group (gh-103590)


class Offline:
    """In the files of a data directory that no server uses."""

    def __init__(self, data: Path, seal: Path | None) -> None:
        self._data = data
        self._seal = seal

    def append(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Append straight to the files."""
        events = [NewEvent(**event) for event in arguments["events"]]
        options = {key: value for key, value in arguments.items() if key != "events"}
        refusal = refusal_of(OFFLINE, Admit(0, "append", streams=_streams(events, options), types=_types(events)))
        if refusal is not None:
            raise CommandFailed(Exit.NO, refusal.message)
        existing(self._data)
        key = seal_key(self._seal)
        with checked(lambda: EventLog.open(self._data, seal_key=key)) as log:
            return _appended(checked(lambda: _append(log, events, options)))

    def query(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Query the files; a server may be using them."""
        existing(self._data)
        skip_gone, begins = arguments.pop("skip_gone", False), "after" in arguments
        with checked(lambda: EventLog.open(self._data, read_only=True)) as log:
            if not skip_gone:
                checked(lambda: log.check_not_gone(as_query(None, arguments), begins=begins))
            page = checked(lambda: log.query(**arguments))
            return {"events": [_event(event) for event in page.events], "next": page.next, "has_more": page.has_more}

    def export(self, target: BinaryIO, encoding: Encoding, after: int) -> int:
        """Write the events of the files; a server may be using them."""
        existing(self._data)
        record, events = checked(lambda: look(self._data, after))
        return checked(
            lambda: export_events(events, target, encoding=encoding, record=NOTHING_RETIRED if after else record)
        )


def checked(work: Callable[[], T]) -> T:
    """Do something with a log's files, and let the command fail as the contract says.

    Raises:
        CommandFailed: The log is in use or damaged, the disk failed, or the answer is no.
    """
    try:
        return work()
    except LogLocked as error:
        raise CommandFailed(Exit.IN_USE, f"{error}; without --data the command goes through the server") from None
    except LogDamaged as error:
        raise CommandFailed(Exit.DAMAGED, str(error)) from None
    except SyncFailed as error:
        raise CommandFailed(Exit.SYNC_FAILED, str(error)) from None
    except StoreError as error:
        raise CommandFailed(Exit.NO, str(error)) from None


def seal_key(seal: Path | None) -> bytes | None:
    """Return the key in a file, None without one.

    Raises:
        CommandFailed: The file holds no key.
    """
    try:
        return read_key(seal) if seal is not None else None
    except Invalid as error:
        raise CommandFailed(Exit.USAGE, str(error)) from None


@Parameter(name="*")
@dataclass(frozen=True)
class Where:
    """Which log is meant.

    Attributes:
        data: Read this data directory itself, without a server.
        url: The server's websocket URL; by default MOOTHALL_URL, else the server of MOOTHALL_DATA or this repository.
        token_file: A file that holds the token to show; by default MOOTHALL_TOKEN, else the server's agent token.
        seal: With --data, the key file of a sealed log, which appending needs.
    """

    data: Path | None = None
    url: str | None = None
    token_file: Path | None = None
    seal: Path | None = None

    def access(self) -> Access:
        """Return the way to the log."""
        if self.data is not None:
            return Offline(self.data, self.seal)
        return Online(Given(self.url, None, None, self.token_file))


HERE = Where()


def _append(log: EventLog, events: list[NewEvent], options: dict[str, Any]) -> Appended:
    (outcome,) = log.commit([Append(events=events, agent=OFFLINE.agent, **options)])
    if isinstance(outcome, StoreError):
        raise outcome
    return outcome


def _streams(events: list[NewEvent], options: dict[str, Any]) -> tuple[str, ...]:
    default = options.get("stream") or f"agent/{OFFLINE.agent}"
    return (default, *(event.stream for event in events if event.stream is not None))


def _types(events: list[NewEvent]) -> tuple[str, ...]:
    return tuple(event.type for event in events)


def _appended(appended: Appended) -> dict[str, Any]:
    return {
        "first_sequence": appended.first_sequence,
        "last_sequence": appended.last_sequence,
        "revisions": appended.revisions,
        "time": to_rfc3339(appended.time_ns),
        "deduplicated": appended.deduplicated,
    }


def _event(event: Event) -> dict[str, Any]:
    fields = msgspec.structs.asdict(event)
    fields["time"] = to_rfc3339(fields.pop("time_ns"))
    return fields | {"erased": True} if event.erased else fields


def _failure(error: HallError) -> CommandFailed:
    unreachable = error.code == "unavailable" or "status" in error.detail
    return CommandFailed(Exit.UNREACHABLE if unreachable else Exit.NO, f"{error.message} ({error.code})")
