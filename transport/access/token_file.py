"""The file of tokens: what is in it, whole and atomic, and the lock that its writers hold."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

import msgspec

from actors.session.messages import Role
from transport.discovery.put_file import put_file

DAY_S: Final = 86_400.0


class TokenError(Exception):
    """A token could not be added, listed or revoked; the message says what to do."""


class TokenEntry(msgspec.Struct, frozen=True):
    """What is kept of a token.

    Attributes:
        name: The agent that it identifies.
        role: What the agent may do.
        sha256: The token's hash, hexadecimal.
        created: When, in seconds since the epoch.
        expires: Until when it is good, in seconds since the epoch; None is for ever.
        labels: The agent's labels, sorted.
    """

    name: str
    role: Role
    sha256: str
    created: float
    expires: float | None = None
    labels: tuple[str, ...] = ()

    def is_expired(self, now: float) -> bool:
        """Say whether it is good no longer at this time."""
        return self.expires is not None and self.expires <= now


class TokenFile(msgspec.Struct):
    """All that the file says.

    Attributes:
        version: Of its form.
        tokens: The oldest first.
        lifetime_s: How long a token is good that is added without a word about it, in seconds; None is for ever.
    """

    version: int = 1
    tokens: list[TokenEntry] = []
    lifetime_s: float | None = None


def read_tokens(path: Path) -> TokenFile:
    """Return what the file says; nothing where there is none.

    Raises:
        TokenError: It cannot be read.
    """
    try:
        return msgspec.json.decode(path.read_bytes(), type=TokenFile)
    except FileNotFoundError:
        return TokenFile()
    except (OSError, msgspec.MsgspecError) as error:
        raise TokenError(f"cannot read {path}: {error}; restore it, or remove it and add agents anew") from error


def write_tokens(path: Path, file: TokenFile, tokens: list[TokenEntry]) -> None:
    """Put these tokens into the file, and leave all else as it is. Only with the lock.

    Raises:
        TokenError: It cannot be written.
    """
    changed = TokenFile(tokens=tokens, lifetime_s=file.lifetime_s)
    replace_file(path, msgspec.json.format(msgspec.json.encode(changed)))


@contextmanager
def locked(data: Path) -> Generator[None]:
    """Hold the lock of the tokens of a data directory; it waits for other writers, which are quick.

    Raises:
        TokenError: The directory cannot be used.
    """
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = os.open(data / "tokens.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TokenError(f"cannot use {data}: {error}; choose another --data directory") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


class LastWritten(NamedTuple):
    """The file of the data directory that was written last.

    Attributes:
        at: When, in seconds since the epoch; 0.0 without one.
        name: Its name; empty without one.
    """

    at: float
    name: str


def last_written(data: Path) -> LastWritten:
    """Return the file of the data directory that was written last."""
    try:
        with os.scandir(data) as files:
            written = (LastWritten(file.stat(follow_symlinks=False).st_mtime, file.name) for file in files)
            return max(written, default=LastWritten(0.0, ""))
    except OSError:
        return LastWritten(0.0, "")


def replace_file(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads: whole or not at all, also across a power cut.

    Raises:
        TokenError: It cannot be written.
    """
    try:
        put_file(path, content, durably=True)
    except OSError as error:
        raise TokenError(f"cannot write {path}: {error}") from error
