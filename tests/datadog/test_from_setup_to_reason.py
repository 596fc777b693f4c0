"""From the terminal to the first alert: what `setup datadog` leaves at Datadog is what makes Datadog call us."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest_asyncio

from bot.datadog.install import install_webhook
from bot.lab.datadog import VARIABLE
from bot.lab.datadog_api import DatadogApi
from bot.settings import Settings
from bot.terminal import Terminal
from tests.datadog.lab import lab_and_client
from tests.test_web import NEXT, NOW, World

EVENT = {
    "$ID": "8306082202796025694",
    "$EVENT_TITLE": "[Triggered on {host:web-02}] Web server out of rotation",
    "$ALERT_TITLE": "[Triggered on {host:web-02}] Web server out of rotation",
    "$EVENT_MSG": '%%%\nIt said "no".\n%%%',
    "$DATE": str(int(NOW.timestamp() * 1000)),
    "$ALERT_ID": "4711001",
    "$ALERT_CYCLE_KEY": "cycle-1",
    "$ALERT_TRANSITION": "Triggered",
    "$ALERT_PRIORITY": "P2",
    "$ALERT_SCOPE": "host:web-02",
    "$HOSTNAME": "web-02",
    "$TAGS": "host:web-02,service:shop",
    "$TAGS[service]": "shop",
}


class Account:
    """Datadog's side: what was installed there, and how it calls."""

    def __init__(self, api: DatadogApi, world: World) -> None:
        self._api, self._world = api, world

    async def call(self, **instead: str) -> tuple[int, Any]:
        """Call the webhook as it is, its variables filled: an event's, and those that are kept."""
        hook = self._api.webhooks["muster"]
        kept = {f"${name}": one["value"] for name, one in self._api.variables.items()}
        known = {**EVENT, **{f"${name}": value for name, value in instead.items()}}
        headers = {name: kept[value] for name, value in json.loads(hook["custom_headers"]).items()}
        body = VARIABLE.sub(lambda found: json.dumps(known.get(found.group(), ""))[1:-1], hook["payload"])
        sent = {"Content-Type": "application/json", **headers}
        async with self._world.session.post(hook["url"], data=body.encode(), headers=sent) as answer:
            return answer.status, await answer.json()


@pytest_asyncio.fixture
async def both(sqlite_url: str) -> AsyncIterator[tuple[Account, World]]:
    async with World(sqlite_url) as world, lab_and_client() as (api, client):
        async for _ in install_webhook(client.webhooks, url=f"http://{world.host}:{world.port}", secret=NEXT):
            pass
        yield Account(api, world), world


def explained(world: World, word: str) -> list[tuple[str, str]]:
    settings = Settings.read({"DATABASE_URL": f"sqlite:///{world.path}", "MUSTER_HOME": str(world.path.parent)})
    terminal = Terminal(settings, now=lambda: NOW)
    try:
        return [(row["incident"], row["why"]) for row in terminal.explain(word)]
    finally:
        terminal.close()


async def test_the_first_alert_after_setting_up_is_heard_and_explained(both: tuple[Account, World]) -> None:
    account, world = both
    status, told = await account.call()
    assert (status, told["duplicate"]) == (202, False)
    assert await account.call() == (202, {"delivery": told["delivery"], "duplicate": True})
    _, later = await account.call(ID="2", ALERT_TRANSITION="Recovered", ALERT_CYCLE_KEY="cycle-1")
    assert explained(world, told["delivery"]) == [("INC-1", "new")]
    assert sorted(explained(world, "INC-1")) == [("INC-1", "new"), ("INC-1", "same-problem")]  # of one instant
    assert world.kept(later).ruling == "attach"
    incident = world.store.incident(1)
    assert incident is not None
    assert (incident.service, incident.severity, incident.firing) == ("shop", "SEV2", [])


async def test_a_secret_that_is_no_longer_ours_is_refused(both: tuple[Account, World]) -> None:
    account, world = both
    account._api.variables["MUSTER_TOKEN"]["value"] = "the-last-one"
    assert (await account.call())[0] == 401
    assert world.store.summaries() == []


async def test_no_variable_filled_is_kept_and_reported(both: tuple[Account, World]) -> None:
    account, world = both
    status, told = await account.call(**{name[1:]: "" for name in EVENT})
    assert status == 202
    assert world.kept(told).ruling == "not-understood"
