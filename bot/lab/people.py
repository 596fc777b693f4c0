"""The people of the story: how they are played, and what a person at the page is told to do next.

What the played people say is either a question of process or was measured in this run.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from bot.lab.load import Stats
from bot.lab.stage import Lab, late
from bot.ports import GaveUp

APPROVE = "approve_repair"
REPLY = 10.0
VERIFIED = 45.0
DRAFTED = 60.0
FELT = 2.0
"""Seconds of traffic behind every figure about the users."""
OVER = re.compile(r", (resolved|closed)\b")


@dataclass(frozen=True, kw_only=True)
class Broken:
    """What was done to the farm, when, and what users felt before."""

    host: str
    port: int
    at: datetime
    before: Stats
    channel: str


async def felt(lab: Lab) -> Stats:
    """What users feel now, over fresh requests."""
    lab.load.forget()
    await asyncio.sleep(FELT)
    return lab.load.stats()


def told(stats: Stats) -> str:
    """Three figures in words."""
    return f"{stats.rate:.0f} requests/s, p50 {stats.p50_ms:.0f} ms, {stats.errors:.0%} errors"


async def played(lab: Lab, broken: Broken) -> Path:
    """The played people acknowledge, say what they see, approve, resolve, promise, close; the draft."""
    ana, ben = Player(lab, "ana", broken.channel), Player(lab, "ben", broken.channel)
    await lab.pause(1)
    await ana.say("ack I am on it")
    await ana.say("lead")
    slow = await felt(lab)
    lab.narrator.trouble(f"Meanwhile the users: {told(slow)}.")
    await ben.say(f"impact all users: {_in_numbers(broken.before, slow)}")
    await ben.say(f"at {ben.clock(broken.at)} site.conf of {broken.host} was edited in place and nginx reloaded")
    await ana.say(f"began {ana.clock(broken.at)} pages became slow with that reload")
    await lab.pause(1)
    await ben.say(
        "finding the diff on the card is one line: the listen port; nothing else differs from the last commit"
    )
    await lab.wait_for(
        lambda: button(lab, broken.channel, APPROVE), what="the button that approves the repair", within=15
    )
    await lab.pause(2)
    await ben.restore()
    served = await both_serve(lab)
    after = await felt(lab)
    lab.narrator.fact(f"Asked the balancer: {counted(served)}. The users now: {told(after)}.")
    names = " and ".join(sorted(served))
    await ana.say(f"resolve {names} answer through the balancer, the median page takes {after.p50_ms:.0f} ms")
    await ana.say("factor the change was reloaded without running the checks first")
    await ana.say(
        "action @ben by friday P2 run the same checks on every server config before production; "
        "done when a port that the balancer does not send to stops the deploy"
    )
    await lab.pause(1)
    await ana.say("close")
    return await drafted(lab)


class Player:
    """One person of the cast at the keyboard."""

    def __init__(self, lab: Lab, name: str, channel: str) -> None:
        self._lab = lab
        self._user = lab.workspace.state.users[lab.user(name)]
        self._channel = channel

    def clock(self, at: datetime) -> str:
        """An instant as this person reads it off the wall."""
        return at.astimezone(ZoneInfo(self._user.tz)).strftime("%H:%M:%S")

    async def say(self, words: str) -> None:
        """Type a command, show the reply. Raises GaveUp when there is none."""
        lab, name = self._lab, self._user.name
        lab.narrator.say(f"{name}: /incident {words}")
        reply = await lab.workspace.command(self._user.id, self._channel, f"/incident {words}", within=REPLY)
        if not reply:
            raise late(f"the reply to “/incident {words}”", REPLY, lab.log)
        lab.narrator.say(f"    → {reply}", "dim")

    async def restore(self) -> None:
        """Approve the repair, and wait until it is verified."""
        lab = self._lab
        lab.narrator.say(f"{self._user.name} presses “Restore”.")
        pressed = time.monotonic()
        card_ts = card(lab, self._channel)["ts"]
        if trouble := await lab.workspace.click(self._user.id, self._channel, card_ts, APPROVE):
            raise GaveUp(f"The button did not work: {trouble}", fix=f"The bot's log is {lab.log}.")
        await lab.wait_for(
            lambda: "verified" in words(lab, self._channel), what="the repair to be verified", within=VERIFIED
        )
        took = round(time.monotonic() - pressed, 1)
        lab.measure(restored_seconds=took)
        lab.narrator.fact(f"Restored and verified through the balancer {took:.1f} s later.")


async def guided(lab: Lab, broken: Broken) -> Path:
    """Tell a person at the page what to do next, as the incident moves on, until the draft is there."""
    address = f"{lab.workspace.url}/#{broken.channel}"
    lab.narrator.ask(f"Your turn. Open {address}")
    lab.narrator.ask(
        "You are Ana there (top left); she and Ben are on call. Press the red “Restore …”, then “Approve”."
    )
    last = ""
    while (draft := draft_of(lab)) is None:
        now = words(lab, broken.channel)
        step = _step(now)
        if step and step != last:
            last = step
            lab.narrator.ask(STEPS[step])
        await asyncio.sleep(0.2)
    return draft


STEPS: Mapping[str, str] = {
    "closed": "Closed. The bot writes the postmortem …",
    "resolved": "Resolved. Now type there: /incident close",
    "failed": "The repair did not hold; the card says why. Press “Run checks again” for a new offer.",
    "put back": "The repair did not hold and was undone; the card says why. Press “Run checks again” for a new offer.",
    "expired": "The offer has expired. Press “Run checks again” on the card for a new one.",
    "verified": "Restored and verified. Now type there: /incident resolve",
    "running": "Approved. The bot writes the file, tests, reloads and asks the balancer; about 10 s …",
}


def _step(now: str) -> str:
    """Where the incident stands, from the words of its card."""
    if over := OVER.search(now):
        return over[1]
    if "offered repair:" in now:
        return ""
    return next((sign for sign in STEPS if f"{sign}: " in now), "")


def card(lab: Lab, channel: str) -> Mapping[str, Any]:
    """The message that is the incident's card; empty before it is there."""
    messages = lab.workspace.messages(channel)
    return messages[0] if messages else {}


def words(lab: Lab, channel: str) -> str:
    """What the card says, in small letters."""
    return str(card(lab, channel).get("text", "")).lower()


def button(lab: Lab, channel: str, action: str) -> bool:
    """Whether the card has this button now."""
    rows = (b for b in card(lab, channel).get("blocks", []) if b.get("type") == "actions")
    return any(element.get("action_id") == action for row in rows for element in row.get("elements", []))


def draft_of(lab: Lab) -> Path | None:
    """The postmortem, once it is on disk."""
    return next(iter(sorted((lab.folder / "postmortems").glob("[!.]*/postmortem.md"))), None)


async def drafted(lab: Lab) -> Path:
    """Wait for the postmortem. Raises GaveUp."""
    deadline = time.monotonic() + DRAFTED
    while (found := draft_of(lab)) is None:
        if time.monotonic() > deadline:
            raise late("the postmortem", DRAFTED, lab.log)
        await asyncio.sleep(0.1)
    return found


async def both_serve(lab: Lab) -> Mapping[str, int]:
    """Who answers through the balancer; it may take its fail_timeout until it tries a server again."""
    wanted = {h.name for h in lab.farm.webs}
    deadline = time.monotonic() + 15
    while set(served := await lab.farm.served_by(20)) != wanted and time.monotonic() < deadline:  # noqa: ASYNC110 - nobody tells
        await asyncio.sleep(0.5)
    lab.measure(served=dict(served))
    return served


def counted(served: Mapping[str, int]) -> str:
    """Who answered how often, in words."""
    return ", ".join(f"{name} answered {count}" for name, count in sorted(served.items()))


def _in_numbers(before: Stats, now: Stats) -> str:
    failed = f"{now.errors:.0%} of the requests failed" if now.errors else "no request failed"
    return f"the median page took {now.p50_ms:.0f} ms instead of {before.p50_ms:.0f} ms, {failed}"
