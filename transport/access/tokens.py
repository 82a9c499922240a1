"""Tokens: who may come in, and as whom.

A token is 32 random bytes; `DATA/tokens.json` keeps its SHA-256, the name and the role, never the token itself. The
file may be changed while a server runs: writers hold a lock and replace it atomically, and the server looks at its
modification time. A hash needs no salt here, because a token has 256 bits that nobody chose.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from actors.session.messages import Principal, Role
from actors.session.role_rules import folded
from transport.data_directory import ADMIN_TOKEN_FILE, AGENT_TOKEN_FILE

NAME_CHARACTERS: Final = 256
FIRST_TOKENS: Final[dict[str, Role]] = {AGENT_TOKEN_FILE: "agent", ADMIN_TOKEN_FILE: "admin"}
"""The token files that the first `serve` creates, and the role of each; the principal is named like its role."""


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
    """

    name: str
    role: Role
    sha256: str
    created: float
    expires: float | None = None


class _File(msgspec.Struct):
    version: int = 1
    tokens: list[TokenEntry] = []


class Tokens:
    """The tokens of one data directory, read again whenever the file has changed. Nothing here checkpoints.

    Args:
        data: The data directory.
        clock: Tells the time, in seconds since the epoch.

    Example:
        >>> import tempfile
        >>> tokens = Tokens(Path(tempfile.mkdtemp()))
        >>> token = tokens.add("scout")
        >>> tokens.find(token)
        Principal(agent='scout', role='agent')
        >>> tokens.revoke("scout")
        >>> tokens.find(token) is None
        True
    """

    def __init__(self, data: Path, clock: Callable[[], float] = time.time) -> None:
        self._data = data
        self._clock = clock
        self._path = data / "tokens.json"
        self._seen: tuple[int, int, int] | None = None
        self._by_hash: dict[str, TokenEntry] = {}

    def find(self, token: str) -> Principal | None:
        """Return who a token stands for, or None if it is unknown, revoked or expired.

        The look-up is by hash, so its timing tells nothing about any token.

        Raises:
            TokenError: The file cannot be read.
        """
        return self.holder(digest(token))

    def holder(self, sha256: str) -> Principal | None:
        """Return who the token with this hash stands for now; see `find`."""
        self._refresh()
        entry = self._by_hash.get(sha256)
        if entry is None or (entry.expires is not None and entry.expires <= self._clock()):
            return None
        return Principal(entry.name, entry.role)

    def entries(self) -> list[TokenEntry]:
        """Return what is kept of every token, oldest first.

        Raises:
            TokenError: The file cannot be read.
        """
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_File).tokens
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            raise TokenError(
                f"cannot read {self._path}: {error}; restore it, or remove it and add agents anew"
            ) from error

    def add(self, name: str, role: Role = "agent", *, lifetime_s: float | None = None) -> str:
        """Add an agent and return its token, which cannot be had again.

        Args:
            name: The agent's name.
            role: What it may do.
            lifetime_s: How long the token is good, in seconds; None is for ever. A running server closes the
                connections of an expired token within about a second, as those of a revoked one.

        Raises:
            TokenError: The name is not allowed or in use, or the file cannot be written.
        """
        _check_name(name)
        token = secrets.token_urlsafe(32)
        with self._locked():
            entries = self.entries()
            if any(folded(entry.name) == folded(name) for entry in entries):
                raise TokenError(f"an agent named {name!r}, or much like it, exists; choose another or revoke it first")
            now = self._clock()
            expires = None if lifetime_s is None else now + lifetime_s
            self._write([*entries, TokenEntry(name, role, digest(token), now, expires)])
        return token

    def revoke(self, name: str) -> None:
        """Take an agent's token back; a running server closes its connections within about a second.

        Raises:
            TokenError: No agent has this name, or the file cannot be written.
        """
        with self._locked():
            entries = self.entries()
            kept = [entry for entry in entries if entry.name != name]
            if len(kept) == len(entries):
                raise TokenError(f"no agent is named {name!r}; `moothall agent list` shows who is")
            self._write(kept)

    def create_first(self) -> None:
        """Write `DATA/agent.token` and `DATA/admin.token` where they are missing, readable by their owner alone.

        A token whose file was lost is replaced by a new one.

        Raises:
            TokenError: A file cannot be written.
        """
        with self._locked():
            for file_name, role in FIRST_TOKENS.items():
                path = self._data / file_name
                if path.exists():
                    continue
                token = secrets.token_urlsafe(32)
                others = [entry for entry in self.entries() if entry.name != role]
                self._write([*others, TokenEntry(role, role, digest(token), self._clock())])
                _replace(path, token.encode())

    def _refresh(self) -> None:
        try:
            status = self._path.stat()
        except FileNotFoundError:
            self._seen, self._by_hash = None, {}
            return
        seen = (status.st_mtime_ns, status.st_ino, status.st_size)
        if seen != self._seen:
            self._by_hash = {entry.sha256: entry for entry in self.entries()}
            self._seen = seen

    def _write(self, entries: list[TokenEntry]) -> None:
        _replace(self._path, msgspec.json.format(msgspec.json.encode(_File(tokens=entries))))

    @contextmanager
    def _locked(self) -> Generator[None]:
        try:
            self._data.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = os.open(self._data / "tokens.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise TokenError(f"cannot use {self._data}: {error}; choose another --data directory") from error
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        finally:
            os.close(lock)


def digest(token: str) -> str:
    """Return the SHA-256 of a token, hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


RESERVED: Final = frozenset({"moothall", "local"})
"""Who the server itself is in the log, and who everybody is without tokens."""


def _check_name(name: str) -> None:
    if folded(name) in RESERVED:
        raise TokenError(f"the name {name!r} is the server's own; choose another")
    if not 1 <= len(name) <= NAME_CHARACTERS:
        raise TokenError(f"an agent's name has 1 to {NAME_CHARACTERS} characters, this one has {len(name)}")
    if "/" in name or not name.isprintable() or name != name.strip():
        raise TokenError(f"{name!r} contains a slash, blanks at an end, or what cannot be printed; leave it out")


def _replace(path: Path, content: bytes) -> None:
    """Write a file that only its owner reads: whole or not at all, also across a power cut."""
    temporary = path.with_name(f"{path.name}.{secrets.token_hex(4)}.new")
    try:
        file = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(file, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
        directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise TokenError(f"cannot write {path}: {error}") from error
