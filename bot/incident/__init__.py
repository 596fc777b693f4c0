"""An incident as it stands: what all its facts add up to. Nothing in here decides, asks or writes."""

from __future__ import annotations

from bot.incident.entry import Entry, Person, Revision, Source, in_order
from bot.incident.incident import Incident, Watched
from bot.incident.seen import AlertSeen, CauseSeen, Change, CheckSeen, Measurement, last_words, problem_id
from bot.incident.view import Channel, Reminded, View
from bot.incident.words import Kind, Precision, RepairState, Review, Room, Status, Verdict
from bot.incident.work import ActionItem, Repair, Trouble

__all__ = [
    "ActionItem",
    "AlertSeen",
    "CauseSeen",
    "Change",
    "Channel",
    "CheckSeen",
    "Entry",
    "Incident",
    "Kind",
    "Measurement",
    "Person",
    "Precision",
    "Reminded",
    "Repair",
    "RepairState",
    "Review",
    "Revision",
    "Room",
    "Source",
    "Status",
    "Trouble",
    "Verdict",
    "View",
    "Watched",
    "in_order",
    "last_words",
    "problem_id",
]
