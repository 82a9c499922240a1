"""Where a token is checked, and Host and Origin: what every request must pass first. Pure but for the tokens.

Host is checked against DNS rebinding: a page of another site can make its own name resolve to this machine, but it
cannot make the browser send an address or `localhost` as Host. Origin is sent by browsers alone; a foreign one is
refused, its absence is fine.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final, NamedTuple
from urllib.parse import parse_qs, urlsplit

import msgspec

from actors.session.messages import Principal
from transport.access.tokens import Tokens, digest

PATH: Final = "/mcp"
LOCAL: Final = Principal("local", "admin")
"""Who everybody is with `--auth none`."""

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class Rejected(Exception):  # noqa: N818 - states a fact about a request
    """The request goes no further; answer it with this status.

    Args:
        status: The HTTP status code.
        message: Why, and what to do next; the response's body.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class RequestHead(NamedTuple):
    """The head of a client's first request, as far as it is checked.

    Attributes:
        target: The request's target: path and query.
        host: The Host header.
        headers: All other headers, names in lower case.
    """

    target: str
    host: str
    headers: list[tuple[bytes, bytes]]


class Identity(msgspec.Struct, frozen=True):
    """Who a client has shown itself to be.

    Attributes:
        principal: Whom the connection acts as.
        sha256: The hash of its token; None where no token is needed.
    """

    principal: Principal
    sha256: str | None


class Authenticator:
    """Decides which requests come in, and as whom. Nothing here checkpoints.

    Args:
        tokens: The tokens that are valid; None lets everybody in as the admin `local`, on loopback only.
        host: The address that the server listens on.
        hosts: Host names that clients may use besides addresses and `localhost`.
        origins: Browser origins that may connect besides the server's own, as `scheme://host[:port]`.

    Raises:
        ValueError: There are no tokens and the address is not a loopback one.
    """

    def __init__(
        self, tokens: Tokens | None, host: str = "127.0.0.1", *, hosts: Iterable[str] = (), origins: Iterable[str] = ()
    ) -> None:
        if tokens is None and not is_loopback(host):
            raise ValueError(f"`--auth none` is for loopback only, and {host!r} is not; use `--auth token`")
        self._tokens = tokens
        self._loopback = is_loopback(host)
        self._hosts = {host.lower(), *(each.lower() for each in hosts)}
        # Requests over HTTP say the same few names, and to take one apart costs as much as the rest of the checks.
        self._host_is_fine = lru_cache(maxsize=64)(self._is_fine_as_host)
        self._origins = {each.lower().rstrip("/") for each in origins}

    def authenticate(self, head: RequestHead) -> Identity:
        """Return who comes in.

        Raises:
            Rejected: Nobody does: 404, 421, 403 or 401, checked in this order.
            TokenError: The tokens cannot be read.
        """
        path, _, query = head.target.partition("?")
        if path != PATH:
            raise Rejected(404, f"there is nothing here; connect to {PATH}")
        self.check_names(head)
        return self.identify(head.headers, query)

    def check_names(self, head: RequestHead) -> None:
        """Check Host and Origin.

        Raises:
            Rejected: 421 or 403, checked in this order.
        """
        if not self._host_is_fine(head.host):
            raise Rejected(421, "the Host header names another server; connect by address or as localhost")
        origins = [value.decode("latin-1").lower() for name, value in head.headers if name == b"origin"]
        if not all(self._origin_is_fine(origin, head.host.lower()) for origin in origins):
            raise Rejected(403, "this Origin may not connect; add it to `origins` in the server's configuration")

    def identify(self, headers: list[tuple[bytes, bytes]], query: str = "") -> Identity:
        """Return whom the token stands for: the bearer token of the headers, or `access_token` of the query.

        Raises:
            Rejected: 401.
            TokenError: The tokens cannot be read.
        """
        if self._tokens is None:
            return Identity(LOCAL, None)
        token = _bearer(headers) or next(iter(parse_qs(query).get("access_token", [])), None)
        if token is None:
            raise Rejected(
                401, "no token; send `Authorization: Bearer TOKEN` (a websocket may use `?access_token=TOKEN`)"
            )
        principal = self._tokens.find(token)
        if principal is None:
            raise Rejected(401, "this token is unknown, revoked or expired; `moothall agent add NAME` makes a new one")
        return Identity(principal, digest(token))

    def still_valid(self, identity: Identity) -> bool:
        """Say whether the identity's token still stands for the same principal.

        Raises:
            TokenError: The tokens cannot be read.
        """
        if self._tokens is None or identity.sha256 is None:
            return True
        return self._tokens.holder(identity.sha256) == identity.principal

    def _is_fine_as_host(self, host: str) -> bool:
        name = _host_name(f"//{host}")
        if name is None:
            return False
        return name in self._hosts or is_loopback(name) or (not self._loopback and _is_address(name))

    def _origin_is_fine(self, origin: str, host: str) -> bool:
        if origin in self._origins:
            return True
        scheme = origin.partition("://")[0]
        if scheme not in _DEFAULT_PORTS:
            return False
        port = _DEFAULT_PORTS[scheme]
        own, theirs = _address(f"{scheme}://{host}", port), _address(origin, port)
        return own is not None and own == theirs


def is_loopback(host: str) -> bool:
    """Say whether a host name or address is this machine's loopback."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _host_name(url: str) -> str | None:
    try:
        return urlsplit(url).hostname
    except ValueError:
        return None


def _address(url: str, default_port: int) -> tuple[str, int] | None:
    """Return host and port; all names of the loopback are one."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if host is None or parts.path or parts.query:
        return None
    return ("localhost" if is_loopback(host) else host), (port if port is not None else default_port)


def _bearer(headers: list[tuple[bytes, bytes]]) -> str | None:
    for name, value in headers:
        if name == b"authorization":
            scheme, _, token = value.decode("latin-1").partition(" ")
            if scheme.lower() == "bearer" and token.strip():
                return token.strip()
    return None
