"""Checking a log without touching it, also one that a server is writing to."""

from collections import Counter
from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import msgspec

from store.errors import LogDamaged
from store.format import frame as frames
from store.format.erasure_record import read_erasure_record, segment_bytes
from store.format.retention_parts import revisions_at
from store.format.retention_record import read_record
from store.model.event import IndexedFields
from store.recovery.index_check import contradictions
from store.recovery.survey import Found, describe, survey
from store.recovery.what_counts import Kept
from store.tamper.check_seals import SealCheck


class Report(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What `verify` found; as built-ins it is what `moothall events verify --json` prints.

    Attributes:
        ok: whether nothing that had been durable is missing.
        events: how many events are readable.
        segments: how many segment files count.
        first_sequence: the first sequence, 0 if there are no events.
        last_sequence: the last sequence, 0 if there are no events.
        problems: what is wrong, a sentence each.
        seal: the seal that the log ends with, if seals were checked and there are any; to be kept elsewhere.
        erased: how many of the events were erased: of these the log has the places, and not the content.
    """

    ok: bool
    events: int
    segments: int
    first_sequence: int
    last_sequence: int
    problems: list[str]
    seal: str | None = None
    erased: int = 0


def verify(path: str | PathLike[str], *, seal_key: bytes | None = None) -> Report:
    """Check every frame, sequence and revision of the log in a directory, and the indexes; reads only, takes no lock.

    The end of a log that is being written to, or whose last writer was killed, is no damage: what is not whole there
    had not been acknowledged.

    Args:
        path: the data directory.
        seal_key: check the seals with this secret, too: all appends since the first sealed one must have been sealed
            with it.

    Raises:
        FileNotFoundError: there is no such directory.
    """
    try:
        return _of_one_moment(Path(path), seal_key)
    except LogDamaged as error:
        return Report(ok=False, events=0, segments=0, first_sequence=0, last_sequence=0, problems=[str(error)])


def _of_one_moment(directory: Path, seal_key: bytes | None) -> Report:
    """Look again if segments left meanwhile: the log begins later then, and what was found is of two moments."""
    while True:
        before = read_record(directory).last
        try:
            report = _verify(directory, survey(directory), seal_key)
        except FileNotFoundError:
            if read_record(directory).last == before:
                raise
            continue
        if read_record(directory).last == before:
            return report


def _verify(directory: Path, found: Found, seal_key: bytes | None) -> Report:
    recovery, record = found.recovery, found.record
    problems = [describe(directory, recovery.damage)] if recovery.damage else []
    if found.lost:
        problems.append(
            f"{directory}: the last {found.lost} acknowledged events, from {recovery.last + 1} on, are unreadable: "
            "copy the directory and check the disk; opening cuts the log there and keeps the bytes beside it"
        )
    revisions = revisions_at(directory, record)
    seals = (
        SealCheck(seal_key, msgspec.structs.replace(record, revisions=dict(revisions)))
        if seal_key is not None
        else None
    )
    problems += seals.begin() if seals else ()
    erased = Counter[str]()
    for keep in recovery.kept:
        problems += check_segment(directory, keep, revisions, seals, erased)
    if read_erasure_record(directory).under_way is None:  # else indexes forget first what is then erased
        problems += (
            f"{path} {what}: remove it, or repair, and it is made again"
            for path, what in contradictions(directory, found, revisions)
        )
    if seals and seals.last is None and recovery.last > record.last:
        problems.append(f"{directory}: nothing is sealed")
    return Report(
        ok=not problems,
        events=recovery.last - record.last,
        segments=len(recovery.kept),
        first_sequence=record.last + 1 if recovery.last > record.last else 0,
        last_sequence=recovery.last,
        problems=problems,
        seal=seals.last.hex() if seals and seals.last is not None else None,
        erased=erased.total(),
    )


def check_segment(
    directory: Path, keep: Kept, revisions: dict[str, int], seals: SealCheck | None, erased: Counter[str]
) -> Iterator[str]:
    """Check what frames hold: that each record has the sequence and the revision that are next.

    Args:
        directory: the log's.
        keep: the segment.
        revisions: the revision of each stream before it; moved on as the problems are taken.
        seals: checks the seals, if they are to be checked.
        erased: counts the erased events of each segment.
    """
    path = directory / keep.scan.name
    data = memoryview(segment_bytes(path))
    if seals and keep.scan.header:
        yield from (f"{path}: {what}" for what in seals.segment(keep.scan.header))
    for offset in keep.scan.offsets[: keep.frame_count]:
        frame = frames.read_header(data, offset)
        if frame is None:
            yield f"{path}: the frame at byte {offset} disappeared while it was being checked"
            return
        body = frames.body_of(data, frame)
        if seals:
            yield from (f"{path}: the frame at byte {offset}: {what}" for what in seals.frame(frame, body))
        try:
            fields = frames.indexed_fields_of(body, frame.count)
            if frame.flags & frames.HAS_ERASED:
                erased[keep.scan.name] += sum(event.erased for event in frames.events_of(body, frame.count))
        except frames.UNREADABLE as error:
            yield f"{path}: the frame at byte {offset} holds a record that does not decode: {error}"
            continue
        yield from (f"{path}: the frame at byte {offset}: {what}" for what in _check_numbers(frame, fields, revisions))


def _check_numbers(frame: frames.Frame, fields: list[IndexedFields], revisions: dict[str, int]) -> Iterator[str]:
    for sequence, each in enumerate(fields, frame.first_sequence):
        if each.sequence != sequence:
            yield f"event {sequence} says that it is {each.sequence}"
        before = revisions.get(each.stream, 0)
        if each.revision != before + 1:
            yield f"event {sequence} is revision {each.revision} of {each.stream!r} after {before}"
        revisions[each.stream] = each.revision
