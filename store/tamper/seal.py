"""The optional seal: a keyed hash chained over the frames, so that nobody without the key changes it unnoticed.

Each frame ends with BLAKE2b, keyed, over the seal before it and over everything in the frame that tells a history: its
flags, count, first sequence, time and body. So an event that was edited, a frame that was removed or put elsewhere, and
all that follows a change, no longer fit. Each segment's header repeats the seal before its first frame, and the record
of what was retired has a seal of its own. Salt and durable mark are not covered: an unclean open writes the tail
anew with others, and needs no key for that.

What a chain cannot show is that its newest end was cut off. Keep the seal that `verify` reports in another place, and
compare.
"""

from os import PathLike
from pathlib import Path
from struct import Struct

import msgspec

from store.disk.digest import blake2b
from store.errors import Invalid
from store.format.segment import SEAL_BYTES

NO_SEAL = bytes(SEAL_BYTES)
"""Stands before the first frame of a chain."""

KEY_BYTES = 16
"""A key file has at least so many bytes."""

_DIGEST_KEY_BYTES = 32
_FRAME = Struct("<HIQq")
_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class Seal:
    """Goes along the frames of a log.

    Attributes:
        last: the seal of the last frame.

    Args:
        key: the secret, any bytes.
        last: the seal to go on from.
    """

    def __init__(self, key: bytes, last: bytes = NO_SEAL) -> None:
        self._key = blake2b(key, digest_size=_DIGEST_KEY_BYTES).digest()
        self.last = last

    def next(self, body: bytes | memoryview, *, flags: int, count: int, first_sequence: int, time_ns: int) -> bytes:
        """Return the seal of the next frame; `body` is without it."""
        digest = blake2b(self.last, digest_size=SEAL_BYTES, key=self._key, person=b"frame")
        digest.update(_FRAME.pack(flags, count, first_sequence, time_ns))
        digest.update(body)
        self.last = digest.digest()
        return self.last

    def of_record(self, last: int, revisions: dict[str, int]) -> bytes:
        """Return the seal of a retention record."""
        return blake2b(_encode((last, revisions)), digest_size=SEAL_BYTES, key=self._key, person=b"gone").digest()


def read_key(path: str | PathLike[str]) -> bytes:
    """Return the key that a file holds: all of its bytes.

    Raises:
        Invalid: the file is unreadable or too short.
    """
    try:
        key = Path(path).read_bytes()
    except OSError as error:
        raise Invalid(f"the seal's key file {path} cannot be read: {error.strerror}") from error
    if len(key) < KEY_BYTES:
        raise Invalid(f"the seal's key file {path} has {len(key)} bytes: put at least {KEY_BYTES} random ones into it")
    return key
