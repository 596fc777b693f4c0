"""What a Datadog API that never answers costs: the card beside the same card with an API that answers at once."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import aiohttp

from bot.lab.workspace import Workspace
from tests.bench.bot_process import SECRET, Bot, card, quiet, running_bot
from tests.bench.figures import Bench, Figure, Wanted, middle
from tests.datadog.lab import lab_api

TITLE = "The card while Datadog's API is silent"
POLICY = "policy: 1\nannounce: incidents\ngrouping: {window: 0s, cool-off: 0s}\n"
SILENCE = 60.0  # seconds, longer than anybody waits for an answer
LATER = 1.0  # seconds that the card may come later
ANSWERS, SILENT = "API answers", "API is silent"


async def measure(bench: Bench) -> Sequence[Figure]:
    """The median card with each API, and how much later it is."""
    times = bench.times(4, quick=1, full=10)
    took = {name: await _cards(bench, times, name=name) for name in (ANSWERS, SILENT)}
    usual, worst = middle(took[ANSWERS]), max(took[SILENT])
    wanted = Wanted(issue=3, at_most=round(usual + LATER, 3), of="value")
    note = f"{worst - usual:+.3f} s at worst of {times}; at most {LATER:g} s is wanted"
    rival = f"{ANSWERS}, median"
    return (
        Figure(name="card, API silent, median", value=middle(took[SILENT]), unit="s", rival=rival, rival_value=usual),
        Figure(
            name="card, API silent, worst",
            value=worst,
            unit="s",
            rival=rival,
            rival_value=usual,
            wanted=wanted,
            note=note,
        ),
    )


async def _cards(bench: Bench, times: int, *, name: str) -> list[float]:
    """Seconds from the webhook to the card, for several alerts one after another."""
    folder = bench.place(name.replace(" ", "-"))
    home = folder / "home"
    home.mkdir(exist_ok=True)
    (home / "policy.yaml").write_text(POLICY)
    async with AsyncExitStack() as stack:
        api, url = await stack.enter_async_context(lab_api())
        api.delay = SILENCE if name == SILENT else 0.0
        workspace = await stack.enter_async_context(await Workspace.start(cast=True))
        keys = {"DD_API_KEY": "a" * 32, "DD_APP_KEY": "b" * 40, "DD_API_URL": url}
        bot = await stack.enter_async_context(
            running_bot(folder, bench.database("sqlite"), workspace, home=home, more=keys)
        )
        session = await stack.enter_async_context(aiohttp.ClientSession())
        return [await _one(session, bot, workspace, n) for n in range(times)]


async def _one(session: aiohttp.ClientSession, bot: Bot, workspace: Workspace, n: int) -> float:
    await quiet(workspace)
    known = {channel["id"] for channel in workspace.channels()}
    started = time.perf_counter()
    headers = {"X-Muster-Token": SECRET}
    async with session.post(f"{bot.url}/datadog/webhook", data=_alert(n), headers=headers) as answer:
        if answer.status != 202:
            raise RuntimeError(f"the webhook was answered with {answer.status}")
    await card(workspace, known)
    return time.perf_counter() - started


def _alert(n: int) -> str:
    """The n-th alert: another monitor and service each time, so that each opens an incident."""
    return json.dumps(
        {
            "event_id": str(8_306_082_202_797_000_000 + n),
            "date_ms": str(int(time.time() * 1000)),
            "alert_id": str(4712000 + n),
            "alert_cycle_key": f"silent-{n}",
            "alert_transition": "Triggered",
            "alert_title": f"[Triggered] Pages of shop {n} are slow",
            "alert_scope": f"service:shop-{n}",
        }
    )
