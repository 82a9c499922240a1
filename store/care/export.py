"""Export: every event of a log as a stream of bytes, one at a time."""

from collections.abc import Iterable
from itertools import islice
from typing import BinaryIO

from store.format.interchange import Beginning, Encoding, encoder
from store.format.retention_record import NOTHING, Gone
from store.model.event import Event

STREAMS = 1000
"""How many streams a part of the beginning names."""


def export_events(
    events: Iterable[Event], target: BinaryIO, *, encoding: Encoding = "jsonl", gone: Gone = NOTHING
) -> int:
    """Write events to a stream and return how many; of a whole log with `log.read()` and `log.gone`.

    Sequences, revisions, times and agents are kept; command ids are not part of an event, and stay behind.

    Args:
        events: the events, in order.
        target: open for writing.
        encoding: `jsonl` or `msgpack`.
        gone: what the log has given up before these events; an import needs it to begin where they do.

    Raises:
        LogDamaged: an event's bytes changed since the log was opened.
    """
    encode = encoder(encoding)
    revisions = iter(gone.revisions.items())
    while part := dict(islice(revisions, STREAMS)):
        target.write(encode(Beginning(gone=gone.last, revisions=part)))
    number = 0
    for number, event in enumerate(events, 1):  # noqa: B007 - the last number is the count
        target.write(encode(event))
    return number
