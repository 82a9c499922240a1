"""BLAKE2b and a comparison in constant time, without OpenSSL.

`hashlib` and `hmac` take both from the modules below, but load OpenSSL first: 3.7 MB resident and a seventh of what
importing the store takes (CPython 3.11).
"""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from hashlib import blake2b
    from hmac import compare_digest
else:
    try:
        from _blake2 import blake2b
        from _operator import _compare_digest as compare_digest
    except ImportError:  # another implementation of Python
        from hashlib import blake2b
        from hmac import compare_digest

__all__ = ["blake2b", "compare_digest"]
