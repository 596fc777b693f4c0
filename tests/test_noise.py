"""How loud the bot is: two hours of an incident in which people talk, counted by the workspace."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from bot import app as app_module
from bot import loops
from bot.lab import workspace_outgoing
from tests.slack.workplace import Workplace, workplace

TOP_LEVEL, ANNOUNCED, RINGS = 6, 1, 2
"""The budget: messages in the channel, messages in the announce channel, notifications a person."""
SMALL_TALK = [
    ("ana", "I see 502s on checkout since about ten minutes"),
    ("ben", "same here, only for some carts"),
    ("ana", "could be the new config"),
    ("chen", "how many customers?"),
]
COMMANDS = {
    3: ("ana", "note 502s on checkout for some carts"),
    9: ("ana", "lead"),
    14: ("ben", "at 5 minutes ago restarted web-02"),
    19: ("ana", "sev 1"),
    24: ("ana", "update We see errors in checkout and look for the cause"),
    27: ("ana", "lead @ben"),
    31: ("ben", "cause a wrong port in the config of web-02"),
    34: ("ben", "action @ana by 2026-12-24 test every config"),
    36: ("ben", "resolve"),
    38: ("ben", "close"),
}
"""What is typed after so many messages; one message every three minutes."""


class Passing:
    """Time for the bot and for the workspace, moved together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = timedelta()
        monkeypatch.setattr(app_module, "utc_now", self.now)
        monkeypatch.setattr(workspace_outgoing, "time", SimpleNamespace(time=lambda: self.now().timestamp()))

    def now(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    def on(self, work: Workplace, **words: float) -> None:
        self.ahead += timedelta(**words)
        work.workspace.clock.advance(timedelta(**words).total_seconds())


async def quiet(work: Workplace, passing: Passing) -> None:
    """Until all that is due by now is done and shown."""

    def waits() -> bool:
        due = [d for d in work.store.dues() if str(d.args.get("not_before") or "") <= passing.now().isoformat()]
        return bool(due or work.store.stale() or work.store.unanswered())

    async with asyncio.timeout(20):
        while waits():  # noqa: ASYNC110 - the record tells nobody
            await asyncio.sleep(0.02)


async def test_a_two_hour_incident_with_forty_messages_stays_within_the_budget(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = Passing(monkeypatch)
    monkeypatch.setattr(loops, "SWEEP", 0.05)
    monkeypatch.setattr(app_module, "BEAT", 3_600.0)  # time leaps here; that is no deafness
    async with workplace(tmp_path, sqlite_url) as work:
        channel = await work.declare()
        for n in range(40):
            passing.on(work, minutes=3)
            who, words = SMALL_TALK[n % len(SMALL_TALK)]
            ts = await work.workspace.say(work.person(who), channel, f"{words} ({n})")
            if n % 10 == 5:
                await work.workspace.react(work.person(who), channel, ts, "pushpin")
            if n in {7, 23}:
                thread = ts if n == 23 else None
                await work.workspace.mention(work.person("dora"), channel, f"note seen from support ({n})", thread)
            if n in COMMANDS:
                name, said = COMMANDS[n]
                assert await work.type(name, channel, said)
            await quiet(work, passing)
        assert work.incident().view.draft_posted
        told = [m for m in work.workspace.messages(channel) if m["user"] == work.workspace.bot_user]
        top = [m["text"] for m in told if m.get("thread_ts") in {None, m["ts"]}]
        assert len(top) <= TOP_LEVEL, top
        assert len(work.workspace.messages("incidents")) <= ANNOUNCED
        rings = {name: work.workspace.notices(work.person(name)) for name in ("ana", "ben", "chen", "dora", "eli")}
        assert all(len(notices) <= RINGS for notices in rings.values()), rings
        assert any("no commander" in about for about in work.incident().view.reminders)
