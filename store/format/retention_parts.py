"""The revisions that streams had reached when their oldest events left, where there are too many for one small record.

With each retirement only the revisions of streams in the segments that leave change. So most are in parts, files that
never change, named by the record with their digests. Of two parts that say something of a stream the later one counts.
Eight of about the same size are put together, so that there are few, and each revision is written a few times.

    BLAKE2b 16 | length u32, a map of streams to revisions in MessagePack | the next one ...
"""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import msgspec

from store.disk.digest import blake2b
from store.disk.files import put_file, sync_path
from store.disk.small_file import DIGEST_BYTES, Unreadable, read_digested
from store.errors import LogDamaged
from store.format.frame import UNREADABLE
from store.format.retention_record import RECORD_NAME, Part, RetentionRecord, read_record

IN_RECORD = 4096
"""So many revisions are in the record itself: up to some 100 KB, written at each retirement."""

_IN_A_MAP = 4096
"""Encoded and decoded at once: half a millisecond."""

_TOGETHER = 7
"""So many parts of one size are put together with the next one: a revision is written once for each size there is."""

_SIZE_BITS = 3
_LENGTH_BYTES = 4
_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(dict[str, int]).decode


def revisions_at(directory: Path, record: RetentionRecord) -> dict[str, int]:
    """Return the revision that each stream had reached with the last event that was retired.

    Raises:
        LogDamaged: a part is not what was written, or is missing.
        FileNotFoundError: a part is not there any more: more was retired meanwhile.
    """
    revisions: dict[str, int] = {}
    for part in record.parts:
        for some in _maps_in(directory, record, part):
            revisions.update(some)
    revisions.update(record.revisions)
    return revisions


def whole_record(directory: Path, record: RetentionRecord) -> RetentionRecord:
    """Return a record with all revisions in it; raises as `revisions_at`."""
    return (
        msgspec.structs.replace(record, revisions=revisions_at(directory, record), parts=()) if record.parts else record
    )


def moved_on(
    directory: Path, record: RetentionRecord, last: int, durable: int, changed: Mapping[str, int]
) -> RetentionRecord:
    """Return the record, without a seal, of a log of which more leaves; write durably what it names.

    Args:
        directory: the log's.
        record: of what had left before.
        last: the last sequence that leaves.
        durable: up to which the log is durable.
        changed: the revisions that streams have reached since, of those that moved on.

    Raises:
        LogDamaged: a part is not what was written, or is missing.
        DiskFull: there is no space; nothing has changed.
        SyncFailed: the disk did not confirm.
    """
    fresh = {**record.revisions, **changed}
    if len(fresh) <= IN_RECORD:
        return RetentionRecord(last, durable, fresh, b"", record.parts)
    parts = list(record.parts)
    joined: list[Part] = []
    size = len(fresh)
    while len(same := _last_up_to(parts, size)) >= _TOGETHER:
        joined = [*same, *joined]
        del parts[-len(same) :]
        size += sum(part.streams for part in same)
    revisions: dict[str, int] = {}
    for part in joined:
        for some in _maps_in(directory, record, part):
            revisions.update(some)
    revisions.update(fresh)
    parts.append(_write_part(directory, f"{RECORD_NAME}-{last:020}", revisions))
    return RetentionRecord(last, durable, {}, b"", tuple(parts))


def _last_up_to(parts: list[Part], size: int) -> list[Part]:
    """Return the last parts that are of about a size, or smaller."""
    begin = len(parts)
    while begin and parts[begin - 1].streams.bit_length() // _SIZE_BITS <= size.bit_length() // _SIZE_BITS:
        begin -= 1
    return parts[begin:]


def part_files(directory: Path) -> list[Path]:
    """Return the parts that are there, whether a record names them or not."""
    return sorted(directory.glob(f"{RECORD_NAME}-" + "[0-9]" * 20))


def copy_parts(source: Path, copy: Path, record: RetentionRecord) -> None:
    """Copy durably the parts of a record that are not there yet; raises as `moved_on` and `revisions_at`."""
    for part in record.parts:
        if not (copy / part.name).exists() or (copy / part.name).read_bytes()[:DIGEST_BYTES] != part.digest:
            put_file(copy / part.name, part.digest + _content(source, record, part))
    sync_path(copy)


def remove_parts(directory: Path, record: RetentionRecord) -> None:
    """Remove the parts that a record, which is durable, does not name."""
    named = {part.name for part in record.parts}
    for path in part_files(directory):
        if path.name not in named:
            path.unlink(missing_ok=True)


def _write_part(directory: Path, name: str, revisions: Mapping[str, int]) -> Part:
    content = bytearray()
    for some in _in_maps(revisions):
        encoded = _encode(some)
        content += len(encoded).to_bytes(_LENGTH_BYTES, "little") + encoded
    digest = blake2b(content, digest_size=DIGEST_BYTES).digest()
    put_file(directory / name, digest + content)
    sync_path(directory)
    return Part(name, len(revisions), digest)


def _in_maps(revisions: Mapping[str, int]) -> Iterable[dict[str, int]]:
    items = iter(revisions.items())
    while some := dict(islice(items, _IN_A_MAP)):
        yield some


def _maps_in(directory: Path, record: RetentionRecord, part: Part) -> Iterator[dict[str, int]]:
    content = memoryview(_content(directory, record, part))
    at = 0
    try:
        while at < len(content):
            begin = at + _LENGTH_BYTES
            at = begin + int.from_bytes(content[at:begin], "little")
            yield _decode(content[begin:at])
    except UNREADABLE as error:
        raise _damaged(directory / part.name) from error


def _content(directory: Path, record: RetentionRecord, part: Part) -> bytes:
    path = directory / part.name
    try:
        content = read_digested(path)
    except FileNotFoundError:
        if read_record(directory) != record:
            raise
        raise _damaged(path) from None
    except Unreadable as error:
        raise _damaged(path) from error
    if blake2b(content, digest_size=DIGEST_BYTES).digest() != part.digest:
        raise _damaged(path)
    return content


def _damaged(path: Path) -> LogDamaged:
    return LogDamaged(
        f"{path} is missing or unreadable: it says where streams were whose events have left; restore it from a backup"
    )
