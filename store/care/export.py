"""Export: every event of a log as a stream of bytes, one at a time."""

from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO

from store.format.interchange import Beginning, Encoding, encoder
from store.format.retention_record import NOTHING_RETIRED, RetentionRecord
from store.model.event import Event

STREAMS = 1000
"""How many streams a part of the beginning names."""


def export_events(
    events: Iterable[Event],
    target: BinaryIO,
    *,
    encoding: Encoding = "jsonl",
    record: RetentionRecord = NOTHING_RETIRED,
) -> int:
    """Write events to a stream and return how many; of a whole log with `log.read()` and `log.retention_record`.

    Sequences, revisions, times and agents are kept; command ids are not part of an event, and stay behind.

    Args:
        events: the events, in order.
        target: open for writing.
        encoding: `jsonl` or `msgpack`.
        record: what was retired before these events; an import needs it to begin where they do.

    Raises:
        LogDamaged: an event's bytes changed since the log was opened.
    """
    encode = encoder(encoding)
    revisions = iter(record.revisions.items())
    while part := dict(islice(revisions, STREAMS)):
        target.write(encode(Beginning(gone=record.last, revisions=part)))
    number = 0
    for number, event in enumerate(events, 1):  # noqa: B007 - the last number is the count
        target.write(encode(event))
    return number
