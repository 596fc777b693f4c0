"""Reads a moment: date, clock, zone, range and what belongs to them, in the orders that people use.

It puts the other readers together; only it knows in which order they are asked.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

from bot.spoken.clock import Clock, Sure, read_clock, read_from_start, read_meridiem, read_span
from bot.spoken.date import SpokenDate, read_date
from bot.spoken.half import in_part
from bot.spoken.hedge import remark, suffix
from bot.spoken.moment import Moment
from bot.spoken.prefix import end_prefix, prefixes
from bot.spoken.words import DASHES, Nonsense, Words
from bot.spoken.zone import NamedZone, at_offset, read_offset, read_zone

_CONNECTORS = ("at", "on", "of", "the", "à", "um")
_RANGE_WORDS = ("to", "until", "till", "through", "bis")
_HALVES = {"morning": "am", "afternoon": "pm", "evening": "pm", "night": "night"}
_LONG_AGO = timedelta(days=3660)


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Reads moments from one text. `names` are abbreviations of the reader's own zone."""

    words: Words
    names: frozenset[str] = frozenset()
    dotted: bool = False

    def read(self) -> tuple[Moment, int] | None:
        """The leading moment of the text and the position after it; None if it does not begin with one."""
        moment = Moment()
        start = prefixes(self.words, moment, self._opening())
        stop = self._relative(moment, start) or self._items(moment, start, leading=True)
        if self._opening() and self.words.is_sign(stop, "]", ")", ">"):
            stop = self._items(moment, stop + 1, leading=False)
        if not moment.says_when() or (self.words.runs_on(stop) and not self.words.is_sign(stop, "?", "~")):
            return None
        return moment, stop

    def _opening(self) -> int:
        """`[10:30] text` and `(10:30) text` open with a bracket."""
        return 1 if self.words.is_sign(0, "[", "(", "<") else 0

    def _relative(self, moment: Moment, i: int) -> int | None:
        words = self.words
        for phrase in (("just", "now"), ("right", "now"), ("moments", "ago"), ("a", "moment", "ago"), ("now",)):
            if (stop := words.phrase(i, *phrase)) is not None and (len(phrase) > 1 or words.is_end(stop)):
                moment.just_now = True
                return stop
        started = read_from_start(words, i)
        if started is not None:
            moment.from_start = started[0]
            return started[1]
        return self._span(moment, i) or self._no_time(moment, i)

    def _no_time(self, moment: Moment, i: int) -> int | None:
        """`TBD` and `??` stand where a time would be, and say that it is not known."""
        words = self.words
        for phrase in (("time", "unknown"), ("unknown", "time"), ("unknown",), ("tbd",), ("tbc",), ("?", "?")):
            stop = words.phrase(i, *phrase)
            if stop is not None and words.is_end(stop) and not words.is_sign(stop, ":", tight=True):
                moment.unknown = True
                return stop
        return None

    def _span(self, moment: Moment, i: int) -> int | None:
        found = read_span(self.words, i)
        if found is None:
            return None
        span, stop = found
        if self.words.is_word(stop, "ago", "earlier", "back"):
            if span.length > _LONG_AGO:
                raise Nonsense("that is more than ten years ago", "type a date, like 2026-11-22 14:05", stop=stop + 1)
            if span.unit in ("day", "week"):
                moment.date = SpokenDate(shift=-span.length.days)
                return self._items(moment, stop + 1, leading=False)
            moment.ago = span
            return stop + 1
        if self.words.is_word(stop, "later"):
            moment.later = span
            return stop + 1
        return None

    def _items(self, moment: Moment, i: int, *, leading: bool, inside: bool = False) -> int:
        """Reads date, clock, zone and what belongs to them, each once, in any order."""
        while True:
            stop = self._item(moment, i, leading=leading, inside=inside)
            if stop is None and moment.says_when():
                stop = self._connected(moment, i, inside=inside)
            if stop is None:
                return i
            i, leading = stop, False

    def _item(self, moment: Moment, i: int, *, leading: bool, inside: bool) -> int | None:
        if moment.end is not None or moment.open_end:
            return self._bracket(moment, i) or self._zone(moment, i, inside=inside)
        return (
            self._date(moment, i)
            or self._clock(moment, i, leading=leading)
            or self._year(moment, i)
            or self._behind(moment, i)
            or self._range(moment, i, inside=inside)
            or self._zone(moment, i, inside=inside)
            or self._other_zone(moment, i)
            or suffix(self.words, moment, i)
            or self._bracket(moment, i)
        )

    def _connected(self, moment: Moment, i: int, *, inside: bool) -> int | None:
        """A date or clock behind a comma, `at`, or a dash that stands between the two."""
        words = self.words
        if moment.clock is None and moment.date is not None and words.is_word(i, *_HALVES):
            moment.half = _HALVES[words.low(i)]
            i += 1
            if (stop := self._clock(moment, i, leading=False)) is not None:
                return stop
        if moment.clock is None and (stop := self._about_clock(moment, i)) is not None:
            return stop
        parted = words.is_sign(i, ",") or words.is_word(i, *_CONNECTORS) or self._iso_t(moment, i)
        between = moment.clock is None and (words.is_sign(i, "|", "@", *DASHES) or words.is_sign(i, ":", tight=True))
        if not parted and not between:
            return None
        start = i + 1 + words.is_word(i + 1, "at", "on", "the")
        stop = None if between else self._date(moment, start)
        stop = stop or self._clock(moment, start, leading=False)
        if stop is None and (inside or words.is_sign(i, ",")):
            stop = self._parted_zone(moment, start, inside)
        return stop

    def _parted_zone(self, moment: Moment, i: int, inside: bool) -> int | None:
        """`13:00, UTC – …`: behind a comma only if nothing else could begin there."""
        found = read_zone(self.words, i, names=self.names)
        if found is None or not (inside or self.words.is_end(found[1])):
            return None
        return self._zone(moment, i, inside=inside)

    def _year(self, moment: Moment, i: int) -> int | None:
        """`Thu May 2 10:30:22 UTC 2024`, as `date` prints it: the year stands last."""
        spoken, digits = moment.date, self.words.digits(i)
        if spoken is None or moment.clock is None or moment.clock.second is None or digits != 4:
            return None
        year = self.words.number(i)
        if len(spoken.readings) != 1 or spoken.readings[0][0] is not None or not 1970 <= year < 2100:
            return None
        moment.date = replace(spoken, readings=((year, *spoken.readings[0][1:]),))
        return i + 1

    def _about_clock(self, moment: Moment, i: int) -> int | None:
        """`2018-07-08 ca. 18:30`, `Mar 3, at about 9:40`: the clock behind its date has its own prefix."""
        aside = Moment()
        start = prefixes(self.words, aside, i + self.words.is_sign(i, ","))
        if start == i or not (aside.approximate or aside.between):
            return None
        stop = self._clock(moment, start, leading=False)
        if stop is not None:
            moment.approximate = moment.approximate or aside.approximate
            moment.between = moment.between or aside.between
            moment.notes += aside.notes
        return stop

    def _iso_t(self, moment: Moment, i: int) -> bool:
        words = self.words
        if not words.is_word(i, "t") or words[i].gap or not words.digits(i + 1, tight=True) or moment.date is None:
            return False
        moment.iso = True
        return True

    def _date(self, moment: Moment, i: int) -> int | None:
        found = read_date(self.words, i, after_clock=moment.clock is not None)
        if found is None:
            return None
        if found[0].after_previous and moment.shift is None:
            moment.shift = found[0]
        elif moment.date is None and not found[0].after_previous:
            moment.date = found[0]
        else:
            return None
        return found[1]

    def _clock(self, moment: Moment, i: int, *, leading: bool) -> int | None:
        if moment.clock is not None:
            return None
        found = (
            read_clock(self.words, i, self._sure(moment, i, leading))
            or self._lone_start(i)
            or self._lone_hour(moment, i)
        )
        if found is None:
            return None
        moment.clock = in_part(found[0], moment.half)
        return found[1]

    def _sure(self, moment: Moment, i: int, leading: bool) -> Sure:
        words = self.words
        dated = (
            moment.date is not None
            and words.digits(i) == 2
            and not words.is_word(i + 3, "gb", "mb", "kb", "tb", "ms", "s")
        )
        return Sure(zone_at=self._zone_follows, dotted=self.dotted or dated, leading=leading and moment.date is None)

    def _zone_follows(self, i: int) -> bool:
        start = i + 1 if self.words.is_sign(i, "(") else i
        found = read_zone(self.words, start, names=self.names)
        return found is not None and (found[0].tz is not None or not found[0].local)

    def _lone_start(self, i: int) -> tuple[Clock, int] | None:
        """The first hour of `2-3pm` and `10 to 11 am`, which has its am/pm at the end."""
        words = self.words
        joined = words.is_sign(i + 1, *DASHES) or words.is_word(i + 1, "to", "and")
        if words.digits(i) not in (1, 2) or not joined or words.digits(i + 2) not in (1, 2) or words.number(i) > 12:
            return None
        if not read_meridiem(words, i + 3)[0]:
            return None
        return Clock(hour=words.number(i)), i + 1

    def _lone_hour(self, moment: Moment, i: int) -> tuple[Clock, int] | None:
        """The hour of `this morning at 9` and `last night at 11`: its half was named before."""
        words = self.words
        if not moment.half or not words.is_word(i - 1, "at") or words.digits(i) not in (1, 2):
            return None
        if not 1 <= words.number(i) <= 12 or words.runs_on(i + 1):
            return None
        return Clock(hour=words.number(i)), i + 1

    def _zone(self, moment: Moment, i: int, *, inside: bool) -> int | None:
        words = self.words
        if moment.zone is not None:
            return None
        found = read_zone(words, i, names=self.names)
        if found is None or self._is_amount(moment, i):
            return None
        if moment.clock is None and not inside and not self._clock_at(found[1]):
            return None
        stop = found[1]
        if words.is_sign(stop, "+", tight=True) and words.digits(stop + 1, tight=True):
            typed = words.typed(i, stop + 2)
            raise Nonsense(f"“{typed}” is no zone", "offsets go from UTC-12 to UTC+14", stop=stop + 2)
        moment.zone = found[0]
        return found[1]

    def _is_amount(self, moment: Moment, i: int) -> bool:
        """`10:30 +2 nodes`: a plus with a space before it needs four figures to be an offset."""
        words = self.words
        if not words.is_sign(i, "+") or not words[i].gap or moment.iso:
            return False
        return words.digits(i + 1) < 4 and not words.is_sign(i + 2, ":", tight=True)

    def _clock_at(self, i: int) -> bool:
        return read_clock(self.words, i, Sure(zone_at=lambda _: False, leading=False)) is not None

    def _negative_offset(self, moment: Moment, i: int) -> tuple[NamedZone, int] | None:
        """`-05:00` is an offset after an ISO time, in four figures, or where it cannot be the end of a range."""
        words, clock = self.words, moment.clock
        if clock is None or clock.hour is None or not words.is_sign(i, *DASHES):
            return None
        found = read_offset(words, i)
        if found is None:
            return None
        full = moment.date is not None and clock.second is not None
        four = words.digits(i + 1) == 4 and words[i].gap
        colon = words[i].gap and words.is_sign(i + 2, ":", tight=True)
        before = colon and (words.number(i + 1), words.number(i + 3)) < (clock.hour, clock.minute or 0)
        if not (four or before or ((moment.iso or full) and not words[i].gap)):
            return None
        return at_offset(found[0]), found[1]

    def _behind(self, moment: Moment, i: int) -> int | None:
        """An offset west of Greenwich, before its sign is taken for a range."""
        found = self._negative_offset(moment, i) if moment.zone is None else None
        if found is None:
            return None
        moment.zone = found[0]
        return found[1]

    def _other_zone(self, moment: Moment, i: int) -> int | None:
        """`12:58 PDT / 19:58 GMT`: the same instant in another zone."""
        if moment.clock is None or not self.words.is_sign(i, "/", "="):
            return None
        other = Moment()
        stop = self._items(other, i + 1, leading=False)
        if other.clock is None or other.zone is None:
            return None
        moment.others.append(other)
        return stop

    def _range(self, moment: Moment, i: int, *, inside: bool) -> int | None:
        """The end of a range: `09:00 - 11:00`, `from 9:00 to 11:00`, `12:26-12:??`, `10:30 - ongoing`."""
        if moment.clock is None:
            return self._days(moment, i)
        if moment.clock.hour is None:
            return None
        start = self._range_sign(moment, i, inside)
        if start is None:
            return None
        if self.words.is_word(start, "ongoing", "present") or self._question(start):
            moment.open_end = True
            return start + 1 + (self.words.is_sign(start + 1, "?", tight=True))
        end = Moment()
        first = end_prefix(self.words, end, start)
        stop = self._bare_end(moment, end, first) or self._items(end, first, leading=False)
        if end.clock is None or end.end is not None:
            return None
        moment.range_to(end)
        return stop

    def _bare_end(self, moment: Moment, end: Moment, i: int) -> int | None:
        """The end of `between 10:30 and 11`, which cannot be without one."""
        words = self.words
        if not moment.between or words.digits(i) not in (1, 2) or words.number(i) > 23 or words.runs_on(i + 1):
            return None
        if words.is_sign(i + 1, ":", ".", tight=True) or read_clock(words, i, self._sure(end, i, False)):
            return None
        end.clock = Clock(hour=words.number(i))
        return i + 1

    def _days(self, moment: Moment, i: int) -> int | None:
        """`2024-01-16 to 2024-02-28`: a range of whole days."""
        start = self._range_sign(moment, i, inside=False) if moment.date and moment.date.readings else None
        found = read_date(self.words, start) if start is not None else None
        if found is None or not found[0].readings or self._clock_at(found[1]):
            return None
        moment.end = Moment(date=found[0])
        return found[1]

    def _question(self, i: int) -> bool:
        return self.words.is_sign(i, "?") and (self.words.is_end(i + 1) or self.words.is_sign(i + 1, "?"))

    def _range_sign(self, moment: Moment, i: int, inside: bool) -> int | None:
        words = self.words
        if words.is_sign(i, "-") and words.is_sign(i + 1, ">", tight=True):
            return i + 2
        if words.is_sign(i, ".") and words.is_sign(i + 1, ".", tight=True) and words.digits(i + 2, tight=True):
            return i + 2
        if words.is_sign(i, *DASHES, "~", "→", "…"):
            return i + 1
        if words.is_word(i, *_RANGE_WORDS) or (words.is_word(i, "and") and (moment.between or inside)):
            return i + 1
        return None

    def _bracket(self, moment: Moment, i: int) -> int | None:
        """A zone, a day, the same instant elsewhere, or a remark, in brackets behind the time."""
        words = self.words
        if not words.is_sign(i, "(", "[") or not moment.says_when():
            return None
        inner = Moment(date=None)
        stop = self._items(inner, prefixes(self.words, inner, i + 1), leading=False, inside=True)
        if words.is_sign(stop, ")", "]") and stop > i + 1 and not inner.notes and moment.merge(inner):
            return stop + 1
        return remark(self.words, moment, i)
