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
    REOPEN = "reopen"  # attach to a closed incident, which is open again with it
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


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The ruling, the incident that it concerns (None for a new one), and the reason in words.

    `news` says whether the alert changes what is known, so that it is worth looking at the server again.
    """

    ruling: Ruling
    reason: str
    incident: int | None = None
    news: bool = False


def judge(
    alert: Alert,
    problems: Sequence[Problem],
    *,
    place: str,
    window: timedelta,
    cool_off: timedelta = timedelta(0),
    unwanted: str = "",
) -> Decision:
    """Decide for one alert, given the problems of unclosed and lately closed incidents, the surest home first.

    `place` is what the alert concerns; `unwanted` the rule by which people want to hear of no new such problem.
    The order is from the surest sameness to the vaguest: same problem, same cycle, same place in the window. What
    is unclosed comes first, because people are at work there.
    """
    if alert.test:
        return _ignore("a test notification")
    if alert.condition is Condition.OTHER:
        return _ignore(f"unknown transition {alert.transition!r}: kept, not acted upon")
    if same := _same(alert, [p for p in problems if p.open]):
        return _attach(alert, same)
    closed = _same(alert, [p for p in problems if not p.open])
    if alert.condition is Condition.RECOVERED:
        return _attach(alert, closed) if closed else _ignore("a recovery of nothing that is open")
    if unwanted:
        return _ignore(unwanted)
    if near := _near(alert, problems, place, window):
        reason = f"same place ({place}) within {int(window.total_seconds() // 60)} min"
        return Decision(ruling=Ruling.ATTACH, reason=reason, incident=near.incident, news=True)
    return _again(alert, closed, cool_off) if closed else _open("a problem that no open incident has")


def _again(alert: Alert, closed: Problem, cool_off: timedelta) -> Decision:
    """A problem whose incident was closed a short while ago. The cool-off counts from its recovery.

    A reminder says nothing that people did not know when they closed the incident, and a late message nothing new.
    """
    if alert.condition is Condition.REMINDER or _late(alert, closed):
        return _attach(alert, closed)
    if not closed.firing and alert.at - closed.last_at > cool_off:
        return _open("the same problem as before, but its recovery is longer ago than the cool-off")
    reason = "the same problem again within the cool-off of its closed incident"
    return Decision(ruling=Ruling.REOPEN, reason=reason, incident=closed.incident, news=True)


def _attach(alert: Alert, same: Problem) -> Decision:
    reason = "same monitor and scope" if same.fingerprint == alert.fingerprint else "same alert cycle"
    reason += "" if same.open else ", of a closed incident"
    late = _late(alert, same)
    reason += f", older than the last word on it ({same.last_at:%H:%M:%S} UTC)" if late else ""
    other = same.fingerprint != alert.fingerprint or same.firing != alert.condition.bad
    return Decision(ruling=Ruling.ATTACH, reason=reason, incident=same.incident, news=same.open and other and not late)


def _same(alert: Alert, problems: Sequence[Problem]) -> Problem | None:
    """The same problem before the same cycle: a problem has one open incident, a cycle key may mean anything."""
    if same := next((p for p in problems if p.fingerprint == alert.fingerprint), None):
        return same
    cycle = [p for p in problems if alert.cycle and p.cycle == alert.cycle]
    return max(cycle, key=lambda p: (p.last_at, p.incident), default=None)


def _late(alert: Alert, problem: Problem) -> bool:
    """Whether something later is known already. At one instant, a cycle begins before it ends."""
    if problem.fingerprint != alert.fingerprint or alert.at > problem.last_at:
        return False
    ended = problem.cycle == alert.cycle and alert.condition.bad and not problem.firing
    return alert.at < problem.last_at or ended


def _near(alert: Alert, problems: Sequence[Problem], place: str, window: timedelta) -> Problem | None:
    """The unclosed problem at this place that is nearest in time."""
    here = [p for p in problems if p.open and place and p.place == place and abs(alert.at - p.last_at) <= window]
    return min(here, key=lambda p: (abs(alert.at - p.last_at), p.incident), default=None)


def _open(reason: str) -> Decision:
    return Decision(ruling=Ruling.OPEN, reason=reason, news=True)


def _ignore(reason: str) -> Decision:
    return Decision(ruling=Ruling.IGNORE, reason=reason)
