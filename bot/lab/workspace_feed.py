"""The live feed: every change of the workspace, to every open page, as server-sent events."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress

from aiohttp import web

from bot.lab.workspace_state import JSON

KEEP_ALIVE = 15.0
"""Seconds of silence after which a comment is sent, so that a dead page is noticed."""


class Feed:
    """Whoever listens gets each change once; changes that are for one person reach that person only."""

    def __init__(self) -> None:
        self._listeners: dict[asyncio.Queue[JSON | None], str] = {}
        self._waiting = asyncio.Event()

    def tell(self, change: JSON) -> None:
        """Pass a change on."""
        for queue, user in self._listeners.items():
            if change.get("only") in (None, user):
                queue.put_nowait(change)
        self.stir()

    def stir(self) -> None:
        """Wake those who wait for something to be true."""
        self._waiting.set()
        self._waiting = asyncio.Event()

    async def changed(self) -> None:
        """Wait for the next change."""
        await self._waiting.wait()

    def close(self) -> None:
        """End every stream."""
        for queue in self._listeners:
            queue.put_nowait(None)

    async def stream(self, request: web.Request) -> web.StreamResponse:
        """Answer `GET /lab/stream?as=USER` until the page goes away."""
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue: asyncio.Queue[JSON | None] = asyncio.Queue()
        self._listeners[queue] = request.query.get("as", "")
        try:
            with suppress(ConnectionResetError):
                await self._pump(response, queue)
        finally:
            del self._listeners[queue]
        return response

    async def _pump(self, response: web.StreamResponse, queue: asyncio.Queue[JSON | None]) -> None:
        await response.write(b": here\n\n")
        while True:
            try:
                change = await asyncio.wait_for(queue.get(), KEEP_ALIVE)
            except TimeoutError:
                await response.write(b": still here\n\n")
                continue
            if change is None:
                return
            await response.write(b"data: " + json.dumps(change).encode() + b"\n\n")
