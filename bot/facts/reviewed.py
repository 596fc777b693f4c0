"""What becomes of a postmortem after the draft: where its review stands, and what an action still lacked."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bot.facts.fact import Fact, What
from bot.incident import Incident, Kind, Review


@dataclass(frozen=True, kw_only=True)
class ReviewMoved(What):
    """Somebody said where the review of the postmortem stands."""

    state: Review

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.review = self.state
        incident.view.postmortem_done = fact.when if self.state is Review.DONE else None


@dataclass(frozen=True, kw_only=True)
class ActionChanged(What):
    """Somebody changed an action item; what is None stays."""

    item: str
    text: str | None = None
    owner: str | None = None
    due: str | None = None
    type: str | None = None
    priority: str | None = None
    done_when: str | None = None
    ticket: str | None = None

    def add_to(self, incident: Incident, fact: Fact) -> None:
        told = {name: value for name, value in vars(self).items() if name != "item" and value is not None}
        for n, item in enumerate(incident.action_items):
            if item.id == self.item:
                incident.action_items[n] = replace(item, **told)
                fact.entry(incident, Kind.ACTION_ITEM, f"Changed: {incident.action_items[n].text}")
