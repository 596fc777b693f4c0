"""A small server that stands for Datadog's API: it writes down what it is asked and answers as it was told."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import Any, Self

from aiohttp import web


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came over the wire."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Recorder:
    """Answers every request after waiting for `go`: with the next of `answers`, else with `says`."""

    says: web.Response | Any = None
    answers: list[Any] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    go: asyncio.Event = field(default_factory=asyncio.Event)
    url: str = ""

    async def __aenter__(self) -> Self:
        self.go.set()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self.go.set()
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        raw = await request.text()
        self.asked.append(
            Asked(
                method=request.method,
                path=request.raw_path.partition("?")[0],
                query=dict(request.query),
                headers=dict(request.headers),
                body=json.loads(raw) if raw else None,
            )
        )
        await self.go.wait()
        says = self.answers.pop(0) if self.answers else self.says
        if isinstance(says, dict | list):
            return web.json_response(says)
        return copied(says) if isinstance(says, web.Response) else web.Response(status=204)


def copied(said: web.Response) -> web.Response:
    """The same answer once more: a response can be sent only once."""
    headers = {name: value for name, value in said.headers.items() if name != "Content-Length"}
    return web.Response(status=said.status, body=said.body, headers=headers)
