"""Which half of the day a 12-hour clock is in, where only the words around it say so."""

from __future__ import annotations

from dataclasses import replace

from bot.spoken.clock import Clock, with_meridiem


def same_half(start: Clock, end: Clock) -> tuple[Clock, Clock]:
    """`10:30-11:15am` is in one morning, `11:30-1:15pm` passes noon."""
    if end.meridiem and not start.meridiem and start.hour and start.hour <= 12:
        halves = [_in_half(start, half) for half in ("am", "pm")]
        fitting = [clock for clock in halves if clock.minutes <= end.minutes]
        return (fitting or halves)[-1 if fitting else 0], end
    if start.meridiem and not end.meridiem and end.hour and end.hour <= 12:
        halves = [_in_half(end, half) for half in ("am", "pm")]
        fitting = [clock for clock in halves if clock.minutes >= start.minutes]
        return start, (fitting or halves)[0]
    return start, end


def in_part(clock: Clock, half: str) -> Clock:
    """A bare hour from 1 to 11 in the half that was named; a night has both halves."""
    if not half or clock.meridiem or clock.hour is None or not 1 <= clock.hour <= 11:
        return clock
    if half == "night":
        half = "pm" if clock.hour >= 6 else "am"
    return _in_half(clock, half)


def _in_half(clock: Clock, half: str) -> Clock:
    return with_meridiem(replace(clock, meridiem=half), clock.text)
