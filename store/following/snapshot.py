"""Snapshots: what a projection had come to at a sequence, so that it need not read the log from its beginning.

A snapshot is derived: one that is unreadable, of another version, or of a history that the log did not keep is passed
over, and an older one, or the log itself, takes its place. Each carries the digest of the event that it ends with; that
is how one is recognised that was taken of events which a crash then lost.
"""

from collections.abc import Iterator
from os import PathLike
from pathlib import Path

import msgspec

from store.disk.digest import blake2b
from store.disk.files import make_directory
from store.disk.small_file import DIGEST_BYTES, Unreadable, read_digested, write_digested
from store.errors import Invalid
from store.format.frame import UNREADABLE
from store.model.event import Event
from store.model.limits import check_name

SUFFIX = ".snapshot"

_DIGITS = 20
_NAME_BYTES = 16


class Snapshot(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """The state of a projection.

    Attributes:
        name: the projection's name.
        version: the projection's version.
        sequence: the last event that is in it.
        event_digest: `digest` of that event.
        state: the state, encoded by whoever took it.
    """

    name: str
    version: int
    sequence: int
    event_digest: bytes
    state: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Snapshot).decode


def digest(event: Event) -> bytes:
    """Return 16 bytes that two events share only if they are the same."""
    return blake2b(_encode(event), digest_size=DIGEST_BYTES).digest()


class Snapshots:
    """The snapshots in a directory, by name, the newest few of each. Nothing checkpoints.

    Args:
        directory: where they are; created with the first one. Beside a log: `<data>/snapshots`.
        keep: how many of each name are kept.
    """

    def __init__(self, directory: str | PathLike[str], keep: int = 3) -> None:
        if keep < 1:
            raise Invalid(f"keep is {keep}: keep at least one snapshot")
        self._directory = Path(directory)
        self._keep = keep

    def save(self, snapshot: Snapshot) -> None:
        """Keep a snapshot durably, in the place of one of the same name and sequence, and drop those that are too old.

        Raises:
            Invalid: its name is none.
            DiskFull: there is no space; the older ones are still there.
            SyncFailed: the disk did not confirm.
        """
        check_name("the snapshot's name", snapshot.name)
        home = self._home(snapshot.name)
        make_directory(home)
        saved = home / f"{snapshot.sequence:0{_DIGITS}d}{SUFFIX}"
        write_digested(saved, _encode(snapshot))
        # By when they were saved: those of another version, or of events that a crash lost, may be further ahead.
        others = sorted((file for file in self._files(snapshot.name) if file != saved), key=_saved_ns, reverse=True)
        for outdated in others[self._keep - 1 :]:
            outdated.unlink()

    def newest_first(self, name: str) -> Iterator[Snapshot]:
        """Yield the snapshots of a name that are readable, the one with the greatest sequence first."""
        for path in self._files(name):
            try:
                snapshot = _decode(read_digested(path))
            except (FileNotFoundError, Unreadable, *UNREADABLE):
                continue
            if snapshot.name == name:
                yield snapshot

    def remove(self, name: str) -> None:
        """Remove all snapshots of a name: the projection is built from the log then."""
        for path in self._files(name):
            path.unlink()

    def _home(self, name: str) -> Path:
        """Return a directory for any name, also one that is not a file name."""
        return self._directory / blake2b(name.encode(), digest_size=_NAME_BYTES).hexdigest()

    def _files(self, name: str) -> list[Path]:
        return sorted(self._home(name).glob(f"*{SUFFIX}"), reverse=True)


def _saved_ns(file: Path) -> tuple[int, str]:
    return file.stat().st_mtime_ns, file.name
