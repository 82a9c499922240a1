"""Opening a directory: carries out what `what_counts` decided about what is found there."""

from pathlib import Path

from store.disk.files import cut_file, put_file, sync_path
from store.disk.ports import LogPorts
from store.errors import LogDamaged
from store.format import frame as frames
from store.format import segment as segments
from store.format.names_file import NAMES_NAME
from store.format.retention_record import RetentionRecord, read_record
from store.format.segment import SegmentHeader
from store.recovery.load_segments import Loaded, Progress, load_segments
from store.recovery.put_aside import parts_behind, put_aside
from store.recovery.redo_erasure import redo_erasure
from store.recovery.saved_table import load_table
from store.recovery.survey import describe, quick_survey
from store.recovery.what_counts import Kept, Recovery


def open_segments(directory: Path, ports: LogPorts, progress: Progress) -> Loaded:
    """Bring a directory into order and open its segments, indexed.

    Args:
        directory: the log's.
        ports: a clock and randomness, for a copy of the tail.
        progress: is told how many bytes of how many have been indexed.

    Raises:
        LogDamaged: something that had been durable is unreadable; nothing is changed.
        DiskFull: an unclean stop needs space for a copy of the tail.
        SyncFailed: the disk did not confirm the copy.
    """
    redo_erasure(directory, ports)
    found, indexes = quick_survey(directory)
    if found.recovery.damage:
        raise LogDamaged(describe(directory, found.recovery.damage))
    if found.clean:
        names = [keep.scan.name for keep in found.recovery.kept]
        table = load_table(directory, found.recovery.last, whole=False)
    else:
        if found.lost:
            put_aside(directory, parts_behind(found.scans, found.recovery.kept), found.recovery.last)
        names, table = _put_in_order(directory, found.recovery, ports), None
    if table is None or table.streams.file is None:
        (directory / NAMES_NAME).unlink(missing_ok=True)  # nothing speaks of it any more
    return load_segments(directory, names, indexes, table, found.record, progress)._replace(lost=found.lost)


def read_segments(directory: Path, progress: Progress) -> tuple[Loaded, RetentionRecord]:
    """Open what counts of a directory's segments for reading alone, indexed, and what was retired; change nothing.

    Another process may be writing, and retiring: it is looked at again if segments left meanwhile.

    Raises:
        FileNotFoundError: there is no such directory.
        LogDamaged: something that had been durable is unreadable.
    """
    while True:
        before = read_record(directory).last
        try:
            return _read_segments(directory, progress)
        except (FileNotFoundError, LogDamaged):
            if read_record(directory).last == before:
                raise


def _read_segments(directory: Path, progress: Progress) -> tuple[Loaded, RetentionRecord]:
    found, indexes = quick_survey(directory)
    if found.recovery.damage:
        raise LogDamaged(describe(directory, found.recovery.damage))
    ends = {keep.scan.name: keep.end for keep in found.recovery.kept}
    table = load_table(directory, found.recovery.last, whole=True) if found.clean else None
    loaded = load_segments(directory, list(ends), indexes, table, found.record, progress, ends)
    return loaded._replace(lost=found.lost), found.record


def _put_in_order(directory: Path, recovery: Recovery, ports: LogPorts) -> list[str]:
    """Carry out what recovery decided after an unclean stop; return the names of the segments that then count."""
    kept = recovery.kept
    names = [keep.scan.name for keep in kept]
    if kept:
        replaced = _renew_tail(directory, recovery, ports)
        names = sorted({*names, replaced})
    for name in set(recovery.dropped) - set(names):
        (directory / name).unlink()
    sync_path(directory)
    for keep in kept:
        if keep.scan.name != names[-1]:
            _cut(directory / keep.scan.name, _end_before(keep, segments.first_of_name(names[-1])), keep.scan.size)
    return names


def _renew_tail(directory: Path, recovery: Recovery, ports: LogPorts) -> str:
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
        seal=_seal_before(directory, tail, first),
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
    data = memoryview((directory / tail.scan.name).read_bytes())
    parts: list[bytes | memoryview] = []
    for offset in tail.scan.offsets[first : tail.frame_count]:
        frame = frames.read_header(data, offset)
        assert frame is not None, "the scan found a frame here"
        body = frames.body_of(data, frame)
        parts.append(
            frames.encode_header(
                body,
                salt=salt,
                flags=frame.flags,
                count=frame.count,
                first_sequence=frame.first_sequence,
                durable=frame.durable,
                time_ns=frame.time_ns,
                seal_bytes=frame.seal_bytes,
            )
        )
        parts.append(body)
    return b"".join(parts)


def _seal_before(directory: Path, tail: Kept, first: int) -> bytes:
    """Return the seal of the frame before number `first`, empty if the segment is not sealed."""
    assert tail.scan.header is not None
    if not tail.scan.header.seal or not first:
        return tail.scan.header.seal
    end = tail.scan.offsets[first] if first < tail.frame_count else tail.end
    return (directory / tail.scan.name).read_bytes()[end - segments.SEAL_BYTES : end]


def _first_frame_beyond(tail: Kept, durable: int) -> int:
    return next((number for number in range(tail.frame_count) if tail.scan.firsts[number] > durable), tail.frame_count)


def _end_before(keep: Kept, sequence: int) -> int:
    """Return the byte at which a segment's frames before a sequence end."""
    number = _first_frame_beyond(keep, sequence - 1)
    return keep.scan.offsets[number] if number < keep.frame_count else keep.end


def _cut(path: Path, end: int, size: int) -> None:
    if end < size:
        cut_file(path, end)
