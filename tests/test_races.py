"""Two posts about one problem at the same instant, to the bot as it runs in production: always one incident."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bot.lab.workspace import Workspace
from bot.store import Store
from tests.bot_process import SECRET, BotProcess

FIXTURE = Path(__file__).parent / "alerts" / "fixtures" / "datadog" / "triggered.json"
ALERT: dict[str, Any] = json.loads(FIXTURE.read_text())
POLICY = "policy: 1\nannounce: incidents\ngrouping: {per-hour: 100000}\n"
SLOW = 600.0
"""Seconds that the chat takes to answer: longer than the races."""
REPLICAS = {"sqlite": 1, "postgresql": 2}
SAME, RENEWED, NEIGHBOUR = "one delivery twice", "two deliveries of one problem", "two alerts of one service"
ROUND = (SAME, SAME, SAME, RENEWED, NEIGHBOUR)


@pytest.mark.timeout(120)
async def test_two_posts_at_once_are_one_incident(tmp_path: Path, database_url: str) -> None:
    await _race(tmp_path, database_url, rounds=17)  # 51 times the same delivery


@pytest.mark.full
@pytest.mark.timeout(900)
async def test_two_posts_at_once_are_one_incident_five_hundred_times(tmp_path: Path, database_url: str) -> None:
    await _race(tmp_path, database_url, rounds=167)


async def _race(folder: Path, database_url: str, *, rounds: int) -> None:
    """One race after another, each about a problem of its own."""
    async with _doors(folder, database_url) as doors:
        for n, kind in enumerate(ROUND * rounds):
            first, second = await asyncio.gather(*map(_post, doors, _pair(n, kind)))
            same = kind is SAME
            assert Counter([first["duplicate"], second["duplicate"]])[True] == same
            assert (first["delivery"] == second["delivery"]) == same
    store = Store.open(database_url)
    found = [store.incident(summary.number) for summary in store.summaries()]
    store.close()
    assert len(found) == len(ROUND) * rounds
    assert Counter(len(incident.alerts) for incident in found if incident) == {1: 3 * rounds, 2: 2 * rounds}


def _pair(n: int, kind: str) -> tuple[bytes, bytes]:
    """The two bodies of the nth race."""
    own = {
        "event_id": f"{n}1",
        "alert_id": f"47{n}",
        "alert_cycle_key": f"cycle-{n}",
        "alert_scope": "",
        "hostname": "",
        "tags": f"env:prod,service:s{n}",
        "tag_service": f"s{n}",
    }
    others: Mapping[str, Mapping[str, str]] = {
        SAME: {},
        RENEWED: {"event_id": f"{n}2"},
        NEIGHBOUR: {"event_id": f"{n}2", "alert_id": f"48{n}", "alert_cycle_key": f"other-{n}"},
    }
    one, other = {**ALERT, **own}, {**ALERT, **own, **others[kind]}
    return json.dumps(one).encode(), json.dumps(other).encode()


async def _post(door: tuple[aiohttp.ClientSession, str], body: bytes) -> dict[str, Any]:
    session, url = door
    async with session.post(f"{url}/datadog/webhook", data=body, headers={"X-Muster-Token": SECRET}) as answer:
        assert answer.status == 202
        told: dict[str, Any] = await answer.json()
        return told


@asynccontextmanager
async def _doors(folder: Path, database_url: str) -> AsyncIterator[list[tuple[aiohttp.ClientSession, str]]]:
    """Two connections, on Postgres to two replicas. SQLite has one process."""
    home = folder / "home"
    home.mkdir()
    (home / "policy.yaml").write_text(POLICY)
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(await Workspace.start(cast=True, limits=False))
        replicas = REPLICAS[database_url.partition(":")[0]]
        bots = [BotProcess(folder, workspace=workspace, database_url=database_url, home=home) for _ in range(replicas)]
        for bot in bots:
            stack.callback(bot.kill)
        await asyncio.gather(*(bot.start() for bot in bots))
        # What follows from each alert costs many times what taking it in does: it waits for the chat's first answer.
        workspace.fault("*", "delay", times=None, seconds=SLOW)
        yield [(await stack.enter_async_context(aiohttp.ClientSession()), bots[n % replicas].url) for n in range(2)]
        for bot in bots:
            bot.kill()
            await bot.dead()
