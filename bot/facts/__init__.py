"""Facts: what happened to an incident, in the past tense. They are written down once and never changed.

A new kind of fact is one class in a file of this folder, named below: its fields are what is stored, `add_to` is
what it means. Facts are for ever, so fields are only ever added, with a default.
"""

from __future__ import annotations

from collections.abc import Iterable

from bot.facts.alerts import AlertAttached, MonitorLookedUp
from bot.facts.captured import Captured, MessageChanged
from bot.facts.checked import ChecksAnswered, ChecksComing, NotChecked
from bot.facts.course import Closed, Held, Imported, MadePrivate, Opened, Reopened, Resolved
from bot.facts.fact import Fact, What
from bot.facts.grouped import AlertsLeft, Joined, MergedInto
from bot.facts.measured import Measured
from bot.facts.reminded import ReminderGiven, ReminderSettled, RemindersStopped
from bot.facts.repairs import REPAIR_WORDS, NotOffered, RepairApproved, RepairMoved, RepairOffered
from bot.facts.reviewed import ActionChanged, ReviewMoved
from bot.facts.room import Bookmarked, CardPinned, ChannelSeen
from bot.facts.shown import (
    Announced,
    CardShown,
    ChannelOpened,
    DraftPosted,
    DraftPushed,
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
from bot.facts.watched import (
    ChangesFound,
    ContextFound,
    MirrorShown,
    RecoveryMissed,
    Silenced,
    SilenceEnded,
    WrittenBack,
)
from bot.incident import Incident

__all__ = [
    "KINDS",
    "REPAIR_WORDS",
    "ActionAdded",
    "ActionChanged",
    "ActionDone",
    "AlertAttached",
    "AlertsLeft",
    "Announced",
    "Bookmarked",
    "Captured",
    "CardPinned",
    "CardShown",
    "ChangesFound",
    "ChannelOpened",
    "ChannelSeen",
    "ChecksAnswered",
    "ChecksComing",
    "Closed",
    "ContextFound",
    "Corrected",
    "DraftPosted",
    "DraftPushed",
    "DraftWritten",
    "Dropped",
    "Fact",
    "Held",
    "Imported",
    "Invited",
    "Joined",
    "MadePrivate",
    "Measured",
    "MergedInto",
    "MessageChanged",
    "MirrorShown",
    "MonitorLookedUp",
    "NotChecked",
    "NotOffered",
    "Opened",
    "RecoveryMissed",
    "ReminderGiven",
    "ReminderSettled",
    "RemindersStopped",
    "Reopened",
    "RepairApproved",
    "RepairMoved",
    "RepairOffered",
    "Resolved",
    "Restored",
    "ReviewMoved",
    "RoleGiven",
    "SeveritySet",
    "SilenceEnded",
    "Silenced",
    "StatusSet",
    "StepDone",
    "StepFailed",
    "TitleSet",
    "Told",
    "TopicSet",
    "What",
    "WrittenBack",
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
