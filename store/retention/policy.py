"""Which segments may leave a log, and what is said of those that left."""

from pathlib import Path

import msgspec

from store.errors import Invalid

DAY_NS = 24 * 3600 * 1_000_000_000

ARCHIVE = "archive"
"""Where copies of what leaves a log go in its directory, unless another place is named."""

DROP = "drop"
"""Named as the archive: no copy is kept."""


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """How much of a log is kept; a segment leaves when either says so.

    Attributes:
        max_age_ns: segments whose events are all older than this leave, nanoseconds; None keeps any age.
        max_bytes: the oldest segments leave while all take more than this; None keeps any size.
    """

    max_age_ns: int | None = None
    max_bytes: int | None = None


def keep(*, days: float | None, size: int | None) -> Retention:
    """Return the policy that keeps so many days, and so many bytes; None keeps any."""
    return Retention(max_age_ns=None if days is None else round(days * DAY_NS), max_bytes=size)


def archive_of(named: str | None, directory: Path) -> Path | None:
    """Return where what leaves a log is copied to before, None for nowhere: only for whoever has said so.

    Args:
        named: the archive's directory; None for the one in the log's own, `drop` for none.
        directory: the log's.
    """
    if named == DROP:
        return None
    return directory / ARCHIVE if named is None else Path(named)


class Retired(msgspec.Struct, frozen=True, kw_only=True):
    """What left a log; as built-ins it is what `moothall events retire --json` prints.

    Attributes:
        segments: how many segments left.
        events: how many events were in them.
        bytes: how many bytes they took.
        first_sequence: the sequence that the log begins with now.
    """

    segments: int
    events: int
    bytes: int
    first_sequence: int


def check_retention(retention: Retention) -> None:
    """Refuse a policy that says nothing or makes no sense.

    Raises:
        Invalid: it does.
    """
    given = [value for value in (retention.max_age_ns, retention.max_bytes) if value is not None]
    if not given or min(given) < 0:
        raise Invalid("retention needs a greatest age or a greatest size, of 0 or more")
