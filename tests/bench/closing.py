"""An incident of two hundred entries is closed: until its draft is in the channel."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

from bot.facts import Fact, Told
from bot.incident import Kind, Source
from bot.lab.workspace import Workspace
from bot.lab.workspace_state import Channel
from bot.store import Store
from tests.bench.bot_process import card, quiet, running_bot, two_calls
from tests.bench.declare import ana, typed
from tests.bench.drafting import START
from tests.bench.figures import Bench, Figure, Wanted, middle

TITLE = "From “close” to the draft in the channel"
ENTRIES = 200
DELAYS = (0.0, 0.08)
"""Seconds that each call to Slack takes."""


async def measure(bench: Bench) -> Sequence[Figure]:
    """Medians for each delay beside two sequential calls with the same delay."""
    times = bench.times(3, quick=1, full=5)
    folder, database = bench.place("closing"), bench.database("sqlite")
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(await Workspace.start(cast=True))
        await stack.enter_async_context(running_bot(folder, database, workspace, home=bench.place("home")))
        return [await _with_delay(workspace, database, delay, times) for delay in DELAYS]


async def _with_delay(workspace: Workspace, database: str, delay: float, times: int) -> Figure:
    floor = middle(await two_calls(max(times, 2), delay=delay))
    ours = middle([await _close(workspace, database, delay) for _ in range(times)])
    return Figure(
        name=f"draft of {ENTRIES} entries, Slack takes {delay * 1000:.0f} ms",
        value=ours,
        unit="s",
        rival="two Slack calls",
        rival_value=floor,
        wanted=Wanted(issue=6, at_most=2.0, of="value"),
        note="a canvas, two files, one message",
    )


async def _close(workspace: Workspace, database: str, delay: float) -> float:
    """Seconds from the command to the message with the file."""
    workspace.faults.clear()
    known = {channel["id"] for channel in workspace.channels()}
    await workspace.command(ana(workspace), "ops", f"/incident declare shop {len(known)} is slow")
    channel = workspace.state.channels[await card(workspace, known)]
    _fill(database, channel)
    await quiet(workspace, for_seconds=2.0)
    if delay:
        workspace.fault("*", "delay", times=None, seconds=delay)
    started = time.perf_counter()
    await workspace.outgoing.command(typed(workspace, channel, "close"))
    await workspace.wait_for(lambda: any(m.get("files") for m in workspace.messages(channel.id)), 30.0)
    return time.perf_counter() - started


def _fill(database: str, channel: Channel) -> None:
    """So many notes as people would have taken."""
    store = Store.open(database)
    number = store.incident_in(channel.id) or 1
    whats = [Told(kind=Kind.NOTE, text=f"web-{n % 7:02} answers request {n} again") for n in range(ENTRIES - 3)]
    with store.transaction(incident=number) as tx:
        tx.append(number, [_fact(f"bench/{number}/{n}", what) for n, what in enumerate(whats)])
    store.close()


def _fact(key: str, what: Told) -> Fact:
    return Fact(key=key, what=what, occurred_at=START, recorded_at=START, source=Source(type="command"))
