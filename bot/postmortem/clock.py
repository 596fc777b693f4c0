"""How times are printed: never without a zone, as exact as they are known, never more exact."""

from __future__ import annotations

from datetime import UTC, datetime

from bot.incident import Entry, Precision
from bot.ports import NotAllowed
from bot.postmortem.markdown import escaped
from bot.spoken.zone import iana_zone

MINUTE, HOUR, DAY = 60, 3600, 86400
ROUGH = frozenset({Precision.HOUR, Precision.DATE, Precision.APPROXIMATE, Precision.RANGE})


class Clock:
    """Prints instants in one IANA zone and in UTC. Raises NotAllowed for a zone that nobody knows.

    With `began`, a time on another day than that has its date in a sentence.
    """

    def __init__(self, zone: str, *, began: datetime | None = None) -> None:
        if (found := iana_zone(zone)) is None:
            raise NotAllowed(f"The draft was not written: {zone!r} is no time zone; use a name like Europe/Berlin.")
        self.zone = found
        self.name = zone
        self.only_utc = zone in {"UTC", "Etc/UTC"}
        self.first_day = self.day(began) if began else ""

    def local(self, at: datetime) -> datetime:
        """The same instant on the wall clock of the zone."""
        return at.astimezone(self.zone)

    def day(self, at: datetime) -> str:
        """The date of an instant on the wall calendar of the zone."""
        return f"{self.local(at):%Y-%m-%d}"

    def word(self, at: datetime) -> str:
        """The zone's abbreviation at that instant (EAT), or its offset where it has none (UTC-03:00)."""
        word = self.local(at).tzname() or ""
        return word if word.isalpha() else self.offset(at)

    def offset(self, at: datetime) -> str:
        """The distance from UTC at that instant: UTC+03:00."""
        sign = f"{self.local(at):%z}"
        return f"UTC{sign[:3]}:{sign[3:5]}"

    def zones(self, instants: list[datetime]) -> str:
        """Each abbreviation that occurs, with its offset: CET (UTC+01:00), CEST (UTC+02:00)."""
        found = {self.word(at): self.offset(at) for at in instants}
        return ", ".join(word if word.startswith("UTC") else f"{word} ({off})" for word, off in found.items())

    def at(self, at: datetime, precision: Precision = Precision.SECOND, *, date: bool = False, utc: bool = True) -> str:
        """An instant for a sentence: 13:30 EAT (10:30 UTC), with the date or without UTC where asked for."""
        date = date or self.first_day not in ("", self.day(at))
        if self.only_utc or not utc:
            return f"{_clock(self.local(at), precision, date=date)} {self.word(at)}"
        local, there = self.local(at), at.astimezone(UTC)
        other_day = local.date() != there.date()
        return (
            f"{_clock(local, precision, date=date or other_day)} {self.word(at)} "
            f"({_clock(there, precision, date=other_day)} UTC)"
        )

    def roughly(self, at: datetime, precision: Precision, *, date: bool = False, utc: bool = True) -> str:
        """The same, and said to be about then where no minute is known."""
        said = self.at(at, precision, date=date, utc=utc)
        return f"about {said}" if precision in ROUGH else said

    def when(self, entry: Entry) -> str:
        """When an entry happened, for a sentence, with what is not known of it."""
        if entry.occurred_at is None:
            return unknown(entry)
        if entry.precision is Precision.DATE:
            return f"{self.local(entry.occurred_at):%Y-%m-%d} {self.word(entry.occurred_at)} (hour not known)"
        said = self.at(entry.occurred_at, entry.precision)
        return f"about {said}" if entry.precision in ROUGH else said

    def cell(self, entry: Entry, *, date: bool, utc: bool = False) -> str:
        """When an entry happened, for a column of the timeline: local, or UTC."""
        if entry.occurred_at is None:
            return "unknown" if utc else unknown(entry)
        zone = UTC if utc or self.only_utc else self.zone
        word = "UTC" if utc or self.only_utc else self.word(entry.occurred_at)
        at = entry.occurred_at.astimezone(zone)
        if entry.precision is Precision.DATE:
            return f"{at:%Y-%m-%d} {word}, hour not known"
        said = _clock(at, entry.precision, date=date)
        if entry.precision is Precision.RANGE and entry.ends_at:
            ends = entry.ends_at.astimezone(zone)
            last = "UTC" if word == "UTC" else self.word(entry.ends_at)
            upto = f"{_clock(ends, Precision.MINUTE, date=ends.date() != at.date())} {last}"
            return f"{said} to {upto}" if last == word else f"{said} {word} to {upto}"
        return f"about {said} {word}" if entry.precision in ROUGH else f"{said} {word}"


def unknown(entry: Entry) -> str:
    """A time that nobody knows, with what was typed."""
    return f"unknown (typed “{escaped(entry.typed)}”)" if entry.typed else "unknown"


def _clock(at: datetime, precision: Precision, *, date: bool) -> str:
    exact = "%H:%M:%S" if precision is Precision.SECOND else "%H:%M"
    return at.strftime(f"%Y-%m-%d {exact}" if date else exact)


def span(seconds: float, *, exact: bool = True) -> str:
    """A duration in words: 1 d 2 h 5 min; 43 min 10 s; 1.4 s. Not exact: whole minutes."""
    left = abs(seconds)
    if exact and left < 10:
        return f"{left:.1f} s"
    whole = int(left + 0.5) if exact else int(left) // MINUTE * MINUTE
    parts = []
    for size, unit in ((DAY, "d"), (HOUR, "h"), (MINUTE, "min"), (1, "s")):
        count, whole = divmod(whole, size)
        if count:
            parts.append(f"{count} {unit}")
    if "d" in "".join(parts) or len(parts) > 3:
        parts = [p for p in parts if not p.endswith(" s")]
    return " ".join(parts) or "0 min"
