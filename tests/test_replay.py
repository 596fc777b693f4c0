"""A recorded file of sixty posts: an alert of twelve servers, one of which flaps, and something else meanwhile.

57 events, three of them sent twice. In any order they end in the same state; as they came they make two incidents.
"""

from __future__ import annotations

import asyncio
import json
import random
import shutil
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio
from aiohttp.test_utils import TestServer

from bot import alerts, commands, loops
from bot import app as app_module
from bot.app import App
from bot.intake import Intake
from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace
from bot.policy import Policy
from bot.runbook.inventory import Group, Host, Inventory
from bot.settings import Settings, read_home
from bot.slack import pace
from bot.slack.grouped import counted, flapping
from bot.store import Store
from tests.bot_process import SECRET

POSTS = [line.encode() for line in (Path(__file__).parent / "data" / "sixty_posts.jsonl").read_text().splitlines()]
ORDERS = 20
ON_THE_WAY = timedelta(seconds=2)
SERVERS = [f"web-{n:02}" for n in range(1, 13)]
INVENTORY = "inventory: 1\ngroups:\n  shop-web:\n    service: shop\n    env: prod\n    hosts:\n" + "".join(
    f"      {name}: 127.9.1.{n}\n" for n, name in enumerate(SERVERS, 1)
)

alerts.load()
commands.load()


def happened(post: bytes) -> datetime:
    return datetime.fromtimestamp(int(json.loads(post)["date_ms"]) / 1000, UTC)


def end_state() -> set[str]:
    """The fingerprints of what fires in the end: what the newest word on each problem says."""
    newest: dict[str, tuple[datetime, str]] = {}
    for post in POSTS:
        body = json.loads(post)
        name = f"datadog|{body['alert_id']}|{body['alert_scope']}"
        newest[name] = max(newest.get(name, (happened(post), "")), (happened(post), body["alert_transition"]))
    return {name for name, (_, transition) in newest.items() if transition != "Recovered"}


@dataclass
class Clock:
    """A clock that follows the posts."""

    now: datetime

    def __call__(self) -> datetime:
        return self.now

    def follow(self, post: bytes) -> None:
        """It is delivered now: later than it happened, never earlier than the one before."""
        self.now = max(self.now, happened(post) + ON_THE_WAY)


def inventory() -> Inventory:
    hosts = {name: Host(name=name, address=f"127.9.1.{n}", group="shop-web") for n, name in enumerate(SERVERS, 1)}
    return Inventory(groups={"shop-web": Group(name="shop-web", service="shop", env="prod", hosts=hosts)})


def firing(store: Store) -> set[str]:
    found = [incident for s in store.summaries() if (incident := store.incident(s.number))]
    by_incident = {alert.fingerprint for incident in found for alert in incident.firing}
    with store.transaction() as tx:
        assert {p.fingerprint for p in tx.problems(datetime(2020, 1, 1, tzinfo=UTC)) if p.firing} == by_incident
    return by_incident


def replay(store: Store, posts: list[bytes], clock: Clock) -> Counter[bool]:
    """How many posts were new, and how many duplicates."""
    intake = Intake(store, policy=Policy(), inventory=inventory(), now=clock)
    told: Counter[bool] = Counter()
    for post in posts:
        clock.follow(post)
        told[intake.receive("datadog", post).duplicate] += 1
    return told


def test_as_they_came_they_make_two_incidents_and_every_one_has_its_reason(store: Store) -> None:
    assert replay(store, POSTS, Clock(happened(POSTS[0]))) == {False: 57, True: 3}
    web, lag = (store.incident(number) for number in (1, 2))
    assert web is not None
    assert lag is not None
    assert [s.number for s in store.summaries()] == [1, 2]
    assert (web.title, lag.title) == ("Web server out of rotation", "Replication is late")
    assert (len(web.alerts), len(lag.alerts)) == (51, 6)
    assert firing(store) == end_state() == {f"datadog|4711|host:{h},service:shop" for h in ("web-01", "web-02")}
    whys = Counter(r.why for number in (1, 2) for r in store.ruled(incident=number))
    assert whys == {"new": 2, "same-place": 11, "same-problem": 29, "reminder": 5, "flapping": 10}
    assert counted(web.alerts) == "51 alerts, 14 suppressed: 10 flapping, 4 said again"
    assert flapping(web.alerts) == ["web-07 flapping: 7 times in 32 min"]
    checks = Counter((due.incident, "last_word" in due.args) for due in store.dues() if due.flow == "check")
    assert checks == {(1, False): 30, (1, True): 10, (2, False): 2}


def test_in_any_order_they_end_in_the_same_state(sqlite_template: Path, tmp_path: Path) -> None:
    for seed in range(ORDERS):
        posts = random.Random(seed).sample(POSTS, len(POSTS))  # noqa: S311 - any order will do
        copy = shutil.copy(sqlite_template, tmp_path / f"{seed}.db")
        store = Store.open(f"sqlite:///{copy}")
        assert replay(store, posts, Clock(happened(POSTS[-1]))) == {False: 57, True: 3}
        assert firing(store) == end_state(), f"order {seed}"
        store.close()


# ------------------------------------------------------------------ through the door


@dataclass
class Bot:
    """The whole application beside a workspace, its clock in our hands."""

    url: str
    store: Store
    workspace: Workspace
    session: aiohttp.ClientSession
    clock: Clock

    async def post(self, body: bytes) -> None:
        headers = {"X-Muster-Token": SECRET}
        async with self.session.post(f"{self.url}/datadog/webhook", data=body, headers=headers) as answer:
            assert answer.status == 202

    async def rest(self) -> None:
        """Wait until all is done and shown."""
        async with asyncio.timeout(30):
            while not await asyncio.to_thread(self.rests):  # noqa: ASYNC110 - it ends by itself, not by an event
                await asyncio.sleep(0.02)

    def rests(self) -> bool:
        """Whether all that is due by now is done, and seen."""
        waiting = [due for due in self.store.dues() if str(due.args.get("not_before", "")) <= self.clock().isoformat()]
        return not waiting and not self.store.stale()

    def shown(self) -> Counter[str]:
        """How many messages of ours each channel has at its top level."""
        named = (c["name"] for c in self.workspace.channels() if c["name"].startswith("inc"))
        return Counter({name: len([m for m in self.workspace.messages(name) if m.get("metadata")]) for name in named})


@pytest_asyncio.fixture
async def bot(
    request: pytest.FixtureRequest, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bot]:
    """With the policy that the test wants, else an empty one."""
    (tmp_path / "home").mkdir()
    wanted = getattr(request, "param", "")
    (tmp_path / "home" / "policy.yaml").write_text(f"policy: 1\nannounce: incidents\n{wanted}")
    (tmp_path / "home" / "inventory.yaml").write_text(INVENTORY)
    clock = Clock(happened(POSTS[0]))
    monkeypatch.setattr(app_module, "utc_now", clock)
    for pause in ("SETTLE", "SWEEP"):
        monkeypatch.setattr(loops, pause, 0.05)
    monkeypatch.setattr(app_module, "RETRIED", timedelta(days=1))  # a clock that jumps is no bot that was deaf
    for span in ("MINUTE", "POST_EVERY"):  # half an hour is over in seconds: Slack's minutes would be none of these
        monkeypatch.setattr(pace, span, 0.0)
    async with await Workspace.start(cast=True, limits=False) as workspace, aiohttp.ClientSession() as session:
        settings = Settings(
            slack_bot_token=BOT_TOKEN,
            slack_signing_secret=SIGNING_SECRET,
            slack_api_url=workspace.api_url,
            webhook_secrets=(SECRET,),
            database_url=database_url,
            home=tmp_path / "home",
            postmortems=tmp_path / "postmortems",
        )
        store = Store.open(database_url)
        app = App(settings, read_home(settings.home), store, session)
        async with app.running() as application, TestServer(application) as server:
            yield Bot(str(server.make_url("")).rstrip("/"), store, workspace, session, clock)
        store.close()


async def test_two_incidents_two_channels_and_hardly_any_message(bot: Bot) -> None:
    """Minute by minute: never more than one new message of an incident in its channel."""
    before: Counter[str] = Counter()
    minutes = groupby(POSTS, lambda post: (max(happened(post), bot.clock.now - ON_THE_WAY)).replace(second=0))
    for _, posts in minutes:
        for post in posts:
            bot.clock.follow(post)
            await bot.post(post)
        await bot.rest()
        now = bot.shown()
        new = {name: now[name] - before[name] for name in now if name != "incidents"}
        assert max(new.values()) <= 1, new
        before = now
    assert [s.number for s in bot.store.summaries()] == [1, 2]
    assert (len(before), before["incidents"]) == (3, 2)  # two channels, and one announcement each
    assert firing(bot.store) == end_state()
    card = str(bot.workspace.messages(next(name for name in before if name.startswith("inc-1-")))[0])
    assert "51 alerts, 14 suppressed: 10 flapping, 4 said again" in card
    assert "web-07 flapping: 7 times in 32 min" in card
