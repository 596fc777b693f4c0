"""More people declare at once than Slack opens channels in a minute: everybody gets a link, the last ones later."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from bot import app as app_module
from bot.slack.chat import SlackChat
from bot.slack.methods import METHODS
from bot.steps import trying
from tests.slack.workplace import Workplace, workplace

ALLOWED, PEOPLE = 5, 8
A_MINUTE = 6.0


def told(work: Workplace) -> list[str]:
    """What ana was answered."""
    return [str(one["text"]) for one in work.workspace.ephemerals(work.person("ana"))]


async def test_beyond_what_slack_allows_people_hear_of_it_and_get_their_link_later(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fewer = replace(METHODS["conversations.create"], per_minute=ALLOWED)
    monkeypatch.setitem(METHODS, "conversations.create", fewer)
    monkeypatch.setattr("bot.slack.pace.MINUTE", A_MINUTE)
    monkeypatch.setattr(trying, "PATIENCE", (0.2,))
    monkeypatch.setattr(app_module, "SlackChat", partial(SlackChat, patience=A_MINUTE / 20))
    async with workplace(tmp_path, sqlite_url) as work:
        for n in range(PEOPLE):
            await work.workspace.command(work.person("ana"), "ops", f"/incident declare shard {n}", within=0)
        numbers = range(1, PEOPLE + 1)
        await work.until(lambda: all(work.store.incident(number) for number in numbers))
        await work.until(lambda: all(work.incident(number).view.channel for number in numbers), within=40)
        links = [f"<#{work.channel(number)}" for number in numbers]
        await work.until(lambda: all(any(link in text for text in told(work)) for link in links), within=40)
        assert any("could not be opened yet and is tried again" in text for text in told(work))
        assert len([c for c in work.workspace.channels() if c["name"].startswith("inc-")]) == PEOPLE
        told_of = re.search(r"To do: flows (\d+)", await work.type("ana", work.workspace.find("ops").id, "health"))
        assert told_of
        assert int(told_of[1]) < PEOPLE, "the reminders to come are not work that waits"
        assert len(work.store.dues()) >= PEOPLE


async def test_a_double_enter_opens_one_incident_and_both_lead_to_it(
    tmp_path: Path, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bot.steps.telling.PATIENCE", (0.3,))
    async with workplace(tmp_path, sqlite_url) as work:
        work.workspace.fault("conversations.create", "delay", seconds=0.6)
        for _ in range(2):
            await work.workspace.command(work.person("ana"), "ops", "/incident declare pages are slow", within=0)
        await work.until(lambda: len(told(work)) == 2)
        assert [f"<#{work.channel()}|" in text for text in told(work)] == [True, True]
        assert len(work.store.summaries()) == 1
        assert len([c for c in work.workspace.channels() if c["name"].startswith("inc-")]) == 1
