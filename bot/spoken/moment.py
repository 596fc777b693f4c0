"""What was read of a time, before it is an instant: what was typed, not what it means."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import timedelta

from bot.spoken.clock import Clock, Span
from bot.spoken.date import SpokenDate
from bot.spoken.half import same_half
from bot.spoken.zone import NamedZone


@dataclass(kw_only=True)
class Moment:
    """The parts of a time, each as typed; the readers fill in what they find."""

    date: SpokenDate | None = None
    shift: SpokenDate | None = None
    clock: Clock | None = None
    zone: NamedZone | None = None
    approximate: bool = False
    between: bool = False
    iso: bool = False
    half: str = ""
    notes: list[str] = field(default_factory=list)
    others: list[Moment] = field(default_factory=list)
    end: Moment | None = None
    open_end: bool = False
    ago: Span | None = None
    later: Span | None = None
    from_start: timedelta | None = None
    just_now: bool = False
    unknown: bool = False

    def says_when(self) -> bool:
        """Whether anything of a time was read at all."""
        relative = self.ago or self.later or self.from_start is not None or self.just_now
        return bool(self.date or self.clock or relative or self.unknown)

    def range_to(self, end: Moment) -> None:
        """Make it a range up to `end`; am/pm and zone that one of them has count for both."""
        self.approximate = self.approximate or end.approximate
        self.zone = self.zone or end.zone
        self.others += end.others
        self.notes += end.notes
        if self.clock and end.clock and end.clock.hour is not None:
            self.clock, end.clock = same_half(self.clock, end.clock)
        self.end = end

    def merge(self, inner: Moment) -> bool:
        """Take over what stood in brackets behind it; whether that was about this time."""
        self.approximate = self.approximate or inner.approximate
        if inner.clock is not None:
            self.others.append(inner)
            return inner.zone is not None
        if inner.zone and (self.zone is None or inner.zone.tz is not None):
            self.zone = inner.zone if self.zone is None else replace(inner.zone, name=self.zone.name)
        elif inner.date and self.date is None:
            self.date = inner.date
        elif inner.shift and self.shift is None:
            self.shift = inner.shift
        else:
            return inner.approximate and not (inner.zone or inner.date or inner.shift)
        return True
