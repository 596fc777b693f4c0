"""The bot is killed, really, before and after each thing that it does; afterwards everything is there, once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from bot.incident import Kind, RepairState, Room
from bot.lab.datadog import Datadog
from bot.lab.farm import Farm
from tests.kill_world import ALERTED, DECLARED, Point, World, world

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(240)]

SLACK = ("channel", "card", "invitations", "topic", "announcement", "edit", "pin", "bookmark")
OPENING = (
    *("Opened", "ChannelOpened", "CardShown", "Invited", "TopicSet", "Announced", "CardPinned", "Bookmarked"),
    *("ChecksComing", "ChecksAnswered", "RepairOffered", "MonitorLookedUp", "ContextFound", "WrittenBack"),
    "MirrorShown",
)
STAGES = tuple(f"RepairMoved/{stage}" for stage in ("running", "testing", "acting", "verifying", "verified"))
MENDING = ("RepairApproved", "Silenced", *STAGES)
CLOSING = ("Closed", "DraftWritten", "upload", "draft", "DraftPosted", "DraftPushed", "SilenceEnded")


def both(*names: str) -> list[Point]:
    """Before and after each of them."""
    return [Point(when, name) for name in names for when in ("before", "after")]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def farm(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Farm]:
    async with await Farm.start(tmp_path_factory.mktemp("farm"), servers=2) as farm:
        yield farm


# ------------------------------------------------------------------ the story of an alert


async def alerted(world: World, points: list[Point]) -> None:
    """A server breaks, is repaired, the incident is closed. The bot dies at each point when it is met."""
    first = [p for p in points if p.what in {*SLACK, *OPENING}]
    then = [p for p in points if p.what in MENDING]
    last = [p for p in points if p.what in CLOSING]
    async with world.monitored() as datadog:
        await world.live(next(iter(first), None))
        await world.farm.move_port("web-02", 8081)
        await world.survive(first)
        await world.until(lambda: world.opened() and world.incident.repairs and world.incident.view.bookmarks)
        if then or last:
            await again(world, then)
            await world.approve()
            await world.survive(then)
            await _mended(world, datadog)
            await _closed(world, last)
        await assert_told_once(world, datadog)


async def _mended(world: World, datadog: Datadog) -> None:
    ended = {RepairState.VERIFIED, RepairState.PUT_BACK, RepairState.FAILED}
    await world.until(lambda: world.repair in ended)
    if world.repair is not RepairState.VERIFIED:
        await world.farm.reset()  # it was put back: a person mends it
    await world.until(lambda: any(transition == "Recovered" for _, transition, _ in datadog.deliveries))


async def _closed(world: World, points: list[Point]) -> None:
    await again(world, points)
    await world.say("resolve both answer again")
    await asyncio.gather(world.say("close"), world.survive(points))
    await world.until(lambda: world.incident.view.draft_posted and world.incident.view.draft_pushed)


async def again(world: World, points: list[Point]) -> None:
    """From now on it dies at the first of these points; for a fact it must be started with that."""
    if points and points[0].call:
        world.trap.arm(points[0])
    elif points:
        await world.bot.stop()
        await world.live(points[0])


# ------------------------------------------------------------------ the story of what people do


@dataclass(frozen=True)
class Deed:
    """Something that a person does, what the bot does about it, and how one sees that it is done."""

    points: tuple[str, ...]
    act: Callable[[World], Awaitable[None]]
    done: Callable[[World], object]


async def declare(world: World) -> None:
    await world.say("declare Pages are slow", channel=world.workspace.find("ops").id)


async def lead(world: World) -> None:
    await world.say(f"lead <@{world.person('ben')}>")


async def hand_over(world: World) -> None:
    await world.say(f"lead <@{world.person('chen')}>")


async def mark(world: World) -> None:
    ts = await world.workspace.say(world.person("ana"), world.channel, "the disk is full")
    await world.workspace.react(world.person("ana"), world.channel, ts, "pushpin")


async def delete_the_card(world: World) -> None:
    world.workspace.delete(world.workspace.bot_user, world.channel, world.incident.view.card)
    await world.say("sev 1")


async def archive(world: World) -> None:
    world.workspace.archive(world.person("ana"), world.channel)
    await world.say("INC-1 note it is the cache", channel=world.workspace.find("ops").id)


async def hide(world: World) -> None:
    await world.say("private")


async def close(world: World) -> None:
    await world.say("close")


def once_opened(world: World) -> bool:
    """Shown, pinned, and people were reminded as often as they ever are."""
    return world.opened() and any(seen.times == 2 for seen in world.incident.view.reminders.values())


DEEDS = [
    Deed(("pin", "CardPinned", "reminder", "ReminderGiven"), declare, once_opened),
    Deed(("RoleGiven", "Invited"), lead, lambda w: w.person("ben") in w.workspace.find(w.channel).members),
    Deed(("hand-over",), hand_over, lambda w: any("role" in key for key in keys(w, w.channel))),
    Deed(("Captured", "mark"), mark, lambda w: any(e.text == "the disk is full" for e in w.incident.entries)),
    Deed(("another card", "CardShown"), delete_the_card, lambda w: "card:INC-1" in keys(w, w.channel)),
    Deed(
        ("look", "ChannelSeen", "unarchive"),
        archive,
        lambda w: w.incident.view.room is Room.OPEN and not w.workspace.find(w.channel).archived,
    ),
    Deed(
        ("MadePrivate", "withdraw", "ChannelOpened"),
        hide,
        lambda w: w.opened() and w.workspace.find(w.channel).private,
    ),
    Deed(("DraftPosted", "archive"), close, lambda w: w.incident.view.room is Room.ARCHIVED),
]


async def declared(world: World, points: list[Point]) -> None:
    """People work on an incident. The bot dies at each point while it does what follows from their deeds."""
    await world.live()
    for deed in DEEDS:
        mine = [point for point in points if point.what in deed.points]
        await again(world, mine)
        await asyncio.gather(deed.act(world), world.survive(mine))
        await world.until(lambda: deed.done(world))  # noqa: B023 - it is waited for here


# ------------------------------------------------------------------ what an observer sees


async def assert_once(world: World) -> None:
    """One channel, one card, one announcement; every fact once; the record whole."""
    await world.until(lambda: all(due.args.get("not_before") for due in world.store.dues()))
    await world.until(lambda: not world.store.stale())
    names = [c["name"] for c in world.workspace.channels() if c["name"].startswith("inc-")]
    assert len(names) == 1
    incident = world.incident
    found = keys(world, world.channel)
    assert found.count("card:INC-1") == 1
    assert [key for key, times in Counter(found).items() if times > 1] == []
    assert keys(world, "incidents") == ["announcement:INC-1:incidents"]
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
    messages = world.workspace.messages(world.channel)
    titles = Counter(file["title"] for m in messages for file in m.get("files", ()) if file.get("title"))
    assert titles["Postmortem INC-1"] == 1
    assert set(titles.values()) == {1}


async def assert_told_once(world: World, datadog: Datadog) -> None:
    """Each milestone one event, one silence, one incident in its list; nothing is silent once it is closed."""
    await world.until(lambda: all(due.args.get("not_before") for due in world.store.dues()))
    events = Counter(event["title"] for event in datadog.api.events)
    assert events
    assert set(events.values()) == {1}, events
    assert len(datadog.api.incidents) == 1
    if not world.incident.open:
        assert datadog.api.downtimes == {}


def keys(world: World, channel: str) -> list[str]:
    """The keys of the bot's messages there."""
    found = (m.get("metadata", {}).get("event_payload", {}).get("key") for m in world.workspace.messages(channel))
    return [key for key in found if key]


# ------------------------------------------------------------------ the chains

CHAINS = {
    "alert": [
        Point("after", "channel"),
        Point("after", "card"),
        Point("before", "announcement"),
        Point("before", "RepairOffered"),
        Point("after", "RepairApproved"),
        Point("before", "RepairMoved/verified"),
        Point("after", "draft"),
    ],
    "company": [
        Point("after", "card"),
        Point("after", "RepairApproved"),
    ],
}
DEED_CHAIN = [
    Point("after", "pin"),
    Point("after", "hand-over"),
    Point("before", "Captured"),
    Point("after", "another card"),
    Point("after", "unarchive"),
    Point("after", "archive"),
]


async def _lives_through_an_alert(farm: Farm, folder: Path, url: str, points: list[Point]) -> None:
    async with world(farm, folder, url, policy=ALERTED) as there:
        await alerted(there, points)
        assert there.bot.starts > len(points)
        await assert_once(there)
        if any(p.what in {*MENDING, *CLOSING} for p in points):
            assert_repaired_once(there)
            assert_drafted_once(there)
            assert set(await farm.served_by(10)) == {"web-01", "web-02"}


async def _lives_through_deeds(farm: Farm, folder: Path, url: str, points: list[Point]) -> None:
    async with world(farm, folder, url, policy=DECLARED) as there:
        await declared(there, points)
        assert there.bot.starts > len(points)
        await assert_once(there)
        assert_drafted_once(there)
        assert len(there.workspace.find(there.channel).pins) == 1


async def test_killed_again_and_again_it_does_everything_once(farm: Farm, tmp_path: Path, sqlite_url: str) -> None:
    await _lives_through_an_alert(farm, tmp_path, sqlite_url, CHAINS["alert"])


async def test_killed_on_postgres_it_goes_on_in_a_new_process(farm: Farm, tmp_path: Path, postgres_url: str) -> None:
    await _lives_through_an_alert(farm, tmp_path, postgres_url, CHAINS["company"])


async def test_killed_while_it_follows_people_it_follows_them_once(farm: Farm, tmp_path: Path, sqlite_url: str) -> None:
    await _lives_through_deeds(farm, tmp_path, sqlite_url, DEED_CHAIN)


@pytest.mark.full
@pytest.mark.parametrize("point", both(*SLACK, *OPENING, *MENDING, *CLOSING), ids=lambda p: f"{p.when} {p.what}")
async def test_killed_once_anywhere_it_does_everything_once(
    farm: Farm, tmp_path: Path, database_url: str, point: Point
) -> None:
    await _lives_through_an_alert(farm, tmp_path, database_url, [point])


@pytest.mark.full
@pytest.mark.parametrize(
    "point", both(*dict.fromkeys(what for deed in DEEDS for what in deed.points)), ids=lambda p: f"{p.when} {p.what}"
)
async def test_killed_once_after_any_deed_it_does_everything_once(
    farm: Farm, tmp_path: Path, database_url: str, point: Point
) -> None:
    await _lives_through_deeds(farm, tmp_path, database_url, [point])
