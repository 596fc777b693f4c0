"""Messages of the chat that people put into the timeline, and what became of them there."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.facts.fact import Fact, What
from bot.facts.told import keep_old
from bot.incident import Incident, Kind, Person


@dataclass(frozen=True, kw_only=True)
class Captured(What):
    """Somebody marked a message for the timeline; author and time of the fact are the message's own."""

    message: str
    text: str
    by: Person = field(default_factory=Person)

    def add_to(self, incident: Incident, fact: Fact) -> None:
        fact.entry(incident, Kind.NOTE, self.text, message=self.message)


@dataclass(frozen=True, kw_only=True)
class MessageChanged(What):
    """A captured message was edited where it stands."""

    message: str
    text: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        if entry := incident.captured(self.message):
            keep_old(entry, fact)
            entry.text = self.text
