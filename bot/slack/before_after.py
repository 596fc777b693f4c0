"""The card's line on what the checks said before and after. Pure."""

from __future__ import annotations

from bot.before_after import Answers, before_and_after
from bot.incident import CheckSeen, Incident
from bot.slack.blocks import Block, one_line, section

NAMED = 4
"""So many checks are named."""


def looked_again(incident: Incident) -> list[Block]:
    """What failed, and how it is now."""
    head, told = _told(incident)
    return [section(f"*{head}:* {told}")] if told else []


def looked_again_in_words(incident: Incident) -> list[str]:
    """The same as a sentence."""
    head, told = _told(incident)
    return [f"{head}: {told}."] if told else []


def _told(incident: Incident) -> tuple[str, str]:
    """A recovery that the checks do not confirm is said as loudly as it deserves."""
    found = before_and_after(incident)
    ill = [pair for pair in found if not pair.well]
    told = "; ".join(map(_pair, found[:NAMED])) + (f"; and {len(found) - NAMED} more" if len(found) > NAMED else "")
    if ill and not incident.firing:
        return f"The alerts recovered, {len(ill)} of {len(found)} failed checks did not", told
    return "Checks before → now", told


def _pair(pair: Answers) -> str:
    where = f"{one_line(pair.after.check, 60)} on {one_line(pair.after.host, 60)}"
    return f"{where} {_state(pair.before)} → {_state(pair.after)}"


def _state(check: CheckSeen) -> str:
    why = one_line(check.reason, 40)
    return one_line(check.state, 10) + (f" ({why})" if why else "")
