"""One form for requests that mean the same, for the cache's key and for sharing an approval.

Keys are sorted, tool names are without case, shell tools go by one name, and what changes nothing of what a tool does
is left out; on every transport a request has the same.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from actors.speed_layer.policy.tool_signatures import SHELL, SHELL_TOOL, SHIPPED

Scripts = Mapping[str, str | None]
"""What files hold that a command runs: the SHA-256 of each, by its path; None where it could not be read."""

_encoder: Final = msgspec.json.Encoder(order="deterministic")


def tool_name(tool: str) -> str:
    """Return a tool's name as it is compared: without case, the shell's by one name."""
    lowered = tool.casefold()
    return SHELL if SHIPPED.find(lowered) is SHELL_TOOL else lowered


def canonical(
    tool: str,
    input: dict[str, Any],  # noqa: A002 - the contract's name
    cwd: str | None,
    scripts: Scripts | None = None,
    workspace: str | None = None,
) -> bytes:
    """Return the canonical form of a request, equal for equal requests whatever the order of their keys.

    Which keys of a tool change nothing, as `description` and `timeout`, is the same under every policy: what the
    shipped `packs/tools.toml` says.

    Args:
        tool: The tool's name.
        input: Its arguments; whatever JSON holds.
        cwd: The working directory, `None` if unknown.
        scripts: What the files hold that it runs, where somebody has looked.
        workspace: The project's root, where the hall has one.

    Raises:
        TypeError: The input holds what JSON does not.
        ValueError: The same (`msgspec.EncodeError`).
    """
    name = tool.casefold()
    known = SHIPPED.find(name)
    if known is not None:
        name, input = SHELL if known is SHELL_TOOL else name, known.effective(input)  # noqa: A001 - the same name
    if workspace is not None:
        return _encoder.encode([name, cwd, input, scripts or None, workspace])
    return _encoder.encode([name, cwd, input, scripts] if scripts else [name, cwd, input])


def request_hash(
    tool: str,
    input: dict[str, Any],  # noqa: A002 - the contract's name
    cwd: str | None,
    scripts: Scripts | None = None,
    workspace: str | None = None,
) -> str:
    """Return the hash of the canonical form, as `hash_of`."""
    return hash_of(canonical(tool, input, cwd, scripts, workspace))


def hash_of(canonical_request: bytes) -> str:
    """Return the BLAKE2b hash of a canonical form, 128 bits as 32 hexadecimal digits."""
    return hashlib.blake2b(canonical_request, digest_size=16).hexdigest()
