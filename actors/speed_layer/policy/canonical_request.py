"""One form for requests that mean the same, for the cache's key and for sharing an approval.

Keys are sorted, tool names are without case, shell tools go by one name; on every transport a request has the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

SHELL: Final = "bash"
SHELL_TOOLS: Final = frozenset({SHELL, "shell", "exec"})
Scripts = Mapping[str, str | None]
"""What files hold that a command runs: the SHA-256 of each, by its path; None where it could not be read."""

_encoder: Final = msgspec.json.Encoder(order="deterministic")


def tool_name(tool: str) -> str:
    """Return a tool's name as it is compared: without case, the shell's by one name."""
    lowered = tool.casefold()
    return SHELL if lowered in SHELL_TOOLS else lowered


def canonical(
    tool: str,
    input: dict[str, Any],  # noqa: A002 - the contract's name
    cwd: str | None,
    scripts: Scripts | None = None,
) -> bytes:
    """Return the canonical form of a request, equal for equal requests whatever the order of their keys.

    Args:
        tool: The tool's name.
        input: Its arguments; whatever JSON holds.
        cwd: The working directory, `None` if unknown.
        scripts: What the files hold that it runs, where somebody has looked.

    Raises:
        TypeError: The input holds what JSON does not.
        ValueError: The same (`msgspec.EncodeError`).
    """
    if scripts:
        return _encoder.encode([tool_name(tool), cwd, input, scripts])
    return _encoder.encode([tool_name(tool), cwd, input])


def request_hash(
    tool: str,
    input: dict[str, Any],  # noqa: A002 - the contract's name
    cwd: str | None,
    scripts: Scripts | None = None,
) -> str:
    """Return the hash of the canonical form, as `hash_of`."""
    return hash_of(canonical(tool, input, cwd, scripts))


def hash_of(canonical_request: bytes) -> str:
    """Return the BLAKE2b hash of a canonical form, 128 bits as 32 hexadecimal digits."""
    return hashlib.blake2b(canonical_request, digest_size=16).hexdigest()
