"""A world in which the bot can be killed at one exact point: before or after a call, or a fact that is written down."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.incident import Incident, RepairState
from bot.lab.datadog import Datadog
from bot.lab.farm import Farm
from bot.lab.workspace import Workspace
from bot.lab.workspace_faults import Fault, FaultKind, Faults
from bot.store import Store
from tests.bot_process import ROOT, SECRET, BotProcess

POLICY = """policy: 1
announce: incidents
invite:
  - {service: shop, people: ["@oncall-web"]}
approvers: ["@oncall-web"]
"""
ALERTED = (
    POLICY
    + """datadog: {write-back: true, downtime: true, mirror-incident: true, reconcile: "off"}
postmortem: {publish: {git: GIT}}
"""
)
"""Datadog is told of the incident, and the draft is pushed."""
DECLARED = (
    POLICY
    + """channel: {archive-after: 3s}
reminders: {no-commander: 1s}
"""
)
"""What otherwise comes after minutes and days comes at once."""
NEVER = "after nothing"
"""The same process as one that is to die, without dying."""


@dataclass(frozen=True)
class Point:
    """When the bot dies: before or after a call that arrives at the workspace, or a fact that is written down."""

    when: str
    what: str

    @property
    def call(self) -> str:
        """The Web API method, or nothing for a fact."""
        return METHODS.get(self.what, "")


METHODS = {
    "channel": "conversations.create",
    "card": "chat.postMessage",
    "invitations": "conversations.invite",
    "topic": "conversations.setTopic",
    "announcement": "chat.postMessage",
    "edit": "chat.update",
    "upload": "files.getUploadURLExternal",
    "draft": "files.completeUploadExternal",
    "pin": "pins.add",
    "bookmark": "bookmarks.add",
    "reminder": "chat.postMessage",
    "hand-over": "chat.postMessage",
    "another card": "chat.postMessage",
    "mark": "reactions.add",
    "look": "conversations.info",
    "unarchive": "conversations.unarchive",
    "withdraw": "conversations.rename",
    "archive": "conversations.archive",
}


class Trap(Faults):
    """Kills the bot when a certain call arrives, or when it was done and its answer is on the way."""

    def __init__(self, workspace: Workspace, kill: Callable[[], None]) -> None:
        super().__init__()
        self._workspace = workspace
        self._kill = kill
        self._point: Point | None = None
        self._coming = False
        workspace.api.faults = self
        workspace.api.recorded = self.recorded

    def arm(self, point: Point | None) -> None:
        """Wait for this call."""
        self._point = point if point and point.call else None

    def take(self, method: str) -> Fault | None:
        """Nothing fails here but the bot."""
        if self._point is None or method != self._point.call or not self._turn(self._point):
            return super().take(method)
        self._coming = self._point.when == "after"
        if not self._coming:
            self._strike()
            return Fault(method=method, kind=FaultKind.DROP_BEFORE)
        return None

    def recorded(self) -> None:
        """A call was done."""
        if self._coming and self._point and self._workspace.calls[-1].method == self._point.call:
            self._strike()
        self._workspace.feed.stir()

    def _turn(self, point: Point) -> bool:
        """The card and the announcement are posted by the same method, one after the other."""
        cards = [c for c in self._workspace.channels() if c["name"].startswith("inc-")]
        shown = bool(cards and self._workspace.messages(cards[0]["id"]))
        return point.what not in {"card", "announcement"} or shown == (point.what == "announcement")

    def _strike(self) -> None:
        self._coming = False
        self._point = None
        self._kill()


@dataclass
class World:
    """The bot, its neighbours, and what an observer sees."""

    farm: Farm
    workspace: Workspace
    bot: BotProcess
    trap: Trap
    store: Store

    async def survive(self, points: list[Point]) -> None:
        """Let it die at each of these points, one after the other; then it lives."""
        for n, point in enumerate(points):
            try:
                await self.bot.dead(within=30)
            except TimeoutError:
                raise AssertionError(f"{point.when} {point.what} was never met: {self.bot.said()}") from None
            await self.live(points[n + 1] if n + 1 < len(points) else None)

    async def live(self, point: Point | None = None) -> None:
        """Start it, to live on or to die at this point."""
        self.trap.arm(point)
        await self.bot.start(kill=NEVER if point is None or point.call else f"{point.when} {point.what}")

    @property
    def incident(self) -> Incident:
        """The record of the one incident."""
        found = self.store.incident(1)
        assert found is not None
        return found

    @property
    def repair(self) -> RepairState | None:
        """How far the repair is."""
        return self.incident.repairs[0].state if self.incident.repairs else None

    @property
    def channel(self) -> str:
        """The one incident channel."""
        (found,) = (c["id"] for c in self.workspace.channels() if c["name"].startswith("inc-"))
        return str(found)

    def person(self, name: str) -> str:
        """The id of one of the cast."""
        return next(u.id for u in self.workspace.state.users.values() if u.name == name)

    async def until(self, seen: Callable[[], object], within: float = 60.0) -> None:
        """Wait for something in the record or in the workspace. Fails with the bot's last words."""
        try:
            async with asyncio.timeout(within):
                while not seen():  # noqa: ASYNC110 - other processes do it
                    await asyncio.sleep(0.1)
        except TimeoutError:
            raise AssertionError(f"it did not come: {self.bot.said()}") from None

    def opened(self) -> bool:
        """Whether everything that opens an incident has been done."""
        found = self.store.incident(1)
        view = found.view if found else None
        shown = view and view.card and view.announcement and view.invited and view.topic and view.pinned
        return bool(found and shown)

    async def approve(self) -> None:
        """Press the button until the bot has taken it, as a person does whom Slack shows a warning."""
        await self.until(lambda: "approve_repair" in json.dumps(self.workspace.messages(self.channel)))
        for _ in range(20):
            if not await self.workspace.click(
                self.person("ben"), self.channel, self.incident.view.card, "approve_repair"
            ):
                return
            await asyncio.sleep(0.5)
        raise AssertionError("nobody took the click")

    async def say(self, words: str, *, channel: str = "") -> None:
        """Say it until the bot has taken it."""
        for _ in range(40):
            where = channel or self.channel
            if "failed" not in await self.workspace.command(self.person("ana"), where, f"/incident {words}", within=0):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"nobody took “{words}”")

    @asynccontextmanager
    async def monitored(self) -> AsyncIterator[Datadog]:
        """Datadog watches the farm, and the bot knows how to ask it."""
        webhook = f"{self.bot.url}/datadog/webhook"
        async with Datadog(hosts=self.farm.webs, webhook=webhook, secret=SECRET, pause=0.7) as datadog:
            keys = {"DD_API_KEY": "api", "DD_APP_KEY": "app", "DD_API_URL": datadog.url}
            self.bot.environ = {**self.bot.environ, **keys}
            yield datadog


@asynccontextmanager
async def world(farm: Farm, folder: Path, database_url: str, *, policy: str) -> AsyncIterator[World]:
    """A healthy farm, a workspace, a bot that is not started yet."""
    await farm.reset()
    home = farm.write_home(folder / "home")
    (home / "policy.yaml").write_text(policy.replace("GIT", str(await repository(folder / "drafts.git"))))
    shutil.copy(ROOT / "runbooks" / "web-out-of-rotation.yaml", home)
    async with await Workspace.start(cast=True) as workspace:
        bot = BotProcess(folder, workspace=workspace, database_url=database_url, home=home)
        workspace.request_url = f"{bot.url}/slack/events"
        store = Store.open(database_url)
        try:
            yield World(farm, workspace, bot, Trap(workspace, bot.kill), store)
        finally:
            await bot.stop()
            store.close()
            await farm.reset()


async def repository(where: Path) -> Path:
    """An empty repository to which drafts are pushed."""
    made = await asyncio.create_subprocess_exec("git", "init", "--quiet", "--bare", str(where))
    assert await made.wait() == 0
    return where
