"""What fuzzing is pointed at: each target takes any bytes and raises only if the log breaks a promise.

`scripts/fuzz` feeds them what atheris comes up with, `test_fuzz` what Hypothesis does. Bytes that are meant as edits
say where to change a log that is whole, so that most of what is tried gets past the first check; an edit may also
write the checksums anew, so that what is behind them is met too.
"""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from store import EventLog, Invalid, Limits, NewEvent, Retention, StoreError, TooLarge, import_events, repair, verify
from store.format import frame as frames
from store.format import segment as segments
from store.format.frame import read_frame
from store.format.interchange import Beginning, Encoding, read_stream
from store.format.segment_files import segment_names
from store.recovery.what_counts import recover, scan_segment

SMALL = Limits(segment_bytes=700, commands=1, event_bytes=2000, append_bytes=8000, batch_events=8, reserve_bytes=0)
MOST_READ = 1 << 18
"""A stream that never ends is given up after so many bytes: a few times what reading takes at once."""

Log = dict[str, bytes]


class Edits:
    """Bytes as a row of decisions; at the end all of them are 0."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def number(self, below: int) -> int:
        return int.from_bytes(self._data.read(2 if below > 256 else 1), "little") % below

    def bytes(self, longest: int) -> bytes:
        return self._data.read(self.number(longest))


def nothing(_fd: int) -> None:
    """Sync nothing."""


def in_memory() -> TemporaryDirectory[str]:
    shared = "/dev/shm"
    return TemporaryDirectory(dir=shared if os.access(shared, os.W_OK) else None)


@cache
def whole_log(*, begins_late: bool) -> Log:
    """Return the files of a log of some segments, stopped cleanly."""
    with in_memory() as home:
        salts = (bytes([n]) * 16 for n in range(1, 255))
        with EventLog.open(home, limits=SMALL, random_bytes=lambda n: next(salts)[:n], clock_ns=lambda: 5) as log:
            for n in range(9):
                events = [NewEvent(type=f"t{n % 2}", data={"n": n}, correlation_id=f"c{n % 3}")] * (1 + n % 3)
                log.append(events, stream=f"s{n % 2}", command_id=f"k{n}" if n % 4 else None)
            if begins_late:
                log.append([NewEvent(type="t")], command_id="k")
                log.retire(Retention(max_bytes=900))
        return {path.name: path.read_bytes() for path in sorted(Path(home).iterdir()) if path.stat().st_size}


def edited(edits: Edits) -> tuple[Log, bool]:
    """Return a log that something happened to, and whether that was no accident: its checksums hold all the same."""
    forged = False
    log = dict(whole_log(begins_late=edits.number(4) == 0))
    for _ in range(edits.number(4)):
        name = [*log][edits.number(len(log))]
        content = bytearray(log[name])
        place = edits.number(len(content) + 1)
        match edits.number(6):
            case 0:
                content[place : place + 1] = bytes([edits.number(256)])
            case 1:
                del content[place:]
            case 2:
                del content[place : place + edits.number(300)]
            case 3:
                content[place:place] = edits.bytes(300)
            case 4:
                content[place:] = edits.bytes(300)
            case _:
                other = log[[*log][edits.number(len(log))]]
                content[place:] = other[edits.number(len(other) + 1) :]
        if edits.number(3) == 0 and segments.is_segment_name(name):
            content, forged = with_checksums(content), True
            log.pop(name.replace(segments.SUFFIX, ".index"), None)
        log[name] = bytes(content)
        if edits.number(16) == 1 and len(log) > 1:
            del log[name]
    return log, forged


def with_checksums(content: bytearray) -> bytearray:
    """Return a segment whose header and frames are valid as far as checksums go."""
    import struct
    import zlib

    size = segments.HEADER_BYTES
    if len(content) < size:
        return content
    content[size - 4 : size] = struct.pack("<I", zlib.crc32(content[: size - 4]))
    header = segments.decode_header(bytes(content[:size]))
    offset = size
    while header and (frame := frames.read_header(memoryview(bytes(content)), offset)) and frame.end <= len(content):
        content[offset + 4 : offset + 8] = header.salt[:4]
        crc = zlib.crc32(content[offset + 12 : frame.end], frames.salt_seed(header.salt))
        content[offset + 8 : offset + 12] = struct.pack("<I", crc)
        offset = frame.end
    return content


def recovery(data: bytes) -> None:
    """Recovery decides about any bytes: it ends, and loses no event that anything says was durable."""
    edits = Edits(data)
    log = {name: content for name, content in edited(edits)[0].items() if segments.is_segment_name(name)}
    scans = [scan_segment(name, memoryview(log[name])) for name in sorted(log)]
    clean_stop = edits.number(20)
    found = recover(scans, clean_stop)
    assert found.damage is not None or found.last >= max([clean_stop, *(scan.mark for scan in scans)])
    expected = 1
    for keep in found.kept:
        for first, offset in list(zip(keep.scan.firsts, keep.scan.offsets, strict=True))[: keep.frame_count]:
            frame = read_frame(log[keep.scan.name], offset, keep.scan.header.salt)
            assert frame is not None
            assert frame.first_sequence == first == expected
            expected += frame.count
    assert expected == found.last + 1


def directory(data: bytes) -> None:
    """Any directory is verified, opened, read and repaired, or refused with an error of the log."""
    with in_memory() as home:
        path = Path(home)
        log, forged = edited(Edits(data))
        for name, content in log.items():
            (path / name).write_bytes(content)
        _opens(path, forged=forged)
        try:
            repair(path, max_events=10**30)
        except StoreError:
            return
        _opens(path, forged=forged)


def _opens(path: Path, *, forged: bool) -> None:
    sound = verify(path).ok
    try:
        with EventLog.open(path, limits=SMALL, sync=nothing) as log:
            events = list(log.read())
            assert forged or [each.sequence for each in events] == [*range(log.first_sequence, log.head + 1)]
            log.query(stream="s1", types=["t1"])
            log.append([NewEvent(type="t")])
    except StoreError as error:
        assert forged or not sound, f"what verify calls sound cannot be opened: {error}"


class Endless(io.RawIOBase):
    """A stream that goes on with one letter after its bytes, and may be read in bounded pieces only."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)
        self.given = 0

    def read(self, size: int = -1) -> bytes:
        assert 0 <= size <= MOST_READ, f"{size} bytes were asked for at once"
        return self._give(self._data.read(size).ljust(size, b"x"))

    def readline(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert 0 <= size <= MOST_READ, f"a line of {size} bytes was asked for"
        line = self._data.readline(size)
        return self._give(line if line.endswith(b"\n") else line.ljust(size, b"x"))

    def _give(self, data: bytes) -> bytes:
        self.given += len(data)
        return data


def _imports(data: bytes, encoding: Encoding) -> None:
    """Any stream is imported, or refused for what is wrong; and one that never ends is not read for ever."""
    source = Endless(data)
    try:
        for _ in read_stream(source, encoding, SMALL.event_bytes):
            pass
    except Invalid:
        assert source.given <= len(data) + MOST_READ
    else:
        raise AssertionError("a stream without an end was read to its end")
    with in_memory() as home:
        path = Path(home) / "log"
        try:
            first = import_events(path, io.BytesIO(data), encoding=encoding, limits=SMALL)
        except (Invalid, TooLarge):
            assert not path.exists() or verify(path).ok
        else:
            assert verify(path).ok
            again = import_events(path, io.BytesIO(data), encoding=encoding, limits=SMALL)
            assert (again.stored, again.last_sequence) == (0, first.last_sequence)


def import_jsonl(data: bytes) -> None:
    _imports(data, "jsonl")


def import_msgpack(data: bytes) -> None:
    _imports(data, "msgpack")


TARGETS: dict[str, Callable[[bytes], None]] = {
    "recovery": recovery,
    "directory": directory,
    "import-jsonl": import_jsonl,
    "import-msgpack": import_msgpack,
}


def seeds(target: str) -> Iterator[bytes]:
    """Yield inputs to begin with: what an export writes, or edits."""
    from store import export_events
    from store.format.interchange import encoder

    if not target.startswith("import"):
        yield from (bytes(range(n, n + 24)) for n in range(0, 200, 8))
        return
    encoding: Encoding = "jsonl" if target.endswith("jsonl") else "msgpack"
    with in_memory() as home:
        for name, content in whole_log(begins_late=False).items():
            (Path(home) / name).write_bytes(content)
        assert segment_names(Path(home))
        with EventLog.open(home, limits=SMALL, sync=nothing) as log:
            for last in (1, 5, log.head):
                target_stream = io.BytesIO()
                export_events([each for each in log.read() if each.sequence <= last], target_stream, encoding=encoding)
                yield target_stream.getvalue()
    yield encoder(encoding)(Beginning(gone=3, revisions={"s0": 2, "s1": 1}))
