"""What running a runbook needs from those who reach servers. `bot.hosts` fits; so does a small thing in a test."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from bot.checks import FileStat, Output, Session
from bot.runbook.inventory import Host


class WritableSession(Session, Protocol):
    """A session that can also put a file in place; only an approved plan uses that."""

    async def replace(self, path: str, data: bytes, *, like: FileStat, sudo: bool = False) -> None:
        """Write beside the file with the owner and mode of `like`, then rename over it."""

    async def remove(self, path: str, *, sudo: bool = False) -> None:
        """Delete a file. Raises FileNotFoundError."""


class Connected(Protocol):
    """The connections of one run."""

    async def session(self, host: Host) -> WritableSession:
        """The connection to this host. Raises TryAgain or GaveUp when there is none."""


class Reach(Protocol):
    """Whoever can reach servers."""

    def connections(self) -> AbstractAsyncContextManager[Connected]:
        """The connections of one run; leaving closes them all."""


class Snapshot:
    """A session that asks for each file once, so that all checks of one run judge the same bytes.

    Programs are run each time.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._asked: dict[tuple[str, ...], asyncio.Future[Any]] = {}

    async def run(self, argv: Sequence[str], *, within: float = 5.0) -> Output:
        """As the session does."""
        return await self._session.run(argv, within=within)

    async def read(self, path: str) -> bytes:
        """The whole file, as it was when it was first asked for."""
        content: bytes = await self._once(("read", path), lambda: self._session.read(path))
        return content

    async def tail(self, path: str, *, limit: int = 65_536) -> bytes:
        """As the session does; a log grows while we look."""
        return await self._session.tail(path, limit=limit)

    async def stat(self, path: str) -> FileStat:
        """As the session does."""
        return await self._session.stat(path)

    async def names(self, folder: str) -> Sequence[str]:
        """The names in a folder, as they were when first asked for."""
        names: Sequence[str] = await self._once(("names", folder), lambda: self._session.names(folder))
        return names

    async def close(self) -> None:
        """End what is still being asked."""
        for task in self._asked.values():
            task.cancel()
        await asyncio.gather(*self._asked.values(), return_exceptions=True)

    async def _once(self, key: tuple[str, ...], ask: Callable[[], Awaitable[Any]]) -> Any:
        if key not in self._asked:
            self._asked[key] = asyncio.ensure_future(ask())
        # Shielded: the check that asked first may run out of time while others still wait for the answer.
        return await asyncio.shield(self._asked[key])
