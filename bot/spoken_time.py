"""The leading time of what people say in an incident, and the sentence that says it back.

`understand` splits the time from the words after it; `echo` prints what was understood, so that reading
the echo again gives the same instant. No clock is read here: when something was said is in the context.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo

from bot.incident import Precision
from bot.spoken.clock import read_span
from bot.spoken.date import Anchor, Direction, SpokenDate, read_date, settle_date
from bot.spoken.heard import Ask, Context, Heard, NoTime, Refused, Understood
from bot.spoken.reader import Reader
from bot.spoken.settle import settle_moment
from bot.spoken.words import Nonsense, Unclear, Words
from bot.spoken.zone import label, names_of, zone_of

__all__ = [
    "Ask",
    "Context",
    "Heard",
    "NoTime",
    "Precision",
    "Refused",
    "Understood",
    "echo",
    "understand",
    "understand_date",
    "zone_of",
]

_LONGEST = 4000


def understand(text: str, context: Context) -> Heard:
    """Splits the leading time of a text from the rest and says which instant it means.

    Only the leading time counts. Versions, ports and fractions are no times. Never raises for any text.
    """
    text = text.strip()
    words = Words(text[:_LONGEST])
    stop: int | None = None
    try:
        found = Reader(words=words, names=_names(context), dotted=context.dotted).read()
        if found is None:
            return NoTime()
        moment, stop = found
        typed, rest = words.typed(0, stop), words.rest(stop) + text[_LONGEST:]
        return settle_moment(moment, context, typed=typed, rest=rest)
    except Unclear as unclear:
        typed, rest = _split(words, stop or unclear.stop)
        return Ask(question=unclear.question, choices=unclear.choices, typed=typed, rest=rest + text[_LONGEST:])
    except Nonsense as nonsense:
        typed, rest = _split(words, stop or nonsense.stop)
        return Refused(text=nonsense.text, suggestion=nonsense.suggestion, typed=typed, rest=rest + text[_LONGEST:])


def understand_date(text: str, context: Context) -> Heard:
    """The leading day of a text that looks ahead: `friday`, `tomorrow`, `in 3 days`, `Dec 1`, `2026-12-01`."""
    words = Words(text.strip())
    stop: int | None = None
    try:
        found = _due(words, 1 if words.is_word(0, "by", "on", "before", "until") else 0)
        if found is None:
            return NoTime()
        spoken, stop = found
        if words.runs_on(stop):
            return NoTime()
        return _on_day(spoken, context, typed=words.typed(0, stop), rest=words.rest(stop))
    except Unclear as unclear:
        typed, rest = _split(words, stop or unclear.stop)
        return Ask(question=unclear.question, choices=unclear.choices, typed=typed, rest=rest)
    except Nonsense as nonsense:
        typed, rest = _split(words, stop or nonsense.stop)
        return Refused(text=nonsense.text, suggestion=nonsense.suggestion, typed=typed, rest=rest)
    except OverflowError:
        typed, rest = _split(words, stop)
        what = f"“{typed}” is outside the calendar"
        return Refused(text=what, suggestion="type a date, like 2026-12-01", typed=typed, rest=rest)


def echo(understood: Understood, zone: tzinfo | None = None, *, now: datetime | None = None) -> str:
    """What was understood, in its zone and in UTC: `11:13 EAT (08:13 UTC)`; with its date unless `now` is on it.

    `zone` shows it in another zone than the one it was said in. Understanding the echo with the same
    context gives the same instants and precision.
    """
    at, zone = understood.at, zone or understood.tz or UTC
    if at is None:
        return f"“{understood.typed}” (time not known)"
    if understood.precision is Precision.DATE:
        return f"{understood.on} (no time of day)"
    if understood.ends_at is not None:
        return _echo_range(at, understood.ends_at, understood, zone, now)
    about = "about " if understood.precision is Precision.APPROXIMATE else ""
    return about + _both(at, zone, _form(understood), now)


def _form(understood: Understood) -> str:
    if understood.precision is Precision.HOUR:
        return "%H:??"
    exact = understood.at is not None and understood.at.second
    if understood.precision is Precision.RANGE:
        return "%H:%M - ??"
    return "%H:%M:%S" if exact or understood.precision is Precision.SECOND else "%H:%M"


def _both(at: datetime, zone: tzinfo, form: str, now: datetime | None) -> str:
    name, local, universal = label(at, zone), at.astimezone(zone), at.astimezone(UTC)
    today = now is not None and now.astimezone(zone).date() == local.date()
    here = f"{_stamp(local, form, dated=not today)} {name}"
    whole = (local.utcoffset() or timedelta(0)) % timedelta(hours=1) == timedelta(0)
    if name == "UTC" or (form == "%H:??" and not whole):
        return here
    form = form.removesuffix(" - ??")
    return f"{here} ({_stamp(universal, form, dated=universal.date() != local.date())} UTC)"


def _stamp(at: datetime, form: str, *, dated: bool) -> str:
    return at.strftime("%Y-%m-%d " + form if dated else form)


def _echo_range(at: datetime, end: datetime, understood: Understood, zone: tzinfo, now: datetime | None) -> str:
    """`between 09:00 and 11:00 EAT (06:00 and 08:00 UTC)`."""
    here = _pair(at.astimezone(zone), end.astimezone(zone), label(at, zone), label(end, zone), now)
    about = "about " if understood.precision is Precision.APPROXIMATE else ""
    if label(at, zone) == label(end, zone) == "UTC":
        return f"between {about}{here}"
    day = at.astimezone(zone).date()
    there = _pair(at.astimezone(UTC), end.astimezone(UTC), "UTC", "UTC", at if at.date() == day else None)
    return f"between {about}{here} ({there})"


def _pair(start: datetime, end: datetime, first: str, last: str, now: datetime | None) -> str:
    form = "%H:%M:%S" if start.second or end.second else "%H:%M"
    today = now is not None and now.astimezone(start.tzinfo).date() == start.date()
    one = _stamp(start, form, dated=not today) + (f" {first}" if first != last else "")
    return f"{one} and {_stamp(end, form, dated=end.date() != start.date())} {last}"


def _names(context: Context) -> frozenset[str]:
    """The abbreviations that the context's own zone uses around the time of speaking."""
    return frozenset(names_of(context.zone, context.now.year)) - {"UTC", "GMT", "Z"}


def _split(words: Words, stop: int | None) -> tuple[str, str]:
    """What was typed as a time and the text after it, where the reading broke off."""
    return (words.typed(0, stop), words.rest(stop)) if stop else ("", words.source)


def _due(words: Words, i: int) -> tuple[SpokenDate, int] | None:
    return _in_span(words, i) or _period(words, i) or _next_weekday(words, i) or read_date(words, i)


def _in_span(words: Words, i: int) -> tuple[SpokenDate, int] | None:
    """`in 3 days`, `in a week`, `within 2 weeks`."""
    if not words.is_word(i, "in", "within"):
        return None
    span = read_span(words, i + 1)
    return (SpokenDate(shift=span[0].length.days), span[1]) if span else None


def _period(words: Words, i: int) -> tuple[SpokenDate, int] | None:
    """`eod`, `end of week`, `eow`: today, or the Friday to come."""
    start = words.phrase(i, "the") or i
    for phrase, spoken in _PERIODS:
        if (stop := words.phrase(start, *phrase)) is not None:
            return spoken, stop
    return None


_PERIODS = (
    (("eod",), SpokenDate(shift=0)),
    (("end", "of", "day"), SpokenDate(shift=0)),
    (("end", "of", "the", "day"), SpokenDate(shift=0)),
    (("eow",), SpokenDate(weekday=4)),
    (("end", "of", "week"), SpokenDate(weekday=4)),
    (("end", "of", "the", "week"), SpokenDate(weekday=4)),
)


def _next_weekday(words: Words, i: int) -> tuple[SpokenDate, int] | None:
    """`this friday` is the one to come; `next friday` may be that one or the one after."""
    if not words.is_word(i, "this", "next", "coming"):
        return None
    found = read_date(words, i + 1)
    if found is None or found[0].readings or found[0].weekday is None:
        return None
    if words.is_word(i, "next"):
        return replace(found[0], after_previous=True), found[1]
    return found


def _on_day(spoken: SpokenDate, context: Context, *, typed: str, rest: str) -> Understood:
    today = context.now.astimezone(context.zone).date()
    anchor = Anchor(today=today, day_first=context.day_first, direction=Direction.FUTURE)
    day = settle_date(replace(spoken, after_previous=False), anchor)
    if spoken.after_previous and spoken.weekday is not None and day.on.isocalendar()[:2] == today.isocalendar()[:2]:
        later = day.on + timedelta(days=7)
        raise Unclear(f"Is that {day.on:%A %-d %B} or {later:%-d %B}?", (day.on.isoformat(), later.isoformat()))
    warnings = day.warnings + (("that day is past",) if day.on < today else ())
    at = datetime(day.on.year, day.on.month, day.on.day, tzinfo=context.zone)
    return Understood(
        at=at.astimezone(UTC),
        precision=Precision.DATE,
        zone=label(at, context.zone),
        tz=context.zone,
        offset=at.utcoffset(),
        on=day.on,
        typed=typed,
        rest=rest,
        warnings=warnings,
    )
