"""The composition root: builds everything, starts it, stops it. The only file that knows all others."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4
from weakref import WeakValueDictionary

import aiohttp
from aiohttp import web

from bot import alerts, commands, log
from bot.datadog import Datadog
from bot.engine import Engine
from bot.hear import Hearing
from bot.intake import Intake, Receipt
from bot.lifecycle import Lifecycle
from bot.log import event
from bot.metrics import HEARD
from bot.ports import ChatPerson, GaveUp, TryAgain
from bot.postmortem.drafts import Drafts
from bot.runbook.desk import Desk
from bot.said import Reply, Said
from bot.settings import Home, Settings
from bot.slack import web_client
from bot.slack.chat import SlackChat
from bot.slack.listeners import Listeners
from bot.store import Store
from bot.web import Doors, routes

SWEEP = 1.0  # seconds between looks for what is due or changed in another process
MENTIONED = re.compile(r"<@([UW][A-Z0-9]+)>")  # in a mention Slack sends ids only
SETTLE = 0.15  # seconds in which changes of one incident become one edit of its card
LONGEST = 30.0  # seconds between tries of a view that keeps failing
LATE = timedelta(seconds=5)  # what was heard longer ago and has no answer was left by a crash
SHUTDOWN = 10.0  # seconds for what is being answered, when we are told to stop
MISTAKE = "Muster made a mistake of its own, so nothing was recorded; its log says which. Try other words."


def utc_now() -> datetime:
    """The clock; everything else gets its time as an argument."""
    return datetime.now(UTC)


class App:
    """The running bot: hears, decides, keeps the view up to date, and sweeps up after crashes."""

    def __init__(self, settings: Settings, home: Home, store: Store, session: aiohttp.ClientSession) -> None:
        self._settings = settings
        self._store = store
        self._tasks: set[asyncio.Task[Any]] = set()
        self._changed = asyncio.Event()
        self._due = asyncio.Event()
        self._syncing: dict[int, asyncio.Task[None]] = {}
        self._channels: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_flight: set[str] = set()
        self._metrics = Datadog(
            api_key=settings.dd_api_key,
            app_key=settings.dd_app_key,
            site=settings.dd_site,
            url=settings.dd_api_url,
        )
        client = web_client(settings.slack_bot_token, session=session, base_url=settings.slack_api_url)
        self._chat = SlackChat(
            client,
            session,
            intents=self,
            announce=home.policy.announce,
            channel=home.policy.channel.name,
            command=home.policy.command,
        )
        self._hearing = Hearing(store, policy=home.policy, zone=settings.zone)
        self._intake = Intake(store, policy=home.policy, inventory=home.inventory, now=utc_now)
        self._life = Lifecycle(
            store=store,
            chat=self._chat,
            metrics=self._metrics,
            desk=Desk(home, store, now=utc_now),
            drafts=Drafts(settings.postmortems, zone=settings.zone, wanted=home.policy.postmortem),
            policy=home.policy,
            now=utc_now,
            wake=self._woke,
        )
        executor = "local" if store.dialect == "sqlite" else f"muster-{uuid4().hex[:12]}"
        self._engine = Engine(store, executor=executor, run=self._life.run, broke=self._life.broke)
        self._listeners = Listeners(
            client,
            signing_secret=settings.slack_signing_secret,
            ear=self,
            now=utc_now,
            command=home.policy.command,
            whoami=self._who_we_are,
        )
        self._doors = Doors(
            receive=self._intake.receive,
            received=self._received,
            slack=self._listeners.handle,
            ready=self._ready,
            secrets=settings.webhook_secrets,
        )

    # ---------------------------------------------------------------- what others ask of us

    async def hear(self, said: Said) -> None:
        """Keep what was said on disk, then answer it. Raises TryAgain when it cannot be kept."""
        await asyncio.to_thread(self._keep, said)
        HEARD.labels(said.source.type).inc()
        self._spawn(self._answer(said))

    def _who_we_are(self) -> tuple[str, str]:
        identity = self._chat.identity
        return (identity.user, identity.bot) if identity else ("", "")

    def _keep(self, said: Said) -> None:
        with self._store.transaction() as tx:
            tx.heard(said)

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
        return problems

    # ---------------------------------------------------------------- answering

    async def _answer(self, said: Said) -> None:
        """Answer in the order of speaking, channel by channel."""
        if said.key in self._in_flight:
            return
        self._in_flight.add(said.key)
        try:
            async with self._channels.setdefault(said.channel, asyncio.Lock()):
                reply = await self._decided(await self._with_person(said))
            opens = reply.ok and reply.incident is not None and await self._answered_by_flow(said)
            self._woke()
            if reply.text and not opens:
                where = {k: v for k, v in said.reply_to.items() if k != "thread" or not reply.private}
                await self._chat.reply(where, reply.text)
        except (TryAgain, GaveUp) as problem:
            event("reply.failed", level=logging.WARNING, reason=problem.reason, key=said.key)
        finally:
            self._in_flight.discard(said.key)

    async def _decided(self, said: Said) -> Reply:
        """What was said, done and answered. A mistake of ours is answered, too, and once: it would happen again."""
        try:
            return await asyncio.to_thread(self._hearing.answer, said)
        except TryAgain:
            raise
        except Exception as mistake:  # the boundary of a command
            logging.getLogger("muster").error("answer.broken", exc_info=mistake, extra={"fields": {"key": said.key}})
            sorry = Reply(text=MISTAKE, ok=False)
            await asyncio.to_thread(self._keep_answer, said, sorry)
            return sorry

    def _keep_answer(self, said: Said, reply: Reply) -> None:
        with self._store.transaction() as tx:
            tx.answer(said.key, reply)

    async def _answered_by_flow(self, said: Said) -> bool:
        """Who declares an incident is answered by the flow that opens it, with a link to the channel."""
        dues = await asyncio.to_thread(self._store.dues)
        return any(due.key == f"{said.key}/open" for due in dues)

    async def _with_person(self, said: Said) -> Said:
        """What was said, with the author's name and zone and the names of who is mentioned, as far as Slack tells."""
        for id in dict.fromkeys(MENTIONED.findall(said.text)):
            if person := await self._person(id):
                said = replace(said, text=said.text.replace(f"<@{id}>", f"<@{id}|{person.name}>"))
        if said.zone or not said.author.id or not (author := await self._person(said.author.id)):
            return said
        return said.by(name=author.name, zone=author.zone)

    async def _person(self, id: str) -> ChatPerson | None:
        try:
            return await self._chat.person(id)
        except (TryAgain, GaveUp):
            return None

    # ---------------------------------------------------------------- loops

    async def _again_and_again(self, work: Callable[[], Awaitable[None]], wake: asyncio.Event) -> None:
        """Do it at once when woken, else every second; what fails is logged and does not end the loop."""
        while True:
            await _woken(wake, SWEEP)
            try:
                await work()
            except TryAgain as away:
                event("loop.postponed", level=logging.WARNING, work=work.__name__, reason=away.reason)
                await asyncio.sleep(SWEEP)
            except Exception as mistake:  # the boundary of a loop: without it the bot would stand still for ever
                fields = {"work": work.__name__}
                logging.getLogger("muster").error("loop.broken", exc_info=mistake, extra={"fields": fields})
                await asyncio.sleep(SWEEP)

    async def _sweep(self) -> None:
        """Start what is due, and answer what a crash left unanswered."""
        await self._engine.sweep(utc_now())
        for said in await asyncio.to_thread(self._store.unanswered):
            if utc_now() - said.at > LATE:
                self._spawn(self._answer(said))

    async def _show(self) -> None:
        """Bring the view of every changed incident up to date, several changes in one edit."""
        await asyncio.sleep(SETTLE)
        for number in await asyncio.to_thread(self._store.stale):
            if number not in self._syncing:
                self._syncing[number] = self._spawn(self._sync(number))

    async def _sync(self, number: int) -> None:
        """Until it succeeds: what fails is tried again, ever later."""
        pause = SWEEP
        try:
            while not await self._synced(number, pause):
                pause = min(2 * pause, LONGEST)
        finally:
            del self._syncing[number]
            self._changed.set()  # for what changed meanwhile

    async def _synced(self, number: int, pause: float) -> bool:
        try:
            await self._life.sync(number)
            return True
        except TryAgain as away:
            event("view.postponed", incident=f"INC-{number}", reason=away.reason)
            pause = max(pause, min(away.after or 0.0, LONGEST))
        except Exception as mistake:  # the boundary of a view: one that cannot be drawn must not be drawn in a loop
            fields = {"incident": f"INC-{number}"}
            logging.getLogger("muster").error("view.broken", exc_info=mistake, extra={"fields": fields})
            pause = LONGEST
        await asyncio.sleep(pause)
        return False

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Run something beside; what it raises is our own mistake and is logged, not swallowed."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            logging.getLogger("muster").error("task.failed", exc_info=error)

    # ---------------------------------------------------------------- life

    @asynccontextmanager
    async def running(self) -> AsyncIterator[web.Application]:
        """The bot at work, for as long as the block lasts; its web application is given."""
        await self._engine.launch()
        loops = [
            self._spawn(self._again_and_again(self._sweep, self._due)),
            self._spawn(self._again_and_again(self._show, self._changed)),
        ]
        try:
            yield routes(self._doors)
        finally:
            for endless in (*loops, *self._syncing.values()):
                endless.cancel()
            await asyncio.wait([*loops, *self._tasks], timeout=SHUTDOWN)
            await self._engine.close()
            self._metrics.close()


async def _woken(wake: asyncio.Event, within: float) -> None:
    try:
        async with asyncio.timeout(within):
            await wake.wait()
    except TimeoutError:
        pass
    wake.clear()


async def serve(settings: Settings, home: Home) -> None:
    """Run until SIGTERM or SIGINT; then finish what was begun, within seconds."""
    log.configure(level=settings.log_level, format=settings.log_format)
    alerts.load()
    commands.load()
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    async with AsyncExitStack() as stack:
        store = await asyncio.to_thread(Store.open, settings.database_url)
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


def _port(runner: web.AppRunner, asked: int) -> int:
    return next((int(address[1]) for address in runner.addresses), asked)
