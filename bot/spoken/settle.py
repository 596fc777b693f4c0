"""From the shape of a spoken time to the instant it means, or to the question that has to be asked.

The day comes from the row, else from the row before by the rollover rule, else from the heading, else
it is the nearest past; the zone from the row, else from the person. Nothing is guessed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from bot.incident import Precision
from bot.spoken.clock import Clock
from bot.spoken.date import Anchor, Direction, settle_date
from bot.spoken.heard import Context, Understood
from bot.spoken.moment import Moment
from bot.spoken.words import Nonsense, Unclear
from bot.spoken.zone import FoundZone, NamedZone, at_offset, label, offset_label, out_of_season, settle

AHEAD = timedelta(minutes=15)
_OUT_OF_ORDER = timedelta(minutes=60)
_OVERNIGHT = timedelta(hours=14)
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class _Placed:
    """A wall-clock time with its day, and whether that day was said."""

    local: datetime
    dated: bool
    live: bool = False
    warnings: tuple[str, ...] = ()


def settle_moment(moment: Moment, context: Context, *, typed: str, rest: str) -> Understood:
    """What a moment means in its context. Raises Unclear or Nonsense."""
    blank = Understood(at=None, precision=Precision.UNKNOWN, typed=typed, rest=rest, note="; ".join(moment.notes))
    try:
        return _settled(moment, context, blank)
    except OverflowError:
        raise Nonsense(f"“{typed}” is outside the calendar", "type a date, like 2026-11-22 14:05") from None


def anchor_of(context: Context, zone: tzinfo) -> Anchor:
    """What dates are measured from in this context."""
    near = context.previous.astimezone(zone).date() if context.previous else context.date
    return Anchor(
        today=context.now.astimezone(zone).date(),
        near=near,
        year=context.year,
        day_first=context.day_first,
        direction=Direction.NEAR if near else Direction.PAST,
    )


def exists(local: datetime, tz: tzinfo) -> tuple[datetime, ...]:
    """The instants at which the clocks of a zone showed this time: none in a gap, two in a fold."""
    both = {local.replace(tzinfo=tz, fold=fold).astimezone(UTC) for fold in (0, 1)}
    return tuple(sorted(at for at in both if at.astimezone(tz).replace(tzinfo=None, fold=0) == local))


def _settled(moment: Moment, context: Context, blank: Understood) -> Understood:
    relative = _relative(moment, context)
    if relative is not None:
        heard = replace(blank, at=relative[0], precision=relative[1])
        return _in_zone(heard, context.zone, None, relative[0])
    if moment.unknown or (moment.date is not None and moment.date.unknown):
        return blank
    if moment.clock is None or moment.clock.hour is None:
        return _date_only(moment, context, blank) if moment.date or moment.shift else blank
    return _clocked(moment, moment.clock, context, blank)


def _relative(moment: Moment, context: Context) -> tuple[datetime, Precision] | None:
    now = context.now.astimezone(UTC)
    if moment.just_now:
        return now.replace(microsecond=0), Precision.SECOND
    if moment.from_start is not None:
        if context.started is None:
            raise Nonsense("the incident has no start to count from", "type the clock time, like 14:05")
        return context.started.astimezone(UTC) + moment.from_start, _minute_or_approximate(moment)
    span = moment.ago or moment.later
    if span is None:
        return None
    if moment.later and context.previous is None:
        raise Nonsense("there is no row before to count from", "type the clock time, like 14:05")
    base = now if moment.ago else (context.previous or now).astimezone(UTC)
    at = base - span.length if moment.ago else base + span.length
    if span.unit == "second":
        return at.replace(microsecond=0), Precision.APPROXIMATE if moment.approximate else Precision.SECOND
    vague = span.vague or moment.approximate
    return at.replace(second=0, microsecond=0), Precision.APPROXIMATE if vague else Precision.MINUTE


def _minute_or_approximate(moment: Moment) -> Precision:
    return Precision.APPROXIMATE if moment.approximate else Precision.MINUTE


def _date_only(moment: Moment, context: Context, blank: Understood) -> Understood:
    tz = _zone(moment, context).tz
    day, warnings = _said_day(moment, context, tz)
    at = _not_before_previous(_start_of(day, tz), _start_of(day + _DAY, tz), context)
    ends_at = _last_minute(moment, context, tz)
    precision = Precision.RANGE if ends_at else Precision.DATE
    heard = replace(blank, at=at, ends_at=ends_at, precision=precision, warnings=warnings)
    return replace(_in_zone(heard, tz, moment.zone, _start_of(day, tz)), on=day)


def _last_minute(moment: Moment, context: Context, tz: tzinfo) -> datetime | None:
    """The end of a range of whole days."""
    if moment.end is None or moment.end.date is None:
        return None
    last = _said_day(moment.end, context, tz)[0]
    return _start_of(last + _DAY, tz) - timedelta(minutes=1)


def _said_day(moment: Moment, context: Context, tz: tzinfo) -> tuple[date, tuple[str, ...]]:
    """The day that was said, with `(+1 day)` on top."""
    anchor = anchor_of(context, tz)
    extra = timedelta(days=moment.shift.shift or 0) if moment.shift else timedelta(0)
    if moment.date is None:
        return (anchor.near or anchor.today) + extra, ()
    day = settle_date(moment.date, anchor)
    return day.on + extra, day.warnings


def _start_of(day: date, tz: tzinfo) -> datetime:
    return datetime.combine(day, time(), tz).astimezone(UTC)


def _not_before_previous(start: datetime, end: datetime, context: Context) -> datetime:
    """A row that is only known to lie between two instants keeps its place after the row before it."""
    previous = context.previous
    return previous.astimezone(UTC) if previous is not None and start < previous < end else start


def _clocked(moment: Moment, clock: Clock, context: Context, blank: Understood) -> Understood:
    found = _zone(moment, context)
    placed = _place(moment, clock, context, found.tz)
    at = _instant(placed, found.tz, context)
    ends_at, more = _end(moment, placed, found.tz, context, at)
    if clock.minute is None:
        at = _not_before_previous(at, at + timedelta(hours=1), context)
    warnings = (*clock.warnings, *placed.warnings, *found.warnings, *more)
    warnings += _doubts(moment, placed, found.tz, context, at)
    note = "; ".join(filter(None, (blank.note, _open_end(moment, ends_at))))
    heard = replace(
        blank,
        at=at,
        ends_at=ends_at,
        precision=_precision(moment, clock),
        note=note,
        warnings=tuple(dict.fromkeys(warnings)),
    )
    return replace(_in_zone(heard, found.tz, moment.zone, at), on=placed.local.date())


def _open_end(moment: Moment, ends_at: datetime | None) -> str:
    ranged = moment.end is not None or moment.open_end
    return "the end is not known" if ranged and ends_at is None else ""


def _precision(moment: Moment, clock: Clock) -> Precision:
    if moment.approximate:
        return Precision.APPROXIMATE
    if moment.end is not None or moment.open_end:
        return Precision.RANGE
    if clock.minute is None:
        return Precision.HOUR
    return Precision.MINUTE if clock.second is None else Precision.SECOND


def _in_zone(heard: Understood, tz: tzinfo, named: NamedZone | None, at: datetime) -> Understood:
    """Says in which zone something was understood, and the day that it was there."""
    local = at.astimezone(tz)
    name = named.name if named and not named.local else label(at, tz)
    return replace(heard, zone=name, tz=tz, offset=local.utcoffset(), on=local.date())


def _zone(moment: Moment, context: Context) -> FoundZone:
    """The zone of a moment; the same instant said in a second zone decides what the first leaves open."""
    on = context.date or (context.previous or context.now).date()
    if moment.date and moment.date.readings and moment.date.readings[0][0]:
        on = date(*(n or 1 for n in moment.date.readings[0]))
    if moment.zone is None:
        other = _by_other(moment, context, on)
        return other if other and not _agrees(moment, context, on) else FoundZone(tz=context.zone)
    try:
        return settle(moment.zone, home=context.zone, on=on)
    except Unclear as unclear:
        other = _by_other(moment, context, on)
        if other is not None:
            return FoundZone(tz=other.tz)
        raise _with_time(unclear, moment) from None


def _with_time(unclear: Unclear, moment: Moment) -> Unclear:
    text = moment.clock.text if moment.clock else ""
    name = moment.zone.name if moment.zone else ""
    choices = tuple(f"{text} {choice}".strip() for choice in unclear.choices)
    return Unclear(f"{text} {name}: {unclear.question}".strip(), choices)


def _minutes(moment: Moment) -> int:
    return moment.clock.minutes if moment.clock else 0


def _by_other(moment: Moment, context: Context, on: date) -> FoundZone | None:
    """The offset that makes `12:58 … / 19:58 GMT` one instant."""
    other = next((o for o in moment.others if o.zone is not None), None)
    if other is None or other.zone is None:
        return None
    theirs = _offset_at(settle(other.zone, home=context.zone, on=on).tz, other, on)
    ahead = (_minutes(moment) - _minutes(other) + theirs) % (24 * 60)
    if ahead > 14 * 60:
        ahead -= 24 * 60
    offset = timedelta(minutes=ahead)
    name = offset_label(context.zone.utcoffset(datetime.combine(on, time(12))) or timedelta(0))
    warning = () if moment.zone else (f"that is {offset_label(offset)}, not {name}",)
    return FoundZone(tz=at_offset(offset).tz or UTC, warnings=warning)


def _offset_at(tz: tzinfo, moment: Moment, on: date) -> int:
    local = datetime.combine(on, time(*divmod(_minutes(moment), 60)), tz)
    return round((local.utcoffset() or timedelta(0)).total_seconds() / 60)


def _agrees(moment: Moment, context: Context, on: date) -> bool:
    """Whether the second zone says the same as the person's own zone on any day around."""
    other = moment.others[0]
    if other.zone is None:
        return True
    theirs = _offset_at(settle(other.zone, home=context.zone, on=on).tz, other, on)
    days = [on + n * _DAY for n in (-1, 0, 1)]
    ours = {_offset_at(context.zone, moment, day) for day in days}
    return any((_minutes(moment) - mine - _minutes(other) + theirs) % (24 * 60) == 0 for mine in ours)


def _place(moment: Moment, clock: Clock, context: Context, tz: tzinfo) -> _Placed:
    """Puts a clock time on its day."""
    if moment.date is not None:
        day, warnings = _said_day(moment, context, tz)
        return _Placed(local=_on(day, clock), dated=True, warnings=warnings)
    if moment.shift is not None:
        return _Placed(local=_on(_said_day(moment, context, tz)[0], clock), dated=True)
    if context.previous is not None:
        return _roll(clock, context.previous.astimezone(tz).replace(tzinfo=None))
    if context.date is not None:
        return _Placed(local=_on(context.date, clock), dated=False)
    return _nearest_past(clock, context, tz)


def _on(day: date, clock: Clock) -> datetime:
    at = datetime.combine(day, time(clock.hour or 0, clock.minute or 0, clock.second or 0))
    return at + _DAY if clock.next_day else at


def _nearest_past(clock: Clock, context: Context, tz: tzinfo) -> _Placed:
    """The last time that the clock showed this before it was said; 15 minutes ahead count as now."""
    limit = context.now + AHEAD
    local = _on(limit.astimezone(tz).date(), clock)
    while local.replace(tzinfo=tz).astimezone(UTC) > limit:
        local -= _DAY
    return _Placed(local=local, dated=False, live=True)


def _roll(clock: Clock, previous: datetime) -> _Placed:
    """The day of a row without a date, from the row before it."""
    local = _on(previous.date(), clock)
    back = previous - local
    if clock.second is None:
        back = previous.replace(second=0, microsecond=0) - local
    if back <= timedelta(0):
        return _Placed(local=local, dated=False)
    if back < _OUT_OF_ORDER:
        within = clock.minute is None
        said = () if within else (f"earlier than the row before ({previous:%H:%M})",)
        return _Placed(local=local, dated=False, warnings=said)
    if _DAY - back < _OVERNIGHT:
        return _Placed(local=local + _DAY, dated=False)
    raise Unclear(
        f"Is {clock.text} after {previous:%H:%M} on {local:%Y-%m-%d} or the next day?",
        tuple(f"{day:%Y-%m-%d} {clock.text}" for day in (local, local + _DAY)),
    )


def _instant(placed: _Placed, tz: tzinfo, context: Context) -> datetime:
    instants = exists(placed.local, tz)
    if placed.live and len(instants) == 2:
        instants = tuple(at for at in instants if at <= context.now + AHEAD)
    if len(instants) == 1:
        return instants[0]
    if not instants:
        raise _gap(placed.local, tz)
    names = [_name(at, tz) for at in instants]
    raise Unclear(
        f"{placed.local:%H:%M} came twice on {placed.local:%Y-%m-%d}: {names[0]} or {names[1]}?",
        tuple(f"{placed.local:%Y-%m-%d %H:%M} {name}" for name in names),
    )


def _name(at: datetime, tz: tzinfo) -> str:
    return label(at, tz)


def _gap(local: datetime, tz: tzinfo) -> Nonsense:
    after = local.replace(tzinfo=tz, fold=0).astimezone(UTC)
    shown = after.astimezone(tz)
    return Nonsense(
        f"the clocks in {tz} skipped {local:%H:%M} on {local:%Y-%m-%d}",
        f"type {shown:%Y-%m-%d %H:%M} {_name(after, tz)}, or {after:%Y-%m-%d %H:%M} UTC",
    )


def _end(
    moment: Moment, placed: _Placed, tz: tzinfo, context: Context, at: datetime
) -> tuple[datetime | None, tuple[str, ...]]:
    """The instant at which a range ends, None if it is open."""
    end = moment.end
    if end is None or end.clock is None or end.clock.hour is None or end.clock.minute is None:
        return None, ()
    if end.zone is not None and end.zone is not moment.zone:
        tz = settle(end.zone, home=context.zone, on=placed.local.date()).tz
    if end.date is not None or end.shift is not None:
        near = replace(context, previous=at)
        instants = _last_of(_on(_said_day(end, near, tz)[0], end.clock), tz)
    else:
        local = _on(at.astimezone(tz).date(), end.clock)
        instants = _last_of(local, tz)
        if instants < at:
            instants = _last_of(local + _DAY, tz)
            _check_length(moment, end.clock, at, instants)
    if instants < at:
        raise Nonsense(f"the range ends ({end.clock.text}) before it begins", "type the earlier time first")
    return instants, end.clock.warnings


def _last_of(local: datetime, tz: tzinfo) -> datetime:
    instants = exists(local, tz)
    if not instants:
        raise _gap(local, tz)
    return instants[-1]


def _check_length(moment: Moment, end: Clock, at: datetime, ends_at: datetime) -> None:
    if ends_at - at < _OVERNIGHT or moment.clock is None:
        return
    raise Unclear(
        f"Does {moment.clock.text} - {end.text} end on the next day?",
        (f"{moment.clock.text} - {end.text} (+1 day)", f"{end.text} - {moment.clock.text}"),
    )


def _doubts(moment: Moment, placed: _Placed, tz: tzinfo, context: Context, at: datetime) -> tuple[str, ...]:
    """What was recorded as said though something speaks against it."""
    doubts: list[str] = []
    if moment.zone is not None:
        season = out_of_season(moment.zone.name, placed.local, tz, home=context.zone)
        doubts += [season] if season else []
        if moment.clock and any("contradicts" in warning for warning in moment.clock.warnings):
            doubts += _foreign(moment.zone.name, placed.local, tz, context)
        doubts += _disagreements(moment, placed, tz, context)
    if placed.dated and context.previous is not None and at < context.previous and moment.clock:
        doubts.append("earlier than the row before")
    if placed.dated and at > context.now + AHEAD:
        doubts.append("that is still to come")
    return tuple(doubts)


def _foreign(name: str, local: datetime, tz: tzinfo, context: Context) -> list[str]:
    home = local.replace(tzinfo=context.zone)
    if home.utcoffset() == local.replace(tzinfo=tz).utcoffset():
        return []
    return [f"{name} differs from the zone here, {label(home, context.zone)}"]


def _disagreements(moment: Moment, placed: _Placed, tz: tzinfo, context: Context) -> list[str]:
    """Second zones that do not say the same instant."""
    found: list[str] = []
    for other in moment.others:
        if other.zone is None or other.clock is None:
            continue
        theirs = settle(other.zone, home=context.zone, on=placed.local.date()).tz
        same = placed.local.replace(tzinfo=tz).astimezone(theirs)
        if (same.hour, same.minute) != (other.clock.hour, other.clock.minute):
            said = f"{other.clock.text} {other.zone.name}"
            found.append(f"{placed.local:%H:%M} is {same:%H:%M} {other.zone.name}, not {said}; kept the first")
    return found
