"""A person declares: until the card is visible, with a Slack that takes its time; and how fast the bot says "heard"."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import aiohttp

from bot.lab.workspace import Workspace
from bot.lab.workspace_payloads import command_form
from bot.lab.workspace_state import Channel
from tests.bench.bot_process import Bot, card, quiet, running_bot, two_calls
from tests.bench.figures import Bench, Figure, Wanted, middle, percentile

TITLE = "From “declare” to the card, and acknowledging"
DELAYS = (0.0, 0.08, 0.3)
"""Seconds that each call to Slack takes."""
IDLE = 0.12
"""Seconds between two commands that find the bot idle."""


async def measure(bench: Bench) -> Sequence[Figure]:
    """Medians for each delay beside two sequential calls with the same delay; p99 of the ack of an idle bot."""
    times, acks = bench.times(4, quick=1, full=5), bench.times(100, quick=5)
    folder = bench.place("declare")
    async with AsyncExitStack() as stack:
        workspace = await stack.enter_async_context(await Workspace.start(cast=True))
        home = bench.place("home")
        (home / "policy.yaml").write_text("policy: 1\nannounce: incidents\n")
        bot = await stack.enter_async_context(running_bot(folder, bench.database("sqlite"), workspace, home=home))
        await _declare(workspace)  # the first one also asks Slack who ana is
        figures = [await _with_delay(workspace, delay, times) for delay in DELAYS]
        workspace.faults.clear()
        return [*figures, await _acks(workspace, bot, acks)]


async def _with_delay(workspace: Workspace, delay: float, times: int) -> Figure:
    workspace.faults.clear()
    if delay:
        workspace.fault("*", "delay", times=None, seconds=delay)
    floor = middle(await two_calls(max(times, 2), delay=delay))
    ours = middle([await _declare(workspace) for _ in range(times)])
    return Figure(
        name=f"card visible, Slack takes {delay * 1000:.0f} ms",
        value=ours,
        unit="s",
        rival="two Slack calls",
        rival_value=floor,
        wanted=Wanted(issue=4, at_most=1.2) if delay else None,
    )


async def _declare(workspace: Workspace) -> float:
    """Seconds from the command to the card in the channel."""
    await quiet(workspace, for_seconds=1.0)
    known = {channel["id"] for channel in workspace.channels()}
    who = ana(workspace)
    started = time.perf_counter()
    words = f"/incident declare shop {len(known)} is slow"  # the same words again would be a slip
    typing = asyncio.create_task(workspace.command(who, "ops", words))
    await card(workspace, known)
    took = time.perf_counter() - started
    await typing
    return took


def ana(workspace: Workspace) -> str:
    """Her id."""
    return next(user.id for user in workspace.state.users.values() if user.name == "ana")


async def _acks(workspace: Workspace, bot: Bot, times: int) -> Figure:
    """Notes in an incident's channel, so far apart that each finds the bot idle."""
    channel = next(c for c in workspace.state.channels.values() if c.name.startswith("inc-"))
    acks, floor = [], []
    async with aiohttp.ClientSession() as session:
        for n in range(times):
            await asyncio.sleep(IDLE)
            acks.append(await ack(workspace, typed(workspace, channel, f"note looked at part {n}")))
            await asyncio.sleep(IDLE)
            floor.append(await alive(session, bot))
    return Figure(
        name=f"ack of an idle bot, p99 of {times}",
        value=percentile(acks, 0.99),
        unit="ms",
        rival="/healthz of the same bot",
        rival_value=percentile(floor, 0.99),
        wanted=Wanted(issue=4, at_most=50.0, of="value"),
        note=f"median {middle(acks):.1f} ms",
    )


def typed(workspace: Workspace, channel: Channel, text: str) -> dict[str, Any]:
    """A command as Slack sends it."""
    return command_form(
        workspace.state,
        user=ana(workspace),
        channel=channel,
        text=f"/incident {text}",
        trigger=workspace.outgoing.new_trigger(ana(workspace)),
        response_url=workspace.outgoing.new_response_url(user=ana(workspace), channel=channel.id),
    )


async def ack(workspace: Workspace, form: dict[str, Any]) -> float:
    """Milliseconds until it is acknowledged."""
    started = time.perf_counter()
    if not (await workspace.outgoing.command(form)).ok:
        raise RuntimeError("a command was not acknowledged")
    return (time.perf_counter() - started) * 1000


async def alive(session: aiohttp.ClientSession, bot: Bot) -> float:
    """Milliseconds that the smallest question takes."""
    started = time.perf_counter()
    async with session.get(f"{bot.url}/healthz") as answer:
        await answer.read()
    return (time.perf_counter() - started) * 1000
