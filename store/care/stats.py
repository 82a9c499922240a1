"""A log in figures, from its files alone."""

import time
from collections import Counter
from collections.abc import Callable
from os import PathLike
from pathlib import Path

import msgspec

from store.care.disk_space import HOUR_S, bytes_per_day, days_left, disk_warning, free_bytes
from store.errors import LogDamaged
from store.format import frame as frames
from store.format.erasure_record import segment_bytes
from store.recovery.survey import describe, survey
from store.recovery.what_counts import Kept

HOUR_NS = 3600 * 1_000_000_000
HOURS = 24


class Stats(msgspec.Struct, frozen=True, kw_only=True):
    """What a data directory holds; as built-ins it is what `moothall events stats --json` prints.

    Attributes:
        events: how many events are readable.
        first_sequence: the first sequence, 0 if there are no events.
        last_sequence: the last sequence, 0 if there are no events.
        first_time_ns: when the first event was stored, nanoseconds since 1970 UTC; None if there is none.
        last_time_ns: when the last one was.
        segments: how many segment files count.
        bytes: what they take.
        frames: how many appends there were.
        commands: how many of them carry a command id.
        streams: how many streams have events here.
        types: how many events of each type there are.
        agents: how many events of each agent there are.
        epoch: the log epoch, empty without a segment.
        clean: whether the last stop was clean; false while a server appends.
        bytes_per_day: what the log has grown by in the last day.
        free_bytes: what its disk has left.
        days_left: in how many days the disk will be full if the log goes on like that; None if it does not grow.
        warning: what to do about it; empty if the disk lasts.
    """

    events: int
    first_sequence: int
    last_sequence: int
    first_time_ns: int | None
    last_time_ns: int | None
    segments: int
    bytes: int
    frames: int
    commands: int
    streams: int
    types: dict[str, int]
    agents: dict[str, int]
    epoch: str
    clean: bool
    bytes_per_day: int
    free_bytes: int
    days_left: float | None
    warning: str


class _Tally:
    """What is counted while the segments pass."""

    def __init__(self) -> None:
        self.frames = 0
        self.commands = 0
        self.first_time_ns: int | None = None
        self.last_time_ns: int | None = None
        self.streams = set[str]()
        self.types = Counter[str]()
        self.agents = Counter[str]()
        self.hours = Counter[int]()

    def add(self, directory: Path, keep: Kept) -> None:
        """Count a segment.

        Raises:
            LogDamaged: a frame is not what it was a moment ago, or a record does not decode.
        """
        path = directory / keep.scan.name
        data = memoryview(segment_bytes(path))
        offsets = keep.scan.offsets[: keep.frame_count]
        for offset, following in zip(offsets, [*offsets[1:], keep.end], strict=True):
            frame = frames.read_header(data, offset)
            if frame is None:
                raise LogDamaged(f"{path}: the frame at byte {offset} changed while it was read: run verify")
            try:
                fields = frames.indexed_fields_of(frames.body_of(data, frame), frame.count)
            except frames.UNREADABLE as error:
                raise LogDamaged(f"{path}: the frame at byte {offset} does not decode: run verify") from error
            self.frames += 1
            self.commands += bool(frame.flags & frames.HAS_COMMAND)
            if self.first_time_ns is None:
                self.first_time_ns = frame.time_ns
            self.last_time_ns = frame.time_ns
            self.hours[frame.time_ns // HOUR_NS] += following - offset
            self.streams.update(each.stream for each in fields)
            self.types.update(each.type for each in fields)
            self.agents.update(each.agent for each in fields)

    def growth(self, now_ns: int) -> float:
        """Return what the log grows by in a day, from the hours of the last day."""
        now = now_ns // HOUR_NS
        hours = {hour: grown for hour, grown in self.hours.items() if now - HOURS < hour <= now}
        return bytes_per_day(sum(hours.values()), (now + 1 - min(hours, default=now)) * HOUR_S)


def stats(path: str | PathLike[str], clock_ns: Callable[[], int] = time.time_ns) -> Stats:
    """Measure the log in a directory; reads only, takes no lock, so a server may be appending meanwhile.

    Args:
        path: the directory.
        clock_ns: the wall clock, nanoseconds since 1970 UTC.

    Raises:
        FileNotFoundError: there is no such directory.
        LogDamaged: something that had been durable is unreadable.
    """
    directory = Path(path)
    found = survey(directory)
    recovery = found.recovery
    if recovery.damage:
        raise LogDamaged(describe(directory, recovery.damage))
    tally = _Tally()
    for keep in recovery.kept:
        tally.add(directory, keep)
    header = recovery.kept[-1].scan.header if recovery.kept else None
    per_day, free = tally.growth(clock_ns()), free_bytes(directory)
    return Stats(
        events=recovery.last - found.record.last,
        first_sequence=found.record.last + 1 if recovery.last > found.record.last else 0,
        last_sequence=recovery.last,
        first_time_ns=tally.first_time_ns,
        last_time_ns=tally.last_time_ns,
        segments=len(recovery.kept),
        bytes=sum(keep.end for keep in recovery.kept),
        frames=tally.frames,
        commands=tally.commands,
        streams=len(tally.streams),
        types=dict(tally.types.most_common()),
        agents=dict(tally.agents.most_common()),
        epoch=header.epoch.hex() if header else "",
        clean=found.clean,
        bytes_per_day=round(per_day),
        free_bytes=free,
        days_left=days_left(free, per_day),
        warning=disk_warning(directory, free, per_day),
    )
