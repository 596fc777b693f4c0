"""Everything said to the bot counts once: delivered again, out of order, over HTTP and sockets, across a crash.

And deafness: found out, seen by whoever asks whether we are ready, told once to the open incidents.
"""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot import alerts, commands, loops
from bot import app as app_module
from bot.app import App
from bot.incident import Incident
from bot.lab.workspace import APP_TOKEN, BOT_TOKEN, Workspace
from bot.lab.workspace_payloads import command_form, container, event_callback, interaction
from bot.settings import Settings, read_home
from bot.slack.socket import Limits, Socket
from bot.store import Store
from tests.bot_process import BotProcess

Delivery = Callable[[], Awaitable[Any]]
TIMES = 5


class Played:
    """A workspace, a bot process that takes both transports, and deliveries that can be repeated."""

    def __init__(self, workspace: Workspace, folder: Path, database_url: str) -> None:
        (folder / "home").mkdir()
        self.workspace = workspace
        self.bot = BotProcess(folder, workspace=workspace, database_url=database_url, home=folder / "home")
        self.bot.environ = {**self.bot.environ, "SLACK_APP_TOKEN": APP_TOKEN}
        self.store = Store.open(database_url)
        self.ana = next(u.id for u in workspace.state.users.values() if u.name == "ana")
        workspace.request_url = f"{self.bot.url}/slack/events"

    @property
    def channel(self) -> str:
        """The incident's channel, once it is there."""
        return next((c["id"] for c in self.workspace.channels() if c["name"].startswith("inc-")), "")

    @property
    def incident(self) -> Incident:
        """As it is now."""
        found = self.store.incident(1)
        assert found is not None
        return found

    @property
    def at_work(self) -> list[str]:
        """The flows that are due now."""
        return [due.flow for due in self.store.dues() if not due.args.get("not_before")]

    def typed(self, channel: str, text: str) -> Delivery:
        """A command, typed now."""
        form = command_form(
            self.workspace.state,
            user=self.ana,
            channel=self.workspace.find(channel),
            text=f"/incident {text}",
            trigger=self.workspace.outgoing.new_trigger(self.ana),
            response_url=self.workspace.outgoing.new_response_url(user=self.ana, channel=channel),
        )
        return lambda: self.workspace.outgoing.command(form)

    def mentioned(self, text: str) -> Delivery:
        """A mention of the bot in the incident's channel, in a thread."""
        now = self.workspace.clock.now()
        event = {
            "type": "app_mention",
            "user": self.ana,
            "channel": self.channel,
            "text": f"<@{self.workspace.bot_user}> {text}",
            "ts": f"{now:.6f}",
            "event_ts": f"{now:.6f}",
            "thread_ts": self.workspace.messages(self.channel)[0]["ts"],
        }
        callback = event_callback(event, event_id="Ev0TWICE", now=now, bot=self.workspace.bot_user)
        return lambda: self.workspace.outgoing.callback(callback)

    def clicked(self, button: str, *, after: float = 0.0) -> Delivery:
        """A click on the card."""
        channel = self.workspace.find(self.channel)
        card = self.workspace.messages(self.channel)[0]
        payload = interaction(
            self.workspace.state,
            "block_actions",
            user=self.ana,
            trigger=None,
            container=container(channel, card),
            channel={"id": channel.id, "name": channel.name},
            message=card,
            actions=[{"type": "button", "action_id": button, "action_ts": f"{self._began + after:.6f}"}],
        )
        return lambda: self.workspace.outgoing.interact(payload)

    async def deliver(self, deliveries: list[Delivery]) -> None:
        """Each one over the transport whose turn it is; none may be refused."""
        for n, delivery in enumerate(deliveries):
            self.workspace.socket_mode = n % 2 == 1
            ack = await delivery()
            assert ack.ok, (ack, self.bot.said())

    async def until(self, seen: Callable[[], object]) -> None:
        """Wait for something that other processes do."""
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(seen):  # noqa: ASYNC110
                await asyncio.sleep(0.05)

    async def start(self) -> None:
        """Start the bot, until it can hear both ways."""
        before = self.workspace.socket.tickets
        await self.bot.start()
        self._began = self.workspace.clock.now()
        await self.until(lambda: self.workspace.socket.tickets > before and self.workspace.socket.open)


async def test_each_delivered_five_times_out_of_order_over_both_ways_and_across_a_crash_counts_once(
    tmp_path: Path, sqlite_url: str
) -> None:
    await _delivered_five_times(tmp_path, sqlite_url)


@pytest.mark.full
async def test_each_delivered_five_times_counts_once_on_postgres(tmp_path: Path, postgres_url: str) -> None:
    await _delivered_five_times(tmp_path, postgres_url)


async def _delivered_five_times(folder: Path, database_url: str) -> None:
    chance = random.Random(7)  # noqa: S311 - an order, no secret
    async with await Workspace.start(cast=True) as workspace:
        there = Played(workspace, folder, database_url)
        try:
            await there.start()
            declared = there.typed(workspace.find("ops").id, "declare Pages are slow")
            await there.deliver([declared] * 2)
            await workspace.wait_for(lambda: there.channel and workspace.messages(there.channel), within=20)
            said = [
                declared,
                there.typed(there.channel, "note looked at the disk"),
                there.typed(there.channel, "note looked at the cache"),
                there.typed(there.channel, "impact checkout fails"),
                there.mentioned("finding the disk is full"),
                there.clicked("run_checks"),
                there.clicked("run_checks", after=0.8),
            ]
            deliveries = said * TIMES
            chance.shuffle(deliveries)
            half = len(deliveries) // 2
            await there.deliver(deliveries[:half])
            there.bot.kill()
            await there.bot.dead()
            workspace.socket.cut()
            await there.start()
            await there.deliver(deliveries[half:])
            await there.until(lambda: not there.store.unanswered() and not there.at_work)
            counted = Counter(str(entry.kind) for entry in there.incident.entries)
            texts = [entry.text for entry in there.incident.entries]
            assert [texts.count(f"looked at the {part}") for part in ("disk", "cache")] == [1, 1]
            assert (counted["impact"], counted["finding"], counted["opened"]) == (1, 1, 1)
            assert texts.count("No checks were run: say “check on HOST”.") == 1, texts
            assert len(there.store.summaries()) == 1
            assert len([c for c in workspace.channels() if c["name"].startswith("inc-")]) == 1
        finally:
            await there.bot.stop()
            there.store.close()


# ------------------------------------------------------------------ deaf


@pytest_asyncio.fixture
async def listening(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> AsyncIterator[tuple[App, Any]]:
    """The application in this process, in Socket Mode, with an incident; so many seconds of silence are deafness."""
    quick = Limits(step=5.0, ping=0.1, silence=request.param, linger=0.2)
    monkeypatch.setattr(app_module, "Socket", partial(Socket, limits=quick))
    monkeypatch.setattr(app_module, "SWALLOWED", timedelta(seconds=quick.silence))
    monkeypatch.setattr("bot.slack.socket.PAUSES", (0.0, 0.05))
    monkeypatch.setattr(app_module, "BEAT", 0.05)
    monkeypatch.setattr(loops, "SWEEP", 0.05)
    alerts.load()
    commands.load()
    async with await Workspace.start(cast=True, socket_mode=True) as workspace, aiohttp.ClientSession() as session:
        settings = Settings(
            slack_bot_token=BOT_TOKEN,
            slack_app_token=APP_TOKEN,
            slack_api_url=workspace.api_url,
            webhook_secrets=("x",),
            database_url=sqlite_url,
            home=tmp_path / "home",
            postmortems=tmp_path / "postmortems",
        )
        store = Store.open(sqlite_url)
        app = App(settings, read_home(tmp_path / "home"), store, session)
        async with app.running():
            async with asyncio.timeout(10):
                while await app._ready():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            ana = next(u.id for u in workspace.state.users.values() if u.name == "ana")
            await workspace.command(ana, "ops", "/incident declare Pages are slow", within=10)
            yield app, workspace
        store.close()


def notices(workspace: Workspace) -> list[str]:
    channel = next(c["id"] for c in workspace.channels() if c["name"].startswith("inc-"))
    return [m["text"] for m in workspace.messages(channel) if "deaf" in m["text"]]


@pytest.mark.parametrize("listening", [2.0], indirect=True)
async def test_a_silent_socket_is_red_then_replaced_and_the_gap_is_told_once(listening: tuple[App, Workspace]) -> None:
    app, workspace = listening
    assert notices(workspace) == []
    workspace.socket.refusing = 2
    workspace.socket.wedge()
    async with asyncio.timeout(10):
        while not (red := await app._ready()):  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    assert "it cannot reach us" in red[0]
    await workspace.wait_for(lambda: notices(workspace), within=20)
    assert await app._ready() == []
    await asyncio.sleep(0.3)
    assert len(notices(workspace)) == 1
    assert "Please repeat it." in notices(workspace)[0]


@pytest.mark.parametrize("listening", [60.0], indirect=True)  # on a busy machine the bot itself may be silent
async def test_a_refreshed_socket_is_no_gap(listening: tuple[App, Workspace]) -> None:
    app, workspace = listening
    for reason in ("warning", "refresh_requested"):
        before = workspace.socket.tickets
        await workspace.socket.disconnect(reason)
        async with asyncio.timeout(10):
            while workspace.socket.tickets == before or await app._ready():  # noqa: ASYNC110
                await asyncio.sleep(0.02)
    await asyncio.sleep(0.3)
    assert notices(workspace) == []
