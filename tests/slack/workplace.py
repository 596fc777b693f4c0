"""The whole bot in this process, behind a workspace whose people do things with it."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import aiohttp
from aiohttp import web

from bot import alerts, commands
from bot.app import App
from bot.incident import Entry, Incident
from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace
from bot.settings import Home, Settings
from bot.store import Store

Seen = TypeVar("Seen")


@dataclass
class Workplace:
    """A workspace with its people (ana, ben, eli the guest, …) and the bot that works in it."""

    workspace: Workspace
    store: Store
    url: str

    def person(self, name: str) -> str:
        """The id of one of the cast."""
        return next(u.id for u in self.workspace.state.users.values() if u.name == name)

    def incident(self, number: int = 1) -> Incident:
        """The incident as it stands."""
        found = self.store.incident(number)
        assert found is not None
        return found

    def channel(self, number: int = 1) -> str:
        """The id of its channel."""
        channel = self.incident(number).view.channel
        assert channel is not None
        return channel.id

    async def type(self, name: str, channel: str, words: str) -> str:
        """A slash command; what the person sees."""
        return await self.workspace.command(self.person(name), channel, f"/incident {words}".strip(), within=10)

    async def declare(self, title: str = "Checkout is slow") -> str:
        """Ana opens an incident from #ops; its channel, with her in it."""
        told = await self.type("ana", "ops", f"declare {title}")
        number = int(re.search(r"INC-(\d+)", told)[1])  # type: ignore[index]
        await self.until(lambda: self.incident(number).view.topic)
        return self.channel(number)

    async def until(self, predicate: Callable[[], Seen], within: float = 15.0) -> Seen:
        """What it answers once it is true; for the record, of whose changes the workspace does not know."""
        async with asyncio.timeout(within):
            while not (seen := predicate()):  # noqa: ASYNC110 - the record tells nobody when it changes
                await asyncio.sleep(0.02)
        return seen

    async def entry(self, text: str, number: int = 1) -> Entry:
        """The timeline entry with this text, as soon as it is there."""
        found = await self.until(lambda: self._entry(text, number))
        assert found is not None
        return found

    def _entry(self, text: str, number: int) -> Entry | None:
        return next((e for e in self.incident(number).entries if text in e.text), None)


@asynccontextmanager
async def workplace(folder: Path, database_url: str) -> AsyncIterator[Workplace]:
    """Everything at work until the block ends."""
    alerts.load()
    commands.load()
    (folder / "home").mkdir()
    async with await Workspace.start(cast=True, limits=False) as workspace, aiohttp.ClientSession() as session:
        settings = Settings(
            slack_bot_token=BOT_TOKEN,
            slack_signing_secret=SIGNING_SECRET,
            slack_api_url=workspace.api_url,
            webhook_secrets=("s",),
            database_url=database_url,
            home=folder / "home",
            postmortems=folder / "postmortems",
        )
        store = Store.open(database_url)
        async with App(settings, Home(folder=settings.home), store, session).running() as application:
            runner = web.AppRunner(application)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            workspace.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
            yield Workplace(workspace=workspace, store=store, url=workspace.request_url)
            await runner.cleanup()
        store.close()
