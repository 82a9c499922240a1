"""A token as a person or a file gives it. Imports nothing, so that a hook can afford it."""

from __future__ import annotations


def without_secrets(url: str) -> str:
    """Return a URL as it may be shown: a token may stand in its query, and a password before its host."""
    start, _, rest = url.partition("://")
    host, slash, path = rest.partition("?")[0].partition("/")
    return f"{start}://{host.rpartition('@')[2]}{slash}{path}" if rest else start.partition("?")[0]


def token_in(text: str) -> str:
    """Return the token in a text, without the newline that editors and `echo` leave behind it.

    Raises:
        ValueError: The text is not a token. The error does not show it, since it may be one with a slip.
    """
    token = text.strip()
    if not (token.isascii() and token.isprintable() and token) or " " in token:
        raise ValueError("what was given as a token is not one: copy it whole, on one line; it is not shown here")
    return token
