"""The few ways from a log to the outside, passed in so that tests can bring their own."""

import os
import time
from collections.abc import Callable

import msgspec

Sync = Callable[[int], None]
"""Makes a file descriptor's data durable or raises OSError: `os.fdatasync`, or a test's own."""


class LogPorts(msgspec.Struct, frozen=True, kw_only=True):
    """The ports.

    Attributes:
        clock_ns: the wall clock, nanoseconds since 1970 UTC.
        random_bytes: returns so many random bytes.
        sync: makes the data of a file descriptor durable.
    """

    clock_ns: Callable[[], int] = time.time_ns
    random_bytes: Callable[[int], bytes] = os.urandom
    sync: Sync = os.fdatasync
