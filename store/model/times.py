"""Times as text: RFC 3339 with nanoseconds, as `2026-01-02T03:04:05.000000006Z`."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from store.errors import Invalid

PATTERN: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
"""What a schema says of a time."""

_PARTS = re.compile(r"(.{10}).(.{8})(?:\.(\d+))?(.+)")
_BILLION: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def to_rfc3339(time_ns: int) -> str:
    """Write nanoseconds since 1970 UTC as RFC 3339 with all nine digits."""
    seconds, ns = divmod(time_ns, _BILLION)
    return f"{_to_the_second(seconds)}.{ns:09d}Z"


@lru_cache(maxsize=1024)  # the events of one append share their time
def from_rfc3339(text: str) -> int:
    """Read RFC 3339 as nanoseconds since 1970 UTC.

    Raises:
        ValueError: It is not such a time.
    """
    if re.match(PATTERN, text) is None or (parts := _PARTS.fullmatch(text)) is None:
        raise ValueError(f"{text!r} is no RFC 3339 time; write 2026-01-02T03:04:05Z")
    day, clock, fraction, zone = parts.groups()
    try:
        seconds = _seconds_of(f"{day}T{clock}{'+00:00' if zone in 'Zz' else zone}")
    except ValueError as error:
        raise ValueError(f"{text!r} is no RFC 3339 time: {error}") from None
    return seconds * _BILLION + int((fraction or "").ljust(9, "0"))


def as_time_ns(given: object, what: str) -> int | None:
    """Return a time in nanoseconds since 1970 UTC, given as that, as RFC 3339, or as a datetime with its time zone.

    Raises:
        Invalid: it is none of these.
    """
    if given is None or type(given) is int:
        return given
    if isinstance(given, datetime):
        if given.tzinfo is None:
            raise Invalid(f"{what} is a datetime without a time zone: add one, such as tzinfo=UTC")
        since = given - _EPOCH
        return ((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds) * 1000
    if isinstance(given, str):
        try:
            return from_rfc3339(given)
        except ValueError as error:
            raise Invalid(f"{what}: {error}") from None
    raise Invalid(f"{what} is {type(given).__name__}: give a datetime, RFC 3339, or nanoseconds since 1970 UTC")


@lru_cache(maxsize=1024)
def _seconds_of(text: str) -> int:
    since_epoch = datetime.fromisoformat(text) - _EPOCH
    return since_epoch.days * 86_400 + since_epoch.seconds


@lru_cache(maxsize=1024)
def _to_the_second(seconds: int) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}"
