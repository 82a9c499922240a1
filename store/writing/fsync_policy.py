"""The fsync policies: when a commit is made durable."""

from typing import Literal

import msgspec

from store.errors import Invalid

_NS_PER_MS = 1_000_000


class FsyncPolicy(msgspec.Struct, frozen=True):
    """When a commit is made durable.

    Attributes:
        kind: `always` one fsync per append, `group` one per commit, both before it is acknowledged;
            `interval` at most `interval_ns` after it; `never` only on a clean close.
        interval_ns: the bound of `interval`, nanoseconds.
    """

    kind: Literal["always", "group", "interval", "never"]
    interval_ns: int = 0

    @property
    def before_acknowledging(self) -> bool:
        """Whether a commit is durable before it is acknowledged."""
        return self.kind in ("always", "group")

    def __str__(self) -> str:
        """The policy as a user writes it."""
        return f"interval:{self.interval_ns // _NS_PER_MS}" if self.kind == "interval" else self.kind


def parse_policy(text: str) -> FsyncPolicy:
    """Read a policy: `always`, `group`, `interval:MS` (milliseconds, 1 or more) or `never`.

    Raises:
        Invalid: it is none of these.
    """
    word, _, number = text.partition(":")
    if word == "interval" and number.isdecimal() and int(number) > 0:
        return FsyncPolicy("interval", int(number) * _NS_PER_MS)
    if not number:
        for kind in ("always", "group", "never"):
            if text == kind:
                return FsyncPolicy(kind)
    raise Invalid(f"fsync policy {text!r} is unknown: use always, group, interval:MS or never")
