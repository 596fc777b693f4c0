"""Clock times and spans as people type them: `11.15am`, `0029HRS`, `14:??`, `10 min`, `T+15`.

A clock here has no day and no zone yet. Figures that could as well be a version, a port or a fraction
are a clock only if something says so: am/pm, a zone, hrs, or the rows around them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta

from bot.spoken.words import Nonsense, Unclear, Words

_HOURS = ("h", "hr", "hrs", "hour", "hours", "uhr")
_AMOUNTS_OF = (
    *("gb", "mb", "kb", "tb", "gib", "mib", "kib", "percent", "million", "k", "x"),
    *("ms", "s", "sec", "seconds", "min", "minutes"),
)
_NAMED = {"noon": 12, "midday": 12, "midnight": 0}
_COUNTS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4,
    "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15,
    "twenty": 20, "thirty": 30, "forty": 40, "fifty": 50,
    "few": 3, "couple": 2,
}  # fmt: skip
_UNIT_NAMES = {
    "second": ("s", "sec", "secs", "second", "seconds"),
    "minute": ("m", "min", "mins", "minute", "minutes"),
    "hour": ("h", "hr", "hrs", "hour", "hours"),
    "day": ("d", "day", "days"),
    "week": ("w", "wk", "wks", "week", "weeks"),
}
_UNIT = {name: unit for unit, names in _UNIT_NAMES.items() for name in names}
_LENGTH = {
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(weeks=1),
}


@dataclass(frozen=True, kw_only=True)
class Clock:
    """A time of day as read. `hour` None: unknown altogether; `minute` None: only the hour is known."""

    hour: int | None
    minute: int | None = 0
    second: int | None = None
    next_day: bool = False
    meridiem: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The time with two digits each, unknown parts as question marks."""
        hour = "??" if self.hour is None else f"{self.hour:02}"
        minute = "??" if self.minute is None else f"{self.minute:02}"
        return f"{hour}:{minute}" + (f":{self.second:02}" if self.second is not None else "")

    @property
    def minutes(self) -> int:
        """Minutes since midnight; what is not known counts as 0."""
        return (self.hour or 0) * 60 + (self.minute or 0)


@dataclass(frozen=True, kw_only=True)
class Span:
    """A length of time as said; `vague` for “a few” and for whole hours and days."""

    length: timedelta
    unit: str
    vague: bool = False


@dataclass(frozen=True, kw_only=True)
class Sure:
    """What confirms that bare figures are a clock: a zone behind them, or the rows around them."""

    zone_at: Callable[[int], bool]
    dotted: bool = False
    leading: bool = True


_Read = tuple[Clock, int] | None


def read_clock(words: Words, i: int, sure: Sure) -> tuple[Clock, int] | None:
    """A time of day at this position. Raises Nonsense for `26:40`, Unclear for an unconfirmed `11.15`."""
    found = (
        _colon(words, i)
        or _placeholder(words, i)
        or _dotted(words, i, sure)
        or _french(words, i)
        or _compact(words, i, sure)
        or _bare_hour(words, i)
        or _named(words, i)
    )
    if found is None or (_sticks(words, found[1]) and not sure.zone_at(found[1])):
        return None
    return found


def read_span(words: Words, i: int) -> tuple[Span, int] | None:
    """A length of time: `10 min`, `1h20`, `half an hour`, `1 hour and 5 minutes`, `1.5 hours`."""
    first = _amount(words, i)
    if first is None:
        return None
    span, stop = first
    if (half := words.phrase(stop, "and", "a", "half")) is not None:
        return replace(span, length=span.length + _LENGTH[span.unit] / 2), half
    while (more := _next_amount(words, stop, span)) is not None:
        span, stop = more
    return span, stop


def read_from_start(words: Words, i: int) -> tuple[timedelta, int] | None:
    """`T+15`, `T+1h20`, `T+01:30`, `T-5`, `T0`: how long after the incident's start."""
    if not words.is_word(i, "t"):
        return None
    if words.digits(i + 1, tight=True) and words.number(i + 1) == 0 and not words.runs_on(i + 2):
        return timedelta(0), i + 2
    spaced = words[i + 1].gap and words[i + 2].gap
    if not words.is_sign(i + 1, "+", "-", "−") or not words.digits(i + 2) or words[i + 1].gap != words[i + 2].gap:
        return None
    if spaced and words.is_sign(i + 1, "-"):
        return None
    sign = 1 if words.is_sign(i + 1, "+") else -1
    length, stop = _after_start(words, i + 2)
    return (sign * length, stop) if not words.runs_on(stop) else None


def _after_start(words: Words, i: int) -> tuple[timedelta, int]:
    if words.is_sign(i + 1, ":", tight=True) and words.digits(i + 2, tight=True) == 2:
        return timedelta(hours=_small(words, i), minutes=words.number(i + 2)), i + 3
    span = read_span(words, i)
    if span is not None and not words[i + 1].gap:
        return span[0].length, span[1]
    stop = i + 1
    if words[stop].gap and words.is_word(stop, *_UNIT_NAMES["minute"][1:]):
        stop += 1
    return timedelta(minutes=_small(words, i)), stop


def _small(words: Words, i: int) -> int:
    """A number that a span can hold without leaving the calendar."""
    return min(words.number(i), 100_000)


def _sticks(words: Words, stop: int) -> bool:
    if words.is_word(stop, "z", "ish") or words.is_sign(stop, "=", "/"):
        return False
    return words.runs_on(stop) and not (words.is_word(stop) and words[stop].text.isupper())


def _colon(words: Words, i: int) -> _Read:
    """`10:30`, `8:40:07`, `23:59:59.5`, with or without am/pm or hrs."""
    minutes = words.digits(i + 2, tight=True)
    if words.digits(i) not in (1, 2) or not words.is_sign(i + 1, ":", tight=True) or minutes not in (1, 2):
        return None
    second, stop = _seconds(words, i + 3)
    if words.is_sign(stop, ":", tight=True) and words.digits(stop + 1, tight=True):
        return None
    if minutes == 1:
        return _one_digit_minute(words, i)
    meridiem, stop = read_meridiem(words, stop)
    stop = stop + 1 if words.is_word(stop, *_HOURS[:3], "uhr") else stop
    return _clock(words, i, words.number(i), words.number(i + 2), second, meridiem, stop), stop


def _seconds(words: Words, i: int) -> tuple[int | None, int]:
    if not words.is_sign(i, ":", tight=True) or words.digits(i + 1, tight=True) != 2:
        return None, i
    stop = i + 2
    if words.is_sign(stop, ".", ",", tight=True) and words.digits(stop + 1, tight=True):
        stop += 2
    return words.number(i + 1), stop


def _one_digit_minute(words: Words, i: int) -> _Read:
    if (
        words.number(i) > 24
        or words.runs_on(i + 3)
        or words[i + 2].text == "?"
        or words.is_sign(i + 3, "?", tight=True)
    ):
        return None
    hour, digit = words.number(i), words.number(i + 2)
    raise Nonsense(
        f"“{words.typed(i, i + 3)}” has one digit of minutes",
        f"type {hour:02}:0{digit}" + (f" or {hour:02}:{digit}0" if digit < 6 else ""),
        stop=i + 3,
    )


def read_meridiem(words: Words, i: int) -> tuple[str, int]:
    """`am`, `PM`, `p.m.`, `a.m`, and the `p` of `9:05p`; nothing where no such thing stands."""
    if words.is_word(i, "am", "pm") and not words.runs_on(i + 1):
        return words.low(i), i + 1
    dotted = words.is_word(i, "a", "p") and words.is_sign(i + 1, ".", tight=True)
    if dotted and words.is_word(i + 2, "m") and not words[i + 2].gap:
        stop = i + 3 + words.is_sign(i + 3, ".", tight=True)
        return words.low(i) + "m", stop
    if words.is_word(i, "a", "p") and not words[i].gap and not words.runs_on(i + 1) and words.digits(i - 1) == 2:
        return words.low(i) + "m", i + 1
    return "", i


def _clock(words: Words, i: int, hour: int, minute: int, second: int | None, meridiem: str, stop: int) -> Clock:
    """The clock that these figures show. Raises Nonsense where no clock shows them."""
    typed = words.typed(i, stop)
    if hour == 24 and minute == 0 and not second and not meridiem:
        return Clock(hour=0, minute=0, second=second, next_day=True)
    if minute > 59 or (second or 0) > 60 or hour > 23 or (second == 60 and minute % 30 != 29):
        raise Nonsense(f"“{typed}” is on no clock", _possible(hour, minute), stop=stop)
    leap = (f"{hour:02}:{minute:02}:60 is a leap second: kept as the second before",) if second == 60 else ()
    clock = Clock(hour=hour, minute=minute, second=59 if leap else second, meridiem=meridiem, warnings=leap)
    return with_meridiem(clock, typed) if meridiem else clock


def _possible(hour: int, minute: int) -> str:
    if 24 <= hour < 48 and minute < 60:
        return f"for the next day type {hour - 24:02}:{minute:02} (+1 day)"
    return "hours go from 00 to 23 and minutes from 00 to 59, like 14:05"


def with_meridiem(clock: Clock, typed: str) -> Clock:
    """The 24-hour time of a 12-hour clock; figures that contradict am or pm are kept, with a warning."""
    hour = clock.hour or 0
    if 1 <= hour <= 12:
        return replace(clock, hour=hour % 12 + (12 if clock.meridiem == "pm" else 0))
    half = clock.meridiem.upper()
    agrees = hour > 12 if half == "PM" else hour == 0
    said = f"{half} is not needed with" if agrees else f"{half} contradicts"
    return replace(clock, warnings=(*clock.warnings, f"“{typed}”: {said} {hour:02}; kept as {clock.text}"))


def _dotted(words: Words, i: int, sure: Sure) -> _Read:
    """`11.15am`, `15.25 PST`: a dot is a colon if something says so."""
    pair = words.is_sign(i + 1, ".", tight=True) and words.digits(i + 2, tight=True) == 2
    if words.digits(i) not in (1, 2) or not pair or words.number(i) > 24 or words.number(i + 2) > 59:
        return None
    if words.is_sign(i + 3, ".", tight=True) and words.digits(i + 4, tight=True):
        return None
    meridiem, stop = read_meridiem(words, i + 3)
    hours = words.is_word(stop, *_HOURS[:3], "uhr")
    if meridiem or hours or sure.dotted or sure.zone_at(stop):
        stop += hours
        return _clock(words, i, words.number(i), words.number(i + 2), None, meridiem, stop), stop
    if not sure.leading or words.runs_on(stop) or words.is_word(stop, *_AMOUNTS_OF) or words.is_sign(stop, "%"):
        return None
    hour, minute = words.number(i), words.number(i + 2)
    raise Unclear(
        f"Is “{words.typed(i, stop)}” the time {hour:02}:{minute:02}?", (f"{hour:02}:{minute:02}",), stop=stop
    )


def _french(words: Words, i: int) -> _Read:
    """`14h20`, and spelled out `14 h 20`, `14 Uhr 20`, `14 Uhr`."""
    if words.digits(i) not in (1, 2) or not words.is_word(i + 1, "h", "uhr"):
        return None
    if words[i + 1].gap:
        return _spelled(words, i)
    if words.digits(i + 2, tight=True) != 2 or words.is_word(i + 3, "ago") or words.runs_on(i + 3):
        return None
    return _clock(words, i, words.number(i), words.number(i + 2), None, "", i + 3), i + 3


def _spelled(words: Words, i: int) -> _Read:
    whole = words.digits(i + 2) == 2 and words[i + 2].gap and not words.runs_on(i + 3)
    if whole and not words.is_word(i + 3, *_UNIT):
        return _clock(words, i, words.number(i), words.number(i + 2), None, "", i + 3), i + 3
    if not words.is_word(i + 1, "uhr"):
        return None
    return _clock(words, i, words.number(i), 0, None, "", i + 2), i + 2


def _compact(words: Words, i: int, sure: Sure) -> _Read:
    """`2214HRS`, `1420Z`, `930am`; after the T of an ISO time also bare."""
    digits = words.digits(i)
    after_t = words.is_word(i - 1, "t") and not words[i].gap and words.digits(i - 2) == 8
    if after_t and digits in (4, 6):
        text = words[i].text
        return _clock(words, i, int(text[:2]), int(text[2:4]), int(text[4:]) if digits == 6 else None, "", i + 1), i + 1
    if digits not in (3, 4):
        return None
    hour, minute = divmod(words.number(i), 100)
    meridiem, stop = read_meridiem(words, i + 1)
    hours = digits == 4 and not meridiem and words.is_word(stop, *_HOURS)
    if hours and words.is_word(stop, "hours", "hour", "hr") and words[stop].gap and minute > 59:
        return None
    zone = digits == 4 and hour < 24 and minute < 60 and sure.zone_at(stop)
    if not (meridiem or hours or zone):
        return None
    stop += hours
    return _clock(words, i, hour, minute, None, meridiem, stop), stop


def _bare_hour(words: Words, i: int) -> _Read:
    """`5 PM`, `6pm`, `12 noon`."""
    if words.digits(i) not in (1, 2):
        return None
    if words.number(i) == 12 and words.is_word(i + 1, "noon", "midnight"):
        return Clock(hour=_NAMED[words.low(i + 1)]), i + 2
    if words.phrase(i + 1, "o", "'", "clock") or words.phrase(i + 1, "o", "’", "clock"):
        return _clock(words, i, words.number(i), 0, None, "", i + 4), i + 4
    meridiem, stop = read_meridiem(words, i + 1)
    if not meridiem or words.number(i) > 24:
        return None
    return _clock(words, i, words.number(i), 0, None, meridiem, stop), stop


def _named(words: Words, i: int) -> _Read:
    if not words.is_word(i, *_NAMED) or words.runs_on(i + 1):
        return None
    return Clock(hour=_NAMED[words.low(i)]), i + 1


def _placeholder(words: Words, i: int) -> _Read:
    """`14:??`, `--:--`, `HH:mm`, `1X:XX`: a time of which a part is not known."""
    hour, stop = _hour_or_blank(words, i)
    if stop == i or not words.is_sign(stop, ":", tight=True) or words[stop + 1].gap:
        return None
    minute, end = _minute_or_blank(words, stop + 1)
    if end == stop + 1 or (hour is not None and minute is not None):
        return None
    if words.is_sign(end, ":", tight=True) and not words[end + 1].gap:
        seconds = _minute_or_blank(words, end + 1)[1]
        end = seconds if seconds > end + 1 else end
    if hour is not None and hour > 23:
        return None
    return Clock(hour=hour, minute=None if hour is None or minute is None else minute), end


def _hour_or_blank(words: Words, i: int) -> tuple[int | None, int]:
    if words.digits(i) == 1 and (words.is_word(i + 1, "x") or words.is_sign(i + 1, "?")) and not words[i + 1].gap:
        return None, i + 2
    if words.digits(i) in (1, 2):
        return words.number(i), i + 1
    return None, _blank(words, i, "hh", "h")


def _minute_or_blank(words: Words, i: int) -> tuple[int | None, int]:
    if words.digits(i, tight=True) == 1 and (words.is_word(i + 1, "x") or words.is_sign(i + 1, "?", tight=True)):
        return None, i + 2
    if words.digits(i, tight=True) == 2:
        return words.number(i), i + 1
    return None, _blank(words, i, "mm", "ss", "m")


def _blank(words: Words, i: int, *letters: str) -> int:
    """The position after a two-place blank, or the same position."""
    if words.is_word(i, "xx", "x", *letters):
        return i + 1
    for sign in "?-_–—*":
        if words.is_sign(i, sign):
            return i + 1 + words.is_sign(i + 1, sign, tight=True)
    return i


def _amount(words: Words, i: int) -> tuple[Span, int] | None:
    half = words.phrase(i, "half", "an", "hour") or words.phrase(i, "half", "hour")
    if half is not None:
        return Span(length=timedelta(minutes=30), unit="minute"), half
    count, stop, vague = _count(words, i)
    if count is None or not words.is_word(stop) or words.low(stop) not in _UNIT:
        return None
    unit = _UNIT[words.low(stop)]
    vague = vague or unit in ("hour", "day", "week")
    return Span(length=count * _LENGTH[unit], unit=unit, vague=vague), stop + 1


def _count(words: Words, i: int) -> tuple[float | None, int, bool]:
    if words.digits(i):
        if words.is_sign(i + 1, ".", tight=True) and words.digits(i + 2, tight=True):
            return _small(words, i) + float(f"0.{words[i + 2].text[:6]}"), i + 3, False
        return _small(words, i), i + 1, False
    start = i + 1 if words.is_word(i, "a") and words.is_word(i + 1, "few", "couple") else i
    if not words.is_word(start, *_COUNTS):
        return None, i, False
    stop = start + 1 + words.is_word(start + 1, "of")
    return _COUNTS[words.low(start)], stop, words.is_word(start, "few", "couple")


def _next_amount(words: Words, i: int, span: Span) -> tuple[Span, int] | None:
    """A smaller amount that follows: `1 hour and 20 minutes`, `1h 20m`, `1h20`."""
    start = i + 1 if words.is_word(i, "and") or words.is_sign(i, ",") else i
    more = _amount(words, start) if words.digits(start) else None
    if more is not None and _LENGTH[more[0].unit] < _LENGTH[span.unit]:
        total, unit = span.length + more[0].length, more[0].unit
        return Span(length=total, unit=unit, vague=more[0].vague), more[1]
    if span.unit == "hour" and words.digits(i, tight=True) in (1, 2) and not words.is_word(i + 1, *_UNIT):
        return Span(length=span.length + timedelta(minutes=words.number(i)), unit="minute"), i + 1
    return None
