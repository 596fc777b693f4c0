"""A storm through the whole application: what people see of it, and how one of its problems becomes an incident."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bot.incident import problem_id
from bot.slack.grouped import LISTED, OPEN_LISTED
from tests.test_replay import Bot, bot  # noqa: F401 - a fixture

CAP, MANY = 2, 30
POLICY = f"grouping:\n  per-hour: {CAP}\n"


def post(n: int, transition: str = "Triggered") -> bytes:
    """An alert of a service that no other has."""
    fields = {"event_id": f"{n} {transition}", "alert_id": str(n), "alert_transition": transition}
    about = {"alert_scope": f"service:s{n:02}", "tags": f"service:s{n:02}", "alert_cycle_key": str(n)}
    return json.dumps({**fields, **about, "alert_title": f"[{transition}] Shop {n:02} is slow", "date_ms": ""}).encode()


def words(message: Any) -> str:
    return json.dumps(message["blocks"])


@pytest.mark.parametrize("bot", [POLICY], indirect=True, ids=[""])
async def test_above_the_hours_number_one_incident_lists_the_rest_and_opens_what_people_press(
    bot: Bot,  # noqa: F811 - the fixture
) -> None:
    bot.workspace.request_url = f"{bot.url}/slack/events"
    bot.clock.now = datetime.now(UTC)  # the workspace signs what people press with the time that it is
    for n in range(MANY):
        bot.clock.now += timedelta(seconds=1)
        await bot.post(post(n))
    await bot.rest()
    assert [s.number for s in bot.store.summaries()] == [1, 2, 3]
    shown = bot.shown()
    assert shown["incidents"] == CAP + 1, "one announcement each"
    (name,) = (name for name in shown if name.startswith("inc-3-"))
    assert shown[name] == 1, "one message, whatever comes"
    card = bot.workspace.messages(name)[0]
    assert words(card).count(f'"{OPEN_LISTED}"') == LISTED
    assert f"and {MANY - CAP - LISTED} more" in words(card)
    assert f"{MANY - CAP} alerts, {MANY - CAP} suppressed: {MANY - CAP} in a storm" in words(card)

    storm = bot.store.incident(3)
    assert storm is not None
    chosen = storm.alerts[4]
    (block,) = (b for b in card["blocks"] if b.get("accessory", {}).get("value") == problem_id(chosen))
    ana = next(user.id for user in bot.workspace.state.users.values() if user.name == "ana")
    assert await bot.workspace.click(ana, name, card["ts"], OPEN_LISTED, block_id=block["block_id"]) == ""
    async with asyncio.timeout(20):
        while bot.store.incident(4) is None:  # noqa: ASYNC110 - it comes from elsewhere, not by an event
            await asyncio.sleep(0.02)
    await bot.rest()
    opened = bot.store.incident(4)
    assert opened is not None
    assert (opened.title, [a.fingerprint for a in opened.firing]) == (chosen.title, [chosen.fingerprint])
    assert any(channel.startswith("inc-4-") for channel in bot.shown())
    card = bot.workspace.messages(name)[0]
    assert chosen.title not in words(card)
    assert f"and {MANY - CAP - 1 - LISTED} more" in words(card)
    await bot.post(post(int(chosen.monitor_id), "Recovered"))
    opened = bot.store.incident(4)
    assert opened is not None
    assert opened.firing == [], "its recovery goes where it went"
