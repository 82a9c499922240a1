"""Files mapped into memory: read without a system call, and without a descriptor that stays open.

`mmap.mmap` keeps a copy of the descriptor until Python 3.13, and a log of many segments would run out of them. So the C
library is called itself.

A page that the disk cannot give ends the process with SIGBUS, and so does a file that becomes shorter. Whoever maps a
file sees to it that nobody makes it shorter. What is written to a mapped file is seen at once where files and mappings
share the page cache, as LMDB wants it too: on Linux and macOS.
"""

from __future__ import annotations

import ctypes
import mmap
import os
from weakref import finalize

_libc = ctypes.CDLL(None, use_errno=True)
_map = _libc.mmap
_map.restype = ctypes.c_void_p
_map.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_long]
_unmap = _libc.munmap
_unmap.restype = ctypes.c_int
_unmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]

_FAILED = ctypes.c_void_p(-1).value


def map_file(fd: int) -> memoryview:
    """Map an open file of one byte or more, all of it, for reading; it stays mapped as long as anything refers to it.

    Args:
        fd: the file; may be closed afterwards.

    Raises:
        OSError: the operating system refused.
    """
    size = os.fstat(fd).st_size
    address = _map(None, size, mmap.PROT_READ, mmap.MAP_SHARED, fd, 0)
    if address in {None, _FAILED}:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    held = (ctypes.c_char * size).from_address(address)
    finalize(held, _unmap, address, size).atexit = False
    return memoryview(held).toreadonly().cast("B")
