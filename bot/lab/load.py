"""Steady traffic through the balancer, as users make it. Bounded: a few clients, each waits for its answer."""

from __future__ import annotations

import asyncio
import contextlib
import statistics
import time
from collections import deque
from dataclasses import dataclass
from typing import NamedTuple, Self

import aiohttp

CLIENTS = 4
"""With the farm's two servers of 20 requests/s these see 100 ms each, and 200 ms when one server is out."""
WINDOW = 5.0
PAUSE_AFTER_ERROR = 0.2
PATIENCE = 10.0


class Stats(NamedTuple):
    """What users felt lately: requests per second, median latency in ms, share of errors from 0 to 1."""

    rate: float
    p50_ms: float
    errors: float


@dataclass(frozen=True)
class _Request:
    ended: float
    took: float
    ok: bool


class Load:
    """Closed-loop clients: a new request only after the last one was answered, so a slow site gets fewer."""

    def __init__(self, url: str, *, clients: int = CLIENTS, window: float = WINDOW) -> None:
        self._url = url
        self._clients = clients
        self._window = window
        self._seen: deque[_Request] = deque(maxlen=4096)
        self._running: list[asyncio.Task[None]] = []
        self._started = 0.0
        self._session: aiohttp.ClientSession | None = None

    async def start(self) -> Self:
        """Start the clients; they run until `stop`."""
        self._started = time.monotonic()
        self._session = aiohttp.ClientSession(
            timeout=aiohttp.ClientTimeout(total=PATIENCE), connector=aiohttp.TCPConnector(limit=self._clients)
        )
        self._running = [asyncio.create_task(self._client(self._session)) for _ in range(self._clients)]
        return self

    async def stop(self) -> None:
        """End the clients."""
        for client in self._running:
            client.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        if self._session:
            await self._session.close()

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    def stats(self) -> Stats:
        """The last seconds (the rolling window); zeros before the first answer."""
        now = time.monotonic()
        recent = [r for r in self._seen if r.ended > now - self._window]
        if not recent:
            return Stats(0.0, 0.0, 0.0)
        over = min(self._window, now - self._started)
        bad = sum(not r.ok for r in recent)
        return Stats(len(recent) / over, statistics.median(r.took for r in recent) * 1000, bad / len(recent))

    def forget(self) -> None:
        """Begin a new window."""
        self._seen.clear()
        self._started = time.monotonic()

    async def _client(self, session: aiohttp.ClientSession) -> None:
        while True:
            before = time.monotonic()
            ok = await _answered(session, self._url)
            now = time.monotonic()
            self._seen.append(_Request(now, now - before, ok))
            if not ok:
                await asyncio.sleep(PAUSE_AFTER_ERROR)


async def _answered(session: aiohttp.ClientSession, url: str) -> bool:
    with contextlib.suppress(aiohttp.ClientError, TimeoutError):
        async with session.get(url) as answer:
            await answer.read()
            return answer.status < 500
    return False
