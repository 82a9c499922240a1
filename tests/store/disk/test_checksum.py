"""The checksum of isal is that of zlib, so that a log can be read whatever is installed."""

import subprocess
import sys
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.disk.checksum import crc32

isal_zlib = pytest.importorskip("isal.isal_zlib", reason="the extra `fast` is not installed")


def printed(code, before="", **environment):
    program = f"{before}\nfrom store.disk import checksum\n{code}"
    return subprocess.check_output([sys.executable, "-c", program], env=environment, text=True).strip()


@given(st.binary(max_size=3000), st.integers(0, 2**32 - 1))
def test_both_go_on_from_a_value_to_the_same_one(data, value):
    assert crc32(data, value) == isal_zlib.crc32(data, value) == zlib.crc32(data, value)
    assert isal_zlib.crc32(memoryview(data)[3:], value) == zlib.crc32(data[3:], value)


@pytest.mark.parametrize(("pure", "module"), [("0", "isal.isal_zlib"), ("1", "zlib")])
def test_isal_is_used_where_it_is_installed_and_nothing_switches_it_off(pure, module):
    assert printed(f"import {module}; print(checksum.crc32 is {module}.crc32)", MOOTHALL_PURE=pure) == "True"


def test_without_isal_it_is_zlibs():
    said = "import sys, zlib; sys.modules['isal'] = None; import store.disk.checksum as c; print(c.crc32 is zlib.crc32)"
    assert subprocess.check_output([sys.executable, "-c", said], env={}, text=True).strip() == "True"
