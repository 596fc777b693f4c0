"""The course of an incident: it is opened, resolved, closed, opened again, held, or brought in whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bot.facts.fact import Fact, What
from bot.incident import Incident, Kind, Precision, Status
from bot.record import from_record


@dataclass(frozen=True, kw_only=True)
class Opened(What):
    """Somebody or an alert opened the incident."""

    title: str
    severity: str
    service: str = ""
    private: bool = False
    drill: bool = False
    precision: Precision = Precision.SECOND
    storm: bool = False

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.title = self.title
        incident.storm = self.storm
        incident.severity = self.severity
        incident.service = self.service
        incident.private = self.private
        incident.drill = self.drill
        incident.opened_at = fact.when
        fact.entry(incident, Kind.OPENED, self.title, precision=self.precision)


@dataclass(frozen=True, kw_only=True)
class MadePrivate(What):
    """Somebody made it private: it leaves the channel that it had, and goes on in one of its own."""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.private = True
        incident.view = incident.view.elsewhere()
        fact.entry(incident, Kind.NOTE, "Made private")


@dataclass(frozen=True, kw_only=True)
class Held(What):
    """Somebody threw the stop switch for actions on servers, or released it."""

    on: bool

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.held = self.on
        fact.entry(incident, Kind.NOTE, "Actions held" if self.on else "Actions released")


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
class Imported(What):
    """A whole record was brought in; what happens later is added to it."""

    record: Mapping[str, Any]

    def add_to(self, incident: Incident, fact: Fact) -> None:
        brought = from_record(self.record)
        number = incident.number
        incident.__dict__.update(brought.__dict__)
        incident.number = number
