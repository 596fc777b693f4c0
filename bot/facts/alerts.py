"""What monitors said, and what Datadog added to it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.facts.fact import Fact, What
from bot.incident import AlertSeen, Incident, Kind
from bot.journal import stamp


def in_words(alert: AlertSeen) -> str:
    """An alert as the timeline tells it."""
    where = f" ({alert.where})" if alert.where else ""
    return f"{alert.source.capitalize()}: {alert.transition}: {alert.title}{where}"


@dataclass(frozen=True, kw_only=True)
class AlertAttached(What):
    """An alert was found to belong to this incident."""

    alert: AlertSeen

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.alerts.append(self.alert)
        kind = Kind.ALERT if self.alert.bad else Kind.RECOVERED
        fact.entry(incident, kind, in_words(self.alert))


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
