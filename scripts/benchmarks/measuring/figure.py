"""A measured figure, a record of them, and how both are written for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

US = "moothall"
"""The subject of our own figures; any other subject is a peer's name."""

PURE = "moothall, pure Python"
"""Ourselves without the native part, measured beside us as peers are."""


class Figure(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One measured value; the fields are the contract's.

    Attributes:
        suite: Which suite it belongs to.
        work: What was done; figures of the same suite, work and durability compare.
        subject: Who did it: `moothall`, or the peer's name.
        value: The median over the runs.
        unit: What the value counts.
        better: Which way is better.
        durability: The fsync policy that the work was done under; None where nothing is stored.
        spread: The lowest and the highest value of any run.
        runs: How many times the work was measured.
        times_better: For a peer, the lowest and the highest number of times that it was better than we in the same
            round; below 1 is worse. None, and then not written, for ours and where there was one round or nothing of
            ours.
    """

    suite: str
    work: str
    subject: str
    value: float
    unit: str
    better: Literal["lower", "higher"]
    durability: str | None
    spread: tuple[float, float]
    runs: int
    times_better: tuple[float, float] | None = None


class Machine(msgspec.Struct, frozen=True, kw_only=True):
    """Where figures were measured.

    Attributes:
        cpus: How many logical processors this process may use.
        model: The processor's name.
        python: The interpreter and its version.
        kernel: The operating system and its version.
        filesystem: The type of the file system that durable figures were written to.
        write_fdatasync_us: The disk's own median for a small write and its fdatasync, in microseconds.
    """

    cpus: int
    model: str
    python: str
    kernel: str
    filesystem: str
    write_fdatasync_us: float


class Conditions(msgspec.Struct, frozen=True, kw_only=True):
    """What a run was measured on: the first line of `--json`.

    Attributes:
        machine: The machine.
        version: Moothall's version.
        revision: The checkout's git commit, with `-dirty` where files differ from it; None outside a checkout.
    """

    machine: Machine
    version: str
    revision: str | None


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A run, as `--save` keeps it."""

    conditions: Conditions
    figures: list[Figure]


class RecordError(Exception):
    """A saved record cannot be read; the text says which and what to do."""


def line(item: Figure | Conditions) -> str:
    """Return one line of `--json`, without its newline."""
    return msgspec.json.encode(item).decode()


def save(record: Record, path: Path) -> None:
    """Write a record as one JSON document that shows well in a diff.

    Raises:
        OSError: The file cannot be written.
    """
    path.write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=1) + b"\n")


def load(path: Path) -> Record:
    """Read what `save` wrote.

    Raises:
        RecordError: There is no such record.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=Record)
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}; `--save FILE` writes such a file") from None
    except msgspec.DecodeError as error:
        raise RecordError(f"{path} is no saved run: {error}; `--save FILE` writes one") from None
