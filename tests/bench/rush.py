"""Many people declare in the same moment, while Slack takes two seconds for everything."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import aiohttp

from bot.lab.workspace import Workspace
from tests.bench.bot_process import quiet, running_bot
from tests.bench.declare import ack, alive, ana, typed
from tests.bench.figures import Bench, Figure, Wanted, middle, percentile

TITLE = "Fifty people at once, with a slow Slack"
SLOW = 2.0
"""Seconds that each call to Slack takes."""
A_MINUTE = 20
"""So many channels Slack lets us open in a minute."""
RUSH = 60.0
"""Seconds until those who are among the first must have been answered with a link."""


async def measure(bench: Bench) -> Sequence[Figure]:
    """The p99 of the acks; and how long until a minute's worth of people have a link to their channel."""
    people = bench.times(50, quick=5)
    home = bench.place("home")
    (home / "policy.yaml").write_text("policy: 1\nannounce: incidents\n")
    folder = bench.place("rush")
    async with (
        await Workspace.start(cast=True) as workspace,
        running_bot(folder, bench.database("sqlite"), workspace, home=home) as bot,
        aiohttp.ClientSession() as session,
    ):
        await quiet(workspace)
        smallest = [await alive(session, bot) for _ in range(20)]
        workspace.fault("*", "delay", times=None, seconds=SLOW)
        ops = workspace.find("ops")
        forms = [typed(workspace, ops, f"declare shard {n} is slow") for n in range(people)]
        started = time.perf_counter()
        acks = await asyncio.gather(*(ack(workspace, form) for form in forms))
        first = min(people, A_MINUTE)
        await workspace.wait_for(lambda: _linked(workspace) >= first, within=RUSH)
        linked = time.perf_counter() - started
    return [
        Figure(
            name=f"ack, {people} at once, p99",
            value=percentile(acks, 0.99),
            unit="ms",
            rival="/healthz of the same bot",
            rival_value=percentile(smallest, 0.99),
            wanted=Wanted(issue=4, at_most=500.0, of="value"),
            note=f"median {middle(acks):.0f} ms",
        ),
        Figure(
            name=f"until {first} of them have a link",
            value=linked,
            unit="s",
            rival="two Slack calls",
            rival_value=2 * SLOW,
            note=f"Slack allows {A_MINUTE} channels a minute; the others get theirs then",
        ),
    ]


def _linked(workspace: Workspace) -> int:
    """How many answers have a link to the channel of what was declared."""
    said = {str(whisper["text"]) for whisper in workspace.ephemerals(ana(workspace))}
    return sum("shard" in text and "<#C" in text for text in said)
