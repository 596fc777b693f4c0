"""The HTTP routes. Each one checks who calls, hands over, and answers."""

from __future__ import annotations

import hmac
import logging
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from bot.intake import LARGEST, Receipt
from bot.log import event
from bot.metrics import DELIVERIES
from bot.ports import TryAgain

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
COMPRESSED = frozenset({"gzip", "x-gzip", "deflate"})


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Who answers behind the routes. `receive` answers when it is on disk; `ready` names what is not well."""

    receive: Callable[[str, bytes], Awaitable[Receipt]]
    received: Callable[[Receipt], None]
    slack: Handler
    ready: Callable[[], Awaitable[list[str]]]
    secrets: tuple[str, ...]


def routes(doors: Doors) -> web.Application:
    """The web application with all routes."""
    app = web.Application(client_max_size=2 * LARGEST, handler_args={"auto_decompress": False})

    async def datadog(request: web.Request) -> web.Response:
        return await _webhook(request, doors)

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"alive": True})

    async def readyz(_: web.Request) -> web.Response:
        problems = await doors.ready()
        return web.json_response({"ready": not problems, "problems": problems}, status=503 if problems else 200)

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    app.router.add_post("/datadog/webhook", datadog)
    app.router.add_post("/slack/events", doors.slack)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    app.router.add_get("/metrics", metrics)
    return app


async def _webhook(request: web.Request, doors: Doors) -> web.Response:
    """202 once it is on disk; 401 for a wrong token; 503 so that Datadog sends it again. Content is never refused."""
    if not _known(request.headers.get("X-Muster-Token", ""), doors.secrets):
        event("webhook.refused", level=logging.WARNING, remote=request.remote)
        DELIVERIES.labels("refused").inc()
        return web.json_response({"error": "The header X-Muster-Token is missing or wrong."}, status=401)
    body = await _body(request)
    try:
        receipt = await doors.receive("datadog", body)
    except TryAgain as problem:
        event("webhook.not-stored", level=logging.ERROR, reason=problem.reason)
        DELIVERIES.labels("not-stored").inc()
        return web.json_response({"error": "It could not be stored; send it again."}, status=503)
    DELIVERIES.labels("duplicate" if receipt.duplicate else "stored").inc()
    doors.received(receipt)
    return web.json_response({"delivery": receipt.delivery, "duplicate": receipt.duplicate}, status=202)


def _known(token: str, secrets: tuple[str, ...]) -> bool:
    """Compared in constant time with every valid secret, so that two may be valid while one is replaced."""
    given = token.encode("utf-8", "replace")
    return any([hmac.compare_digest(given, secret.encode("utf-8", "replace")) for secret in secrets if secret])


async def _body(request: web.Request) -> bytes:
    """At most one byte more than what is kept: a larger body is read no further and stored cut.

    The same request gives the same bytes however the network parts it, so that a retry is known again. What breaks
    off counts as far as it could be read.
    """
    body = bytearray()
    try:
        async for part in request.content.iter_chunked(65536):
            body += part
            if len(body) > LARGEST:
                break
    except web.RequestPayloadError:
        event("webhook.broken-body", level=logging.WARNING, bytes=len(body))
    encoding = request.headers.get("Content-Encoding", "").strip().lower()
    return _unpacked(bytes(body[: LARGEST + 1]), encoding)


def _unpacked(body: bytes, encoding: str) -> bytes:
    """What was compressed, as far as it is kept. What is not compressed as it says is kept as it came."""
    if encoding not in COMPRESSED:
        return body
    try:
        return zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(body, LARGEST + 1)  # 32: gzip or zlib, as it begins
    except zlib.error:
        event("webhook.broken-body", level=logging.WARNING, bytes=len(body))
        return body
