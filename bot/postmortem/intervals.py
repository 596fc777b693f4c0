"""The key times of an incident and the intervals between them. Every value names the two entries it comes from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.facts import REPAIR_WORDS
from bot.incident import Entry, Incident, Kind, Precision, RepairState, Verdict
from bot.postmortem.clock import ROUGH, span

LABELS = {
    "began": "Impact began",
    "detected": "Detected",
    "notified": "Team notified",
    "acknowledged": "Acknowledged",
    "cause": "Cause proved",
    "approved": "Repair approved",
    "mitigated": "Mitigated",
    "resolved": "Resolved",
}
ALWAYS = ("began", "detected", "acknowledged", "mitigated", "resolved")
MISSING = {
    "began": "the start of impact",
    "detected": "the detection",
    "acknowledged": "the acknowledgement",
    "mitigated": "the mitigation",
    "resolved": "the resolution",
}


@dataclass(frozen=True, kw_only=True)
class Point:
    """A key time and the entry it is taken from. `derived` says how, when nobody stated it."""

    name: str
    at: datetime
    entry: Entry
    derived: str = ""
    precision: Precision = Precision.SECOND

    @property
    def label(self) -> str:
        """Its name in the draft."""
        return LABELS.get(self.name, self.name)


@dataclass(frozen=True, kw_only=True)
class Interval:
    """The time between two points; without one of them it cannot be computed, and says why."""

    label: str
    start: Point | None
    end: Point | None
    missing: str = ""

    @property
    def seconds(self) -> float | None:
        """Its length in seconds, negative when the end came first."""
        return (self.end.at - self.start.at).total_seconds() if self.start and self.end else None

    @property
    def value(self) -> str:
        """Its length in words, only as exact as both ends are."""
        if self.start is None or self.end is None or self.seconds is None:
            return f"cannot be computed: {self.missing} {'are' if ' and ' in self.missing else 'is'} not recorded"
        kinds = {self.start.precision, self.end.precision}
        said = span(self.seconds, exact=kinds == {Precision.SECOND})
        said = f"about {said}" if kinds & ROUGH else said
        return f"minus {said} (the second came first)" if self.seconds < 0 else said


def points(incident: Incident, shown: Sequence[Entry]) -> dict[str, Point]:
    """The key times that can be shown with an entry, in the order of LABELS."""
    found = {
        "began": _stated(incident, shown, "began", Kind.BEGAN),
        "detected": _stated(incident, shown, "detected", Kind.DETECTED) or _first_alert(incident, shown),
        "notified": _first(shown, "notified", Kind.NOTIFIED),
        "acknowledged": _stated(incident, shown, "acknowledged", Kind.ACKNOWLEDGED) or _first_said(incident, shown),
        "cause": _proved(incident, shown),
        "approved": _repair(incident, shown, "approved", RepairState.APPROVED),
        "mitigated": _stated(incident, shown, "mitigated", Kind.MITIGATED)
        or _repair(incident, shown, "mitigated", RepairState.VERIFIED),
        "resolved": _stated(incident, shown, "resolved", Kind.RESOLVED),
    }
    return {name: point for name, point in found.items() if point}


def _point(name: str, entry: Entry, *, derived: str = "") -> Point | None:
    if entry.occurred_at is None:
        return None
    return Point(name=name, at=entry.occurred_at, entry=entry, derived=derived, precision=entry.precision)


def _stated(incident: Incident, shown: Sequence[Entry], name: str, kind: Kind) -> Point | None:
    at = incident.times.get(name)
    told = [e for e in shown if at and e.occurred_at == at]
    own = [e for e in told if e.kind is kind]
    return _point(name, (own or told)[-1]) if told else None


def _first(shown: Sequence[Entry], name: str, kind: Kind, derived: str = "") -> Point | None:
    entry = next((e for e in shown if e.kind is kind and e.occurred_at), None)
    return _point(name, entry, derived=derived) if entry else None


def _first_alert(incident: Incident, shown: Sequence[Entry]) -> Point | None:
    alerts = [e for e in shown if e.kind is Kind.ALERT and e.occurred_at]
    exact = [e for e in alerts if e.occurred_at == incident.detected_at]
    return _point("detected", (exact or alerts)[0], derived="the first alert") if alerts else None


def _first_said(incident: Incident, shown: Sequence[Entry]) -> Point | None:
    at = incident.acknowledged_at
    said = [e for e in shown if e.source.human and e.recorded_at == at]
    entry = next((e for e in said if e.occurred_at == at), said[0] if said else None)
    if entry is None or at is None or "acknowledged" in incident.times:
        return None
    return Point(name="acknowledged", at=at, entry=entry, derived="when a person first said something")


def _proved(incident: Incident, shown: Sequence[Entry]) -> Point | None:
    ids = {c.entry for c in incident.causes if c.verdict is Verdict.PROVED}
    entry = next((e for e in shown if e.id in ids), None)
    return _point("cause", entry) if entry else None


def _repair(incident: Incident, shown: Sequence[Entry], name: str, state: RepairState) -> Point | None:
    ids = {id for repair in incident.repairs for id in repair.entries}
    word = STATE_WORDS[state]
    entry = next((e for e in shown if e.id in ids and e.text.startswith(word)), None)
    derived = "the first verified repair" if state is RepairState.VERIFIED else ""
    return _point(name, entry, derived=derived) if entry else None


STATE_WORDS = {state: f"{word}:" for state, word in REPAIR_WORDS.items()}
"""How the entries of a repair begin."""


def intervals(points: Mapping[str, Point], shown: Sequence[Entry]) -> list[Interval]:
    """The intervals that the draft prints; those that nothing can give are there, too, and say what is missing."""
    wanted = [
        ("To detect", "began", "detected"),
        ("To notify", "detected", "notified"),
        ("To acknowledge", "detected", "acknowledged"),
        ("To prove the cause", "detected", "cause"),
        ("To approve the repair", "cause", "approved"),
        ("To mitigate, from detection", "detected", "mitigated"),
        ("To mitigate, from the start of impact", "began", "mitigated"),
        ("To resolve, from detection", "detected", "resolved"),
        ("To resolve, from the start of impact", "began", "resolved"),
    ]
    made = [_interval(points, label, a, b) for label, a, b in wanted if _shown(points, a, b)]
    window = whole(points, shown)
    return [*made, window] if window else made


def _shown(points: Mapping[str, Point], start: str, end: str) -> bool:
    if (start, end) in {("began", "mitigated"), ("began", "resolved")}:
        return start in points
    return all(name in points or name in ALWAYS for name in (start, end))


def _interval(points: Mapping[str, Point], label: str, start: str, end: str) -> Interval:
    gone = [MISSING[name] for name in (start, end) if name not in points]
    return Interval(label=label, start=points.get(start), end=points.get(end), missing=" and ".join(gone))


def whole(points: Mapping[str, Point], shown: Sequence[Entry]) -> Interval | None:
    """From the first to the last event, up to the resolution: statements written days later do not count."""
    dated = [e for e in shown if e.occurred_at and e.kind not in STATEMENTS]
    if end := points.get("resolved"):
        dated = [e for e in dated if e.occurred_at and e.occurred_at <= end.at]
    if len(dated) < 2:
        return None
    return Interval(
        label="From the first to the last event",
        start=_point("first event", dated[0]),
        end=_point("last event", dated[-1]),
    )


STATEMENTS = frozenset(
    {
        Kind.OPENED,
        Kind.IMPACT,
        Kind.FACTOR,
        Kind.SEVERITY,
        Kind.STATUS,
        Kind.ROLE,
        Kind.TITLE,
        Kind.UPDATE,
        Kind.ACTION_ITEM,
        Kind.CLOSED,
    }
)
"""Kinds that tell about the incident, rather than of something that happened in it."""
