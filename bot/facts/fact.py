"""A fact: one thing that happened, written down once and never changed."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from bot.incident import Entry, Incident, Kind, Person, Source


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
