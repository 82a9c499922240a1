"""A log in figures, from its files alone."""

from collections import Counter
from os import PathLike
from pathlib import Path

import msgspec

from store.errors import LogDamaged
from store.format import frame as frames
from store.recovery.survey import describe, survey
from store.recovery.what_counts import Kept


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

    def add(self, directory: Path, keep: Kept) -> None:
        """Count a segment.

        Raises:
            LogDamaged: a frame is not what it was a moment ago, or a record does not decode.
        """
        path = directory / keep.scan.name
        data = memoryview(path.read_bytes())
        for offset in keep.scan.offsets[: keep.frame_count]:
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
            self.streams.update(each.stream for each in fields)
            self.types.update(each.type for each in fields)
            self.agents.update(each.agent for each in fields)


def stats(path: str | PathLike[str]) -> Stats:
    """Measure the log in a directory; reads only, takes no lock, so a server may be appending meanwhile.

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
    )
