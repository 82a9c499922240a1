"""Opening a directory: reads it, lets `recovery` decide, carries the decisions out, and builds the index."""

import os
from pathlib import Path
from typing import NamedTuple

from store import frame as frames
from store import segment as segments
from store.commands import CommandMemory
from store.durability import cut_file, put_file, sync_path
from store.errors import LogDamaged
from store.heads import Heads
from store.marker import Marker, read_marker
from store.names import correlation_id_hashes
from store.ports import Ports
from store.reader import Segment
from store.recovery import Damage, Kept, Recovery, Scan, recover, scan_segment
from store.segment import SegmentHeader
from store.segment_files import segment_names


class Found(NamedTuple):
    """What a directory holds, before anything is changed."""

    recovery: Recovery
    marker: Marker | None
    scans: list[Scan]

    @property
    def clean(self) -> bool:
        """Whether the last stop was clean, so that the last segment may simply be continued."""
        kept, dropped = self.recovery.kept, self.recovery.dropped
        if not kept or dropped:
            return not kept and not dropped
        scan = kept[-1].scan
        return self.marker == Marker(self.recovery.last, scan.name, scan.size) and scan.size == kept[-1].end


def survey(directory: Path) -> list[Scan]:
    """Scan every segment of a directory, in order; changes nothing."""
    return [scan_segment(name, (directory / name).read_bytes()) for name in segment_names(directory)]


def find(directory: Path) -> Found:
    """Read a directory and decide what counts; changes nothing."""
    marker = read_marker(directory)  # before the segments: they may be growing, and it must not be ahead of them
    scans = survey(directory)
    return Found(recover(scans, marker.last_sequence if marker else 0), marker, scans)


def open_segments(directory: Path, ports: Ports) -> list[Segment]:
    """Bring a directory into order and open its segments, not yet indexed.

    Raises:
        LogDamaged: something that had been durable is unreadable; nothing is changed.
        DiskFull: an unclean stop needs space for a copy of the tail.
        SyncFailed: the disk did not confirm the copy.
    """
    found = find(directory)
    if found.recovery.damage:
        raise LogDamaged(describe(directory, found.recovery.damage))
    kept = found.recovery.kept
    if found.clean:
        return [_open(directory, keep.scan.name) for keep in kept]
    names = [keep.scan.name for keep in kept]
    if kept:
        replaced = _renew_tail(directory, found.recovery, ports)
        names = sorted({*names, replaced})
    for name in set(found.recovery.dropped) - set(names):
        (directory / name).unlink()
    sync_path(directory)
    for keep in kept:
        if keep.scan.name != names[-1]:
            _cut(directory / keep.scan.name, _end_before(keep, segments.first_of_name(names[-1])), keep.scan.size)
    return [_open(directory, name) for name in names]


def describe(directory: Path, damage: Damage) -> str:
    """Say what is damaged, where, and what to do."""
    what = (
        f"unreadable from byte {damage.offset}" if damage.offset else "missing, or without a header this version reads"
    )
    return (
        f"{directory / damage.name}: {what}, where event {damage.sequence} had been durable; "
        "nothing was changed: copy the directory, check the disk, then restore a backup or repair"
    )


def index_segment(segment: Segment, heads: Heads, commands: CommandMemory) -> None:
    """Read a segment whose frames are known to be valid, and tell the index, the heads and the commands of it.

    Raises:
        LogDamaged: a record does not decode although its frame's CRC holds.
    """
    data = memoryview(segment.path.read_bytes())
    offset = segments.HEADER_BYTES
    while frame := frames.read_header(data, offset):
        body = data[offset + frames.HEADER_BYTES : frame.end]
        try:
            _index_frame(segment, frame, body, heads, commands)
        except frames.UNREADABLE as error:
            raise LogDamaged(
                f"{segment.path}: the frame at byte {offset} holds a record of another format ({error}): "
                "was it written by a later version? Open it with that one"
            ) from error
        offset = frame.end


def _index_frame(
    segment: Segment, frame: frames.Frame, body: memoryview, heads: Heads, commands: CommandMemory
) -> None:
    found = frames.heads_of(body, frame.count)
    streams = heads.stream_ids([head.stream for head in found])
    for head, stream in zip(found, streams, strict=True):
        heads.revisions[stream] = head.revision
    segment.index.add_frame(
        offset=frame.offset,
        time_ns=frame.time_ns,
        streams=streams,
        types=heads.type_ids([head.type for head in found]),
        agents=[heads.agents.id_of(head.agent) for head in found],
        correlations=correlation_id_hashes([head.correlation_id for head in found]),
    )
    heads.next_sequence = frame.first_sequence + frame.count
    if command := frames.command_of(body, frame):
        commands.settle(command, frame.first_sequence)


def _open(directory: Path, name: str) -> Segment:
    path = directory / name
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    header = segments.decode_header(os.pread(fd, segments.HEADER_BYTES, 0))
    assert header is not None, f"{path} had a header a moment ago"
    return Segment(path, fd, header)


def _renew_tail(directory: Path, recovery: Recovery, ports: Ports) -> str:
    """Copy what lies beyond the last durable mark to a new segment with a new epoch, and sync it.

    The kernel may have dropped pages of the old file that it had failed to write and then marked clean: what is read
    from them now could be gone later. Only a copy is certain to reach the disk. Earlier segments that were never synced
    are synced as they are.
    """
    tail = recovery.kept[-1]
    first = _first_frame_beyond(tail, recovery.durable)
    header = SegmentHeader(
        first_sequence=tail.scan.firsts[first] if first < tail.frame_count else tail.last + 1,
        durable=recovery.durable,
        created_ns=ports.clock_ns(),
        salt=ports.random_bytes(segments.SALT_BYTES),
        epoch=ports.random_bytes(segments.EPOCH_BYTES),
    )
    name = segments.segment_name(header.first_sequence)
    content = segments.encode_header(header) + _resealed(directory, tail, first, header.salt)
    for keep in recovery.kept[:-1]:
        if keep.last > recovery.durable:
            sync_path(directory / keep.scan.name)
    put_file(directory / name, content)
    return name


def _resealed(directory: Path, tail: Kept, first: int, salt: bytes) -> bytes:
    """Return a segment's frames from number `first` on, with headers for another salt."""
    data = (directory / tail.scan.name).read_bytes()
    parts: list[bytes] = []
    for offset in tail.scan.offsets[first : tail.frame_count]:
        frame = frames.read_header(data, offset)
        assert frame is not None, "the scan found a frame here"
        body = data[offset + frames.HEADER_BYTES : frame.end]
        parts.append(
            frames.encode_header(
                body,
                salt=salt,
                flags=frame.flags,
                count=frame.count,
                first_sequence=frame.first_sequence,
                durable=frame.durable,
                time_ns=frame.time_ns,
            )
        )
        parts.append(body)
    return b"".join(parts)


def _first_frame_beyond(tail: Kept, durable: int) -> int:
    return next((number for number in range(tail.frame_count) if tail.scan.firsts[number] > durable), tail.frame_count)


def _end_before(keep: Kept, sequence: int) -> int:
    """Return the byte at which a segment's frames before a sequence end."""
    number = _first_frame_beyond(keep, sequence - 1)
    return keep.scan.offsets[number] if number < keep.frame_count else keep.end


def _cut(path: Path, end: int, size: int) -> None:
    if end < size:
        cut_file(path, end)
