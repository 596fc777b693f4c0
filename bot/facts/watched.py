"""What the monitoring system added to an incident, and what it was told about it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from bot.facts.fact import Fact, What
from bot.incident import Change, Incident, Kind


@dataclass(frozen=True, kw_only=True)
class ContextFound(What):
    """Pages that show the host at that time, and earlier incidents of the same monitor."""

    links: Mapping[str, str] = field(default_factory=dict)
    earlier: tuple[str, ...] = ()

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.watched.links = dict(self.links)
        incident.watched.earlier = self.earlier


@dataclass(frozen=True, kw_only=True)
class ChangesFound(What):
    """What was deployed or changed around the start, as far as the monitoring system knows; maybe nothing."""

    changes: tuple[Change, ...] = ()

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.watched.changes = self.changes


@dataclass(frozen=True, kw_only=True)
class WrittenBack(What):
    """An event about this incident stands beside the graphs."""

    marker: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if self.marker not in incident.watched.markers:
            incident.watched.markers = (*incident.watched.markers, self.marker)


@dataclass(frozen=True, kw_only=True)
class Silenced(What):
    """The monitor is quiet about one group of it, at most until then."""

    id: str
    monitor_id: str
    group: str
    until: datetime

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.watched.silences[self.id] = (self.monitor_id, self.group)
        said = f"Monitor {self.monitor_id} is silent about {self.group} until {self.until:%H:%M} UTC at the latest"
        fact.entry(incident, Kind.NOTE, said)


@dataclass(frozen=True, kw_only=True)
class SilenceEnded(What):
    """The monitor speaks again."""

    id: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        monitor, group = incident.watched.silences.pop(self.id, ("", ""))
        if monitor:
            fact.entry(incident, Kind.NOTE, f"Monitor {monitor} is no longer silent about {group}")


@dataclass(frozen=True, kw_only=True)
class MirrorShown(What):
    """The incident stands in the monitoring system's own list, with these words."""

    id: str
    words: tuple[str, ...] = ()

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.watched.mirror = self.id
        incident.watched.mirrored = self.words


@dataclass(frozen=True, kw_only=True)
class RecoveryMissed(What):
    """The monitor no longer alerts although its recovery never came. What that means is for people to say."""

    problem: str
    text: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        fact.entry(incident, Kind.NOTE, self.text)
