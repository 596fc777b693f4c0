"""The whole bot: as a process beside a workspace, alone and in company, and its loops when something of ours breaks."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from bot import alerts, commands, loops
from bot.answering import LATE, MISTAKE
from bot.app import App, utc_now
from bot.commands import Asked, Command, Outcome
from bot.incident import Person, Source
from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace
from bot.ports import TryAgain
from bot.said import Said
from bot.settings import Settings, read_home
from bot.store import Store
from tests.bot_process import SECRET, BotProcess

POLICY = """policy: 1
announce: incidents
invite:
  - {service: shop, people: ["@oncall-web"]}
"""
ALERT = {
    "schema": "muster/datadog/1",
    "event_id": "8306",
    "alert_id": "4711",
    "alert_cycle_key": "9000",
    "alert_transition": "Triggered",
    "alert_type": "error",
    "alert_title": "[Triggered on {host:web-02}] Web server out of rotation",
    "alert_scope": "host:web-02,service:shop",
    "tags": "host:web-02,service:shop,role:web",
    "tag_service": "shop",
    "hostname": "web-02",
}
LOOK_UPS = {"usergroups.list", "usergroups.users.list", "users.info", "users.lookupByEmail", "auth.test"}
OPENING = [
    "conversations.create",
    "chat.postMessage",
    "conversations.invite",
    "conversations.setTopic",
    "chat.postMessage",
]


@dataclass
class World:
    """A workspace with people, and as many bots as a test starts."""

    workspace: Workspace
    folder: Path
    home: Path

    def bot(self, database_url: str) -> BotProcess:
        """A bot that is not started yet; what people say goes to the newest one."""
        made = BotProcess(self.folder, workspace=self.workspace, database_url=database_url, home=self.home)
        self.workspace.request_url = f"{made.url}/slack/events"
        return made

    @property
    def channels(self) -> list[dict[str, Any]]:
        """The incident channels."""
        return [c for c in self.workspace.channels() if c["name"].startswith("inc-")]

    def card(self) -> str:
        """What the card of the first incident says."""
        shown = self.workspace.messages(self.channels[0]["id"]) if self.channels else []
        return json.dumps(shown[:1], ensure_ascii=False)

    def person(self, name: str) -> str:
        """The id of one of the cast."""
        return next(u.id for u in self.workspace.state.users.values() if u.name == name)

    def opened(self) -> bool:
        """Whether all of it was announced."""
        return bool(self.channels and self.card() != "[]" and self.workspace.messages("incidents"))

    async def declare(self) -> str:
        """Open an incident by a command; what the person sees."""
        return await self.workspace.command(self.person("ana"), "ops", "/incident declare Pages are slow", within=10)


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "policy.yaml").write_text(POLICY)
    async with await Workspace.start(cast=True) as workspace:
        yield World(workspace, tmp_path, tmp_path / "home")


@asynccontextmanager
async def running(*bots: BotProcess) -> AsyncIterator[None]:
    """Bots at work, stopped in the end."""
    try:
        await asyncio.gather(*(bot.start() for bot in bots))
        yield
    finally:
        await asyncio.gather(*(bot.stop() for bot in bots))


async def post(bot: BotProcess, **more: str) -> int:
    """Deliver the alert; the status of the answer."""
    async with (
        aiohttp.ClientSession() as session,
        session.post(
            f"{bot.url}/datadog/webhook", json={**ALERT, **more}, headers={"X-Muster-Token": SECRET}
        ) as answer,
    ):
        return answer.status


def calls(world: World) -> list[str]:
    """What the bot called, without cached look-ups of people and edits."""
    return [c.method for c in world.workspace.calls if c.method not in {*LOOK_UPS, "chat.update", "response_url"}]


async def test_an_alert_costs_five_calls_and_one_card_that_is_edited(world: World, database_url: str) -> None:
    bot = world.bot(database_url)
    async with running(bot):
        assert await post(bot) == 202
        await world.workspace.wait_for(world.opened, within=20)
        assert calls(world) == OPENING
        await world.workspace.command(world.person("ana"), world.channels[0]["id"], "/incident sev 1")
        await world.workspace.wait_for(lambda: "SEV1" in world.card(), within=20)
    assert len([m for m in world.workspace.messages(world.channels[0]["id"]) if m.get("metadata")]) == 1
    assert calls(world).count("chat.postMessage") == 2


async def test_declare_costs_the_same_and_answers_with_a_link(world: World, sqlite_url: str) -> None:
    async with running(world.bot(sqlite_url)):
        answer = await world.declare()
    assert f"<#{world.channels[0]['id']}|" in answer
    assert calls(world) == OPENING
    assert world.person("ana") in world.workspace.find(world.channels[0]["id"]).members


async def test_by_mention_people_have_names_and_what_is_private_stays_so(world: World, sqlite_url: str) -> None:
    ana, ben, chen = (world.person(name) for name in ("ana", "ben", "chen"))
    async with running(world.bot(sqlite_url)):
        await world.declare()
        channel = world.channels[0]["id"]
        await world.workspace.say(ben, channel, "hello")
        await world.workspace.mention(ana, channel, f"role scribe <@{chen}>")
        await world.workspace.wait_for(lambda: "chen" in world.card().lower(), within=20)
        before = len(world.workspace.messages(channel))
        thread = world.workspace.messages(channel)[-1]["ts"]
        await world.workspace.mention(ana, channel, "timeline", thread)
        await world.workspace.wait_for(lambda: "E1 " in str(world.workspace.ephemerals(ana)), within=20)
    assert len(world.workspace.messages(channel)) == before + 1, "only the question is there for all to see"


async def test_asked_to_stop_it_ends_what_it_has_begun_and_says_nothing_bad(world: World, database_url: str) -> None:
    bot = world.bot(database_url)
    world.workspace.fault("conversations.create", "delay", seconds=1.0)
    async with running(bot):
        await post(bot)
    assert await bot.stop() == 0
    said = bot.said()
    assert "stopping" in said
    assert "Traceback" not in said
    assert "error" not in said
    async with running(bot):
        await world.workspace.wait_for(world.opened, within=30)
    assert len(world.channels) == 1


async def test_what_is_said_at_the_terminal_is_seen_on_the_card(world: World, database_url: str) -> None:
    bot = world.bot(database_url)
    async with running(bot):
        await post(bot)
        await world.workspace.wait_for(world.opened, within=20)
        terminal = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "say", "INC-1", "sev", "1", env=dict(bot.environ), cwd=world.folder
        )
        assert await terminal.wait() == 0
        await world.workspace.wait_for(lambda: "SEV1" in world.card(), within=20)


async def test_two_replicas_that_hear_of_one_problem_open_one_incident(world: World, postgres_url: str) -> None:
    one, two = world.bot(postgres_url), world.bot(postgres_url)
    async with running(one, two):
        alerts_ = [post(bot, event_id=str(n)) for n, bot in enumerate((one, two, one, two))]
        assert set(await asyncio.gather(*alerts_)) == {202}
        await world.workspace.wait_for(world.opened, within=20)
        store = await asyncio.to_thread(Store.open, postgres_url)
        async with asyncio.timeout(20):
            while any(not due.args.get("not_before") for due in store.dues()) or store.stale():  # noqa: ASYNC110 - other processes do it
                await asyncio.sleep(0.1)
        assert [s.number for s in store.summaries()] == [1]
        store.close()
    assert len(world.channels) == 1
    assert calls(world) == OPENING
    assert len(world.workspace.messages("incidents")) == 1


# ------------------------------------------------------------------ inside


@dataclass
class Inside:
    """The application in the test's own process."""

    app: App
    store: Store
    world: World

    async def say(self, text: str, key: str = "K1") -> None:
        """Somebody types it in #ops."""
        ana, ops = self.world.person("ana"), self.world.workspace.find("ops").id
        await self.app._answering.hear(
            Said(
                key=key,
                text=text,
                author=Person(id=ana),
                at=utc_now(),
                source=Source(type="command"),
                channel=ops,
                reply_to={"channel": ops, "user": ana},
            )
        )

    def answers(self) -> list[str]:
        """What the person sees."""
        return [whisper["text"] for whisper in self.world.workspace.ephemerals(self.world.person("ana"))]


@pytest_asyncio.fixture
async def inside(world: World, sqlite_url: str) -> AsyncIterator[Inside]:
    alerts.load()
    commands.load()
    settings = Settings(
        slack_bot_token=BOT_TOKEN,
        slack_signing_secret=SIGNING_SECRET,
        slack_api_url=world.workspace.api_url,
        webhook_secrets=(SECRET,),
        database_url=sqlite_url,
        home=world.home,
        postmortems=world.folder / "postmortems",
    )
    store = Store.open(sqlite_url)
    async with aiohttp.ClientSession() as session:
        app = App(settings, read_home(world.home), store, session)
        async with app.running():
            yield Inside(app, store, world)
    store.close()


def _boom(asked: Asked) -> Outcome:  # noqa: ARG001 - a command
    raise ZeroDivisionError("oops")


async def test_a_mistake_of_ours_in_a_command_is_answered_once_and_logged(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    boom = Command(name="boom", usage="", help="", run=_boom, needs_incident=False, order=1)
    monkeypatch.setitem(commands.COMMANDS, "boom", boom)
    await inside.say("boom")
    await inside.world.workspace.wait_for(inside.answers)
    assert inside.answers() == [MISTAKE]
    assert inside.store.unanswered() == []
    assert [r.message for r in caplog.records].count("answer.broken") == 1


async def test_what_a_crash_left_unanswered_is_answered(inside: Inside) -> None:
    ana, ops = inside.world.person("ana"), inside.world.workspace.find("ops").id
    with inside.store.transaction() as tx:
        tx.heard(
            Said(
                key="before the crash",
                text="help",
                author=Person(id=ana),
                at=utc_now() - LATE,
                source=Source(type="command"),
                channel=ops,
                reply_to={"channel": ops, "user": ana},
            )
        )
    await inside.world.workspace.wait_for(inside.answers)
    assert inside.store.unanswered() == []


@pytest.mark.parametrize("problem", [TryAgain("It is away."), ZeroDivisionError("oops")], ids=["away", "mistake"])
async def test_a_loop_outlives_whatever_happens_in_it(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    problems = [problem]
    sweep = inside.app._engine.sweep

    async def once_not(now: Any) -> None:
        if problems:
            raise problems.pop()
        await sweep(now)

    monkeypatch.setattr(inside.app._engine, "sweep", once_not)
    monkeypatch.setattr(loops, "SWEEP", 0.01)
    await inside.say("declare Pages are slow")
    await inside.world.workspace.wait_for(inside.world.opened)
    assert problems == []


@pytest.mark.parametrize("problem", [TryAgain("It is away."), ZeroDivisionError("oops")], ids=["away", "mistake"])
async def test_a_view_that_cannot_be_drawn_is_not_drawn_in_a_loop(
    inside: Inside, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    tried: list[int] = []

    async def never(number: int) -> None:
        tried.append(number)
        raise problem

    monkeypatch.setattr(inside.app._life.view, "sync", never)
    await inside.say("declare Pages are slow")
    await inside.world.workspace.wait_for(inside.world.opened)
    for _ in range(3):
        await inside.app._showing.show()
    assert tried == [1]  # it rests now, a second or more
