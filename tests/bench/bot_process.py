"""The bot as the process that it is in production, against a workspace in this process; and calls to compare with."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp
from slack_sdk.web.async_client import AsyncWebClient

from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace

SECRET = "bench"
READY = 40.0
ENDS = 25.0


@dataclass(frozen=True, kw_only=True)
class Bot:
    """A bot that is ready: its address, and the seconds from its start until it was."""

    url: str
    started_in: float


def environment(folder: Path, database: str, workspace: Workspace, *, port: int, home: Path) -> Mapping[str, str]:
    """The whole environment of a bot: nothing of the caller's, so that no real token can be reached."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(Path(__file__).parents[2]),
        "SLACK_BOT_TOKEN": BOT_TOKEN,
        "SLACK_SIGNING_SECRET": SIGNING_SECRET,
        "SLACK_API_URL": workspace.api_url,
        "DATADOG_WEBHOOK_SECRET": SECRET,
        "DATABASE_URL": database,
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "MUSTER_HOME": str(home),
        "MUSTER_POSTMORTEMS": str(folder / "postmortems"),
    }


@asynccontextmanager
async def running_bot(
    folder: Path, database: str, workspace: Workspace, *, home: Path, more: Mapping[str, str] | None = None
) -> AsyncIterator[Bot]:
    """A bot that the workspace talks to, from the moment in which it is ready to the end of the block; `more` are
    settings of its own.
    """
    port = free_port()
    environ = {**environment(folder, database, workspace, port=port, home=home), **(more or {})}
    with (folder / "bot.log").open("wb") as log:
        started = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "serve", env=environ, cwd=folder, stdout=log, stderr=log
        )
        try:
            await _ready(process, port, folder / "bot.log")
            workspace.request_url = f"http://127.0.0.1:{port}/slack/events"
            yield Bot(url=f"http://127.0.0.1:{port}", started_in=time.perf_counter() - started)
        finally:
            await _end(process)


async def _ready(process: asyncio.subprocess.Process, port: int, log: Path) -> None:
    until = time.monotonic() + READY
    async with aiohttp.ClientSession() as session:
        while process.returncode is None and time.monotonic() < until:
            try:
                async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                    if answer.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(0.02)
    lines = await asyncio.to_thread(log.read_text, "utf-8", "replace")
    raise RuntimeError(f"the bot did not start: {lines[-500:]}")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            async with asyncio.timeout(ENDS):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def two_calls(times: int, *, delay: float = 0.0) -> list[float]:
    """The floor for a new card: create a channel, then post in it, with Slack's own client and nothing else. Seconds.

    In a workspace of its own, where each call takes `delay` seconds longer, on a connection that is open already.
    """
    took = []
    async with await Workspace.start(limits=False) as workspace, aiohttp.ClientSession() as session:
        client = AsyncWebClient(token=BOT_TOKEN, session=session, base_url=workspace.api_url)
        await client.auth_test()
        if delay:
            workspace.fault("*", "delay", times=None, seconds=delay)
        for n in range(times):
            started = time.perf_counter()
            made = await client.conversations_create(name=f"floor-{n}")
            await client.chat_postMessage(channel=made["channel"]["id"], text="Pages are slow: who is on it?")
            took.append(time.perf_counter() - started)
    return took


async def quiet(workspace: Workspace, *, for_seconds: float = 0.5, within: float = 20.0) -> None:
    """Wait until the bot has called nothing for a while: what belongs to one incident is done."""
    until = time.monotonic() + within
    seen, since = len(workspace.calls), time.monotonic()
    while time.monotonic() - since < for_seconds and time.monotonic() < until:
        await asyncio.sleep(0.05)
        if len(workspace.calls) != seen:
            seen, since = len(workspace.calls), time.monotonic()


async def card(workspace: Workspace, known: set[str], says: str = "", *, within: float = 20.0) -> str:
    """Wait until a new incident channel has its card, and the card says this; the channel's id."""

    def shown() -> str:
        for channel in workspace.channels():
            if channel["name"].startswith("inc-") and channel["id"] not in known:
                messages = workspace.messages(channel["id"])
                if messages and says in messages[0].get("text", "").lower():
                    return str(channel["id"])
        return ""

    return await workspace.wait_for(shown, within)
