"""The recorder and a client that asks it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from bot.datadog import Datadog
from tests.datadog.recorder import Recorder


@pytest_asyncio.fixture
async def api() -> AsyncIterator[Recorder]:
    async with Recorder() as api:
        yield api


@pytest_asyncio.fixture
async def datadog(api: Recorder) -> AsyncIterator[Datadog]:
    client = Datadog(api_key="a" * 32, app_key="b" * 40, site="datadoghq.eu", url=f"{api.url}/")
    yield client
    client.close()
