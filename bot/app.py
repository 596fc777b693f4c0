"""The composition root: builds everything, starts it, stops it. The only file that knows all others."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from uuid import uuid4

import aiohttp
from aiohttp import web

from bot import alerts, commands, log, temporary
from bot.answering import Answering
from bot.datadog import Datadog
from bot.engine import Engine, not_yet
from bot.front_page import FrontPage
from bot.group_commit import GroupCommit
from bot.hear import Hearing
from bot.intake import Intake, Receipt
from bot.lifecycle import Lifecycle
from bot.log import event
from bot.loops import Showing, Tasks
from bot.ports import TryAgain
from bot.postmortem.drafts import Drafts
from bot.postmortem.publish import UNFINISHED
from bot.pulse import RETRIED, SWALLOWED, Pulse
from bot.rehearsal import stale_checks
from bot.runbook.desk import Desk
from bot.settings import Home, Settings
from bot.slack import web_client
from bot.slack.chat import SlackChat
from bot.slack.gestures import Gestures
from bot.slack.listeners import Listeners
from bot.slack.socket import Socket
from bot.store import Store
from bot.triage.reconcile import OFF, Reconcile
from bot.web import Doors, routes

BEAT = 2.0  # seconds between two words on disk that we can hear
UNHURRIED = 60.0  # seconds between two looks for what may be done at leisure
SOON = 0.05  # seconds after which what a flow made due is looked for
TURN = 0.0005  # seconds for which one thread may keep the others from running; the usual 5 ms add up for who asks often
SHUTDOWN = 10.0  # seconds for what is being answered, when we are told to stop


def utc_now() -> datetime:
    """The clock; everything else gets its time as an argument."""
    return datetime.now(UTC)


class App:
    """The running bot: hears, decides, keeps the view up to date, and sweeps up after crashes."""

    def __init__(self, settings: Settings, home: Home, store: Store, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._store = store
        self._stale_after = home.policy.rehearsal.stale_after
        self._tasks = Tasks()
        self._changed = asyncio.Event()
        self._due = asyncio.Event()
        self._metrics = Datadog.of(settings)
        self._client = web_client(settings.slack_bot_token, session=session, base_url=settings.slack_api_url)
        self._chat = SlackChat(
            self._client,
            session,
            intents=self,
            channel=home.policy.channel.name,
            command=home.policy.command,
        )
        self._page = FrontPage(store=store, chat=self._chat, now=utc_now)
        self._intake = Intake(store, policy=home.policy, inventory=home.inventory, now=utc_now)
        self._group = GroupCommit(self._intake.receive_all)
        desk = Desk(home, store, now=utc_now, metrics=self._metrics)
        self._life = Lifecycle(
            store=store,
            chat=self._chat,
            metrics=self._metrics,
            desk=desk,
            drafts=Drafts(settings.postmortems, home=home.folder, zone=settings.zone, policy=home.policy),
            policy=home.policy,
            now=utc_now,
            wake=self._recorded,
            inventory=home.inventory,
            take=self._intake.add,
        )
        self._reconcile = Reconcile(
            store=store,
            metrics=self._metrics,
            receive=self._intake.receive,
            query=home.policy.datadog.reconcile if settings.dd_api_key and settings.dd_app_key else OFF,
            now=utc_now,
        )
        executor = "local" if store.dialect == "sqlite" else f"muster-{uuid4().hex[:12]}"
        self._engine = Engine(
            store, executor=executor, run=self._life.run, broke=self._life.broke, give_way=self._group.give_way
        )
        self._showing = Showing(
            store=store,
            view=self._life.view,
            tasks=self._tasks,
            changed=self._changed,
            give_way=self._group.give_way,
        )
        self._answering = Answering(
            store=store,
            chat=self._chat,
            hearing=Hearing(store, policy=home.policy, zone=settings.zone, health=self._health, no_checks=desk.refusal),
            tasks=self._tasks,
            start=self._engine.start,
            woke=self._woke,
        )
        self._listeners = self._listening(home.policy.command)
        self._socket: Socket | None = None
        if token := settings.slack_app_token:
            pace = self._chat.pace
            self._socket = Socket(pace, session, app_token=token, take=self._listeners.take, now=utc_now)
        lossless = SWALLOWED if self._socket else RETRIED
        self._pulse = Pulse(store, heard_until=self._heard_until, longest=lossless)
        self._doors = Doors(
            receive=self._group.receive,
            received=self._received,
            slack=self._listeners.handle,
            ready=self._ready,
            secrets=settings.webhook_secrets,
        )

    def _listening(self, command: str) -> Listeners:
        listeners = Listeners(
            self._client,
            signing_secret=self._settings.slack_signing_secret,
            ear=self._answering,
            now=utc_now,
            command=command,
            whoami=self._who_we_are,
            team=self._chat.team,
        )
        Gestures(
            concerns=self._answering.concerns, looks=self._page.opened, whoami=self._who_we_are, now=utc_now
        ).listen(listeners)
        return listeners

    # ---------------------------------------------------------------- what others ask of us

    def _health(self) -> list[str]:
        """How we are, in sentences; nobody is asked for it."""
        waiting = sum(not not_yet(due, utc_now()) for due in self._store.dues())
        unanswered, stale = len(self._store.unanswered()), len(self._store.stale())
        return [
            "The record can be read and written.",
            f"Slack: {self._chat.last_health or 'hears us'}",
            f"To do: flows {waiting}, answers {unanswered}, channels to bring up to date {stale}.",
            *stale_checks(self._store.rehearsed(), now=utc_now(), after=self._stale_after),
        ]

    def _who_we_are(self) -> tuple[str, str]:
        identity = self._chat.identity
        return (identity.user, identity.bot) if identity else ("", "")

    async def first(self, key: str) -> bool:
        """Whether this call is about to be made for the first time."""
        return await asyncio.to_thread(self._store.first, key)

    def _received(self, receipt: Receipt) -> None:
        if receipt.problem:
            event(
                "delivery.not-understood",
                level=logging.WARNING,
                delivery=receipt.delivery,
                problem=receipt.problem,
            )
        self._woke()

    def _recorded(self) -> None:
        """A flow recorded something; any thread may say so. Its next step goes before looking for what is due."""
        self._loop.call_soon_threadsafe(self._changed.set)
        self._loop.call_soon_threadsafe(self._loop.call_later, SOON, self._due.set)

    def _woke(self) -> None:
        """Something was recorded: look at once for what is due and what is to be shown."""
        self._due.set()
        self._changed.set()

    async def _ready(self) -> list[str]:
        problems = []
        try:
            await asyncio.to_thread(self._store.ping)
        except TryAgain as away:
            problems.append(f"database: {away}")
        if slack := await self._chat.health():
            problems.append(f"Slack: {slack}")
        if self._socket and (deaf := self._socket.deaf()):
            problems.append(f"Slack: {deaf}")
        return problems

    def _heard_until(self) -> datetime | None:
        return self._socket.heard_until if self._socket else utc_now()

    # ---------------------------------------------------------------- loops

    async def _sweep(self) -> None:
        """Start what is due, and answer what a crash left unanswered."""
        await self._engine.sweep(utc_now())
        await self._answering.catch_up(utc_now())

    async def _beat(self) -> None:
        """Keep until when we could hear; after a gap the open incidents are told of it."""
        if await asyncio.to_thread(self._pulse.beat):
            event("deaf.reported", level=logging.WARNING)
            self._woke()
        await asyncio.sleep(BEAT)

    async def _rehearse(self) -> None:
        """Ask the runbooks now and then while all is well."""
        await asyncio.to_thread(self._life.rehearse_in_time)
        await asyncio.sleep(UNHURRIED)

    async def _tidy(self) -> None:
        """Take away messages of ours that came out twice."""
        await self._chat.tidy()
        await asyncio.sleep(BEAT)

    async def _compare(self) -> None:
        """Look now and then whether Datadog knows of alerts or recoveries that never reached us."""
        if await self._reconcile.in_time():
            self._woke()
        await asyncio.sleep(UNHURRIED)

    # ---------------------------------------------------------------- life

    @asynccontextmanager
    async def running(self) -> AsyncIterator[web.Application]:
        """The bot at work, for as long as the block lasts; its web application is given."""
        self._loop = asyncio.get_running_loop()
        await self._engine.launch()
        self._tasks.loop(self._sweep, self._due)
        self._tasks.loop(self._showing.show, self._changed)
        page, showing = self._page, self._showing
        for unhurried in (page.refresh, self._rehearse, self._beat, self._tidy, self._compare, showing.heal):
            self._tasks.loop(unhurried)
        if self._socket:
            self._tasks.spawn(self._socket.run(), endless=True)
        try:
            yield routes(self._doors)
        finally:
            await self._tasks.end(within=SHUTDOWN)
            await self._engine.close()
            self._group.close()
            self._metrics.close()


async def serve(settings: Settings, home: Home) -> None:
    """Run until SIGTERM or SIGINT; then finish what was begun, within seconds."""
    log.configure(level=settings.log_level, format=settings.log_format)
    alerts.load()
    commands.load()
    sys.setswitchinterval(TURN)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        await asyncio.to_thread(_tidy, settings)
        store = await asyncio.to_thread(Store.open, settings.database_url)
        await asyncio.to_thread(store.prepare)
        stack.callback(store.close)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        application = await stack.enter_async_context(App(settings, home, store, session).running())
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=SHUTDOWN)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, settings.host, settings.port)
        await site.start()
        event("serving", host=settings.host, port=_port(runner, settings.port), database=store.dialect)
        await stop.wait()
        event("stopping")


def _tidy(settings: Settings) -> None:
    """Remove what was half done when an earlier process was killed; whatever needs it is done again."""
    temporary.clear(utc_now())
    temporary.clear_in(settings.postmortems, f"{UNFINISHED}*", utc_now())


def _port(runner: web.AppRunner, asked: int) -> int:
    return next((int(address[1]) for address in runner.addresses), asked)
