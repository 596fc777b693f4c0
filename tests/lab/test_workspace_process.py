"""The workspace as a process of its own, as the kill tests use it."""

from __future__ import annotations

import asyncio
import json
import sys

import aiohttp


async def test_it_prints_its_address_answers_and_ends_when_told() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.lab.workspace", "--cast", "--no-limits", stdout=asyncio.subprocess.PIPE
    )
    try:
        assert process.stdout is not None
        where = json.loads(await asyncio.wait_for(process.stdout.readline(), 30))
        headers = {"Authorization": f"Bearer {where['bot_token']}"}
        async with aiohttp.ClientSession(headers=headers) as session:
            async with session.post(
                where["api_url"] + "chat.postMessage", json={"channel": "#ops", "text": "x"}
            ) as said:
                assert (await said.json())["ok"]
            async with session.get(where["url"] + "/lab/calls", params={"method": "chat.postMessage"}) as calls:
                assert [call["params"]["text"] for call in (await calls.json())["calls"]] == ["x"]
            async with session.get(where["url"] + "/") as page:
                assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    finally:
        process.terminate()
    assert await asyncio.wait_for(process.wait(), 30) == 0
