"""The lab's stand-in for the API, served, and the real client that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import web

from bot.datadog import Datadog
from bot.lab.datadog_api import DatadogApi

WATCHED: dict[str, Any] = {
    "id": 4711001,
    "name": "Web server out of rotation",
    "type": "service check",
    "query": "q",
    "message": "@webhook-muster",
    "tags": ["service:shop"],
    "options": {},
    "overall_state": "Alert",
    "state": {
        "groups": {
            "host:web-01,service:shop": {"name": "host:web-01,service:shop", "status": "OK"},
            "host:web-02,service:shop": {
                "name": "host:web-02,service:shop",
                "status": "Alert",
                "last_triggered_ts": 1795341600,
            },
        }
    },
}


@asynccontextmanager
async def lab_api() -> AsyncIterator[tuple[DatadogApi, str]]:
    """The stand-in with one monitor, and its address."""
    api = DatadogApi(described=lambda: [WATCHED])
    runner = web.AppRunner(api.application(), access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield api, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def lab_and_client(within: float = 5.0) -> AsyncIterator[tuple[DatadogApi, Datadog]]:
    """The stand-in, and the real client that asks it."""
    async with lab_api() as (api, url):
        client = Datadog(api_key="a", app_key="b", site="datadoghq.com", url=url, within=within)
        try:
            yield api, client
        finally:
            client.close()
