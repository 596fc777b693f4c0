"""Which incident an alert belongs to, and why. Pure: every verdict has a reason that people are shown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from bot.alert import Alert, Condition


class Ruling(StrEnum):
    """What becomes of an alert."""

    OPEN = "open"
    ATTACH = "attach"
    IGNORE = "ignore"


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem that an incident already has; `open` says whether that incident is still unclosed."""

    incident: int
    fingerprint: str
    cycle: str
    place: str
    firing: bool
    open: bool
    last_at: datetime
    severity: str = ""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The ruling, the incident that it concerns (None for a new one), and the reason in words."""

    ruling: Ruling
    reason: str
    incident: int | None = None


def judge(alert: Alert, problems: Sequence[Problem], *, place: str, window: timedelta) -> Decision:
    """Decide for one alert, given the problems of all unclosed incidents; `place` is what it concerns.

    The order is from the surest sameness to the vaguest: same cycle, same problem, same place in the window.
    """
    if alert.test:
        return Decision(ruling=Ruling.IGNORE, reason="a test notification")
    unclosed = [p for p in problems if p.open]
    if same := next((p for p in unclosed if alert.cycle and p.cycle == alert.cycle), None):
        return _attach(same, "same alert cycle")
    if same := next((p for p in unclosed if p.fingerprint == alert.fingerprint), None):
        return _attach(same, "same monitor and scope")
    if alert.condition is Condition.RECOVERED:
        return Decision(ruling=Ruling.IGNORE, reason="a recovery of nothing that is open")
    if alert.condition is Condition.OTHER:
        return Decision(ruling=Ruling.IGNORE, reason=f"unknown transition {alert.transition!r}: kept, not acted upon")
    if near := _near(alert, unclosed, place, window):
        return _attach(near, f"same place ({place}) within {int(window.total_seconds() // 60)} min")
    return Decision(ruling=Ruling.OPEN, reason="a problem that no open incident has")


def _attach(problem: Problem, reason: str) -> Decision:
    return Decision(ruling=Ruling.ATTACH, reason=reason, incident=problem.incident)


def _near(alert: Alert, problems: Sequence[Problem], place: str, window: timedelta) -> Problem | None:
    if not place:
        return None
    return next((p for p in problems if p.place == place and abs(alert.at - p.last_at) <= window), None)
