"""A chat in a lab workspace, for every test of this folder that wants one."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.slack.worlds import SlackWorld, slack_world


@pytest_asyncio.fixture
async def slack() -> AsyncIterator[SlackWorld]:
    async with slack_world() as world:
        yield world
