"""Export: every event of a log as a stream of bytes, one at a time."""

from collections.abc import Iterable
from typing import BinaryIO

from store.event import Event
from store.interchange import Encoding, encoder


def export_events(events: Iterable[Event], target: BinaryIO, *, encoding: Encoding = "jsonl") -> int:
    """Write events to a stream and return how many; of a whole log with `log.read()`.

    Sequences, revisions, times and agents are kept; command ids are not part of an event, and stay behind.

    Args:
        events: the events, in order.
        target: open for writing.
        encoding: `jsonl` or `msgpack`.

    Raises:
        LogDamaged: an event's bytes changed since the log was opened.
    """
    encode = encoder(encoding)
    number = 0
    for number, event in enumerate(events, 1):  # noqa: B007 - the last number is the count
        target.write(encode(event))
    return number
