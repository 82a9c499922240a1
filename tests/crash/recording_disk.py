"""A file system in memory that writes down everything that is done to it: `python recording_disk.py MOUNT JOURNAL`.

Programs use it like any disk. Its journal says in order what reached the disk and what was synced, so that every state
that a crash could have left can be made from it (`crashes`). Two extended attributes of its root steer it: `user.say`
puts a remark of the program between the entries, and `user.fail` has calls fail: `write 3 EIO once`, or `always`.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
from contextlib import contextmanager

import pyfuse3
import trio

from journal import encode

KINDS = ("write", "sync", "truncate", "create", "unlink", "rename", "mkdir", "syncdir", "read")
"""What can be made to fail."""


class RecordingDisk(pyfuse3.Operations):
    """The file system; a file is a bytearray, a directory a dict of names and inodes."""

    def __init__(self, journal: int) -> None:
        super().__init__()
        self._journal = journal
        self._nodes: dict[int, bytearray | dict[bytes, int]] = {pyfuse3.ROOT_INODE: {}}
        self._last = int(pyfuse3.ROOT_INODE)
        self._failing: dict[str, tuple[int, int, bool]] = {}

    def _record(self, *entry: object) -> None:
        os.write(self._journal, encode(entry))

    def _may(self, kind: str) -> None:
        """Fail if it is this call's turn."""
        if kind in self._failing:
            left, number, once = self._failing[kind]
            if left > 1:
                self._failing[kind] = (left - 1, number, once)
                return
            if once:
                del self._failing[kind]
            self._record("failed", kind)
            raise pyfuse3.FUSEError(number)

    def _attributes(self, inode: int) -> pyfuse3.EntryAttributes:
        node = self._nodes[inode]
        found = pyfuse3.EntryAttributes()
        found.st_ino = inode
        found.st_mode = stat.S_IFDIR | 0o700 if isinstance(node, dict) else stat.S_IFREG | 0o600
        found.st_size = 0 if isinstance(node, dict) else len(node)
        found.st_nlink = 1
        found.st_uid, found.st_gid = os.getuid(), os.getgid()
        return found

    def _child(self, parent: int, name: bytes) -> int:
        try:
            return self._nodes[parent][name]
        except KeyError:
            raise pyfuse3.FUSEError(errno.ENOENT) from None

    def _make(self, kind: str, parent: int, name: bytes, node: bytearray | dict[bytes, int]) -> int:
        self._may(kind)
        self._last += 1
        self._nodes[self._last] = node
        self._nodes[parent][name] = self._last
        self._record(kind, parent, name, self._last)
        return self._last

    def _remove(self, parent: int, name: bytes) -> None:
        self._may("unlink")
        self._child(parent, name)
        del self._nodes[parent][name]
        self._record("unlink", parent, name)

    async def lookup(self, parent_inode, name, ctx):
        return self._attributes(self._child(parent_inode, name))

    async def getattr(self, inode, ctx):
        return self._attributes(inode)

    async def setattr(self, inode, attr, fields, fh, ctx):
        if fields.update_size:
            self._may("truncate")
            node, size = self._nodes[inode], attr.st_size
            del node[size:]
            node.extend(bytes(size - len(node)))
            self._record("truncate", inode, size)
        return self._attributes(inode)

    async def mkdir(self, parent_inode, name, mode, ctx):
        return self._attributes(self._make("mkdir", parent_inode, name, {}))

    async def create(self, parent_inode, name, mode, flags, ctx):
        inode = self._make("create", parent_inode, name, bytearray())
        return pyfuse3.FileInfo(fh=inode), self._attributes(inode)

    async def unlink(self, parent_inode, name, ctx):
        self._remove(parent_inode, name)

    async def rmdir(self, parent_inode, name, ctx):
        if self._nodes[self._child(parent_inode, name)]:
            raise pyfuse3.FUSEError(errno.ENOTEMPTY)
        self._remove(parent_inode, name)

    async def rename(self, parent_inode_old, name_old, parent_inode_new, name_new, flags, ctx):  # noqa: PLR0917 - pyfuse3's
        self._may("rename")
        inode = self._child(parent_inode_old, name_old)
        del self._nodes[parent_inode_old][name_old]
        self._nodes[parent_inode_new][name_new] = inode
        self._record("rename", parent_inode_old, name_old, parent_inode_new, name_new)

    async def open(self, inode, flags, ctx):
        return pyfuse3.FileInfo(fh=inode)

    async def read(self, fh, off, size):
        self._may("read")
        return bytes(self._nodes[fh][off : off + size])

    async def write(self, fh, off, buf):
        self._may("write")
        node = self._nodes[fh]
        node.extend(bytes(max(0, off - len(node))))
        node[off : off + len(buf)] = buf
        self._record("write", fh, off, bytes(buf))
        return len(buf)

    async def flush(self, fh):
        """Nothing is kept back."""

    async def release(self, fh):
        """Nothing is kept for it."""

    async def fsync(self, fh, datasync):
        try:
            self._may("sync")
        except pyfuse3.FUSEError:
            self._record("forget", fh)
            raise
        self._record("sync", fh)

    async def opendir(self, inode, ctx):
        return inode

    async def readdir(self, fh, start_id, token):
        for number, (name, inode) in enumerate([*self._nodes[fh].items()][start_id:], start_id + 1):
            if not pyfuse3.readdir_reply(token, name, self._attributes(inode), number):
                return

    async def releasedir(self, fh):
        """Nothing is kept for it."""

    async def fsyncdir(self, fh, datasync):
        self._may("syncdir")
        self._record("syncdir", fh)

    async def statfs(self, ctx):
        found = pyfuse3.StatvfsData()
        found.f_bsize = found.f_frsize = 512
        found.f_blocks = found.f_bfree = found.f_bavail = 1 << 30
        found.f_files = found.f_ffree = found.f_favail = 1 << 30
        return found

    async def access(self, inode, mode, ctx):
        return True

    async def setxattr(self, inode, name, value, ctx):
        if name == b"user.say":
            self._record("say", value)
            return
        self._failing = {}
        for order in value.decode().split(",") if value else ():
            kind, turn, number, once = order.split()
            self._failing[kind] = (int(turn), getattr(errno, number), once == "once")


@contextmanager
def mounted(disk: RecordingDisk, mount: str):
    options = {"fsname=recording_disk", *pyfuse3.default_options}
    pyfuse3.init(disk, mount, options)
    try:
        yield
    finally:
        pyfuse3.close()


def serve(mount: str, journal: str) -> None:
    fd = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with mounted(RecordingDisk(fd), mount):
        print("mounted", flush=True)
        trio.run(pyfuse3.main)


if __name__ == "__main__":
    serve(sys.argv[1], sys.argv[2])
