"""Dates as people type them, and the day that they mean.

Reading is apart from settling: `03-04-2022` is read with both of its meanings, and settled by the day
it was said, by its neighbours, or by asking.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from enum import StrEnum

from bot.spoken.words import Nonsense, Unclear, Words

_MONTHS = ("january", "february", "march", "april", "may", "june",
           "july", "august", "september", "october", "november", "december")  # fmt: skip
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_MONTH = {name: n for n, full in enumerate(_MONTHS, 1) for name in (full, full[:3])} | {"sept": 9}
_WEEKDAY = {name: n for n, full in enumerate(_WEEKDAYS) for name in (full, full[:3])}
_WEEKDAY |= {"tues": 1, "weds": 2, "thur": 3, "thurs": 3}
_MONTH |= {
    "januar": 1, "februar": 2, "märz": 3, "mai": 5, "juni": 6, "juli": 7, "oktober": 10, "okt": 10, "dezember": 12,
    "dez": 12, "janvier": 1, "février": 2, "mars": 3, "avril": 4, "juin": 6, "juillet": 7, "août": 8,
    "septembre": 9, "octobre": 10, "novembre": 11, "décembre": 12,
}  # fmt: skip
_WEEKDAY |= {
    "montag": 0, "dienstag": 1, "mittwoch": 2, "donnerstag": 3, "freitag": 4, "samstag": 5, "sonntag": 6,
    "lundi": 0, "mardi": 1, "mercredi": 2, "jeudi": 3, "vendredi": 4, "samedi": 5, "dimanche": 6,
}  # fmt: skip
_VERBS = ("have", "be", "not", "also", "need", "or", "want", "to", "the")
_DAY_WORDS = {"today": 0, "yesterday": -1, "tomorrow": 1, "heute": 0, "gestern": -1, "vorgestern": -2}
_YEARS = range(1970, 2100)


class Direction(StrEnum):
    """Where a date without a year or with a weekday alone is looked for."""

    PAST = "past"
    NEAR = "near"
    FUTURE = "future"


@dataclass(frozen=True, kw_only=True)
class SpokenDate:
    """A date as read.

    `readings` are (year or None, month, day); `shift` counts days from today or from the row before;
    `last` is the weekday before today, whatever the rows around say.
    """

    readings: tuple[tuple[int | None, int, int], ...] = ()
    weekday: int | None = None
    shift: int | None = None
    after_previous: bool = False
    unknown: bool = False
    last: bool = False


@dataclass(frozen=True, kw_only=True)
class Anchor:
    """What a date is measured from: the day it was said, and the day that the rows around it are on."""

    today: date
    near: date | None = None
    year: int | None = None
    day_first: bool | None = None
    direction: Direction = Direction.PAST


@dataclass(frozen=True, kw_only=True)
class Day:
    """The day that a spoken date means."""

    on: date
    warnings: tuple[str, ...] = ()


_Read = tuple[SpokenDate, int] | None


def read_date(words: Words, i: int, *, after_clock: bool = False) -> tuple[SpokenDate, int] | None:
    """A date at this position. After a clock a lone weekday counts only if the text is parted from it."""
    found = _weekday_first(words, i, after_clock) or _plain(words, i) or _day_word(words, i)
    if found is None or _sticks(words, found[1]):
        return None
    return found


def names_a_clock_next(words: Words, i: int) -> bool:
    """Whether a clock time plainly follows, which makes a date of `9/12`."""
    i += words.is_sign(i, ",")
    colon = words.is_sign(i + 1, ":", tight=True) or (words.is_word(i + 1, "h") and not words[i + 1].gap)
    whole = words.digits(i) in (1, 2) and words.is_word(i + 1, "am", "pm", "uhr")
    return whole or (bool(words.digits(i)) and colon and words.digits(i + 2, tight=True) == 2)


def settle_date(spoken: SpokenDate, anchor: Anchor) -> Day:
    """The day meant. Raises Unclear where two are possible, Nonsense where none is."""
    if spoken.shift is not None:
        base = anchor.near if spoken.after_previous and anchor.near else anchor.today
        return Day(on=base + timedelta(days=spoken.shift))
    if spoken.readings:
        return _checked(_settled(spoken.readings, anchor), spoken.weekday)
    if spoken.last:
        return Day(on=anchor.today - timedelta(days=(anchor.today.weekday() - (spoken.weekday or 0) - 1) % 7 + 1))
    return Day(on=_on_weekday(spoken.weekday or 0, anchor))


def day_first_of(spoken: SpokenDate, words: Words, i: int) -> bool | None:
    """Whether a date in figures shows that its writer puts the day first; None if it does not show."""
    if len(spoken.readings) != 1 or words.digits(i) > 2 or not words.digits(i) or not words.digits(i + 2):
        return None
    return words.number(i) == spoken.readings[0][2]


def _sticks(words: Words, stop: int) -> bool:
    return words.runs_on(stop) and not words.is_word(stop, "t")


def _plain(words: Words, i: int) -> _Read:
    return (
        _year_first(words, i)
        or _compact(words, i)
        or _figures(words, i)
        or _slashed_month(words, i)
        or _month_first(words, i)
        or _day_then_month(words, i)
    )


def _valid(year: int | None, month: int, day: int) -> bool:
    try:
        date(2000 if year is None else year, month, day)
    except ValueError:
        return False
    return True


def _joined(words: Words, i: int) -> str:
    """The sign that joins three parts of a date in figures, or nothing."""
    sign = words[i + 1].text
    same = words.is_sign(i + 1, "-", "/", ".", "–", tight=True) and words.is_sign(i + 3, sign, tight=True)
    return sign if same and not words[i + 2].gap and not words[i + 4].gap else ""


def _year_first(words: Words, i: int) -> _Read:
    if words.digits(i) < 3 or not _joined(words, i):
        return _unknown_year(words, i)
    if not words.digits(i + 2) or not words.digits(i + 4):
        return _unknown_days(words, i)
    stop = i + 5
    if words.digits(i + 2) > 2 or words.digits(i + 4) > 2:
        return None
    if words.digits(i) != 4:
        raise Nonsense(
            f"“{words.typed(i, stop)}” has a year of {words.digits(i)} digits", _shorter(words, i), stop=stop
        )
    year, month, day = (words.number(n) for n in (i, i + 2, i + 4))
    if year not in _YEARS or not _valid(year, month, day):
        raise Nonsense(
            f"there is no day {words.typed(i, stop)}", "write it as year-month-day, like 2026-11-22", stop=stop
        )
    return SpokenDate(readings=((year, month, day),)), stop


def _shorter(words: Words, i: int) -> str:
    """The same date with a year that one slip of the finger would have turned into what is there."""
    typed, rest = words[i].text, f"-{words.number(i + 2):02}-{words.number(i + 4):02}"
    years = dict.fromkeys(typed[:n] + typed[n + 1 :] for n in range(len(typed) - 1, -1, -1))
    likely = [year for year in years if len(year) == 4 and int(year) in range(2000, 2100)]
    if not likely:
        return "write it as year-month-day, like 2026-11-22"
    return "did you mean " + " or ".join(year + rest for year in likely[:3]) + "?"


def _unknown_days(words: Words, i: int) -> _Read:
    """`2022-05-??`: a date of which a part is not known."""
    stop, known = i + 1, True
    while words.is_sign(stop, "-", "/", "?", tight=True) or words.digits(stop, tight=True) or _is_blank(words, stop):
        known = known and words[stop].text not in ("?",) and not _is_blank(words, stop)
        stop += 1
    return None if known else (SpokenDate(unknown=True), stop)


def _unknown_year(words: Words, i: int) -> _Read:
    """`2022/23-??-??`."""
    return _unknown_days(words, i) if words.digits(i) == 4 and words.is_sign(i + 1, "/", "-", tight=True) else None


def _is_blank(words: Words, i: int) -> bool:
    return words.is_word(i, "xx", "x", "mm", "dd") and not words[i].gap


def _compact(words: Words, i: int) -> _Read:
    """`20240502T1420Z`: only with the T, because eight digits alone are anything."""
    if words.digits(i) != 8 or not words.is_word(i + 1, "t") or words[i + 1].gap or not words.digits(i + 2, tight=True):
        return None
    text = words[i].text
    parts = int(text[:4]), int(text[4:6]), int(text[6:])
    return (SpokenDate(readings=(parts,)), i + 1) if _valid(*parts) else None


def _figures(words: Words, i: int) -> _Read:
    """`25-02-2023`, `02/14/2025`, `03.04.22`, and `9/12` if a clock follows."""
    sign = _joined(words, i)
    if words.digits(i) not in (1, 2) or words.digits(i + 2, tight=True) not in (1, 2):
        return None
    if not sign or not words.digits(i + 4):
        return _without_year(words, i)
    digits = words.digits(i + 4)
    if digits == 2 and not names_a_clock_next(words, i + 5):
        return None
    if digits not in (2, 4):
        if sign in "/-" and digits == 5:
            raise Nonsense(f"“{words.typed(i, i + 5)}” has a year of 5 digits", "write the year with four", stop=i + 5)
        return None
    year = words.number(i + 4) + (2000 if digits == 2 else 0)
    return _either_way(words, i, year, i + 5, dotted=sign == ".")


def _without_year(words: Words, i: int) -> _Read:
    if words.is_sign(i + 1, ".", tight=True) and words.is_sign(i + 3, ".", tight=True):
        return _either_way(words, i, None, i + 4, dotted=True) if names_a_clock_next(words, i + 4) else None
    if not words.is_sign(i + 1, "/", tight=True) or not names_a_clock_next(words, i + 3):
        return None
    return _either_way(words, i, None, i + 3, dotted=False)


def _either_way(words: Words, i: int, year: int | None, stop: int, *, dotted: bool) -> _Read:
    first, second = words.number(i), words.number(i + 2)
    orders = ((second, first), (first, second))
    readings = tuple(dict.fromkeys((year, m, d) for m, d in orders if _valid(year, m, d)))
    if dotted:
        readings = readings[:1]
    if not readings or (year is not None and year not in _YEARS):
        raise Nonsense(
            f"there is no day {words.typed(i, stop)}", "write it as year-month-day, like 2026-11-22", stop=stop
        )
    return SpokenDate(readings=readings), stop


def _slashed_month(words: Words, i: int) -> _Read:
    """`06/May/2022`, `6-May-22`."""
    month = _MONTH.get(words.low(i + 2), 0)
    if not month or not _joined(words, i) or words.digits(i) not in (1, 2) or words.digits(i + 4) not in (2, 4):
        return None
    year = words.number(i + 4) + (2000 if words.digits(i + 4) == 2 else 0)
    return _one(words, i, year, month, words.number(i), i + 5)


def _one(words: Words, i: int, year: int | None, month: int, day: int, stop: int) -> _Read:
    if not _valid(year, month, day):
        raise Nonsense(f"there is no {words.typed(i, stop)}", "give a day that the month has", stop=stop)
    return SpokenDate(readings=((year, month, day),)), stop


def _month_first(words: Words, i: int) -> _Read:
    """`June 7th, 2024`, `Mar 3`, `Nov. 10 2023`."""
    month = _MONTH.get(words.low(i), 0) if words.is_word(i) else 0
    start = i + 1 + words.is_sign(i + 1, ".", tight=True)
    if words.is_word(start, "the"):
        start += 1
    if not month or words.digits(start) not in (1, 2) or _is_clock_or_amount(words, start):
        return None
    stop = _after_ordinal(words, start + 1)
    year, end = _year_after(words, stop)
    return _one(words, i, year, month, words.number(start), end)


def _is_clock_or_amount(words: Words, i: int) -> bool:
    """`Mar 3:40` is no third of March, and `Mar 3.5` no date."""
    if words.is_sign(i + 1, ":", ".", "%", tight=True) and not words[i + 2].gap and words[i + 2].kind != "end":
        return words.digits(i + 2) > 0
    return words.is_word(i + 1, "am", "pm") or not 1 <= words.number(i) <= 31


def _after_ordinal(words: Words, i: int) -> int:
    return i + 1 if words.is_word(i, "st", "nd", "rd", "th") and not words[i].gap else i


def _year_after(words: Words, i: int) -> tuple[int | None, int]:
    """A year behind day and month, with or without a comma; `14:00` and `2214hrs` are none."""
    start = i + 1 if words.is_sign(i, ",", "/", "-") or words.is_word(i, "of") else i
    digits = words.digits(start)
    if digits == 5 and words.number(start) // 10 in _YEARS:
        raise Nonsense(f"“{words[start].text}” is a year of 5 digits", "write the year with four", stop=start + 1)
    sticks = words.is_sign(start + 1, ":", tight=True) and bool(words.digits(start + 2, tight=True))
    if (
        digits != 4
        or words.number(start) not in _YEARS
        or sticks
        or words.is_word(start + 1, "h", "hr", "hrs", "hours")
    ):
        return None, i
    return words.number(start), start + 1


def _day_then_month(words: Words, i: int) -> _Read:
    """`29 april 2022`, `3rd Oct`, `7. May`, `21st of October`."""
    if words.digits(i) not in (1, 2) or not 1 <= words.number(i) <= 31:
        return None
    at = _after_ordinal(words, i + 1)
    at += words.is_sign(at, ".", tight=True)
    at += words.is_word(at, "of")
    at += words.is_sign(at, "-", tight=True) and not words[at + 1].gap
    month = _MONTH.get(words.low(at), 0) if words.is_word(at) else 0
    if not month or (words[at].text == "may" and words.is_word(at + 1, *_VERBS)):
        return None
    stop = at + 1 + (words.is_sign(at + 1, ".", tight=True) and words[at + 2].gap)
    year, end = _year_after(words, stop)
    return _one(words, i, year, month, words.number(i), end)


def _weekday_first(words: Words, i: int, after_clock: bool) -> _Read:
    """`Tue Dec 3`, `Monday, 4 May 2020`, `Friday 14:20`."""
    day = _WEEKDAY.get(words.low(i)) if words.is_word(i) else None
    if day is None or words.runs_on(i + 1):
        return None
    start = i + 1 + words.is_sign(i + 1, ".", tight=True)
    start += words.is_sign(start, ",")
    dated = _plain(words, start)
    if dated is not None:
        return replace(dated[0], weekday=day), dated[1]
    if after_clock and not words.is_end(i + 1):
        return None
    return SpokenDate(weekday=day), start


def _day_word(words: Words, i: int) -> _Read:
    if words.is_word(i, *_DAY_WORDS):
        return SpokenDate(shift=_DAY_WORDS[words.low(i)]), i + 1
    if words.is_word(i, "last") and words.low(i + 1) in _WEEKDAY and not words.runs_on(i + 2):
        return SpokenDate(weekday=_WEEKDAY[words.low(i + 1)], last=True), i + 2
    start = words.phrase(i, "the") or i
    if (stop := words.phrase(start, "day", "before", "yesterday")) is not None:
        return SpokenDate(shift=-2), stop
    for word, shift in (("next", 1), ("following", 1), ("same", 0)):
        if (stop := words.phrase(start, word, "day")) is not None:
            return SpokenDate(shift=shift, after_previous=True), stop
    return _plus_days(words, i)


def _plus_days(words: Words, i: int) -> _Read:
    """`+1 day`, `+1d`, and `+1` where something ends it."""
    if not words.is_sign(i, "+") or not words.digits(i + 1, tight=True) or words.digits(i + 1) > 2:
        return None
    named = words.is_word(i + 2, "day", "days", "d")
    if not named and not (words.is_sign(i + 2, ")") and words.is_sign(i - 1, "(")):
        return None
    return SpokenDate(shift=words.number(i + 1), after_previous=True), i + 2 + named


def _settled(readings: tuple[tuple[int | None, int, int], ...], anchor: Anchor) -> date:
    days = list(dict.fromkeys(_with_year(reading, anchor) for reading in readings))
    if len(days) == 1:
        return days[0]
    if anchor.day_first is not None:
        return days[0] if anchor.day_first else days[-1]
    fitting = [day for day in days if _fits(day, anchor)]
    if len(fitting) == 1:
        return fitting[0]
    raise Unclear(
        f"Is that {days[0]:%-d %B %Y} or {days[-1]:%-d %B %Y}?",
        tuple(day.isoformat() for day in days),
    )


def _fits(day: date, anchor: Anchor) -> bool:
    """Whether a reading is possible at all where it stands."""
    if anchor.near is not None:
        return abs((day - anchor.near).days) <= 14
    if anchor.direction is Direction.FUTURE:
        return day >= anchor.today
    return day <= anchor.today + timedelta(days=1)


def _with_year(reading: tuple[int | None, int, int], anchor: Anchor) -> date:
    year, month, day = reading
    if year is not None:
        return date(year, month, day)
    centre = anchor.near or anchor.today
    if anchor.year is not None and anchor.near is None:
        years = [anchor.year]
    else:
        years = [centre.year + n for n in (-1, 0, 1, -2, 2, -3, 3, 4)]
    days = [date(y, month, day) for y in years if _valid(y, month, day)]
    if not days:
        raise Nonsense(f"{anchor.year} has no {day} {_MONTHS[month - 1].title()}", "add the year")
    return min(days, key=lambda d: _distance(d, centre, anchor))


def _distance(day: date, centre: date, anchor: Anchor) -> tuple[bool, int]:
    """Nearest first; on the wrong side of today only if nothing else is left."""
    wrong = False
    if anchor.near is None and anchor.direction is Direction.PAST:
        wrong = day > centre + timedelta(days=1)
    elif anchor.direction is Direction.FUTURE:
        wrong = day < centre
    return wrong, abs((day - centre).days)


def _on_weekday(weekday: int, anchor: Anchor) -> date:
    if anchor.direction is Direction.FUTURE:
        return anchor.today + timedelta(days=(weekday - anchor.today.weekday() - 1) % 7 + 1)
    if anchor.near is not None:
        return anchor.near + timedelta(days=(weekday - anchor.near.weekday()) % 7)
    return anchor.today - timedelta(days=(anchor.today.weekday() - weekday) % 7)


def _checked(on: date, weekday: int | None) -> Day:
    """A weekday is a check on the date, never its source."""
    if weekday is None or weekday == on.weekday():
        return Day(on=on)
    said, true = _WEEKDAYS[weekday].title(), _WEEKDAYS[on.weekday()].title()
    return Day(on=on, warnings=(f"{on.isoformat()} is a {true}, not a {said}",))
