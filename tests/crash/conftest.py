"""A disk that records what is done to it, for those who wait for crashes; and programs to run on it."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp

import pytest

import journal

HERE = Path(__file__).parent
FUSE = Path("/dev/fuse")


def unavailable() -> str | None:
    """Say why no file system can be mounted here."""
    if not os.access(FUSE, os.R_OK | os.W_OK):
        return "there is no FUSE: /dev/fuse cannot be used"
    if importlib.util.find_spec("pyfuse3") is None:
        return "pyfuse3 is not installed: install libfuse3-dev, pkg-config and gcc, then run scripts/test again"
    return None


class DiskUnderWatch:
    """A mounted disk and its journal."""

    def __init__(self, mount: Path, journal_path: Path) -> None:
        self.mount, self._journal = mount, journal_path
        self._seen = 0

    def run(self, work: str, policy: str, wrong: str = "") -> None:
        """Have a program of its own do some of `workloads` here."""
        environment = {**os.environ, "RECORDING_DISK": str(self.mount)}
        command = [sys.executable, HERE / "workloads.py", work, self.mount, policy, wrong]
        subprocess.run(command, env=environment, check=True, timeout=60)

    def fail(self, orders: str) -> None:
        """Have calls fail: `KIND TURN ERROR once|always`, several with commas, none with nothing."""
        os.setxattr(self.mount, "user.fail", orders.encode())

    def entries(self) -> list[journal.Entry]:
        """Return what was done so far."""
        return [*journal.entries(self._journal)]

    def new_entries(self) -> list[journal.Entry]:
        """Return what was done since the last time."""
        start, self._seen = self._seen, self._journal.stat().st_size
        return [*journal.entries(self._journal, start)]


@pytest.fixture
def recording_disk(tmp_path):
    """Return what mounts an empty disk; without FUSE there is none, and the test is skipped."""
    if (why := unavailable()) is not None:
        pytest.skip(why)

    @contextmanager
    def mounting():
        home = Path(mkdtemp(dir=tmp_path))
        mount, journal_path = home / "mount", home / "journal"
        mount.mkdir()
        command = [sys.executable, HERE / "recording_disk.py", mount, journal_path]
        server = subprocess.Popen(command, stdout=subprocess.PIPE)
        try:
            assert server.stdout is not None
            if server.stdout.readline() != b"mounted\n":
                pytest.skip("FUSE cannot mount a file system here")
            yield DiskUnderWatch(mount, journal_path)
        finally:
            subprocess.run([shutil.which("fusermount3") or "umount", "-uz", mount], check=False, timeout=30)
            server.kill()
            server.wait()
            server.stdout.close()

    return mounting


@pytest.fixture
def left(tmp_path):
    """Return where what a crash left is put to be looked at: thousands of times, so in memory if possible."""
    memory = Path("/dev/shm")
    with TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else tmp_path) as home:
        yield Path(home) / "left"
