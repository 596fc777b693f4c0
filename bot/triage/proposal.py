"""A proposal: alerts of which people are asked whether they are an incident. Nothing in here decides or asks."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from bot.incident import AlertSeen, Person, last_words


class ProposalState(StrEnum):
    """Where a proposal is."""

    WAITING = "waiting"
    OPENED = "opened"
    IGNORED = "ignored"
    EXPIRED = "expired"  # all of its alerts recovered before anybody answered, or nothing was heard for a day


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """One card with a question. `incident` is what became of it, `by` who answered.

    `channel` and `message` are where the card stands, empty until it is posted; `where` is the policy's name of that
    channel. `announces`: the card became the incident's announcement. `revision` counts the changes.
    """

    id: str
    title: str
    state: ProposalState
    at: datetime
    changed_at: datetime
    alerts: tuple[AlertSeen, ...]
    severity: str = ""
    service: str = ""
    where: str = ""
    channel: str = ""
    message: str = ""
    announces: bool = False
    incident: int | None = None
    by: Person = field(default_factory=Person)
    revision: int = 0

    @property
    def last_words(self) -> list[AlertSeen]:
        """What was said last of each problem."""
        return last_words(self.alerts)

    @property
    def firing(self) -> list[AlertSeen]:
        """The problems that have not recovered."""
        return [alert for alert in self.last_words if alert.bad]
