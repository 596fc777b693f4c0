"""One lab host's files: a folder that looks like a whole machine. Paths that leave the folder do not exist."""

from __future__ import annotations

import os
import posixpath
from pathlib import Path


class Root:
    """The folder that stands for `/` of one host. Guest paths are what its users type, real paths are ours."""

    def __init__(self, folder: Path) -> None:
        self.folder = Path(os.path.realpath(folder))

    def real(self, path: str, cwd: str = "/") -> Path:
        """The real path of a guest path. Raises PermissionError when a link in it leaves the folder."""
        inside = posixpath.normpath(posixpath.join("/", cwd, path)).lstrip("/")
        return self.checked(self.folder / inside)

    def checked(self, path: Path) -> Path:
        """This real path, unless following its links leaves the folder (PermissionError)."""
        end = Path(os.path.realpath(path))
        if end != self.folder and self.folder not in end.parents:
            raise PermissionError(13, "Permission denied: the link leaves this host", self.guest(path))
        return path

    def guest(self, path: Path | str) -> str:
        """How a user of the host names this real path."""
        rest = os.fspath(path).removeprefix(os.fspath(self.folder))
        return rest if rest.startswith("/") else "/" + rest

    def hide(self, text: bytes) -> bytes:
        """Program output in which real paths have become guest paths."""
        return text.replace(os.fsencode(self.folder) + b"/", b"/").replace(os.fsencode(self.folder), b"/")

    def size(self) -> tuple[int, int]:
        """Bytes and number of files below the folder; links count as files and are not followed."""
        used = count = 0
        for at, folders, files in os.walk(self.folder):
            for name in files:
                used += os.lstat(os.path.join(at, name)).st_size
            count += len(files) + len(folders)
        return used, count
