"""CRC-32 as zlib computes it, by isal where that is installed: of 100 KB in 1.2 us instead of 17.

Both give the same value: ISA-L's CRC of gzip is that of zlib. `MOOTHALL_PURE=1` leaves isal out, as every native part.
"""

import os
import zlib
from collections.abc import Callable
from importlib import import_module


def _fastest() -> Callable[..., int]:
    if os.environ.get("MOOTHALL_PURE", "0") not in ("", "0"):
        return zlib.crc32
    try:
        found: Callable[..., int] = import_module("isal.isal_zlib").crc32
    except ImportError:  # not installed, or there is no wheel for this machine
        return zlib.crc32
    return found


crc32 = _fastest()
"""Returns the CRC-32 of bytes, which goes on from that of the bytes before them: `crc32(data, value)`."""
