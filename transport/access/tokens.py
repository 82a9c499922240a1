"""Tokens: who may come in, and as whom.

A token is 32 random bytes; `DATA/tokens.json` keeps its SHA-256, the name, the role and
the labels, never the token itself. The
file may be changed while a server runs: writers hold a lock and replace it atomically, and the server looks at its
modification time. A hash needs no salt here, because a token has 256 bits that nobody chose.
"""

from __future__ import annotations

import hashlib
import math
import secrets
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

from actors.agent_names import MAX_LABELS, why_no_labels, why_no_name
from actors.look_alikes import folded
from actors.session.messages import Principal, Role
from transport.access.token_file import (
    TokenEntry,
    TokenError,
    TokenFile,
    last_written,
    locked,
    read_tokens,
    replace_file,
    write_tokens,
)
from transport.discovery.server_file import ADMIN_TOKEN_FILE, AGENT_TOKEN_FILE

AHEAD_S: Final = 60.0
"""How far the files may lie ahead of the clock without a word, in seconds: a file server has a clock of its own."""

FIRST_TOKENS: Final[dict[str, Role]] = {AGENT_TOKEN_FILE: "agent", ADMIN_TOKEN_FILE: "admin"}
"""The token files that the first `serve` creates, and the role of each; the principal is named like its role."""


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
        Principal(agent='scout', role='agent', labels=())
        >>> tokens.revoke("scout")
        >>> tokens.find(token) is None
        True
    """

    def __init__(self, data: Path, clock: Callable[[], float] = time.time) -> None:
        self._data = data
        self._clock = clock
        self._path = data / "tokens.json"
        self._latest, self._last_file = last_written(data)
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
        if entry is None or (entry.expires is not None and entry.is_expired(self.now())):
            return None
        return Principal(entry.name, entry.role, entry.labels)

    def now(self) -> float:
        """Return the time, which never steps back: what has expired stays so.

        It is no earlier than any time that was seen here, or that a file of the data directory was written at.
        """
        self._latest = max(self._latest, self._clock())
        return self._latest

    def clock_trouble(self) -> str:
        """Say which file was written after the time that the clock tells, and what follows; empty if none was."""
        ahead_s = self._latest - self._clock()
        if ahead_s <= AHEAD_S:
            return ""
        return (
            f"{self._data / self._last_file} was written {ahead_s:.0f} s after the time that the clock tells, and by "
            "the later of the two tokens expire: set the clock, or if it is right `touch` the file; then restart"
        )

    def check_there(self) -> None:
        """See that a hall has begun in the data directory.

        Raises:
            TokenError: None has.
        """
        try:
            there = any((self._data / name).exists() for name in (self._path.name, "lock"))
        except OSError as error:
            raise TokenError(f"cannot look into {self._data} ({error.strerror}); it is another user's hall") from None
        if not there:
            raise TokenError(
                f"no hall has begun in {self._data}; start one with `moothall serve`, or name another with --data"
            )

    def entries(self) -> list[TokenEntry]:
        """Return what is kept of every token, oldest first.

        Raises:
            TokenError: The file cannot be read.
        """
        return read_tokens(self._path).tokens

    def add(
        self, name: str, role: Role = "agent", *, lifetime_s: float | None = None, labels: Iterable[str] = ()
    ) -> str:
        """Add an agent and return its token, which cannot be had again.

        Args:
            name: The agent's name.
            role: What it may do.
            lifetime_s: How long the token is good, in seconds; infinity is for ever, None is what `keep_lifetime` said
                last, or for ever. A running server closes the connections of an expired token within about a second,
                as those of a revoked one.
            labels: Its labels, by which rules of a policy know it.

        Raises:
            TokenError: The name or a label is not allowed or in use, or the file cannot be written.
        """
        own = tuple(sorted(set(labels)))
        _check(name, own)
        token = secrets.token_urlsafe(32)
        with locked(self._data):
            file = read_tokens(self._path)
            if any(folded(entry.name) == folded(name) for entry in file.tokens):
                raise TokenError(f"an agent named {name!r}, or much like it, exists; choose another or revoke it first")
            given_s = file.lifetime_s if lifetime_s is None else lifetime_s
            write_tokens(self._path, file, [*file.tokens, self._entry(name, role, token, given_s, own)])
        return token

    def rotate(self, name: str, *, lifetime_s: float | None = None) -> str:
        """Give an agent a new token in place of its old one, and return it; its connections close within a second.

        Args:
            name: The agent's name.
            lifetime_s: How long the new token is good, in seconds; None is as long as the old one was.

        Raises:
            TokenError: No agent has this name, or a file cannot be written.
        """
        token = secrets.token_urlsafe(32)
        with locked(self._data):
            file = read_tokens(self._path)
            old = next((entry for entry in file.tokens if entry.name == name), None)
            if old is None:
                raise _unknown(name)
            if lifetime_s is None and old.expires is not None:
                lifetime_s = old.expires - old.created
            new = self._entry(name, old.role, token, lifetime_s, old.labels)
            write_tokens(self._path, file, [new if entry is old else entry for entry in file.tokens])
            for file_name, role in FIRST_TOKENS.items():
                if name == role == old.role:
                    replace_file(self._data / file_name, token.encode())
        return token

    def keep_lifetime(self, lifetime_s: float | None) -> None:
        """Say how long tokens are good that are added without a word about it, in seconds; None is for ever.

        Raises:
            TokenError: The file cannot be written.
        """
        with locked(self._data):
            file = read_tokens(self._path)
            if file.lifetime_s != lifetime_s:
                write_tokens(self._path, TokenFile(lifetime_s=lifetime_s), file.tokens)

    def _entry(
        self, name: str, role: Role, token: str, lifetime_s: float | None, labels: tuple[str, ...] = ()
    ) -> TokenEntry:
        now = self.now()
        expires = None if lifetime_s is None or math.isinf(lifetime_s) else now + lifetime_s
        return TokenEntry(name, role, digest(token), now, expires, labels)

    def revoke(self, name: str) -> None:
        """Take an agent's token back; a running server closes its connections within about a second.

        Raises:
            TokenError: No agent has this name, or the file cannot be written.
        """
        with locked(self._data):
            file = read_tokens(self._path)
            kept = [entry for entry in file.tokens if entry.name != name]
            if len(kept) == len(file.tokens):
                raise _unknown(name)
            write_tokens(self._path, file, kept)

    def create_first(self) -> None:
        """Write `DATA/agent.token` and `DATA/admin.token` where they are missing, readable by their owner alone.

        A token whose file was lost is replaced by a new one.

        Raises:
            TokenError: A file cannot be written.
        """
        with locked(self._data):
            for file_name, role in FIRST_TOKENS.items():
                path = self._data / file_name
                if path.exists():
                    continue
                token = secrets.token_urlsafe(32)
                file = read_tokens(self._path)
                others = [entry for entry in file.tokens if entry.name != role]
                write_tokens(self._path, file, [*others, self._entry(role, role, token, None)])
                replace_file(path, token.encode())

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


def _unknown(name: str) -> TokenError:
    return TokenError(f"no agent is named {name!r}; `moothall agent list` shows who is")


def digest(token: str) -> str:
    """Return the SHA-256 of a token, hexadecimal."""
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).hexdigest()


def _check(name: str, labels: tuple[str, ...]) -> None:
    why = why_no_name(name) or why_no_labels(labels)
    if not why and len(labels) > MAX_LABELS:
        why = f"an agent has at most {MAX_LABELS} labels, not {len(labels)}; leave some out"
    if why:
        raise TokenError(why)
