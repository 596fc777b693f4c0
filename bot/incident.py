"""An incident as it stands: what all its facts add up to. Nothing in here decides, asks or writes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

from bot.alert import outlasts


class Status(StrEnum):
    """Where an incident is in its life."""

    INVESTIGATING = "investigating"
    IDENTIFIED = "identified"
    MONITORING = "monitoring"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Kind(StrEnum):
    """What a timeline entry is about."""

    OPENED = "opened"
    ALERT = "alert"
    RECOVERED = "recovered"
    NOTE = "note"
    BEGAN = "began"
    DETECTED = "detected"
    NOTIFIED = "notified"
    ACKNOWLEDGED = "acknowledged"
    FINDING = "finding"
    RULED_OUT = "ruled-out"
    CHECK = "check"
    CAUSE = "cause"
    FACTOR = "factor"
    IMPACT = "impact"
    REMEDIATION = "remediation"
    MITIGATED = "mitigated"
    SEVERITY = "severity"
    STATUS = "status"
    ROLE = "role"
    TITLE = "title"
    UPDATE = "update"
    ACTION_ITEM = "action-item"
    RESOLVED = "resolved"
    CLOSED = "closed"
    REOPENED = "reopened"


class Review(StrEnum):
    """Where the postmortem is between its first draft and its end."""

    DRAFT = "draft"
    IN_REVIEW = "in review"
    DONE = "done"


class Precision(StrEnum):
    """How exactly a time is known."""

    SECOND = "second"
    MINUTE = "minute"
    HOUR = "hour"
    DATE = "date"
    APPROXIMATE = "approximate"
    RANGE = "range"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """How sure a cause is. Only checks can prove one."""

    PROVED = "proved"
    POSSIBLE = "possible"
    RULED_OUT = "ruled-out"


class RepairState(StrEnum):
    """Where an offered repair is."""

    OFFERED = "offered"
    APPROVED = "approved"
    RUNNING = "running"
    VERIFIED = "verified"
    PUT_BACK = "put-back"
    FAILED = "failed"
    EXPIRED = "expired"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody who said or did something; `id` is the workspace's, empty for machines."""

    id: str = ""
    name: str = ""


@dataclass(frozen=True, kw_only=True)
class Source:
    """How a fact reached us (command, reaction, shortcut, alert, check, action, bot, cli, import)."""

    type: str = "bot"
    url: str = ""

    @property
    def human(self) -> bool:
        """Whether a person said it."""
        return self.type in {"command", "reaction", "shortcut", "cli"}


@dataclass(frozen=True, kw_only=True)
class Revision:
    """What an entry said before a correction."""

    at: datetime
    by: str
    occurred_at: datetime | None
    typed: str
    text: str
    dropped: bool
    precision: Precision = Precision.SECOND
    ends_at: datetime | None = None


@dataclass(kw_only=True)
class Entry:
    """One line of the timeline. `occurred_at` is None when nobody knows; `typed` is the time as it was typed.

    `message` names the chat's message that it was captured from; `by_hand`: its text was corrected by a person.
    """

    id: str
    kind: Kind
    occurred_at: datetime | None
    recorded_at: datetime
    text: str
    ends_at: datetime | None = None
    precision: Precision = Precision.SECOND
    typed: str = ""
    author: Person = field(default_factory=Person)
    source: Source = field(default_factory=Source)
    dropped: bool = False
    message: str = ""
    by_hand: bool = False
    history: list[Revision] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class AlertSeen:
    """An alert as it belongs to this incident, and the rule that attached it.

    `fingerprint` names the problem; `place` what it concerns (service and environment, or inventory group). `why` is
    the name of the reason for which it is here, `reason` says it in words.
    """

    delivery: str
    source: str
    transition: str
    at: datetime
    reason: str = ""
    monitor_id: str = ""
    cycle_key: str = ""
    scope: tuple[str, ...] = ()
    title: str = ""
    hostname: str = ""
    status: str = ""
    query: str = ""
    link: str = ""
    fingerprint: str = ""
    place: str = ""
    tags: tuple[str, ...] = ()
    bad: bool = True
    why: str = ""

    @property
    def where(self) -> str:
        """The hosts that its scope names, else its hostname; at most three of them, and how many more."""
        hosts = [word.removeprefix("host:") for word in self.scope if word.startswith("host:")]
        found = hosts or ([self.hostname] if self.hostname else [])
        return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")

    def outlasts(self, other: AlertSeen) -> bool:
        """Whether this holds against that one of the same instant."""
        same = self.cycle_key == other.cycle_key
        return self.at == other.at and outlasts(bad=self.bad, other_bad=other.bad, one_cycle=same)


@dataclass(frozen=True, kw_only=True)
class CheckSeen:
    """One answer of one check. `entry` is the timeline entry of its run, `run` names the run."""

    check: str
    host: str
    state: str
    at: datetime
    reason: str = ""
    summary: str = ""
    took_ms: int = 0
    evidence: str = ""
    runbook: str = ""
    run: str = ""
    entry: str = ""


@dataclass(frozen=True, kw_only=True)
class CauseSeen:
    """One reading of the answers: proved, possible or ruled out; `facts` are what the text rests on.

    `after_repair` marks a look at a server that was being repaired or was repaired: it says how things are now,
    not what caused the incident.
    """

    id: str
    verdict: Verdict
    text: str
    at: datetime
    host: str = ""
    because: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)
    run: str = ""
    entry: str = ""
    after_repair: bool = False


@dataclass(frozen=True, kw_only=True)
class ActionItem:
    """Something to be done afterwards so that it does not happen again."""

    id: str
    text: str
    owner: str = ""
    due: str = ""
    type: str = "prevent"
    state: str = "open"
    ticket: str = ""
    priority: str = ""
    done_when: str = ""
    entry: str = ""


@dataclass(frozen=True, kw_only=True)
class Repair:
    """An offered repair and what became of it. `plan` is the hash over everything that was shown.

    `stored` is the plan itself, with the bytes before and after: kept for carrying it out, never exported.
    """

    name: str
    host: str
    plan: str
    state: RepairState
    at: datetime
    title: str = ""
    diff: str = ""
    approved_by: tuple[Person, ...] = ()
    approvers: tuple[str, ...] = ()
    count: int = 1
    requester: str = "may-approve"
    expires_at: datetime | None = None
    runbook: str = ""
    cause: str = ""
    text: str = ""
    entries: tuple[str, ...] = ()
    details: Mapping[str, Any] = field(default_factory=dict)
    stored: str = ""


@dataclass(frozen=True, kw_only=True)
class Measurement:
    """A measured line that was kept: what was asked, what the line is about, and its points, as decimal numbers."""

    query: str
    about: str = ""
    unit: str = ""
    threshold: str = ""
    times: tuple[datetime, ...] = ()
    values: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Trouble:
    """A step of ours that failed: shown on the card with its fix until a retry completes it."""

    step: str
    text: str
    fix: str
    at: datetime


@dataclass(frozen=True, kw_only=True)
class Channel:
    """Where people talk about it. Identity is the id; people may rename it."""

    id: str
    name: str


class Room(StrEnum):
    """How the channel was last seen: to be written in, archived, without us, or not there any more."""

    OPEN = "open"
    ARCHIVED = "archived"
    LEFT = "left"
    GONE = "gone"


@dataclass(frozen=True, kw_only=True)
class Reminded:
    """How often people were reminded of something, when last and in which message. `settled`: it is done."""

    times: int = 0
    at: datetime | None = None
    message: str = ""
    settled: bool = False


@dataclass(kw_only=True)
class View:
    """Where the incident is shown, so that nothing is ever posted twice.

    `announcements`: channel and message id by the channel's name in the policy. `quiet_since`: how many entries there
    were when the channel was last looked at. `postmortem_done`: when a person said that it is complete.
    """

    channel: Channel | None = None
    room: Room = Room.OPEN
    quiet_since: int = 0
    card: str = ""
    announcements: dict[str, tuple[str, str]] = field(default_factory=dict)
    topic: str = ""
    invited: dict[str, str] = field(default_factory=dict)
    pinned: str = ""
    bookmarks: tuple[str, ...] = ()
    draft_posted: str = ""
    draft_at: datetime | None = None
    draft_pushed: str = ""
    draft_link: str = ""
    postmortem_done: datetime | None = None
    reminders: dict[str, Reminded] = field(default_factory=dict)
    reminding: bool = True

    def elsewhere(self) -> View:
        """What holds when the incident goes on in another channel: nothing that was shown in this one is there."""
        kept = View(announcements=dict(self.announcements), reminding=self.reminding)
        kept = replace(kept, draft_pushed=self.draft_pushed, draft_link=self.draft_link)
        return replace(kept, draft_at=self.draft_at, postmortem_done=self.postmortem_done)

    @property
    def announcement(self) -> tuple[str, str] | None:
        """The first announcement."""
        return next(iter(self.announcements.values()), None)


@dataclass(frozen=True, kw_only=True)
class Change:
    """Something that was deployed or changed around the time, as the monitoring system tells it."""

    at: datetime
    title: str
    kind: str = ""
    link: str = ""


@dataclass(kw_only=True)
class Watched:
    """What the monitoring system added, and what it was told.

    `links`: pages for people by name; `earlier`: incidents of the same monitor. `markers`: events that stand there;
    `silences`: monitor and group by the silence's id; `mirror`: our id in its own list, `mirrored` what it says there.
    """

    links: dict[str, str] = field(default_factory=dict)
    earlier: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    markers: tuple[str, ...] = ()
    silences: dict[str, tuple[str, str]] = field(default_factory=dict)
    mirror: str = ""
    mirrored: tuple[str, ...] = ()


@dataclass(kw_only=True)
class Incident:
    """What people work on. Built by folding facts, never changed by hand."""

    number: int
    title: str = ""
    severity: str = ""
    status: Status = Status.INVESTIGATING
    service: str = ""
    private: bool = False
    drill: bool = False
    held: bool = False
    checking: str = field(default="", compare=False)  # how far a run of checks is that goes on now: no part of a record
    opened_at: datetime
    times: dict[str, datetime] = field(default_factory=dict)
    roles: dict[str, Person] = field(default_factory=dict)
    alerts: list[AlertSeen] = field(default_factory=list)
    entries: list[Entry] = field(default_factory=list)
    checks: list[CheckSeen] = field(default_factory=list)
    causes: list[CauseSeen] = field(default_factory=list)
    action_items: list[ActionItem] = field(default_factory=list)
    repairs: list[Repair] = field(default_factory=list)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    monitors: dict[str, dict[str, str]] = field(default_factory=dict)
    measurements: list[Measurement] = field(default_factory=list)
    watched: Watched = field(default_factory=Watched)
    view: View = field(default_factory=View)
    closings: int = 0
    storm: bool = False
    merged_into: int = 0
    draft_path: str = ""
    review: Review = Review.DRAFT
    extra: dict[str, Any] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """How people name it: INC-7."""
        return f"INC-{self.number}"

    @property
    def slug(self) -> str:
        """Its title for names of channels and folders: small letters, digits and single dashes, or nothing."""
        ascii_title = unicodedata.normalize("NFKD", self.title[:300]).encode("ascii", "ignore").decode().lower()
        return re.sub(r"[^a-z0-9]+", "-", ascii_title).strip("-")[:50].rstrip("-")

    @property
    def open(self) -> bool:
        """Whether it is still being worked on."""
        return self.status is not Status.CLOSED

    @property
    def timeline(self) -> list[Entry]:
        """All entries in order of happening, dropped ones included."""
        return in_order(self.entries)

    def entry(self, id: str) -> Entry | None:
        """The entry with this id, in any case."""
        wanted = id.upper()
        return next((e for e in self.entries if e.id == wanted), None)

    def captured(self, message: str) -> Entry | None:
        """The entry that was captured from this message of the chat."""
        return next((e for e in self.entries if message and e.message == message), None)

    def first(self, *kinds: Kind) -> Entry | None:
        """The earliest entry of these kinds that was not dropped."""
        return next((e for e in self.timeline if e.kind in kinds and not e.dropped), None)

    @property
    def detected_at(self) -> datetime | None:
        """When we first saw it: as stated, else the first alert."""
        return self.times.get("detected") or min((a.at for a in self.alerts if a.bad), default=None)

    @property
    def acknowledged_at(self) -> datetime | None:
        """When a person took it: as stated, else the first thing that a person said while it was not over."""
        said = min((e.recorded_at for e in self.entries if e.source.human and not e.dropped), default=None)
        over = self.resolved_at or self.closed_at
        told_later = said is not None and over is not None and said > over
        return self.times.get("acknowledged") or (None if told_later else said)

    @property
    def mitigated_at(self) -> datetime | None:
        """When users were fine again: as stated, else the first verified repair."""
        return self.times.get("mitigated") or self.times.get("repaired")

    @property
    def impact_started_at(self) -> datetime | None:
        """When users began to notice, if anybody said so."""
        return self.times.get("began")

    @property
    def resolved_at(self) -> datetime | None:
        """When the service was well again."""
        return self.times.get("resolved")

    @property
    def closed_at(self) -> datetime | None:
        """When the record was completed."""
        return self.times.get("closed")

    @property
    def firing(self) -> list[AlertSeen]:
        """The last word of each alert that has not recovered, whatever the order of arrival."""
        return [alert for alert in last_words(self.alerts) if alert.bad]

    @property
    def proved(self) -> list[CauseSeen]:
        """What the checks proved to be the cause."""
        return [c for c in self.latest_causes if c.verdict is Verdict.PROVED]

    @property
    def latest_causes(self) -> list[CauseSeen]:
        """Each cause as last judged before a repair: what was proved stays proved, later looks see a healed server."""
        last: dict[tuple[str, str], CauseSeen] = {}
        for cause in (c for c in self.causes if not c.after_repair):
            key = (cause.id, cause.host)
            if key not in last or last[key].verdict is not Verdict.PROVED:
                last[key] = cause
        return list(last.values())

    def repaired(self, host: str) -> bool:
        """Whether this host is being repaired or was, and no alert has come since."""
        busy = {RepairState.APPROVED, RepairState.RUNNING, RepairState.VERIFIED}
        done = [r for r in self.repairs if r.state in busy and host in {r.host, r.details.get("affected")}]
        return any(not any(a.bad and a.at > r.at for a in self.alerts) for r in done)

    def repair(self, plan: str) -> Repair | None:
        """The repair with this plan."""
        return next((r for r in self.repairs if r.plan == plan), None)


def problem_id(alert: AlertSeen) -> str:
    """A short name for the problem that an alert is about, which holds nothing of what outsiders wrote."""
    return sha256(alert.fingerprint.encode("utf-8", "replace")).hexdigest()[:16]


def last_words(alerts: Iterable[AlertSeen]) -> list[AlertSeen]:
    """What was said last of each problem, whatever the order of arrival."""
    last: dict[str, AlertSeen] = {}
    for alert in sorted(alerts, key=lambda a: a.at):
        before = last.get(alert.fingerprint or alert.delivery)
        if before is None or not before.outlasts(alert):
            last[alert.fingerprint or alert.delivery] = alert
    return list(last.values())


def in_order(entries: Iterable[Entry]) -> list[Entry]:
    """Entries by the time they happened; ties and entries without an instant keep their written place."""
    followers: dict[str, list[Entry]] = {}
    dated: list[Entry] = []
    before = ""
    for entry in entries:
        if entry.occurred_at is None:
            followers.setdefault(before, []).append(entry)
        else:
            dated.append(entry)
            before = entry.id
    dated.sort(key=_instant)
    ordered = list(followers.get("", ()))
    for entry in dated:
        ordered.append(entry)
        ordered.extend(followers.get(entry.id, ()))
    return ordered


def _instant(entry: Entry) -> datetime:
    assert entry.occurred_at is not None  # noqa: S101 - only dated entries are sorted
    return entry.occurred_at
