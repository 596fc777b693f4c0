"""The main job: from the webhook to the proved cause on the card, with real nginx, SSH and the bot as a process."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp

from bot.lab.farm import Farm
from bot.lab.workspace import Workspace
from tests.bench.bot_process import SECRET, Bot, card, quiet, running_bot, two_calls
from tests.bench.figures import Bench, Figure, Wanted, middle

TITLE = "From the webhook to the cause on the card"
ROOT = Path(__file__).parents[2]
POLICY = """policy: 1
announce: incidents
approvers: ["@oncall-web"]
grouping: {window: 0s, cool-off: 0s}
"""


async def measure(bench: Bench) -> Sequence[Figure]:
    """Median and worst of several alerts about one broken server, each its own incident, one after another."""
    times = bench.times(5, quick=1)  # more in one minute, and the edits of the cards wait for Slack's limit
    folder = bench.place("cause")
    async with AsyncExitStack() as stack:
        farm = await stack.enter_async_context(await Farm.start(folder / "farm", servers=2, seed=1))
        workspace = await stack.enter_async_context(await Workspace.start(cast=True))
        home = farm.write_home(folder / "home")
        (home / "policy.yaml").write_text(POLICY)
        shutil.copy(ROOT / "runbooks" / "web-out-of-rotation.yaml", home)
        bot = await stack.enter_async_context(running_bot(folder, bench.database("sqlite"), workspace, home=home))
        floor = await two_calls(max(times, 3))
        broken = farm.webs[-1]
        await farm.move_port(broken.name, broken.port + 7)
        await farm.served_by(6)
        cards, causes = await _alerts(bot, workspace, broken.name, times)
    return _figures(cards, causes, floor)


def _figures(cards: Sequence[float], causes: Sequence[float], floor: Sequence[float]) -> Sequence[Figure]:
    def figure(name: str, value: float, wanted: Wanted | None = None) -> Figure:
        rival = "two Slack calls, median"
        return Figure(name=name, value=value, unit="s", rival=rival, rival_value=middle(floor), wanted=wanted)

    wanted = Wanted(issue=2, at_most=2.0, of="value")
    return (
        figure("card visible, median", middle(cards)),
        figure("cause on the card, median", middle(causes), wanted),
        figure(f"cause on the card, worst of {len(causes)}", max(causes), wanted),
    )


async def _alerts(bot: Bot, workspace: Workspace, host: str, times: int) -> tuple[list[float], list[float]]:
    cards, causes = [], []
    async with aiohttp.ClientSession() as session:
        for n in range(times):
            await quiet(workspace)
            known = {channel["id"] for channel in workspace.channels()}
            started = time.perf_counter()
            await _post(session, bot, _alert(n, host))
            await card(workspace, known)
            cards.append(time.perf_counter() - started)
            await card(workspace, known, "proved")
            causes.append(time.perf_counter() - started)
    return cards, causes


async def _post(session: aiohttp.ClientSession, bot: Bot, alert: dict[str, Any]) -> None:
    headers = {"X-Muster-Token": SECRET}
    async with session.post(f"{bot.url}/datadog/webhook", data=json.dumps(alert), headers=headers) as answer:
        if answer.status != 202:
            raise RuntimeError(f"the webhook was answered with {answer.status}")


def _alert(n: int, host: str) -> dict[str, Any]:
    """The n-th alert about this server: another monitor each time, so that each opens an incident."""
    scope = f"host:{host},service:shop-{n}"
    return {
        "event_id": str(8_306_082_202_796_000_000 + n),
        "date_ms": str(int(time.time() * 1000)),
        "alert_id": str(4711000 + n),
        "alert_cycle_key": f"cycle-{n}",
        "alert_transition": "Triggered",
        "alert_type": "error",
        "alert_title": f"[Triggered on {{{scope}}}] Web server out of rotation, told {n + 1} times",
        "alert_scope": scope,
        "hostname": host,
        "tags": f"env:lab,monitor,{scope}",
        "tag_service": f"shop-{n}",
        "tag_env": "lab",
    }
