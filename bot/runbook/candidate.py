"""Configurations in folders of this machine, to be asked like servers before they are in production.

A folder stands for the inventory's `config.repo`. What is not in it is not known: programs are not run, sockets
are not there, and a link that leads out of the folder is not followed.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from bot.checks import FileStat, Output
from bot.ports import GaveUp
from bot.runbook.inventory import Host, Inventory
from bot.runbook.reach import Connected, Reach, WritableSession

CAP = 262_144
"""The most bytes of a file, as on a server."""
LINKS = 40
"""How many links may lead to a file, as in Linux."""
Run = Callable[[Sequence[str], float], Awaitable[Output]]


class Folder:
    """A session over a folder that stands for `repo`. `run` carries out the few programs that can be run on it."""

    def __init__(self, host: Host, folder: Path, repo: str, *, run: Run | None = None) -> None:
        self.folder = folder.resolve()
        self._host = host
        self._repo = PurePosixPath(repo)
        self._run = run

    async def run(self, argv: Sequence[str], *, within: float = 5.0) -> Output:
        """What the program says about the candidate. Raises GaveUp: without a server there is nothing to ask."""
        if self._run is None:
            raise GaveUp(f"{argv[0]} is asked on a server, and this is a folder.", reason="no-access")
        return await self._run(argv, within)

    async def read(self, path: str) -> bytes:
        """The whole file. Raises FileNotFoundError, or GaveUp for one that is too large."""
        content = await self.tail(path, limit=CAP + 1)
        if len(content) > CAP:
            raise GaveUp(f"{path} has more than {CAP} bytes.", reason="cut")
        return content

    async def tail(self, path: str, *, limit: int = 65_536) -> bytes:
        """The last bytes of the file. Raises FileNotFoundError."""
        place = self._at(path)
        return await asyncio.to_thread(_last, place, limit)

    async def stat(self, path: str) -> FileStat:
        """Raises FileNotFoundError."""
        found = self._at(path).stat()
        return FileStat(
            uid=found.st_uid, gid=found.st_gid, mode=found.st_mode, size=found.st_size, mtime=found.st_mtime
        )

    async def names(self, folder: str) -> Sequence[str]:
        """The names in a folder, sorted. Raises FileNotFoundError."""
        place = self._at(folder)
        if not place.is_dir():
            raise FileNotFoundError(folder)
        return sorted(each.name for each in place.iterdir())

    async def replace(self, path: str, data: bytes, *, like: FileStat, sudo: bool = False) -> None:  # noqa: ARG002 - Server's
        """Refused: a gate looks, it never mends."""
        raise GaveUp(f"{path} of {self._host.name} is a candidate and is not written.", reason="no-access")

    async def remove(self, path: str, *, sudo: bool = False) -> None:  # noqa: ARG002 - part of the protocol
        """Refused: a gate looks, it never mends."""
        raise GaveUp(f"{path} of {self._host.name} is a candidate and is not removed.", reason="no-access")

    def _at(self, path: str) -> Path:
        """Where the folder keeps this file of the server. Raises GaveUp for what the folder does not stand for."""
        here, parts, links = PurePosixPath("/"), list(PurePosixPath(path).parts[1:]), 0
        while parts:
            part = parts.pop(0)
            here = here.parent if part == ".." else here / part
            place = self._place(here)
            if place is not None and place.is_symlink():
                # As on the server: there `/etc/…` in a link means what is in the candidate.
                links, target = links + 1, place.readlink()
                here, parts = (PurePosixPath("/") if target.is_absolute() else here.parent), [*target.parts, *parts]
                parts = [each for each in parts if each != "/"]
                if links > LINKS:
                    raise GaveUp(f"{path} of {self._host.name} is a link without an end.", reason="error")
        if (place := self._place(here)) is None:
            raise GaveUp(f"{path} is outside of {self._repo}: not known before production.", reason="no-access")
        return place

    def _place(self, path: PurePosixPath) -> Path | None:
        """Where the folder keeps this path, itself no link or below one; None outside of `repo`."""
        return self.folder / path.relative_to(self._repo) if path.is_relative_to(self._repo) else None


def _last(place: Path, limit: int) -> bytes:
    if not place.is_file():  # a pipe would wait for somebody to write
        raise FileNotFoundError(place)
    with place.open("rb") as file:
        size = place.stat().st_size
        file.seek(max(0, size - limit))
        return file.read(limit)


@dataclass(frozen=True, kw_only=True)
class Candidates:
    """Whoever is asked before production: one host from its candidate, the others from folders or over SSH."""

    inventory: Inventory
    folders: Mapping[str, Folder]
    peers: Path | None = None
    servers: Reach | None = None

    @asynccontextmanager
    async def connections(self) -> AsyncIterator[Connected]:
        """The connections of one run."""
        if self.servers is None:
            yield _Mixed(self, None)
            return
        async with self.servers.connections() as servers:
            yield _Mixed(self, servers)


@dataclass(frozen=True)
class _Mixed:
    among: Candidates
    servers: Connected | None

    async def session(self, host: Host) -> WritableSession:
        if found := self.among.folders.get(host.name):
            return found
        if self.among.peers is not None:
            return self._in_folder(host, self.among.peers / host.name)
        if self.servers is None:
            raise GaveUp(f"{host.name} is not asked: there is no --peers and no SSH key.", reason="no-access")
        return await self.servers.session(host)

    def _in_folder(self, host: Host, folder: Path) -> Folder:
        repo = self.among.inventory.group_of(host).config_repo or "/etc"
        if not folder.is_dir():
            raise GaveUp(f"There is no folder {folder} for {host.name}.", reason="no-access")
        return Folder(host, folder, repo)


def candidate(host: Host, folder: Path, inventory: Inventory, *, run: Run | None = None) -> Mapping[str, Folder]:
    """The candidate of this host, by its name. Raises GaveUp when the inventory does not say what it stands for."""
    repo = inventory.group_of(host).config_repo
    if repo is None:
        raise GaveUp(
            f"The inventory names no config of {host.name}.",
            reason="error",
            fix=f"Set config: {{repo: /etc, paths: [nginx]}} in its group {host.group}.",
        )
    return {host.name: Folder(host, folder, repo, run=run)}
