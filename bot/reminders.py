"""What is due at which time because nobody did it: reminders, and putting the channel away. Pure: no clock, no I/O.

Each thing is reminded of at most twice in the life of an incident, and not at all once somebody had enough of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum

from bot.incident import ActionItem, Incident, Kind, Reminded, Room, Status
from bot.policy import Policy

MOST = 2
"""So often people are reminded of one thing."""
WORKING_DAY = time(9, tzinfo=UTC)
"""When people hear of an action whose day has passed."""


class About(StrEnum):
    """What people are reminded of."""

    COMMANDER = "no commander"
    UPDATE = "no update"
    POSTMORTEM = "postmortem"
    ACTIONS = "actions"


ARCHIVE = "archive"


@dataclass(frozen=True, kw_only=True)
class Due:
    """Something to be done from `at` on: a reminder, or ARCHIVE."""

    about: str
    at: datetime


def due(incident: Incident, policy: Policy, *, now: datetime) -> list[Due]:
    """What is to be done by now."""
    return [one for one in upcoming(incident, policy) if one.at <= now]


def next_at(incident: Incident, policy: Policy) -> datetime | None:
    """When to look again, as far as the record tells by now; None where nothing is to come."""
    return min((one.at for one in upcoming(incident, policy)), default=None)


def upcoming(incident: Incident, policy: Policy) -> list[Due]:
    """All that is to be done if nobody does anything meanwhile."""
    view = incident.view
    if view.channel is None or view.room is not Room.OPEN:
        return []
    reminding = view.reminding and not incident.held and not policy.reminders.quiet
    found = list(_reminders(incident, policy)) if reminding else []
    away = archive_at(incident, policy)
    return found + ([Due(about=ARCHIVE, at=away)] if away else [])


def _reminders(incident: Incident, policy: Policy) -> Iterator[Due]:
    wait = policy.reminders
    waits = {
        About.COMMANDER: wait.no_commander,
        About.UPDATE: wait.no_update,
        About.POSTMORTEM: wait.postmortem,
        About.ACTIONS: wait.postmortem,
    }
    for about, pause in waits.items():
        given = incident.view.reminders.get(about, Reminded())
        if given.times < MOST and (since := missing_since(incident, policy, about)):
            yield Due(about=about, at=max(since, given.at or since) + pause)


def missing_since(incident: Incident, policy: Policy, about: str) -> datetime | None:
    """Since when it is missing, so that a reminder comes one pause later; None where nothing is missing."""
    match about:
        case About.COMMANDER:
            return _began(incident) if _worked_on(incident) and not _led(incident, policy) else None
        case About.UPDATE:
            return _last_update(incident) if _worked_on(incident) else None
        case About.POSTMORTEM:
            return incident.closed_at if not incident.open and not incident.view.postmortem_done else None
        case _:
            days = [_day(item) for item in promised(incident)]
            return min(days) - policy.reminders.postmortem if days else None


def promised(incident: Incident) -> list[ActionItem]:
    """The action items that have a date and are still open."""
    return [item for item in incident.action_items if item.state == "open" and _date(item)]


def archive_at(incident: Incident, policy: Policy) -> datetime | None:
    """When the channel is put away: some days after the postmortem was done, or else handed out, and all was quiet."""
    view = incident.view
    done = view.postmortem_done or view.draft_at
    if incident.open or done is None:
        return None
    last = max((e.recorded_at for e in incident.entries), default=done)
    return max(done, last) + policy.channel.archive_after


def _worked_on(incident: Incident) -> bool:
    return incident.open and incident.status is not Status.RESOLVED


def _led(incident: Incident, policy: Policy) -> bool:
    return not policy.roles or policy.roles[0] in incident.roles


def _began(incident: Incident) -> datetime:
    """When work on it began, the last time."""
    again = [e.recorded_at for e in incident.entries if e.kind is Kind.REOPENED]
    return max(again, default=incident.opened_at)


def _last_update(incident: Incident) -> datetime:
    told = [e.recorded_at for e in incident.entries if e.kind in {Kind.UPDATE, Kind.STATUS} and e.source.human]
    return max([_began(incident), *told])


def _day(item: ActionItem) -> datetime:
    """The morning after the item's date."""
    after = (_date(item) or date.max - timedelta(days=1)) + timedelta(days=1)
    return datetime.combine(after, WORKING_DAY)


def _date(item: ActionItem) -> date | None:
    try:
        found = date.fromisoformat(item.due)
    except ValueError:
        return None
    return found if found.year < date.max.year else None
