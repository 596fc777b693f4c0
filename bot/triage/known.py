"""What judging an alert is given: the team's numbers and wishes, and what is on record about problems. Only values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from bot.alert import Condition


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The policy's numbers. `per_hour`: so many incidents that alerts open in an hour are no storm yet."""

    window: timedelta = timedelta(minutes=15)
    cool_off: timedelta = timedelta(minutes=30)
    cycles: int = 3
    within: timedelta = timedelta(minutes=15)
    per_hour: int = 20


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What the policy wants done with an alert (open, propose, ignore), and how people name the rule."""

    do: str = "open"
    named: str = ""


@dataclass(frozen=True, kw_only=True)
class Problem:
    """A problem that an incident or a proposal already has.

    `open` says whether that incident is still unclosed, or that proposal still waits for an answer. `proposal` is
    empty for an incident's problem; for a proposal's one `incident` is 0. `dismissed`: people said no to it.
    """

    incident: int
    fingerprint: str
    cycle: str
    place: str
    firing: bool
    open: bool
    last_at: datetime
    proposal: str = ""
    dismissed: bool = False


class Past(NamedTuple):
    """One earlier word on the same problem, whatever became of it."""

    at: datetime
    condition: Condition
    cycle: str = ""

    @property
    def bad(self) -> bool:
        """Whether it said that something is wrong."""
        return self.condition.bad


@dataclass(frozen=True, kw_only=True)
class Known:
    """All that matters for one alert.

    The problems of unclosed and lately closed incidents and of proposals, the surest home first; the past of this
    very problem, and whether that is all of it; how many incidents alerts opened, and how many proposals were made,
    within the last hour; the open storm incident, None when there is none.
    """

    problems: Sequence[Problem] = ()
    past: Sequence[Past] = ()
    all_past: bool = True
    opened: int = 0
    proposed: int = 0
    storm: int | None = None
