"""The event store's door: what may be asked of it and what comes back."""

from __future__ import annotations

from typing import Any

import msgspec

from actors.kernel import Ask
from store import Append, Appended, Erased, Page, Query

NAME = "event_store"


class Refused(msgspec.Struct, frozen=True, array_like=True):
    """Why nothing was stored, in the contract's terms.

    Attributes:
        code: One of the contract's error codes.
        message: What, where and what to do next.
        detail: Fields that go with the code, such as `actual` or `sequence`.
    """

    code: str
    message: str
    detail: dict[str, Any] = {}


class Stored(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of one append: exactly one of the two is set."""

    appended: Appended | None = None
    refused: Refused | None = None


class AppendEvents(Ask[Stored], frozen=True):
    """Append a batch atomically; answered when it is as durable as the store's fsync policy promises.

    Attributes:
        append: What.
        metered: Whether its agent pays for the bytes: not so the server itself, and admins.
    """

    append: Append
    metered: bool = False


class Found(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of one query: exactly one of the two is set."""

    page: Page | None = None
    refused: Refused | None = None


class QueryEvents(Ask[Found], frozen=True):
    """Read a page of events.

    Attributes:
        query: Filters, order and limit.
        wait_s: Where the page would be empty, wait this long (in seconds) for the first match. Ascending order only.
        agent: Who asks; agents take turns where many read. The server itself unless given.
        connection: Over which of its connections; these take turns too.
        whole: Whether to refuse what asks for events that have left the log.
        begins: Whether the query's `after` says where to begin, and not only that it takes what there is.
    """

    query: Query
    wait_s: float = 0.0
    agent: str = ""
    connection: int = 0
    whole: bool = False
    begins: bool = True


class Erasing(msgspec.Struct, frozen=True, array_like=True):
    """The outcome of an erasing: exactly one of the two is set."""

    erased: Erased | None = None
    refused: Refused | None = None


class EraseStream(Ask[Erasing], frozen=True):
    """Erase what the events of a stream hold; answered when that is durable, and told in the log.

    Attributes:
        stream: Which.
        agent: Who has it erased; that this one may is not looked at here.
    """

    stream: str
    agent: str


Messages = AppendEvents | QueryEvents | EraseStream
