"""Facts: what happened to an incident, in the past tense. They are written down once and never changed.

A new kind of fact is one class in a file of this folder, named below: its fields are what is stored, `add_to` is
what it means. Facts are for ever, so fields are only ever added, with a default.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.facts.alerts import AlertAttached, MonitorLookedUp
from bot.facts.checked import ChecksAnswered, NotChecked
from bot.facts.course import Closed, Held, Imported, Opened, Reopened, Resolved
from bot.facts.fact import Fact, What
from bot.facts.repairs import REPAIR_WORDS, NotOffered, RepairApproved, RepairMoved, RepairOffered
from bot.facts.shown import (
    Announced,
    CardShown,
    ChannelOpened,
    DraftPosted,
    DraftWritten,
    Invited,
    StepDone,
    StepFailed,
    TopicSet,
)
from bot.facts.told import (
    ActionAdded,
    ActionDone,
    Corrected,
    Dropped,
    Restored,
    RoleGiven,
    SeveritySet,
    StatusSet,
    TitleSet,
    Told,
)
from bot.incident import Incident

__all__ = [
    "KINDS",
    "REPAIR_WORDS",
    "ActionAdded",
    "ActionDone",
    "AlertAttached",
    "Announced",
    "CardShown",
    "ChannelOpened",
    "ChecksAnswered",
    "Closed",
    "Corrected",
    "DraftPosted",
    "DraftWritten",
    "Dropped",
    "Fact",
    "Held",
    "Imported",
    "Invited",
    "MonitorLookedUp",
    "NotChecked",
    "NotOffered",
    "Opened",
    "Reopened",
    "RepairApproved",
    "RepairMoved",
    "RepairOffered",
    "Resolved",
    "Restored",
    "RoleGiven",
    "SeveritySet",
    "StatusSet",
    "StepDone",
    "StepFailed",
    "TitleSet",
    "Told",
    "TopicSet",
    "What",
    "fold",
]

KINDS: dict[str, type[What]] = {kind.__name__: kind for kind in What.__subclasses__()}
"""Every kind of fact by its stored name."""


def fold(number: int, facts: Iterable[Fact]) -> Incident:
    """The incident that these facts, in the order of recording, add up to. Raises ValueError without facts."""
    incident: Incident | None = None
    for fact in facts:
        incident = incident or Incident(number=number, opened_at=fact.when)
        fact.what.add_to(incident, fact)
    if incident is None:
        raise ValueError(f"incident {number} has no facts")
    return incident
