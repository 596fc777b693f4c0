"""The demo: the lab and the bot, and an incident that really happens, with people who play or who watch.

What is printed here was measured in this run; nothing is written into the story beforehand.
"""

from __future__ import annotations

import asyncio
import math
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import aiohttp

from bot.lab import farm_block, farm_spawn
from bot.lab.narrator import Narrator
from bot.lab.people import Broken, both_serve, counted, felt, guided, played, told, words
from bot.lab.stage import RUNBOOK, Lab, ended, lab, mark_ended, new_folder
from bot.lab.workspace_state import SlackError
from bot.ports import GaveUp, NotAllowed

SEED_MINUTES = 43  # from the alert at 10:30 to the cause at 11:13 in the report that this replays
QUIET = 30.0
CHANNEL_OPEN = 30.0
CAUSE_SHOWN = 30.0
PROVED = "proved"


@dataclass(kw_only=True)
class Stop:
    """Whether and how this run was told to end, and whether it was over by then."""

    signal: int = 0
    over: bool = False
    lines: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """What the person who runs it asked for; `watch` is for how many seconds the quiet story watches."""

    auto: bool
    watch: float
    stop: Stop


async def play(*, story: str, out: Path, auto: bool, seed: int | None, speed: float, watch: float = QUIET) -> int:
    """Play one of STORIES; the exit code. Raises NotAllowed or GaveUp for what is missing or did not work."""
    stop = Stop()
    narrator = Narrator()
    with _told_to_stop(stop):
        _possible(speed)
        seed = secrets.randbelow(1_000_000) if seed is None else seed
        folder = new_folder(out)
        try:
            async with lab(folder, narrator, seed=seed, speed=speed) as running:
                return await _attended(running, STORIES[story](running, Wishes(auto=auto, watch=watch, stop=stop)))
        except asyncio.CancelledError:
            return _stopped(stop, narrator)
        except (OSError, aiohttp.ClientError, SlackError) as error:
            what = str(error) or type(error).__name__
            raise GaveUp(f"The demo broke off: {what}.", fix=f"The bot's log is {folder / 'bot.log'}.") from error
        finally:
            mark_ended(folder)


def _possible(speed: float) -> None:
    """Everything that can be known before the first file is written."""
    if not 0 < speed < math.inf:
        raise NotAllowed(f"--speed {speed} is no speed; 1 is usual, 10 is fast.")
    if not RUNBOOK.is_file():
        raise NotAllowed(f"The demo needs a checkout of Muster: {RUNBOOK} is not there.")
    farm_spawn.needs()


@contextmanager
def _told_to_stop(stop: Stop) -> Iterator[None]:
    """The first signal ends the run in order; more of them change nothing, so that nothing is left running."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()

    def heard(number: int) -> None:
        if task and not stop.signal:
            stop.signal = number
            task.cancel()

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in numbers:
        loop.add_signal_handler(number, heard, number)
    try:
        yield
    finally:
        for number in numbers:
            loop.remove_signal_handler(number)


def _stopped(stop: Stop, narrator: Narrator) -> int:
    if stop.over:
        narrator.say("The lab has ended; what it wrote stays:")
        for line in stop.lines:
            narrator.say(line)
        return 0
    narrator.say("Stopped before the end; everything that was started has ended.")
    return 128 + stop.signal


async def _attended(lab: Lab, story: Awaitable[int]) -> int:
    """Play, and notice at once when the bot is gone."""
    playing, gone = asyncio.ensure_future(story), asyncio.ensure_future(lab.bot.wait())
    try:
        await asyncio.wait((playing, gone), return_when=asyncio.FIRST_COMPLETED)
        if gone.done():
            raise ended(lab.bot, lab.log)
        return playing.result()
    finally:
        playing.cancel()
        gone.cancel()
        await asyncio.gather(playing, gone, return_exceptions=True)


# -------------------------------------------------------------------- the stories


async def quiet(lab: Lab, wishes: Wishes) -> int:
    """Nothing is broken: nothing may happen."""
    lab.narrator.say(f"Nothing is broken. Watching for {wishes.watch:g} s …")
    await asyncio.sleep(wishes.watch)
    alerts = len(lab.datadog.deliveries)
    opened = [c["name"] for c in lab.workspace.channels() if c["name"].startswith("inc-")]
    lab.measure(alerts=alerts, incidents=opened)
    lab.narrator.fact(f"Alerts: {alerts}. Incidents: {', '.join(opened) or 0}. The users: {told(lab.load.stats())}.")
    if alerts or opened:
        raise GaveUp("Something was reported although nothing was broken.", fix=f"The bot's log is {lab.log}.")
    return 0


async def seed(lab: Lab, wishes: Wishes) -> int:
    """One of two web servers is moved to another port by an untested config change."""
    broken = await _break(lab)
    await _cause_shown(lab, broken)
    if wishes.auto:
        draft = await played(lab, broken)
    else:
        draft = await guided(lab, broken)
        served = counted(await both_serve(lab))
        lab.narrator.fact(f"Asked the balancer: {served}. The users now: {told(await felt(lab))}.")
    lab.measure(draft=str(draft))
    missing = ", ".join(sorted({h.name for h in lab.farm.webs} - set(lab.measured["served"])))
    if not wishes.auto:
        if missing:
            lab.narrator.trouble(f"{missing} is still out of rotation: nobody pressed “Restore”, or it did not hold.")
        await _stay(lab, wishes.stop, draft)
    if missing:
        raise GaveUp(f"{missing} is still out of rotation; the draft is {draft}.")
    lab.narrator.say(str(draft))
    return 0


STORIES: Mapping[str, Callable[[Lab, Wishes], Awaitable[int]]] = {"seed": seed, "quiet": quiet}


async def _break(lab: Lab) -> Broken:
    """Let users feel a sound site first; then break one server."""
    await asyncio.sleep(1)  # the first requests meet empty queues
    before = await felt(lab)
    lab.narrator.fact(f"All is well: {told(before)}.")
    host, port = _drawn(lab)
    await lab.farm.move_port(host, port)
    at = datetime.now(UTC)
    lab.load.forget()
    lab.measure(host=host, port=port, port_expected=lab.farm.hosts[host].port, broken_at=at.isoformat())
    lab.narrator.trouble(
        f"Somebody changed the listen port of {host} to {port} and reloaded nginx. Nobody tested it. "
        f"(--seed {lab.measured['seed']} repeats this.)"
    )
    channel = await lab.wait_for(lambda: _opened(lab), what="the incident's channel", within=CHANNEL_OPEN)
    return Broken(host=host, port=port, at=at, before=before, channel=channel)


def _drawn(lab: Lab) -> tuple[str, int]:
    """A server and a port by chance; a port that something on this machine has taken is passed over."""
    host = lab.chance.choice(lab.farm.webs)
    ports = lab.chance.sample(range(host.port + 1, host.port + 20), 19)
    return host.name, next((port for port in ports if farm_block.is_free(host.address, port)), ports[0])


def _opened(lab: Lab) -> str:
    return next((c["id"] for c in lab.workspace.channels() if c["name"].startswith("inc-")), "")


async def _cause_shown(lab: Lab, broken: Broken) -> None:
    """The seconds from the post of the webhook to the card that shows the proved cause."""
    await lab.wait_for(
        lambda: PROVED in words(lab, broken.channel), what="the cause on the incident's card", within=CAUSE_SHOWN
    )
    received = next(at for at, transition, _ in lab.datadog.deliveries if transition == "Triggered")
    took = round(time.monotonic() - received, 2)
    lab.measure(cause_seconds=took)
    lab.narrator.fact(
        f"Alert received → cause on the card: {took:.2f} s. (The people of the original report took "
        f"{SEED_MINUTES} minutes.)"
    )


async def _stay(lab: Lab, stop: Stop, draft: Path) -> None:
    """Leave the page alive until Ctrl-C, which then is no failure."""
    stop.over, stop.lines = True, [str(draft)]
    lab.narrator.say("The postmortem, on disk and as a file in the channel:")
    lab.narrator.say(str(draft))
    lab.narrator.ask("The page stays alive; look around. Press Ctrl-C to end the lab.")
    await asyncio.Event().wait()
