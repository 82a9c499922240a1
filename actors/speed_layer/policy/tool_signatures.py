"""What the tools of coding agents do with their input, by name: `packs/tools.toml`, and what a policy adds. Pure.

The shipped table also says which requests are the same one: a description or a timeout makes no other request. It does
so under every policy, so that a request keeps its hash when a policy is activated.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable
from importlib import resources
from typing import Any, Final

import msgspec

from actors.speed_layer.policy.rule_tables import ToolSignature

SHELL: Final = "bash"


class KnownTool:
    """A signature, ready for use.

    Attributes:
        signature: As written.
        quiet: The keys that may change nothing.
        beside: The keys that may stand beside a command.
        asks: Whether some keys have to be empty, or there.
        takes_command: Whether `command` is a key of it that holds a shell line.
    """

    __slots__ = ("_empty", "asks", "beside", "quiet", "signature", "takes_command")

    def __init__(self, signature: ToolSignature) -> None:
        self.signature = signature
        self.takes_command = "command" in signature.command
        self._empty = frozenset(signature.ignored_if_empty)
        self.quiet = frozenset(signature.ignored) | self._empty
        self.asks = bool(signature.ignored_if_empty or signature.needs)
        self.beside = self.quiet | {*signature.command, *signature.directory}

    def effective(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """Return an input without what changes nothing: ignored keys, and those that are null."""
        if len(arguments) == 1 or (self.quiet.isdisjoint(arguments) and None not in arguments.values()):
            return arguments
        return {
            key: value
            for key, value in arguments.items()
            if value is not None and (key not in self.quiet or (key in self._empty and _says_something(value)))
        }

    def loud(self, arguments: dict[str, Any]) -> str | None:
        """Return a key that should be empty and is not; None if there is none."""
        return next((key for key in self._empty if _says_something(arguments.get(key))), None)


def _says_something(value: Any) -> bool:
    return bool(value) and value != "false"  # as some agents write it


class ToolSignatures:
    """Signatures by the names of their tools, which are compared without case.

    Args:
        signatures: The signatures; of two for a name the first one holds.

    Attributes:
        find: Returns what is known of a tool by its name in lower case, None if nothing is.
    """

    __slots__ = ("_by_name", "find")

    def __init__(self, signatures: Iterable[ToolSignature]) -> None:
        self._by_name: dict[str, KnownTool] = {}
        for signature in signatures:
            known = KnownTool(signature)
            for name in signature.tools:
                self._by_name.setdefault(name.casefold(), known)
        self.find = self._by_name.get

    def taken(self, signature: ToolSignature) -> str | None:
        """Return a name of a signature that another one has described; None if there is none."""
        return next((name for name in signature.tools if self._by_name[name.casefold()].signature != signature), None)


def _shipped_ones() -> list[ToolSignature]:
    text = (resources.files("actors.speed_layer.policy") / "packs" / "tools.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text)["signature"], list[ToolSignature])


SHIPPED_SIGNATURES: Final = _shipped_ones()
SHIPPED: Final = ToolSignatures(SHIPPED_SIGNATURES)
SHELL_TOOL: Final = SHIPPED.find(SHELL)
