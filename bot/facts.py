"""Facts: what happened to an incident, in the past tense. They are written down once and never changed.

A new kind of fact is one class in this file: its fields are what is stored, `add_to` is what it means. Facts are
for ever, so fields are only ever added, with a default.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.incident import (
    ActionItem,
    AlertSeen,
    CauseSeen,
    Channel,
    CheckSeen,
    Entry,
    Incident,
    Kind,
    Person,
    Precision,
    Repair,
    RepairState,
    Revision,
    Source,
    Status,
    Trouble,
    Verdict,
)
from bot.journal import stamp
from bot.record import from_record


@dataclass(frozen=True, kw_only=True)
class Fact:
    """One thing that happened: what, when it happened, when it was recorded, by whom and how it reached us.

    `key` is unique for ever: recording a fact a second time under the same key changes nothing.
    """

    key: str
    what: What
    occurred_at: datetime | None
    recorded_at: datetime
    author: Person = field(default_factory=Person)
    source: Source = field(default_factory=Source)

    def entry(self, incident: Incident, kind: Kind, text: str, **more: Any) -> Entry:
        """Add the timeline entry that tells of this fact."""
        entry = Entry(
            id=f"E{len(incident.entries) + 1}",
            kind=kind,
            text=text,
            occurred_at=self.occurred_at,
            recorded_at=self.recorded_at,
            author=self.author,
            source=self.source,
            **more,
        )
        incident.entries.append(entry)
        return entry

    @property
    def when(self) -> datetime:
        """When it happened, else when it was recorded."""
        return self.occurred_at or self.recorded_at


class What:
    """The kind of a fact and its contents."""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        """Change the incident as this fact says."""
        raise NotImplementedError


@dataclass(frozen=True, kw_only=True)
class Opened(What):
    """Somebody or an alert opened the incident."""

    title: str
    severity: str
    service: str = ""
    private: bool = False
    drill: bool = False

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.title = self.title
        incident.severity = self.severity
        incident.service = self.service
        incident.private = self.private
        incident.drill = self.drill
        incident.opened_at = fact.when
        fact.entry(incident, Kind.OPENED, self.title)


@dataclass(frozen=True, kw_only=True)
class AlertAttached(What):
    """An alert was found to belong to this incident."""

    alert: AlertSeen

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.alerts.append(self.alert)
        kind = Kind.ALERT if self.alert.bad else Kind.RECOVERED
        where = f" ({self.alert.where})" if self.alert.where else ""
        said = f"{self.alert.source.capitalize()}: {self.alert.transition}: {self.alert.title}{where}"
        fact.entry(incident, kind, said)


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
        _keep_old(entry, fact)
        if self.text is not None:
            entry.text = self.text
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
            _keep_old(entry, fact)
            entry.dropped = True
            _restate(incident, entry.kind)


@dataclass(frozen=True, kw_only=True)
class Restored(What):
    """Somebody put a dropped entry back."""

    entry: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if entry := incident.entry(self.entry):
            _keep_old(entry, fact)
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


def _keep_old(entry: Entry, fact: Fact) -> None:
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
class ChecksAnswered(What):
    """A runbook's checks were asked about one host; all answers of the run, and how they are read."""

    runbook: str
    host: str
    run: str
    results: tuple[CheckSeen, ...]
    causes: tuple[CauseSeen, ...] = ()
    took_ms: int = 0
    warnings: tuple[str, ...] = ()

    def add_to(self, incident: Incident, fact: Fact) -> None:
        entry = fact.entry(incident, Kind.CHECK, self._summary())
        incident.checks += [replace(r, entry=entry.id, run=self.run, runbook=self.runbook) for r in self.results]
        for cause in self.causes:
            self._add_cause(incident, fact, cause, entry)

    def _add_cause(self, incident: Incident, fact: Fact, cause: CauseSeen, run: Entry) -> None:
        told = run.id
        if incident.repaired(cause.host):
            incident.causes.append(replace(cause, entry=told, run=self.run, after_repair=True))
            return
        known = next(
            (c for c in incident.causes if (c.id, c.host, c.verdict) == (cause.id, cause.host, cause.verdict)),
            None,
        )
        if cause.verdict is Verdict.PROVED and not known:
            told = fact.entry(incident, Kind.CAUSE, cause.text).id
            if incident.status is Status.INVESTIGATING:
                incident.status = Status.IDENTIFIED
        elif known:
            told = known.entry
        incident.causes.append(replace(cause, entry=told, run=self.run))

    def _summary(self) -> str:
        states = [r.state for r in self.results]
        counted = ", ".join(
            f"{states.count(s)} {s}" for s in ("fail", "warn", "unknown", "ok", "skipped") if s in states
        )
        hosts = len({r.host for r in self.results})
        return f"Checks of {self.runbook} on {self.host}: {counted or 'none'} ({hosts} hosts, {self.took_ms} ms)"


@dataclass(frozen=True, kw_only=True)
class MonitorLookedUp(What):
    """The alert's source told what its monitor says now, and where to look at it."""

    monitor_id: str
    state: str
    link: str
    name: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        told = {"state": self.state, "link": self.link, "name": self.name, "at": stamp(fact.when)}
        incident.monitors[self.monitor_id] = told


@dataclass(frozen=True, kw_only=True)
class NotChecked(What):
    """No check was run, and why: no runbook fits, the host is not ours, the run itself failed."""

    host: str
    reason: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        fact.entry(incident, Kind.CHECK, self.reason)


@dataclass(frozen=True, kw_only=True)
class RepairOffered(What):
    """A repair was planned and offered for approval; `repair.plan` is the hash over all that was shown."""

    repair: Repair

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if not incident.repair(self.repair.plan):
            entry = fact.entry(incident, Kind.REMEDIATION, f"Offered: {self.repair.title}")
            incident.repairs.append(replace(self.repair, entries=(entry.id,)))


@dataclass(frozen=True, kw_only=True)
class NotOffered(What):
    """A cause was proved and its repair could not be offered, and why."""

    reason: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        fact.entry(incident, Kind.REMEDIATION, self.reason)


@dataclass(frozen=True, kw_only=True)
class RepairApproved(What):
    """Somebody who may approved the plan."""

    plan: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if repair := incident.repair(self.plan):
            entry = fact.entry(incident, Kind.REMEDIATION, f"Approved: {repair.title}")
            by = (*repair.approved_by, fact.author)
            state = RepairState.APPROVED if len(by) >= repair.count else repair.state
            _update(incident, repair, approved_by=by, state=state, at=fact.when, entries=(*repair.entries, entry.id))


@dataclass(frozen=True, kw_only=True)
class RepairMoved(What):
    """The repair reached another state; written before the step that the state names."""

    plan: str
    state: RepairState
    text: str = ""
    details: Mapping[str, Any] = field(default_factory=dict)

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if not (repair := incident.repair(self.plan)):
            return
        entries = repair.entries
        if self.state is not repair.state:
            said = f"{REPAIR_WORDS[self.state]}: {repair.title}" + (f". {self.text}" if self.text else "")
            entries = (*entries, fact.entry(incident, Kind.REMEDIATION, said).id)
        _update(
            incident,
            repair,
            state=self.state,
            at=fact.when,
            text=self.text,
            entries=entries,
            details={**repair.details, **self.details},
        )
        if self.state is RepairState.VERIFIED:
            incident.times.setdefault("repaired", fact.when)
            if incident.status in {Status.INVESTIGATING, Status.IDENTIFIED}:
                incident.status = Status.MONITORING


REPAIR_WORDS = {
    RepairState.OFFERED: "Offered",
    RepairState.APPROVED: "Approved",
    RepairState.RUNNING: "Running",
    RepairState.VERIFIED: "Verified",
    RepairState.PUT_BACK: "Put back",
    RepairState.FAILED: "Failed",
    RepairState.EXPIRED: "Expired",
}
"""How the entries of a repair begin, before a colon."""


def _update(incident: Incident, repair: Repair, **changes: Any) -> None:
    incident.repairs[incident.repairs.index(repair)] = replace(repair, **changes)


@dataclass(frozen=True, kw_only=True)
class Held(What):
    """Somebody threw the stop switch for actions on servers, or released it."""

    on: bool

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.held = self.on
        fact.entry(incident, Kind.NOTE, "Actions held" if self.on else "Actions released")


@dataclass(frozen=True, kw_only=True)
class ActionAdded(What):
    """Somebody named something to be done afterwards."""

    text: str
    owner: str = ""
    due: str = ""
    type: str = "prevent"

    def add_to(self, incident: Incident, fact: Fact) -> None:
        entry = fact.entry(incident, Kind.ACTION_ITEM, self.text)
        incident.action_items.append(
            ActionItem(
                id=f"A{len(incident.action_items) + 1}",
                text=self.text,
                owner=self.owner,
                due=self.due,
                type=self.type,
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


@dataclass(frozen=True, kw_only=True)
class Resolved(What):
    """The service is well again."""

    text: str = ""
    typed: str = ""
    precision: Precision = Precision.SECOND

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.status = Status.RESOLVED
        incident.times["resolved"] = fact.when
        fact.entry(incident, Kind.RESOLVED, self.text or "Resolved", typed=self.typed, precision=self.precision)


@dataclass(frozen=True, kw_only=True)
class Closed(What):
    """The record is complete."""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.status = Status.CLOSED
        incident.closings += 1
        incident.times["closed"] = fact.when
        fact.entry(incident, Kind.CLOSED, "Closed")


@dataclass(frozen=True, kw_only=True)
class Reopened(What):
    """It was not over."""

    text: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.status = Status.INVESTIGATING
        incident.times.pop("closed", None)
        incident.times.pop("resolved", None)
        fact.entry(incident, Kind.REOPENED, self.text or "Reopened")


@dataclass(frozen=True, kw_only=True)
class ChannelOpened(What):
    """The incident has a channel."""

    channel: Channel

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.channel = self.channel


@dataclass(frozen=True, kw_only=True)
class CardShown(What):
    """The one card stands in the channel, as this message."""

    message: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.card = self.message


@dataclass(frozen=True, kw_only=True)
class Announced(What):
    """The announcement stands in the announce channel, as this message."""

    channel: str
    message: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.announcement = (self.channel, self.message)


@dataclass(frozen=True, kw_only=True)
class TopicSet(What):
    """The channel's topic says this."""

    topic: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.topic = self.topic


@dataclass(frozen=True, kw_only=True)
class Invited(What):
    """People were asked in; per person what happened ("invited" or the reason why not)."""

    people: Mapping[str, str]

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.invited.update(self.people)


@dataclass(frozen=True, kw_only=True)
class StepFailed(What):
    """A step of ours failed; the others went on. `fix` is what a person can do."""

    step: str
    text: str
    fix: str = ""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.troubles[self.step] = Trouble(step=self.step, text=self.text, fix=self.fix, at=fact.when)


@dataclass(frozen=True, kw_only=True)
class StepDone(What):
    """A step that had failed is done after all."""

    step: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.troubles.pop(self.step, None)


@dataclass(frozen=True, kw_only=True)
class DraftWritten(What):
    """The postmortem draft stands in this folder."""

    path: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.draft_path = self.path


@dataclass(frozen=True, kw_only=True)
class DraftPosted(What):
    """The draft was handed out in the channel."""

    message: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.draft_posted = self.message


@dataclass(frozen=True, kw_only=True)
class Imported(What):
    """A whole record was brought in; what happens later is added to it."""

    record: Mapping[str, Any]

    def add_to(self, incident: Incident, fact: Fact) -> None:
        brought = from_record(self.record)
        number = incident.number
        incident.__dict__.update(brought.__dict__)
        incident.number = number


KINDS: dict[str, type[What]] = {kind.__name__: kind for kind in What.__subclasses__()}
"""Every kind of fact by its stored name."""


def fold(number: int, facts: Iterable[Fact]) -> Incident:
    """The incident that these facts, in the order of recording, add up to. Raises ValueError without facts."""
    incident: Incident | None = None
    for fact in facts:
        incident = incident or Incident(number=number, opened_at=fact.when)
        fact.what.add_to(incident, fact)
    if incident is None:
        raise ValueError(f"incident {number} has no facts")
    return incident
