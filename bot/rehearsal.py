"""Rehearsals: runbooks are asked while all is well, so that a check that has rotted is known before it is needed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

GREEN = "ok"


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """How a check of a runbook last ended on a host, and when it was last green (None: never since `since`)."""

    runbook: str
    check: str
    host: str
    state: str
    at: datetime
    since: datetime
    green_at: datetime | None = None

    def again(self, state: str, at: datetime) -> Rehearsed:
        """The same after one more rehearsal."""
        green = at if state == GREEN else self.green_at
        return Rehearsed(
            runbook=self.runbook, check=self.check, host=self.host, state=state, at=at, since=self.since, green_at=green
        )

    def stale(self, *, now: datetime, after: timedelta) -> bool:
        """Whether it has not been green for so long."""
        return now - (self.green_at or self.since) >= after


def stale_checks(seen: Iterable[Rehearsed], *, now: datetime, after: timedelta) -> list[str]:
    """A line for each check that nobody can rely on, the longest not green first."""
    old = sorted((r for r in seen if r.stale(now=now, after=after)), key=lambda r: r.green_at or r.since)
    return [_line(each, now) for each in old]


def _line(each: Rehearsed, now: datetime) -> str:
    days = (now - (each.green_at or each.since)).days
    last = f"last on {each.green_at:%Y-%m-%d}" if each.green_at else "never yet"
    return f"{each.runbook}: {each.check} on {each.host} has not been green for {days} days ({last}; now {each.state})"
