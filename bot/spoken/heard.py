"""What the time grammar is told and what it answers: the values, and nothing else."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from bot.incident import Precision


@dataclass(frozen=True, kw_only=True)
class Context:
    """What stands around the words.

    now       when they were said (aware); relative times are measured from it
    zone      the author's or the incident's zone, for a time that names none
    date      the day that a heading or an option gives to rows without one
    year      the year for dates without one
    previous  the instant of the row before; with it the rollover rule decides the day
    started   when the incident began, for `T+15`
    day_first whether `03-04-2022` is 3 April; None: not configured, so it is asked
    dotted    whether the rows around write 11.15 for 11:15
    """

    now: datetime
    zone: tzinfo = UTC
    date: date | None = None
    year: int | None = None
    previous: datetime | None = None
    started: datetime | None = None
    day_first: bool | None = None
    dotted: bool = False


@dataclass(frozen=True, kw_only=True)
class Understood:
    """A leading time that was understood, and the text after it.

    `at` and `ends_at` are UTC; `at` is None only where the precision is unknown. With the precision
    `date` it is the earliest instant that the row can have had: the beginning of the day `on`, or the
    row before it on that day. `zone` names the zone as understood, `tz` is it, and
    `offset` its offset at `at`. `warnings` are sentences without a full stop.
    """

    at: datetime | None
    ends_at: datetime | None = None
    precision: Precision
    zone: str = ""
    tz: tzinfo | None = None
    offset: timedelta | None = None
    on: date | None = None
    typed: str
    rest: str
    warnings: tuple[str, ...] = ()
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Ask:
    """The time has several readings: a question, and words to type that each have one."""

    question: str
    choices: tuple[str, ...] = ()
    typed: str = ""
    rest: str = ""


@dataclass(frozen=True, kw_only=True)
class Refused:
    """What was typed looks like a time and cannot be one; `suggestion` says what to type instead."""

    text: str
    suggestion: str
    typed: str = ""
    rest: str = ""


@dataclass(frozen=True, kw_only=True)
class NoTime:
    """The words do not begin with a time."""


Heard = Understood | Ask | Refused | NoTime
