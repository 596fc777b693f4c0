"""SFTP on a lab host: read, stat, write and rename below the host's root; nothing of the machine around it."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NoReturn

import asyncssh

from bot.lab.host_files import Root

READING = asyncssh.FXF_READ


class RootedSFTP(asyncssh.SFTPServer):
    """Every path is checked after its links are followed; a repository's own folder is read-only."""

    def __init__(self, chan: asyncssh.SSHServerChannel[bytes], root: Root) -> None:
        super().__init__(chan, chroot=os.fsencode(root.folder))
        self._root = root

    def map_path(self, path: bytes) -> bytes:
        """The real path, or a refusal when a link in it leaves the host."""
        real = super().map_path(path)
        try:
            self._root.checked(Path(os.fsdecode(real)))
        except PermissionError:
            raise asyncssh.SFTPPermissionDenied("the link leaves this host") from None
        return real

    def open(self, path: bytes, pflags: int, attrs: asyncssh.SFTPAttrs) -> object:
        """Open a regular file: a pipe or device would block, or reach elsewhere."""
        if pflags & ~READING:
            self._writable(path)
        real = self.map_path(path)
        if os.path.exists(real) and not os.path.isfile(real):
            raise asyncssh.SFTPFailure("not a regular file")
        return super().open(path, pflags, attrs)

    def setstat(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Mode, owner and times, outside repositories."""
        self._writable(path)
        super().setstat(path, attrs)

    def rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Outside repositories."""
        self._writable(oldpath, newpath)
        super().rename(oldpath, newpath)

    def posix_rename(self, oldpath: bytes, newpath: bytes) -> None:
        """Outside repositories."""
        self._writable(oldpath, newpath)
        super().posix_rename(oldpath, newpath)

    def remove(self, path: bytes) -> None:
        """Outside repositories."""
        self._writable(path)
        super().remove(path)

    def mkdir(self, path: bytes, attrs: asyncssh.SFTPAttrs) -> None:
        """Outside repositories."""
        self._writable(path)
        super().mkdir(path, attrs)

    def rmdir(self, path: bytes) -> None:
        """Outside repositories."""
        self._writable(path)
        super().rmdir(path)

    def symlink(self, oldpath: bytes, newpath: bytes) -> NoReturn:  # noqa: ARG002 - the library names them
        """Links are the way out of a folder, so nobody makes one here."""
        raise asyncssh.SFTPPermissionDenied("no links on this host")

    def link(self, oldpath: bytes, newpath: bytes) -> NoReturn:  # noqa: ARG002 - the library names them
        """As `symlink`."""
        raise asyncssh.SFTPPermissionDenied("no links on this host")

    def _writable(self, *paths: bytes) -> None:
        # What stands in .git decides which programs git starts.
        for path in paths:
            if b".git" in os.path.realpath(self.map_path(path)).split(b"/") or b".git" in path.split(b"/"):
                raise asyncssh.SFTPPermissionDenied("a repository's own files are read-only on this host")
