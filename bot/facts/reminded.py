"""What people were reminded of, and that they have had enough of it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.facts.fact import Fact, What
from bot.incident import Incident, Reminded


@dataclass(frozen=True, kw_only=True)
class ReminderGiven(What):
    """People were reminded of something, in this message."""

    about: str
    message: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        before = incident.view.reminders.get(self.about, Reminded())
        incident.view.reminders[self.about] = Reminded(times=before.times + 1, at=fact.when, message=self.message)


@dataclass(frozen=True, kw_only=True)
class ReminderSettled(What):
    """What people were reminded of is done, and the message says so."""

    about: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if before := incident.view.reminders.get(self.about):
            incident.view.reminders[self.about] = replace(before, settled=True)


@dataclass(frozen=True, kw_only=True)
class RemindersStopped(What):
    """Somebody wants no more reminders of this incident, for all."""

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.reminding = False
