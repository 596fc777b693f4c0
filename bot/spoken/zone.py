"""Time zones as people name them: `EAT`, `GMT+1`, `Eastern time`, `US/Pacific`, `Nairobi time`.

An abbreviation is its literal offset. One with several meanings is decided by the zone of the person
or the incident, and asked about where that does not decide it. `GMT+1` is ahead of GMT, as people mean it.
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo

from bot.ports import NotAllowed
from bot.spoken.words import DASHES, Unclear, Words
from bot.spoken.zone_names import (
    AMBIGUOUS,
    CAPITALS_ONLY,
    FIXED,
    LETTERS,
    LONE_REGIONS,
    NO_ZONES,
    NOT_A_ZONE_THEN,
    SPOKEN,
)

_ALONE = re.compile(
    r"(?:UTC|GMT)?\s*(?P<sign>[-+–—−]?)(?P<hours>\d{1,2})(?:(?P<part>\.\d+)|:?(?P<minutes>[0-5]\d))?", re.IGNORECASE
)
# West of Greenwich only these zones have had minutes; `UTC-11:30` is the end of a range.
_WEST_WITH_MINUTES = ((1, 30), (2, 30), (3, 30), (3, 45), (4, 30), (8, 30), (9, 30), (10, 40))


@dataclass(frozen=True, kw_only=True)
class NamedZone:
    """A zone as it was named. `tz` is None where the name is unknown or has several meanings."""

    name: str
    tz: tzinfo | None = None
    local: bool = False


@dataclass(frozen=True, kw_only=True)
class FoundZone:
    """What a named zone turned out to be, and what there is to say about it."""

    tz: tzinfo
    warnings: tuple[str, ...] = ()


def iana_zone(name: str) -> ZoneInfo | None:
    """The zone of the zone database with exactly this name, such as Africa/Nairobi; None when there is none."""
    try:
        return ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):  # OSError: a folder of zones, such as Africa
        return None


def zone_of(text: str) -> tzinfo:
    """The zone that a setting, an option or a heading names: `EAT`, `+3`, `-4.5`, `UTC+01:00`, `Africa/Nairobi`.

    Raises NotAllowed for a name that is unknown or has several meanings.
    """
    clean = text.strip()
    plain = _hours(clean)
    if plain is not None:
        return plain
    words = Words(clean)
    found = read_zone(words, 0, names=frozenset())
    if found is None or words[found[1]].kind != "end":
        raise NotAllowed(f"“{clean}” is not a time zone I know; name one like Africa/Nairobi, EAT or UTC+3.")
    named = found[0]
    if named.local:
        raise NotAllowed("“local” does not say which zone; name one like Africa/Nairobi, EAT or UTC+3.")
    try:
        return settle(named, home=UTC, on=date(2000, 1, 1)).tz
    except Unclear as unclear:
        raise NotAllowed(f"{unclear.question} Name one like Africa/Nairobi or UTC+3.") from None


def at_offset(offset: timedelta) -> NamedZone:
    """The zone at a fixed distance from UTC, under the name that people write."""
    name = offset_label(offset)
    return NamedZone(name=name, tz=timezone(offset, name) if offset else UTC)


def offset_label(offset: timedelta) -> str:
    """An offset as people write it: `UTC`, `UTC+3`, `UTC-4:30`."""
    seconds = int(offset.total_seconds())
    if seconds == 0:
        return "UTC"
    hours, minutes = divmod(abs(seconds) // 60, 60)
    return f"UTC{'+' if seconds > 0 else '-'}{hours}" + (f":{minutes:02}" if minutes else "")


def label(at: datetime, tz: tzinfo) -> str:
    """How a zone is called at an instant: its abbreviation if it has one, else its offset."""
    local = at.astimezone(tz)
    name = local.tzname() or ""
    offset = local.utcoffset() or timedelta(0)
    known = FIXED.get(name.upper())
    if name.upper() in AMBIGUOUS or (known is not None and timedelta(hours=known[0]) == offset != timedelta(0)):
        return name.upper()
    return name.upper() if name.upper() in ("GMT", "WET") else offset_label(offset)


@lru_cache(maxsize=512)
def names_of(tz: tzinfo, year: int) -> dict[str, timedelta]:
    """The abbreviations that a zone itself uses in a year, with their offsets, if they have one each."""
    found: dict[str, set[timedelta]] = {}
    for month in range(1, 13):
        there = datetime(year, month, 1, 12, tzinfo=tz)
        name, offset = there.tzname() or "", there.utcoffset()
        if name.isalpha() and offset is not None:
            found.setdefault(name.upper(), set()).add(offset)
    return {name: offsets.pop() for name, offsets in found.items() if len(offsets) == 1}


def read_zone(words: Words, i: int, *, names: frozenset[str]) -> tuple[NamedZone, int] | None:
    """A zone at this position; `names` are further abbreviations that the reader's own zone uses."""
    return (
        _universal(words, i)
        or _place(words, i)
        or _abbreviation(words, i, names)
        or _spoken(words, i)
        or _city(words, i)
        or _unknown(words, i)
    )


def read_offset(words: Words, i: int) -> tuple[timedelta, int] | None:
    """A signed offset: `+3`, `-04:30`, `+0200`; the sign stands at the digits."""
    digits = words.digits(i + 1, tight=True)
    if not words.is_sign(i, "+", *DASHES) or not digits:
        return None
    value, stop, minutes = words.number(i + 1), i + 2, 0
    if digits in (3, 4):
        value, minutes = divmod(value, 100)
    elif digits > 2:
        return None
    elif words.is_sign(stop, ":", tight=True) and words.digits(stop + 1, tight=True) == 2:
        minutes, stop = words.number(stop + 1), stop + 2
    if value > 14 or minutes > 59 or words.runs_on(stop) or words.is_sign(stop, ":", tight=True):
        return None
    if not words.is_sign(i, "+") and minutes and (value, minutes) not in _WEST_WITH_MINUTES:
        return None
    sign = 1 if words.is_sign(i, "+") else -1
    return sign * timedelta(hours=value, minutes=minutes), stop


def settle(named: NamedZone, *, home: tzinfo, on: date) -> FoundZone:
    """Which zone a name means to somebody whose own zone is `home`. Raises Unclear."""
    if named.local:
        return FoundZone(tz=home)
    if named.tz is not None:
        return FoundZone(tz=named.tz)
    own = names_of(home, on.year).get(named.name)
    if own is not None:
        return FoundZone(tz=timezone(own, named.name))
    if named.name in AMBIGUOUS:
        return FoundZone(tz=_meant(named.name, home, on))
    if named.name == "BST" and _noon(home, on.year, on.month) == timedelta(hours=6):
        return FoundZone(tz=timezone(timedelta(hours=6), "BST"))
    if named.name not in FIXED:
        choices = tuple(dict.fromkeys(("UTC", label_of(home, on))))
        raise Unclear(f"{named.name} is not a time zone I know; is it UTC?", choices)
    return FoundZone(tz=timezone(timedelta(hours=FIXED[named.name][0]), named.name))


def out_of_season(name: str, local: datetime, tz: tzinfo, *, home: tzinfo) -> str | None:
    """A warning where clocks in an abbreviation's region showed another offset on that day."""
    region = FIXED.get(name, (0, ""))[1] or next((r for _, r, h in AMBIGUOUS.get(name, ()) if _is(tz, h)), "")
    if not region or _year_round(name, home, local.year):
        return None
    at = local.replace(tzinfo=tz)
    there = at.astimezone(ZoneInfo(region))
    if there.utcoffset() == tz.utcoffset(None):
        return None
    literal = offset_label(tz.utcoffset(None) or timedelta(0))
    return f"{name} is {literal}; clocks there then showed {there:%H:%M} {there.tzname()}"


def label_of(tz: tzinfo, on: date) -> str:
    """How a zone is called at noon of a day."""
    return label(datetime(on.year, on.month, on.day, 12, tzinfo=tz), tz)


def _year_round(name: str, home: tzinfo, year: int) -> bool:
    return set(names_of(home, year)) == {name}


def _is(tz: tzinfo, hours: float) -> bool:
    return tz.utcoffset(None) == timedelta(hours=hours)


def _meant(name: str, home: tzinfo, on: date) -> tzinfo:
    for _, region, hours in AMBIGUOUS[name]:
        if _fits(home, ZoneInfo(region), timedelta(hours=hours), name, on.year):
            return timezone(timedelta(hours=hours), name)
    means = [f"{what} ({offset_label(timedelta(hours=hours))})" for what, _, hours in AMBIGUOUS[name]]
    choices = tuple(offset_label(timedelta(hours=hours)) for _, _, hours in AMBIGUOUS[name])
    raise Unclear(f"{name} is ambiguous: {', '.join(means[:-1])} or {means[-1]}?", choices)


def _fits(home: tzinfo, region: ZoneInfo, offset: timedelta, name: str, year: int) -> bool:
    """Whether a person's clocks are those of a region: summer and winter, or the bare offset that was set."""
    if isinstance(home, timezone):
        own = home.tzname(None)
        return home.utcoffset(None) == offset and (own.startswith("UTC") or own == name)
    return all(_noon(home, year, month) == _noon(region, year, month) for month in (1, 7))


def _noon(tz: tzinfo, year: int, month: int) -> timedelta:
    return datetime(year, month, 15, 12, tzinfo=tz).utcoffset() or timedelta(0)


def _hours(text: str) -> tzinfo | None:
    """An offset that stands alone, where a minus cannot be the end of a range: `-8`, `UTC+5.5`, `-04:30`, `-0800`."""
    found = _ALONE.fullmatch(text)
    if found is None:
        return None
    hours = float(found["hours"] + (found["part"] or "")) * 60 + int(found["minutes"] or 0)
    offset = timedelta(minutes=round(-hours if found["sign"] in DASHES else hours))
    return at_offset(offset).tz if abs(offset) <= timedelta(hours=14) else None


def _universal(words: Words, i: int) -> tuple[NamedZone, int] | None:
    if not words.is_word(i, "utc", "gmt", "z", "zulu"):
        bare = read_offset(words, i)
        return (at_offset(bare[0]), bare[1]) if bare and words.is_sign(i, "+") else None
    if words.is_sign(i + 1, "-", tight=True) and words.is_word(i + 2) and not words[i + 2].gap:
        return None
    if words.low(i) in ("z", "zulu") and (words.runs_on(i + 1) or (words[i].text == "z" and words[i].gap and i > 0)):
        return None
    offset = read_offset(words, i + 1) if not words.low(i).startswith("z") else None
    if offset is not None:
        return at_offset(offset[0]), offset[1]
    if words.runs_on(i + 1):
        return None
    return NamedZone(name="UTC", tz=UTC), words.phrase(i + 1, "time") or i + 1


def _place(words: Words, i: int) -> tuple[NamedZone, int] | None:
    """A name of the zone database: `Africa/Nairobi`, `us/pacific`, `Etc/GMT+1`."""
    if not words.is_word(i) or not words.is_sign(i + 1, "/", tight=True) or words[i + 2].gap:
        return None
    stop = i + 3
    while words.is_sign(stop, "/", "-", "+", tight=True) and not words[stop + 1].gap:
        stop += 2
    tz = _database(words.typed(i, stop))
    if tz is None or words.runs_on(stop):
        return None
    return NamedZone(name=str(tz), tz=tz), words.phrase(stop, "time") or stop


_ALIASES = {
    "US/Eastern": "America/New_York", "US/Central": "America/Chicago", "US/Mountain": "America/Denver",
    "US/Pacific": "America/Los_Angeles", "US/Alaska": "America/Anchorage", "US/Hawaii": "Pacific/Honolulu",
}  # fmt: skip


@lru_cache(maxsize=256)
def _database(name: str) -> ZoneInfo | None:
    for spelled in (
        name,
        "/".join(part.title() for part in name.split("/")),
        _all_zones().get(name.lower(), name),
    ):
        if (tz := iana_zone(_ALIASES.get(spelled, spelled))) is not None:
            return tz
    return None


@lru_cache(maxsize=1)
def _all_zones() -> dict[str, str]:
    return {name.lower(): name for name in zoneinfo.available_timezones()}


def _abbreviation(words: Words, i: int, names: frozenset[str]) -> tuple[NamedZone, int] | None:
    slashed = words.is_sign(i + 1, "/", tight=True) and bool(words.digits(i + 2))
    if not words.is_word(i) or (words.runs_on(i + 1) and not slashed):
        return None
    typed, name = words[i].text, words[i].text.upper()
    if name in ("UTC", "GMT", "Z", "UCT") or (typed != name and (name in CAPITALS_ONLY or not typed.islower())):
        return (NamedZone(name=name), i + 1) if name in names and typed != typed.lower() else None
    if typed in LETTERS:
        return NamedZone(name=typed, tz=_database(SPOKEN[LETTERS[typed]])), i + 1
    if name in FIXED or name in AMBIGUOUS or (name in names and typed == name):
        return NamedZone(name=name), words.phrase(i + 1, "time") or i + 1
    return None


def _spoken(words: Words, i: int) -> tuple[NamedZone, int] | None:
    """`Eastern time`, `Pacific Daylight Time`, `East Africa Time`, `Pacific` alone, `local time`."""
    if words.is_word(i, "local") and (words.is_word(i + 1, "time") or words.is_end(i + 1)):
        return NamedZone(name="local", local=True), words.phrase(i + 1, "time") or i + 1
    start = i + 1 if words.is_word(i, "us") and words.is_word(i + 1, *LONE_REGIONS) else i
    for length in (2, 1):
        key = " ".join(words.low(start + n) for n in range(length))
        after = start + length
        if key not in SPOKEN:
            continue
        season = words.low(after) if words.is_word(after, "standard", "daylight", "summer") else ""
        stop = words.phrase(after + bool(season), "time")
        if stop is not None:
            return _in_season(key, season, words.typed(i, stop)), stop
        if start > i or _alone(words, start, key):
            return NamedZone(name=words.typed(i, after), tz=_database(SPOKEN[key])), after
    return None


def _alone(words: Words, i: int, key: str) -> bool:
    if key not in LONE_REGIONS or words.runs_on(i + 1):
        return False
    if words.is_end(i + 1):
        return True
    return key != "central" and words[i].text.istitle() and not words.is_word(i + 1, *NOT_A_ZONE_THEN)


def _in_season(key: str, season: str, typed: str) -> NamedZone:
    """A season that is said fixes the offset, as an abbreviation does."""
    tz = _database(SPOKEN[key])
    if tz is None or not season:
        return NamedZone(name=typed, tz=tz)
    halves = {_noon(tz, 2025, month) for month in (1, 7)}
    offset = min(halves) if season == "standard" else max(halves)
    return NamedZone(name=typed, tz=timezone(offset, offset_label(offset)))


def _city(words: Words, i: int) -> tuple[NamedZone, int] | None:
    """`Nairobi time`, `New York time`: the last part of a name of the zone database."""
    for length in (1, 2, 3):
        stop = words.phrase(i + length, "time")
        if stop is not None and all(words.is_word(i + n) for n in range(length)):
            key = "/" + "_".join(words.low(i + n) for n in range(length))
            found = sorted(name for low, name in _all_zones().items() if low.endswith(key))
            tz = _database(found[0]) if found else None
            return (NamedZone(name=str(tz), tz=tz), stop) if tz else None
    return None


def _unknown(words: Words, i: int) -> tuple[NamedZone, int] | None:
    """Capitals that look like a zone, such as `UST`: kept, so that they are asked about."""
    text = words[i].text
    looks = words.is_word(i) and text.isupper() and len(text) in (3, 4) and text[-2:] in ("ST", "DT")
    if not looks or text in NO_ZONES or words.runs_on(i + 1):
        return None
    return NamedZone(name=text), i + 1
