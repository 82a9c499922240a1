"""What a crash leaves of a recorded disk. Pure, but for `put`.

A killed process leaves everything that it did. A power cut leaves what was synced: a file's bytes since `fsync` or
`fdatasync` of the file, a directory's names since `fsync` of the directory. Of the rest any part may be there, a later
change without an earlier one too: each name for itself, each write in blocks of its own, which a file that grew may
hold as zeros or as rubbish.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from hashlib import blake2b
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from journal import Entry

ROOT = 1
BLOCK = 512

Names = dict[bytes, int]
Chance = Callable[[], bool]


class Image(NamedTuple):
    """The content of a disk: bytes for files, names for directories, by inode."""

    files: dict[int, bytes]
    directories: dict[int, Names]

    def tree(self, inode: int = ROOT) -> dict[str, object]:
        """Return what is under a directory, as nested dicts of names."""
        return {
            name.decode(): self.tree(child) if child in self.directories else self.files[child]
            for name, child in self.directories[inode].items()
        }


class _Change(NamedTuple):
    """A change that is not durable yet: new bytes of a file, its new size, or names that now mean something else."""

    file: int = 0
    offset: int = 0
    data: bytes = b""
    size: int | None = None
    names: tuple[tuple[int, bytes, int | None], ...] = ()


class Disk:
    """Replays a journal; knows at every entry what is there, and what would survive a power cut."""

    def __init__(self) -> None:
        self.now = Image({}, {ROOT: {}})
        self.durable = Image({}, {ROOT: {}})
        self._pending: list[_Change] = []

    def apply(self, kind: str, *rest: object) -> None:
        getattr(self, f"_{kind}")(*rest)

    def killed(self) -> Image:
        """Return what a killed process leaves."""
        return _copy(self.now)

    def cut(self, survives: Chance, fill: Callable[[int], bytes] = bytes) -> Image:
        """Return what a power cut leaves.

        Args:
            survives: says of each name and block that was not synced whether it is there.
            fill: returns so many bytes for what a file has grown by and not got.
        """
        image = _copy(self.durable)
        for change in self._pending:
            for part in _parts(change):
                if survives():
                    _apply(image, part, fill)
        return image

    def _change(self, change: _Change) -> None:
        self._pending.append(change)
        _apply(self.now, change)

    def _create(self, parent: int, name: bytes, inode: int) -> None:
        self.now.files[inode] = self.durable.files[inode] = b""
        self._change(_Change(names=((parent, name, inode),)))

    def _mkdir(self, parent: int, name: bytes, inode: int) -> None:
        self.now.directories[inode], self.durable.directories[inode] = {}, {}
        self._change(_Change(names=((parent, name, inode),)))

    def _unlink(self, parent: int, name: bytes) -> None:
        self._change(_Change(names=((parent, name, None),)))

    def _rename(self, parent: int, name: bytes, new_parent: int, new_name: bytes) -> None:
        inode = self.now.directories[parent][name]
        self._change(_Change(names=((parent, name, None), (new_parent, new_name, inode))))

    def _write(self, inode: int, offset: int, data: bytes) -> None:
        self._change(_Change(file=inode, offset=offset, data=data))

    def _truncate(self, inode: int, size: int) -> None:
        self._change(_Change(file=inode, size=size))

    def _sync(self, inode: int) -> None:
        for change in self._forget(inode):
            _apply(self.durable, change)

    def _forget(self, inode: int) -> list[_Change]:
        """Have the file's changes be durable never, as a kernel does that could not write them and calls them clean."""
        changes = [change for change in self._pending if change.file == inode]
        self._pending = [change for change in self._pending if change.file != inode]
        return changes

    def _syncdir(self, inode: int) -> None:
        self.durable.directories[inode] = dict(self.now.directories[inode])
        self._pending = [
            change for change in self._pending if not change.names or {home for home, *_ in change.names} != {inode}
        ]

    def _say(self, remark: bytes) -> None:
        """Nothing changes."""

    _failed = _say


def _copy(image: Image) -> Image:
    return Image(dict(image.files), {inode: dict(names) for inode, names in image.directories.items()})


def _parts(change: _Change) -> list[_Change]:
    """Return what of a change may survive without the rest."""
    if not change.data:
        return [change]
    starts = range(0, len(change.data), BLOCK)
    return [change._replace(offset=change.offset + start, data=change.data[start : start + BLOCK]) for start in starts]


def _apply(image: Image, change: _Change, fill: Callable[[int], bytes] = bytes) -> None:
    if change.names:
        _name(image, change.names)
    elif change.size is not None:
        image.files[change.file] = image.files[change.file][: change.size].ljust(change.size, b"\0")
    else:
        image.files[change.file] = _put(image.files[change.file], change.offset, change.data, fill)


def _name(image: Image, names: Iterable[tuple[int, bytes, int | None]]) -> None:
    for home, name, inode in names:
        if inode is None:
            image.directories[home].pop(name, None)
        else:
            image.directories[home][name] = inode


def _put(content: bytes, offset: int, data: bytes, fill: Callable[[int], bytes]) -> bytes:
    if offset > len(content):
        content += fill(offset - len(content))
    return content[:offset] + data + content[offset + len(data) :]


class Crash(NamedTuple):
    """What one crash left: a description, the remarks before it, and the files."""

    what: str
    powerless: bool
    said: tuple[bytes, ...]
    tree: dict[str, object]


def crashes(journal: Sequence[Entry], seed: int = 0, subsets: int = 1) -> Iterator[Crash]:
    """Yield what a crash at each step may leave, each outcome once.

    Args:
        journal: the entries. Each is a step, but for writes to one file in a row: they are broken off at one place.
        seed: chooses that place, and the random parts that survive power cuts.
        subsets: how many random parts at each step, besides nothing and everything.
    """
    chance = random.Random(seed)
    disk, said, seen = Disk(), (), set()
    stops = {chance.choice(run) for run in _runs(journal)} | {run[-1] for run in _runs(journal)}
    for number, (kind, *rest) in enumerate(journal):
        disk.apply(kind, *rest)
        if kind == "say":
            said = (*said, *rest)
        for how, image in _outcomes(disk, chance, subsets) if number in stops else ():
            tree = image.tree()
            key = blake2b(repr((how == "kill", tree, len(said))).encode()).digest()
            if key not in seen:
                seen.add(key)
                yield Crash(f"{how} after entry {number}, {kind} {rest[:2]}", how != "kill", said, tree)


def _runs(journal: Sequence[Entry]) -> Iterator[list[int]]:
    numbered = enumerate(entry[:2] if entry[0] == "write" else (number,) for number, entry in enumerate(journal))
    for _, run in groupby(numbered, lambda each: each[1]):
        yield [number for number, _ in run]


def _outcomes(disk: Disk, chance: random.Random, subsets: int) -> Iterator[tuple[str, Image]]:
    yield "kill", disk.killed()
    yield "power cut without what was not synced", disk.cut(lambda: False)
    for _ in range(subsets):
        kept = chance.choice((0.2, 0.5, 0.8))
        fill = chance.choice((bytes, chance.randbytes))
        yield "power cut with some of what was not synced", disk.cut(lambda kept=kept: chance.random() < kept, fill)


def put(tree: dict[str, object], place: Path) -> None:
    """Write a tree to a directory, in the place of what is there."""
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    for name, content in tree.items():
        if isinstance(content, dict):
            put(content, place / name)
        else:
            (place / name).write_bytes(content)
