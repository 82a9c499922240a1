"""Prebuilt MCP requests: the text frames that a client would send."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec

from benchmarks.measuring.shell_commands import CWD, PLAIN

_numbers = itertools.count(1)
"""Ids of requests, and parts of paths that must differ."""

PROTOCOL = "2025-11-25"
"""The revision of MCP that connections begin with."""

Frames = list[str]


class UnexpectedAnswer(Exception):  # noqa: N818 - states what came
    """A call was answered otherwise than the figure claims; the text holds the answer."""


def check(reply: str, expected: str) -> None:
    """Make sure that an answer contains what it must.

    Raises:
        UnexpectedAnswer: It does not.
    """
    if expected not in reply:
        raise UnexpectedAnswer(f"expected {expected} in the answer {reply[:500]}")


def initialize() -> str:
    """Return the first message of a connection."""
    client = {"name": "bench", "version": "1"}
    params = {"protocolVersion": PROTOCOL, "capabilities": {}, "clientInfo": client}
    return _request("initialize", params)


def initialized() -> str:
    """Return what a client says after the answer to `initialize`."""
    return _text({"jsonrpc": "2.0", "method": "notifications/initialized"})


def health(count: int) -> Frames:
    """Return calls of `health`."""
    return [_call("health", {}) for _ in range(count)]


def validate_known(count: int) -> Frames:
    """Return calls of `validate` that are all the same."""
    return [_call("validate", {"tool": PLAIN.tool, "input": PLAIN.input, "cwd": PLAIN.cwd}) for _ in range(count)]


def validate_fresh(count: int) -> Frames:
    """Return calls of `validate` that differ from all others ever made here."""
    return [
        _call("validate", {"tool": PLAIN.tool, "input": PLAIN.input, "cwd": f"{CWD}-{next(_numbers)}"})
        for _ in range(count)
    ]


def append(count: int) -> Frames:
    """Return calls of `append_events` with one event of about 200 bytes each."""
    return [
        _call("append_events", {"stream": f"task/{number}", "events": [{"type": "note", "data": {"text": "x" * 120}}]})
        for number in range(count)
    ]


def _call(tool: str, arguments: dict[str, Any]) -> str:
    return _request("tools/call", {"name": tool, "arguments": arguments})


def _request(method: str, params: dict[str, Any]) -> str:
    return _text({"jsonrpc": "2.0", "id": next(_numbers), "method": method, "params": params})


def _text(message: dict[str, Any]) -> str:
    return msgspec.json.encode(message).decode()
