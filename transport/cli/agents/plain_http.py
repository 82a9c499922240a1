"""One request of HTTP over a socket, and its answer: what `http.client` does in five times the start-up time.

HTTP/1.1 (RFC 9112) with `Connection: close`. An answer is believed only if it is whole: it says how long it is, once,
in digits, and has that length. Chunks are not read; a hall sends none.
"""

from __future__ import annotations

from transport.hooks.hook_answer import Unusable

TYPE_CHECKING = False  # what only annotations name is not imported: a hook starts before each call
if TYPE_CHECKING:
    from typing import Final, Protocol

    class Socket(Protocol):
        """What is asked of a connected socket."""

        def sendall(self, data: bytes, /) -> None:
            """Send everything."""
            ...

        def recv(self, size: int, /) -> bytes:
            """Return what has come, empty at the end."""
            ...


MOST_ANSWER_BYTES: Final = 1 << 20
"""How much of an answer is read; a verdict has a few hundred bytes."""

MOST_HEAD_BYTES: Final = 65_536
"""How long the head of an answer may be."""


def post(connected: Socket, host: str, path: str, token: str | None, body: bytes) -> tuple[int, bytes]:
    """Post JSON; return the status and the content of the answer.

    Args:
        connected: The connection, used for this request alone.
        host: What stands in `Host`.
        path: What is asked for.
        token: The token to show, if any; printable ASCII.
        body: The JSON.

    Raises:
        Unusable: There is no whole answer.
        OSError: The connection broke.
    """
    shown = f"Authorization: Bearer {token}\r\n" if token else ""
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n{shown}\r\n"
    )
    connected.sendall(head.encode("ascii") + body)
    said, end = b"", -1
    while end < 0:
        if len(said) > MOST_HEAD_BYTES:
            raise Unusable("the answer's head has no end; is that a hall?")
        said += _some(connected)
        end = said.find(b"\r\n\r\n")
    status, length = _head(said[:end])
    content = said[end + 4 :]
    if length > MOST_ANSWER_BYTES:
        raise Unusable(f"the answer has more than {MOST_ANSWER_BYTES} bytes; is that a hall?")
    while len(content) < length:
        content += _some(connected)
    if len(content) > length:
        raise Unusable("the answer is longer than it says; is that a hall?")
    return status, content


def _some(connected: Socket) -> bytes:
    said = connected.recv(65_536)
    if not said:
        raise Unusable("the connection ended before the answer did")
    return said


def _head(head: bytes) -> tuple[int, int]:
    """Return the status and the length that the head of an answer says."""
    first, *lines = head.split(b"\r\n")
    version, _, rest = first.partition(b" ")
    code = rest[:3]
    fields = [line.partition(b":") for line in lines]
    lengths = [value.strip() for name, _, value in fields if name.lower() == b"content-length"]
    if not version.startswith(b"HTTP/1.") or not code.isdigit() or rest[3:4] not in {b"", b" "}:
        raise Unusable("that is no answer of HTTP")
    if (
        len(lengths) != 1
        or not lengths[0].isdigit()
        or any(name.lower() == b"transfer-encoding" for name, _, _ in fields)
    ):
        raise Unusable("the answer does not say how long it is")
    return int(code), int(lengths[0])
