"""The lifecycle that a connection is in, as far as the fast lane has to know it: which calls the SDK would pass on.

The client's first request decides for good (`serve_dual_era_loop` of the SDK): it carries the envelope of 2026-07-28 in
`_meta`, or the connection is one with a handshake. What follows from that is watched here, never decided: the first
request and `initialize` always go to the SDK. Whether a `_meta` is in order is asked of the SDK's own checks, once for
each that differs from the last one.
"""

from __future__ import annotations

from typing import Any, Final, Literal

import msgspec
from mcp.shared.inbound import InboundLadderRejection, classify_inbound_request
from mcp_types import PROTOCOL_VERSION_META_KEY, SERVER_INFO_META_KEY, CallToolRequestParams
from mcp_types.methods import validate_client_request
from mcp_types.version import LATEST_HANDSHAKE_VERSION, LATEST_MODERN_VERSION
from pydantic import ValidationError

from transport.mcp.message_parser import RequestId

_CALL: Final = "tools/call"
_PARAMS: Final = frozenset({"name", "arguments", "_meta"})

_encode = msgspec.json.Encoder().encode


class Era:
    """One connection's lifecycle. Nothing here checkpoints.

    Args:
        server_info: What the SDK stamps on every result of a stateless connection.

    Attributes:
        tail: What every result of a tool ends with, as JSON.
    """

    def __init__(self, server_info: dict[str, Any]) -> None:
        self._stamp = f',"resultType":"complete","_meta":{_encode({SERVER_INFO_META_KEY: server_info}).decode()}'
        self._kind: Literal["undecided", "handshake", "stateless"] = "undecided"
        self._initialize: RequestId | None = None
        self._open = False
        self._fitting: bytes | None = None
        self.tail = ""

    def asked(self, request_id: RequestId, method: str, params: dict[str, Any] | None) -> None:
        """Note a request that goes to the SDK."""
        if self._kind == "undecided":
            if method != "initialize" and has_envelope(params):
                self._kind, self._open, self.tail = "stateless", True, self._stamp
            else:
                self._kind = "handshake"
        if method == "initialize":
            self._initialize = request_id

    def answered(self, request_id: RequestId) -> None:
        """Note that the SDK has answered a request with a result."""
        if self._kind == "handshake" and request_id == self._initialize:
            self._open = True

    def admits(self, params: dict[str, Any]) -> bool:
        """Say whether the SDK would pass a `tools/call` with these params on to its tool, whatever its arguments."""
        if not self._open or not params.keys() <= _PARAMS:
            return False
        if "_meta" not in params:
            return self._kind == "handshake"
        meta = _encode(params["_meta"])
        if meta != self._fitting and self._fits(params["_meta"]):
            self._fitting = meta
        return meta == self._fitting

    def _fits(self, meta: Any) -> bool:
        params = {"name": "health", "_meta": meta}
        version = LATEST_HANDSHAKE_VERSION
        if self._kind == "stateless":
            route = classify_inbound_request({"method": _CALL, "params": params})
            if isinstance(route, InboundLadderRejection):
                return False
            version = LATEST_MODERN_VERSION
        elif has_envelope(params):
            return False
        try:
            validate_client_request(_CALL, version, params)
            CallToolRequestParams.model_validate(params, by_name=False)
        except ValidationError:
            return False
        return True


def has_envelope(params: dict[str, Any] | None) -> bool:
    """Say whether a request carries the envelope of the stateless lifecycle, in whatever version."""
    meta = params.get("_meta") if params else None
    return isinstance(meta, dict) and PROTOCOL_VERSION_META_KEY in meta
