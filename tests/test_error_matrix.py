"""Every way in which Slack refuses or loses a call, for every method that an incident needs.

The incident is there, the other steps are done, the failing one is named with what to do about it, and when Slack
has come to its senses a retry completes it, once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from bot import alerts, commands, loops
from bot import app as app_module
from bot.app import App
from bot.incident import Entry, Incident
from bot.lab.workspace import BOT_TOKEN, SIGNING_SECRET, Workspace
from bot.settings import Settings, read_home
from bot.slack.chat import SlackChat
from bot.steps import trying
from bot.store import Store

POLICY = """policy: 1
announce: incidents
invite:
  - {people: ["@oncall-web", "chen@lab.example"]}
"""
CODES = [
    *("not_in_channel", "channel_not_found", "is_archived", "restricted_action", "missing_scope", "fatal_error"),
    *("name_taken", "token_revoked"),
]
KINDS = [*CODES, "limited", "delay", "drop-after", "html"]
STEPS = {
    "conversations.create": "channel",
    "chat.postMessage": "card",
    "conversations.invite": "invitations",
    "usergroups.list": "invitations",
    "usergroups.users.list": "invitations",
    "users.lookupByEmail": "invitations",
    "conversations.setTopic": "topic",
    "pins.add": "pin",
}
HARMLESS = {("conversations.create", "drop-after"), ("conversations.invite", "drop-after")}
"""What is found out at once, or is the same when done twice."""
WITHIN = 0.25
LATE = 1.4
"""So late, in limits of a call, is what is answered too late: it is at work when nobody waits for it any more."""
COVERING = [(method, KINDS[(5 * at) % len(KINDS)]) for at, method in enumerate([*STEPS, *STEPS])]
"""Each kind of failure and each method at least once."""


class Played:
    """The application in this process, whose incident belongs to one case at a time."""

    def __init__(self, workspace: Workspace, store: Store, app: App) -> None:
        self.workspace = workspace
        self.store = store
        self.app = app
        self.number = 0
        self._called = 0

    @property
    def incident(self) -> Incident:
        """The incident of this case."""
        found = self.store.incident(self.number)
        assert found is not None
        return found

    async def until(self, seen: Callable[[], object], why: str) -> None:
        """Wait for what flows do."""
        try:
            async with asyncio.timeout(15):
                while not seen():  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{why}: {self.incident.troubles}, {self.incident.view}") from None

    @property
    def channel(self) -> str:
        """The id of its channel."""
        channel = self.incident.view.channel
        assert channel
        return channel.id

    def person(self, name: str) -> str:
        """The id of one of the cast."""
        return next(u.id for u in self.workspace.state.users.values() if u.name == name)

    def entry(self, text: str) -> Entry:
        """What says this in the timeline."""
        return next(entry for entry in self.incident.entries if text in entry.text)

    async def say(self, words: str, *, channel: str = "") -> None:
        """Ana types a command; nobody waits for the answer."""
        await self.workspace.command(self.person("ana"), channel or self.channel, f"/incident {words}", within=0)

    async def declare(self, title: str) -> None:
        """Ana opens the next incident, and the bot has forgotten whom it knew."""
        self.forget_people()
        await self.say(f"declare {title}", channel="ops")
        self.number += 1
        await self.until(lambda: self.store.incident(self.number), "it was not opened")

    def forget_people(self) -> None:
        """The bot asks again who is who."""
        people = self.app._chat.people
        people._people.clear()
        people._words.clear()

    def told(self, name: str) -> list[str]:
        """What this person alone was shown, as a whisper or directly."""
        id = self.person(name)
        directly = self.workspace.messages(self.workspace.state.direct_with(id).id)
        return [str(message["text"]) for message in (*self.workspace.ephemerals(id), *directly)]

    def fault(self, method: str, kind: str) -> None:
        """From now on this method fails in this way."""
        self._called = len(self.workspace.called(method))
        self.app._chat.pace._methods[method].window._not_before = 0.0  # what was asked in the case before is over
        fault: dict[str, Any] = {"code": kind} if kind in CODES else {}
        fault |= {"seconds": LATE * WITHIN} if kind == "delay" else {}
        self.workspace.fault(method, "error" if kind in CODES else kind, times=None, **fault)

    def met(self, method: str) -> bool:
        """Whether the bot has called it since it began to fail."""
        return len(self.workspace.called(method)) > self._called

    async def case(self, method: str, kind: str) -> None:
        """One incident while this method fails in this way, and afterwards."""
        self.fault(method, kind)
        await self.declare(f"case {method} {kind}")
        step = STEPS[method]
        if (method, kind) not in HARMLESS:
            await self.until(lambda: step in self.incident.troubles, f"{step} is not named")
            trouble = self.incident.troubles[step]
            assert trouble.text
            assert trouble.fix
        await self.until(lambda: self.done(without=step), "the other steps are not done")
        if step not in {"channel", "card"} and (method, kind) not in HARMLESS:
            await self.until(lambda: step in self.card.lower(), "the card does not say so")
        await self.until(lambda: self.met(method), "it was not called")
        self.workspace.faults.clear()
        await self.until(lambda: not self.incident.troubles and self.done(), "it was not completed")
        self.once()

    def done(self, without: str = "") -> bool:
        """Whether every step is done, but for this one and what cannot be done without it."""
        view = self.incident.view
        if without == "channel":
            return True
        there = {
            "card": view.card,
            "invitations": view.invited,
            "topic": view.topic,
            "announcement": view.announcements,
            "pin": view.pinned,
        }
        needs_the_card = {"pin", "announcement"} if without == "card" else set()
        return bool(view.channel) and all(v for k, v in there.items() if k != without and k not in needs_the_card)

    @property
    def card(self) -> str:
        """What it says."""
        channel = self.incident.view.channel
        assert channel
        return json.dumps(self.workspace.messages(channel.id)[:1], ensure_ascii=False)

    def once(self) -> None:
        """One channel, one card, one announcement; whoever belongs there is there."""
        channel = self.incident.view.channel
        assert channel
        names = [c["name"] for c in self.workspace.channels() if c["name"].startswith(f"inc-{self.number}-")]
        assert names == [channel.name]
        keys = [key for where in (channel.id, "incidents") for key in self._keys(where)]
        assert keys.count(f"card:INC-{self.number}") == 1
        assert keys.count(f"announcement:INC-{self.number}:incidents") == 1
        people = {u.id for u in self.workspace.state.users.values() if u.name in {"ana", "ben", "chen"}}
        assert people <= set(self.workspace.find(channel.id).members)

    def _keys(self, channel: str) -> Iterator[str]:
        for message in self.workspace.messages(channel):
            yield str(message.get("metadata", {}).get("event_payload", {}).get("key", ""))


@asynccontextmanager
async def played(folder: Path, url: str, monkeypatch: pytest.MonkeyPatch, *, policy: str = "") -> AsyncIterator[Played]:
    monkeypatch.setattr(trying, "PATIENCE", (0.2,))
    monkeypatch.setattr(trying, "TRIES", 1000)
    monkeypatch.setattr(app_module, "SlackChat", partial(SlackChat, within=WITHIN, patience=0.2))
    monkeypatch.setattr(loops, "SWEEP", 0.1)
    monkeypatch.setattr(loops, "SETTLE", 0.02)
    monkeypatch.setattr(loops, "LONGEST", 0.5)
    monkeypatch.setattr("bot.view.LATER", timedelta(0))
    monkeypatch.setattr("bot.slack.pace.MINUTE", 0.01)
    monkeypatch.setattr("bot.slack.pace.POST_EVERY", 0.01)
    alerts.load()
    commands.load()
    (folder / "home").mkdir()
    (folder / "home" / "policy.yaml").write_text(POLICY + policy)
    async with await Workspace.start(cast=True, limits=False) as workspace, aiohttp.ClientSession() as session:
        settings = Settings(
            slack_bot_token=BOT_TOKEN,
            slack_signing_secret=SIGNING_SECRET,
            slack_api_url=workspace.api_url,
            webhook_secrets=("x",),
            database_url=url,
            home=folder / "home",
            postmortems=folder / "postmortems",
        )
        store = Store.open(url)
        app = App(settings, read_home(folder / "home"), store, session)
        async with app.running() as application:
            runner = web.AppRunner(application, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            workspace.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
            try:
                yield Played(workspace, store, app)
            finally:
                await runner.cleanup()
        store.close()


async def all_hold(
    there: Played, case: Callable[[Played, str, str], Awaitable[None]], ways: Iterable[tuple[str, str]]
) -> None:
    """Play each case, a method and the way in which it fails; what does not hold is told of all together."""
    problems = []
    for method, kind in ways:
        try:
            await case(there, method, kind)
        except (AssertionError, TimeoutError) as problem:
            problems.append(f"{method} × {kind}: {problem!r}")
        there.workspace.faults.clear()
    assert problems == [], "\n".join(problems)


async def test_whoever_has_mended_it_need_not_wait_for_the_next_try(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch) as there:
        monkeypatch.setattr(trying, "PATIENCE", (3_600.0,))
        there.fault("conversations.setTopic", "missing_scope")
        await there.declare("pages are slow")
        await there.until(lambda: "topic" in there.incident.troubles, "it is not named")
        await there.until(lambda: "try_again" in there.card, "the card does not say so")
        await there.until(lambda: there.done(without="topic"), "the other steps are not done")
        there.workspace.faults.clear()
        card = there.incident.view.card
        assert await there.workspace.click(there.person("ana"), there.channel, card, "try_again") == ""
        await there.until(lambda: not there.incident.troubles and there.done(), "it was not completed")
        assert "Tried again: topic." in there.told("ana")


async def test_a_failing_call_is_named_with_its_fix_stops_nothing_else_and_is_made_good(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch) as there:
        await all_hold(there, Played.case, COVERING)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("method", list(STEPS))
async def test_however_a_call_fails_it_is_made_good(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async with played(tmp_path, sqlite_url, monkeypatch) as there:
        await all_hold(there, Played.case, [(method, kind) for kind in KINDS])


def test_the_selection_has_every_method_and_every_way_to_fail() -> None:
    assert {method for method, _ in COVERING} == set(STEPS)
    assert {kind for _, kind in COVERING} == set(KINDS)
