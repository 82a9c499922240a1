"""Checking a log without touching it, also one that a server is writing to."""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import msgspec

from store import frame as frames
from store.errors import LogDamaged
from store.event import Head
from store.opening import describe, find
from store.recovery import Kept


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """What `verify` found; as built-ins it is what `moothall events verify --json` prints.

    Attributes:
        ok: whether nothing that had been durable is missing.
        events: how many events are readable.
        segments: how many segment files count.
        first_sequence: the first sequence, 0 if there are no events.
        last_sequence: the last sequence, 0 if there are no events.
        problems: what is wrong, a sentence each.
    """

    ok: bool
    events: int
    segments: int
    first_sequence: int
    last_sequence: int
    problems: list[str]


def verify(path: str | PathLike[str]) -> Report:
    """Check every frame, sequence and revision of the log in a directory; reads only, takes no lock.

    The end of a log that is being written to, or whose last writer was killed, is no damage: what is not whole there
    had not been acknowledged.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    directory = Path(path)
    try:
        found = find(directory)
    except LogDamaged as error:
        return Report(ok=False, events=0, segments=0, first_sequence=0, last_sequence=0, problems=[str(error)])
    recovery, gone = found.recovery, found.gone
    problems = [describe(directory, recovery.damage)] if recovery.damage else []
    revisions = dict(gone.revisions)
    for keep in recovery.kept:
        problems += _check_segment(directory, keep, revisions)
    return Report(
        ok=not problems,
        events=recovery.last - gone.last,
        segments=len(recovery.kept),
        first_sequence=gone.last + 1 if recovery.last > gone.last else 0,
        last_sequence=recovery.last,
        problems=problems,
    )


def _check_segment(directory: Path, keep: Kept, revisions: dict[str, int]) -> Iterator[str]:
    """Check what frames hold: that each record has the sequence and the revision that are next."""
    path = directory / keep.scan.name
    data = memoryview(path.read_bytes())
    for offset in keep.scan.offsets[: keep.frame_count]:
        frame = frames.read_header(data, offset)
        if frame is None:
            yield f"{path}: the frame at byte {offset} disappeared while it was being checked"
            return
        try:
            heads = frames.heads_of(data[offset + frames.HEADER_BYTES : frame.end], frame.count)
        except frames.UNREADABLE as error:
            yield f"{path}: the frame at byte {offset} holds a record that does not decode: {error}"
            continue
        yield from (f"{path}: the frame at byte {offset}: {what}" for what in _check_heads(frame, heads, revisions))


def _check_heads(frame: frames.Frame, heads: list[Head], revisions: dict[str, int]) -> Iterator[str]:
    for sequence, head in enumerate(heads, frame.first_sequence):
        if head.sequence != sequence:
            yield f"event {sequence} says that it is {head.sequence}"
        before = revisions.get(head.stream, 0)
        if head.revision != before + 1:
            yield f"event {sequence} is revision {head.revision} of {head.stream!r} after {before}"
        revisions[head.stream] = head.revision
