"""The bot is killed, really, before and after each thing that it does; afterwards everything is there, once."""

from __future__ import annotations

import asyncio
import json
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.incident import Incident, Kind, RepairState
from bot.lab.datadog import Datadog
from bot.lab.farm import Farm
from bot.lab.workspace import Workspace
from bot.lab.workspace_faults import Fault, FaultKind, Faults
from bot.store import Store
from tests.bot_process import ROOT, SECRET, BotProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

POLICY = """policy: 1
announce: incidents
invite:
  - {service: shop, people: ["@oncall-web"]}
approvers: ["@oncall-web"]
"""


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
}
SLACK = ("channel", "card", "invitations", "topic", "announcement", "edit")
OPENING = (
    "Opened",
    "ChannelOpened",
    "CardShown",
    "Invited",
    "TopicSet",
    "Announced",
    "ChecksAnswered",
    "RepairOffered",
)
STAGES = tuple(f"RepairMoved/{stage}" for stage in ("running", "testing", "acting", "verifying", "verified"))
MENDING = ("RepairApproved", *STAGES)
CLOSING = ("Closed", "DraftWritten", "upload", "draft", "DraftPosted")


def both(*names: str) -> list[Point]:
    """Before and after each of them."""
    return [Point(when, name) for name in names for when in ("before", "after")]


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
        if self._coming:
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
        for n in range(len(points)):
            await self.bot.dead()
            await self.live(points[n + 1] if n + 1 < len(points) else None)

    async def live(self, point: Point | None = None) -> None:
        """Start it, to live on or to die at this point."""
        self.trap.arm(point)
        await self.bot.start(kill="" if point is None or point.call else f"{point.when} {point.what}")

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
        return bool(
            found and view and view.card and view.announcement and view.invited and view.topic and found.repairs
        )

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

    async def say(self, words: str) -> None:
        """Say it until the bot has taken it."""
        for _ in range(20):
            if "failed" not in await self.workspace.command(self.person("ana"), self.channel, f"/incident {words}"):
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"nobody took “{words}”")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def farm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Farm]:
    async with await Farm.start(tmp_path_factory.mktemp("farm"), servers=2) as farm:
        yield farm


@asynccontextmanager
async def world(farm: Farm, folder: Path, database_url: str) -> AsyncIterator[World]:
    """A healthy farm, a workspace, a bot that is not started yet."""
    await farm.reset()
    home = farm.write_home(folder / "home")
    (home / "policy.yaml").write_text(POLICY)
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


async def play(world: World, points: list[Point]) -> None:
    """The story: a server breaks, is repaired, the incident is closed. The bot dies at each point when it is met."""
    first = [p for p in points if p.what in {*SLACK, *OPENING}]
    then = [p for p in points if p.what in MENDING]
    last = [p for p in points if p.what in CLOSING]
    async with Datadog(
        hosts=world.farm.webs, webhook=f"{world.bot.url}/datadog/webhook", secret=SECRET, pause=0.7
    ) as datadog:
        await world.live(next(iter(first), None))
        await world.farm.move_port("web-02", 8081)
        await world.survive(first)
        await world.until(world.opened)
        if not (then or last):
            return
        await _again(world, then)
        await world.approve()
        await world.survive(then)
        await world.until(lambda: world.repair in {RepairState.VERIFIED, RepairState.PUT_BACK, RepairState.FAILED})
        if world.repair is not RepairState.VERIFIED:
            await world.farm.reset()  # it was put back: a person mends it
        await world.until(lambda: any(transition == "Recovered" for _, transition, _ in datadog.deliveries))
    await _again(world, last)
    await world.say("resolve both answer again")
    await world.say("close")
    await world.survive(last)
    await world.until(lambda: world.incident.view.draft_posted)


async def _again(world: World, points: list[Point]) -> None:
    """Start the bot once more, so that it dies at the first of these points."""
    if points:
        await world.bot.stop()
        await world.live(points[0])


async def assert_once(world: World) -> None:
    """One channel, one card, one announcement; every fact once; the repair done once; the record whole."""
    await world.until(lambda: all(due.flow == "expire" for due in world.store.dues()))
    await world.until(lambda: not world.store.stale())
    names = [c["name"] for c in world.workspace.channels() if c["name"].startswith("inc-")]
    assert len(names) == 1
    incident = world.incident
    keys = _keys(world, world.channel)
    assert keys.count("card:INC-1") == 1
    assert _keys(world, "incidents") == ["announcement:INC-1"]
    counted = Counter((e.kind, e.text) for e in incident.entries if e.kind is not Kind.CHECK)
    assert [key for key, times in counted.items() if times > 1] == []
    assert incident.troubles == {}
    assert [s.number for s in world.store.summaries()] == [1]
    assert world.store.unanswered() == []


def assert_repaired_once(world: World) -> None:
    """The plan ran at most once: it is verified, or was put back where nobody can know whether it ran."""
    incident = world.incident
    (repair,) = incident.repairs
    assert repair.state in {RepairState.VERIFIED, RepairState.PUT_BACK}
    words = [e.text.partition(":")[0] for e in incident.entries if e.kind is Kind.REMEDIATION]
    assert words == ["Offered", "Approved", "Running", repair.state.capitalize().replace("-", " ")]


def assert_drafted_once(world: World) -> None:
    """One folder with the draft, one message with it."""
    drafts = list(world.bot.postmortems.glob("[!.]*/postmortem.md"))
    assert len(drafts) == 1
    assert not list(world.bot.postmortems.glob("*/postmortem.*new*"))
    titled = [f["title"] for m in world.workspace.messages(world.channel) for f in m.get("files", ()) if f.get("title")]
    assert titled == ["Postmortem INC-1"]


def _keys(world: World, channel: str) -> list[str]:
    found = (m.get("metadata", {}).get("event_payload", {}).get("key") for m in world.workspace.messages(channel))
    return [key for key in found if key]


CHAINS = {
    "opening": [
        *both("channel"),
        Point("after", "card"),
        Point("after", "invitations"),
        *both("announcement"),
    ],
    "record": [
        Point("after", "Opened"),
        Point("after", "ChecksAnswered"),
        Point("before", "RepairOffered"),
        Point("before", "RepairApproved"),
        Point("after", "RepairApproved"),
        Point("after", "RepairMoved/running"),
        Point("after", "RepairMoved/testing"),
        Point("before", "RepairMoved/verified"),
        Point("before", "DraftWritten"),
        Point("after", "draft"),
    ],
    "company": [
        Point("after", "channel"),
        Point("after", "card"),
        Point("after", "RepairApproved"),
        Point("before", "RepairMoved/verifying"),
        Point("after", "draft"),
    ],
}


async def _lives_through(farm: Farm, folder: Path, url: str, points: list[Point]) -> None:
    async with world(farm, folder, url) as there:
        await play(there, points)
        assert there.bot.starts > len(points)
        await assert_once(there)
        if any(p.what in {*MENDING, *CLOSING} for p in points):
            assert_repaired_once(there)
            assert_drafted_once(there)
            assert set(await farm.served_by(10)) == {"web-01", "web-02"}


@pytest.mark.parametrize("chain", ["opening", "record"])
async def test_killed_again_and_again_it_does_everything_once(
    farm: Farm, tmp_path: Path, sqlite_url: str, chain: str
) -> None:
    await _lives_through(farm, tmp_path, sqlite_url, CHAINS[chain])


async def test_killed_on_postgres_it_goes_on_in_a_new_process(farm: Farm, tmp_path: Path, postgres_url: str) -> None:
    await _lives_through(farm, tmp_path, postgres_url, CHAINS["company"])


@pytest.mark.full
@pytest.mark.parametrize("point", both(*SLACK, *OPENING, *MENDING, *CLOSING), ids=lambda p: f"{p.when} {p.what}")
async def test_killed_once_anywhere_it_does_everything_once(
    farm: Farm, tmp_path: Path, database_url: str, point: Point
) -> None:
    await _lives_through(farm, tmp_path, database_url, [point])
