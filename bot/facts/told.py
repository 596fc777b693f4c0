"""What people said, and how they corrected it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from bot.facts.fact import Fact, What
from bot.incident import ActionItem, Entry, Incident, Kind, Person, Precision, Revision, Status


@dataclass(frozen=True, kw_only=True)
class Told(What):
    """Somebody said something that belongs into the timeline."""

    kind: Kind
    text: str
    typed: str = ""
    precision: Precision = Precision.SECOND
    ends_at: datetime | None = None

    def add_to(self, incident: Incident, fact: Fact) -> None:
        fact.entry(incident, self.kind, self.text, typed=self.typed, precision=self.precision, ends_at=self.ends_at)
        if (point := POINTS.get(self.kind)) and fact.occurred_at:
            incident.times[point] = fact.occurred_at
        if self.kind is Kind.MITIGATED and incident.status in {Status.INVESTIGATING, Status.IDENTIFIED}:
            incident.status = Status.MONITORING


POINTS = {
    Kind.BEGAN: "began",
    Kind.DETECTED: "detected",
    Kind.ACKNOWLEDGED: "acknowledged",
    Kind.MITIGATED: "mitigated",
    Kind.RESOLVED: "resolved",
}
"""The entries that state a key time, and its name in `Incident.times`."""


@dataclass(frozen=True, kw_only=True)
class Corrected(What):
    """Somebody corrected an entry; what is None stays. The old words are kept in its history."""

    entry: str
    text: str | None = None
    typed: str | None = None
    precision: Precision | None = None
    ends_at: datetime | None = None

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if not (entry := incident.entry(self.entry)):
            return
        keep_old(entry, fact)
        if self.text is not None:
            entry.text = self.text
            entry.by_hand = True
        if self.typed is not None:
            was = entry.occurred_at
            entry.occurred_at = fact.occurred_at
            entry.typed = self.typed
            entry.precision = self.precision or entry.precision
            entry.ends_at = self.ends_at
            point = POINTS.get(entry.kind)
            if point and fact.occurred_at and incident.times.get(point) == was:
                incident.times[point] = fact.occurred_at


@dataclass(frozen=True, kw_only=True)
class Dropped(What):
    """Somebody took an entry out of the timeline. It stays in the record."""

    entry: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if entry := incident.entry(self.entry):
            keep_old(entry, fact)
            entry.dropped = True
            _restate(incident, entry.kind)


@dataclass(frozen=True, kw_only=True)
class Restored(What):
    """Somebody put a dropped entry back."""

    entry: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if entry := incident.entry(self.entry):
            keep_old(entry, fact)
            entry.dropped = False
            _restate(incident, entry.kind)


def _restate(incident: Incident, kind: Kind) -> None:
    """A key time is what the last entry says that states it; without one its default holds again."""
    if kind is Kind.RESOLVED or not (point := POINTS.get(kind)):
        return
    stated = [e.occurred_at for e in incident.entries if e.kind is kind and not e.dropped and e.occurred_at]
    incident.times.pop(point, None)
    if stated:
        incident.times[point] = stated[-1]


def keep_old(entry: Entry, fact: Fact) -> None:
    """Keep what the entry said until this fact."""
    entry.history.append(
        Revision(
            at=fact.recorded_at,
            by=fact.author.name or fact.author.id,
            occurred_at=entry.occurred_at,
            typed=entry.typed,
            text=entry.text,
            dropped=entry.dropped,
            precision=entry.precision,
            ends_at=entry.ends_at,
        )
    )


@dataclass(frozen=True, kw_only=True)
class SeveritySet(What):
    """Somebody set how bad it is."""

    severity: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        before, incident.severity = incident.severity, self.severity
        fact.entry(incident, Kind.SEVERITY, f"Severity {before} → {self.severity}" if before else self.severity)


@dataclass(frozen=True, kw_only=True)
class StatusSet(What):
    """Somebody said where the incident stands."""

    status: Status

    def add_to(self, incident: Incident, fact: Fact) -> None:
        before, incident.status = incident.status, self.status
        fact.entry(incident, Kind.STATUS, f"Status {before} → {self.status}")


@dataclass(frozen=True, kw_only=True)
class TitleSet(What):
    """Somebody gave it a better title."""

    title: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.title = self.title
        fact.entry(incident, Kind.TITLE, f"Title: {self.title}")


@dataclass(frozen=True, kw_only=True)
class RoleGiven(What):
    """Somebody took a role."""

    role: str
    person: Person

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.roles[self.role] = self.person
        fact.entry(incident, Kind.ROLE, f"{self.role}: {self.person.name or self.person.id}")


@dataclass(frozen=True, kw_only=True)
class ActionAdded(What):
    """Somebody named something to be done afterwards."""

    text: str
    owner: str = ""
    due: str = ""
    type: str = "prevent"
    priority: str = ""
    done_when: str = ""
    ticket: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        entry = fact.entry(incident, Kind.ACTION_ITEM, self.text)
        incident.action_items.append(
            ActionItem(
                id=f"A{len(incident.action_items) + 1}",
                text=self.text,
                owner=self.owner,
                due=self.due,
                type=self.type,
                priority=self.priority,
                done_when=self.done_when,
                ticket=self.ticket,
                entry=entry.id,
            )
        )


@dataclass(frozen=True, kw_only=True)
class ActionDone(What):
    """Somebody finished an action item."""

    item: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        for n, item in enumerate(incident.action_items):
            if item.id == self.item:
                incident.action_items[n] = replace(item, state="done")
                fact.entry(incident, Kind.ACTION_ITEM, f"Done: {item.text}")
