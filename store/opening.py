"""Opening a directory: reads it, lets `recovery` decide, and carries the decisions out."""

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from store import frame as frames
from store import segment as segments
from store.aside import parts_behind, put_aside
from store.durability import cut_file, put_file, sync_path
from store.errors import LogDamaged
from store.gone import Gone, read_gone
from store.heads_file import read_heads
from store.index_file import IndexHeader
from store.loading import Loaded, Progress, load_segments
from store.mark import read_mark
from store.marker import Marker, read_marker
from store.ports import Ports
from store.recovery import Damage, Kept, Recovery, Scan, recover, scan_segment
from store.segment import SegmentHeader
from store.segment_files import segment_names
from store.trust import trusted_indexes


class Found(NamedTuple):
    """What a directory holds, before anything is changed.

    Attributes:
        recovery: what counts.
        marker: the marker of the last stop, if it was clean.
        scans: every segment.
        gone: what the log has given up.
        marked: how far the files beside the segments call the log durable.
        promised: how far the appends had been acknowledged when the process ended, by the durable mark.
    """

    recovery: Recovery
    marker: Marker | None
    scans: list[Scan]
    gone: Gone
    marked: int
    promised: int

    @property
    def lost(self) -> int:
        """How many events had been acknowledged and are not among what counts; damage is something else."""
        return 0 if self.recovery.damage else max(0, self.promised - self.recovery.last)

    @property
    def clean(self) -> bool:
        """Whether the last stop was clean, so that the last segment may simply be continued."""
        kept, dropped = self.recovery.kept, self.recovery.dropped
        if not kept or dropped:
            return not kept and not dropped
        scan = kept[-1].scan
        whole = all(keep.scan.size == keep.end for keep in kept)
        return whole and self.marker == Marker(self.recovery.last, scan.name, scan.size)


def survey(directory: Path, gone: int = 0) -> list[Scan]:
    """Scan the segments of a directory that begin behind a sequence, in order; changes nothing."""
    names = [name for name in segment_names(directory) if segments.first_of_name(name) > gone]
    return [scan_segment(name, (directory / name).read_bytes()) for name in names]


def find(directory: Path) -> Found:
    """Read a directory and decide what counts; changes nothing.

    Raises:
        LogDamaged: the record of what is gone is unreadable.
    """
    promised = read_mark(directory)
    marker, gone, marked = witnesses(directory)
    scans = survey(directory, gone.last)
    return Found(recover(scans, marked, gone.last, promised), marker, scans, gone, marked, promised)


def witnesses(directory: Path) -> tuple[Marker | None, Gone, int]:
    """Read what speaks of the segments, before these: they may be growing, and it must not be ahead of them."""
    marker = read_marker(directory)
    gone = read_gone(directory)
    return marker, gone, max(marker.last_sequence if marker else 0, gone.durable)


def find_quickly(directory: Path) -> tuple[Found, dict[str, IndexHeader]]:
    """Do the same, but let index files stand for the segments that they may stand for; return these too."""
    promised = read_mark(directory)
    marker, gone, marked = witnesses(directory)
    names = [name for name in segment_names(directory) if segments.first_of_name(name) > gone.last]
    trusted = trusted_indexes(directory, names, max(marked, promised))
    scanned: dict[str, Scan] = {}
    while True:
        for name in names:
            if name not in trusted and name not in scanned:
                scanned[name] = scan_segment(name, (directory / name).read_bytes())
        scans = [scanned.get(name) or trusted[name][0] for name in names]
        found = Found(recover(scans, marked, gone.last, promised), marker, scans, gone, marked, promised)
        doubtful = _doubtful(found, trusted)
        if not doubtful:
            return found, {name: index for name, (_, index) in trusted.items()}
        for name in doubtful:
            del trusted[name]


def _doubtful(found: Found, trusted: Mapping[str, tuple[Scan, IndexHeader]]) -> set[str]:
    """Name the segments that must be read after all: they do not count in full, or the last one is to be renewed."""
    kept = {keep.scan.name: keep.last for keep in found.recovery.kept}
    doubtful = {name for name, (scan, _) in trusted.items() if kept.get(name) != scan.last}
    return doubtful if found.clean else doubtful | ({*list(kept)[-1:]} & trusted.keys())


def open_segments(directory: Path, ports: Ports, progress: Progress) -> Loaded:
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
    found, indexes = find_quickly(directory)
    if found.recovery.damage:
        raise LogDamaged(describe(directory, found.recovery.damage))
    if found.clean:
        names = [keep.scan.name for keep in found.recovery.kept]
        heads = read_heads(directory, found.recovery.last)
    else:
        if found.lost:
            put_aside(directory, parts_behind(found.scans, found.recovery.kept), found.recovery.last)
        names, heads = _put_in_order(directory, found.recovery, ports), None
    return load_segments(directory, names, indexes, heads, found.gone, progress)._replace(lost=found.lost)


def _put_in_order(directory: Path, recovery: Recovery, ports: Ports) -> list[str]:
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


def describe(directory: Path, damage: Damage) -> str:
    """Say what is damaged, where, and what to do."""
    what = (
        f"unreadable from byte {damage.offset}" if damage.offset else "missing, or without a header this version reads"
    )
    return (
        f"{directory / damage.name}: {what}, where event {damage.sequence} had been durable; "
        "nothing was changed: copy the directory, check the disk, then restore a backup or repair"
    )


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
