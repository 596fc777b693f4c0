"""The incident itself."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.incident.entry import Entry, Person, in_order
from bot.incident.seen import AlertSeen, CauseSeen, Change, CheckSeen, Measurement, last_words
from bot.incident.view import View
from bot.incident.words import Kind, RepairState, Review, Status, Verdict
from bot.incident.work import ActionItem, Repair, Trouble


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
