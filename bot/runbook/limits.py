"""How often repairs may begin: on one host, and over all. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

HOUR = timedelta(hours=1)
LOOK_BACK = timedelta(days=1)
"""Repairs that began longer ago count for nothing; the longest pause that a runbook can keep."""


@dataclass(frozen=True, kw_only=True)
class Begun:
    """A repair that began: of whatever incident, however it ended."""

    plan: str
    name: str
    host: str
    at: datetime


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
