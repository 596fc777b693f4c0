"""How often repairs may begin: on one host, on several at once, and over all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
LOOK_BACK = timedelta(days=1)
"""Repairs that began longer ago count for nothing; the longest pause that a runbook can keep."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A repair that began: of whatever incident, however it ended, or `running` still."""

    plan: str
    name: str
    host: str
    at: datetime
    running: bool = False


def too_soon(name: str, host: str, begun: Iterable[Begun], *, once_every: float, per_hour: int, now: datetime) -> str:
    """Why this action may not begin yet, empty when it may. `once_every` is in seconds."""
    recent = [each for each in begun if each.at <= now + HOUR]  # a clock that was set back counts, too
    pause = min(timedelta(seconds=once_every), LOOK_BACK)
    if any((each.name, each.host) == (name, host) and now - each.at < pause for each in recent):
        return f"{name} has run on {host}, and may only once in {once_every / 60:g} minutes."
    last_hour = [each for each in recent if now - each.at < HOUR]
    if len(last_hour) >= per_hour:
        return f"{len(last_hour)} repairs began within the last hour, and no more than {per_hour} may."
    return ""


def too_many(name: str, host: str, begun: Iterable[Begun], *, hosts: int) -> str:
    """Why this action may not begin beside those that run, empty when it may: one mistake then hits few hosts."""
    others = sorted({each.host for each in begun if each.running and each.name == name and each.host != host})
    if len(others) < hosts:
        return ""
    return f"{name} is at work on {', '.join(others)}, and may be on {hosts} at once."
