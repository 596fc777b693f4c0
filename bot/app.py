"""The composition root: builds everything, starts it, stops it. The only file that knows all others."""

from __future__ import annotations

import asyncio
import logging
import re
import signal
import sys
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
from bot.forms import asks_for_form
from bot.front_page import FrontPage
from bot.group_commit import GroupCommit
from bot.hear import Hearing
from bot.intake import Intake, Receipt
from bot.lifecycle import Lifecycle
from bot.log import event
from bot.metrics import HEARD
from bot.ports import ChatPerson, GaveUp, PersonKind, TryAgain
from bot.postmortem.drafts import Drafts
from bot.pulse import RETRIED, SWALLOWED, Pulse
from bot.reconcile import OFF, Reconcile
from bot.rehearsal import stale_checks
from bot.runbook.desk import Desk
from bot.said import Form, Reply, Said
from bot.settings import Home, Settings
from bot.slack import web_client
from bot.slack.chat import SlackChat
from bot.slack.gestures import Gestures
from bot.slack.listeners import Listeners
from bot.slack.socket import Socket
from bot.store import Store
from bot.web import Doors, routes

SWEEP = 1.0  # seconds between looks for what is due or changed in another process
MENTIONED = re.compile(r"<@([UW][A-Z0-9]+)>")  # in a mention Slack sends ids only
BEAT = 2.0  # seconds between two words on disk that we can hear
UNHURRIED = 60.0  # seconds between two looks for what may be done at leisure
HEAL = 5.0  # seconds between two looks for views that nobody has looked after for a while
SOON = 0.05  # seconds after which what a flow made due is looked for
SETTLE = 0.15  # seconds in which changes of one incident become one edit of its card
LONGEST = 30.0  # seconds between tries of a view that keeps failing
LATE = timedelta(seconds=5)  # what was heard longer ago and has no answer was left by a crash
TURN = 0.0005  # seconds for which one thread may keep the others from running; the usual 5 ms add up for who asks often
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
        self._stale_after = home.policy.rehearsal.stale_after
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
            channel=home.policy.channel.name,
            command=home.policy.command,
        )
        self._hearing = Hearing(store, policy=home.policy, zone=settings.zone, health=self._health)
        self._page = FrontPage(store=store, chat=self._chat, now=utc_now)
        self._intake = Intake(store, policy=home.policy, inventory=home.inventory, now=utc_now)
        self._group = GroupCommit(store, self._intake.receive)
        self._life = Lifecycle(
            store=store,
            chat=self._chat,
            metrics=self._metrics,
            desk=Desk(home, store, now=utc_now, metrics=self._metrics),
            drafts=Drafts(settings.postmortems, zone=settings.zone, wanted=home.policy.postmortem),
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
        self._listeners = Listeners(
            client,
            signing_secret=settings.slack_signing_secret,
            ear=self,
            now=utc_now,
            command=home.policy.command,
            whoami=self._who_we_are,
        )
        Gestures(concerns=self._concerns, looks=self._page.opened, whoami=self._who_we_are, now=utc_now).listen(
            self._listeners
        )
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

    # ---------------------------------------------------------------- what others ask of us

    async def hear(self, said: Said) -> None:
        """Keep what was said on disk, then answer it. Raises TryAgain when it cannot be kept."""
        said = await asyncio.to_thread(self._keep, said)
        HEARD.labels(said.source.type).inc()
        self._spawn(self._answer(said))

    async def _concerns(self, said: Said) -> bool:
        """Whether a message to which something happened belongs to a timeline, or is marked for one."""
        return await asyncio.to_thread(self._store.concerns, said)

    def _health(self) -> list[str]:
        """How we are, in sentences; nobody is asked for it."""
        waiting, unanswered, stale = len(self._store.dues()), len(self._store.unanswered()), len(self._store.stale())
        return [
            "The record can be read and written.",
            f"Slack: {self._chat.last_health or 'hears us'}",
            f"To do: {waiting} flows, {unanswered} answers, {stale} channels to bring up to date.",
            *stale_checks(self._store.rehearsed(), now=utc_now(), after=self._stale_after),
        ]

    def _who_we_are(self) -> tuple[str, str]:
        identity = self._chat.identity
        return (identity.user, identity.bot) if identity else ("", "")

    def _keep(self, said: Said) -> Said:
        with self._store.transaction(intake=bool(said.twins)) as tx:
            said = replace(said, key=tx.twin(said))
            tx.heard(said)
        return said

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

    # ---------------------------------------------------------------- answering

    async def _answer(self, said: Said) -> None:
        """Answer in the order of speaking, channel by channel."""
        if said.key in self._in_flight:
            return
        self._in_flight.add(said.key)
        try:
            if asks_for_form(said):
                reply = await self._decided(said)
            else:
                async with self._channels.setdefault(said.channel, asyncio.Lock()):
                    reply = await self._decided(await self._with_person(said))
            if reply.form and await self._opened(said, reply.form):
                return
            opens = reply.ok and reply.incident is not None and await self._started(said)
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

    async def _opened(self, said: Said, form: Form) -> bool:
        """Whether the form stands before whoever asked for it; else there are words that say the same."""
        try:
            await self._chat.open_form(said.trigger, form)
        except GaveUp as refused:
            return refused.reason in {"exchanged_trigger_id", "trigger_exchanged"}  # it was opened before a crash
        except TryAgain:
            return False
        return True

    async def _started(self, said: Said) -> bool:
        """Start at once what it made due. Whoever declares is answered by the flow that opens the incident: True."""
        dues = await asyncio.to_thread(self._store.dues)
        mine = [due for due in dues if due.key == f"{said.key}/{due.flow}" and not due.args.get("not_before")]
        for due in mine:
            await self._engine.start(due)
        return any(due.flow == "open" for due in mine)

    async def _with_person(self, said: Said) -> Said:
        """What was said, with the author's name and zone and the names of who is mentioned, as far as Slack tells."""
        for id in dict.fromkeys(MENTIONED.findall(said.text)):
            if person := await self._person(id):
                said = replace(said, text=said.text.replace(f"<@{id}>", f"<@{id}|{person.name}>"))
        if said.zone or not said.author.id:
            return said
        author = await self._person(said.author.id)
        return (
            said.by(name=author.name, zone=author.zone, kind=author.kind)
            if author
            else replace(said, kind=PersonKind.UNKNOWN)
        )

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

    async def _compare(self) -> None:
        """Look now and then whether Datadog knows of alerts or recoveries that never reached us."""
        if await self._reconcile.in_time():
            self._woke()
        await asyncio.sleep(UNHURRIED)

    async def _show(self) -> None:
        """Bring the view of every changed incident up to date, several changes in one edit."""
        await asyncio.sleep(SETTLE)
        for number in await asyncio.to_thread(self._store.stale):
            if number not in self._syncing:
                self._syncing[number] = self._spawn(self._sync(number))

    async def _heal(self) -> None:
        """Show now and then what was shown before: somebody may have taken it away."""
        await asyncio.sleep(HEAL)
        for number in await self._life.view.to_heal():
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
            await self._group.give_way()
            await self._life.view.sync(number)
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
        self._loop = asyncio.get_running_loop()
        await self._engine.launch()
        loops = [
            self._spawn(self._again_and_again(self._sweep, self._due)),
            self._spawn(self._again_and_again(self._show, self._changed)),
            self._spawn(self._again_and_again(self._page.refresh, asyncio.Event())),
            self._spawn(self._again_and_again(self._rehearse, asyncio.Event())),
            self._spawn(self._again_and_again(self._beat, asyncio.Event())),
            self._spawn(self._again_and_again(self._compare, asyncio.Event())),
            self._spawn(self._again_and_again(self._heal, asyncio.Event())),
        ]
        if self._socket:
            loops.append(self._spawn(self._socket.run()))
        try:
            yield routes(self._doors)
        finally:
            for endless in (*loops, *self._syncing.values()):
                endless.cancel()
            await asyncio.wait([*loops, *self._tasks], timeout=SHUTDOWN)
            await self._engine.close()
            self._group.close()
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
    sys.setswitchinterval(TURN)
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
