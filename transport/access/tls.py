"""TLS for both listeners and for their clients. Imports nothing but `ssl`, so that a hook can afford it."""

from __future__ import annotations

import ssl
from pathlib import Path


def server_context(cert: str | None, key: str | None) -> ssl.SSLContext | None:
    """Return what the listeners shake hands with; None where neither file is named.

    Args:
        cert: A PEM file with the certificate and what leads from it to its root.
        key: A PEM file with the private key, without a pass phrase.

    Raises:
        ValueError: One is named without the other, or they cannot be used.
    """
    if cert is None and key is None:
        return None
    if cert is None or key is None:
        raise ValueError("TLS needs both files; give --tls-cert and --tls-key")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.set_alpn_protocols(["http/1.1"])
    try:
        context.load_cert_chain(cert, key, password=_no_pass_phrase)
    except OSError as error:  # an `SSLError` too
        raise ValueError(
            f"cannot use {cert} with {key} for TLS: {error}; give a certificate and its key, in PEM"
        ) from None
    return context


def client_context(ca: str | Path | None) -> ssl.SSLContext:
    """Return what a client trusts a server by: the certificates of a PEM file, else those of the system.

    Raises:
        ValueError: The file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=ca)
    except OSError as error:
        raise ValueError(f"cannot trust by {ca}: {error}; name a PEM file with the certificate of its CA") from None
    context.set_alpn_protocols(["http/1.1"])
    return context


def _no_pass_phrase() -> str:
    """Refuse, or OpenSSL would ask at the terminal."""
    raise ValueError("the key for TLS has a pass phrase; give one without")
