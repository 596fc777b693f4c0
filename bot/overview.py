"""What one person sees at a glance: what is open, what their part in it is, what is left for them to do. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from bot.incident import Channel, Incident, Person


@dataclass(frozen=True, kw_only=True)
class OpenIncident:
    """An open incident as the page lists it, with the roles that its reader has in it."""

    id: str
    title: str
    severity: str
    status: str
    since: datetime
    channel: Channel | None = None
    private: bool = False
    roles: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ToDo:
    """An action item that waits for the reader."""

    incident: str
    id: str
    text: str
    due: str = ""


@dataclass(frozen=True, kw_only=True)
class Overview:
    """One person's page: their own incidents come first."""

    incidents: tuple[OpenIncident, ...] = ()
    to_do: tuple[ToDo, ...] = ()


def overview(incidents: Iterable[Incident], reader: Person, *, sees: Collection[int]) -> Overview:
    """The page of this reader. Of private incidents only those whose numbers are in `sees` are on it."""
    known = [incident for incident in incidents if not incident.private or incident.number in sees]
    listed = [_listed(incident, reader) for incident in known if incident.open]
    waiting = [todo for incident in known for todo in _to_do(incident, reader)]
    return Overview(
        incidents=tuple(sorted(listed, key=lambda i: (not i.roles, -i.since.timestamp()))),
        to_do=tuple(sorted(waiting, key=lambda t: (not t.due, t.due))),
    )


def _listed(incident: Incident, reader: Person) -> OpenIncident:
    return OpenIncident(
        id=incident.id,
        title=incident.title,
        severity=incident.severity,
        status=incident.status,
        since=incident.impact_started_at or incident.detected_at or incident.opened_at,
        channel=incident.view.channel,
        private=incident.private,
        roles=tuple(role for role, person in incident.roles.items() if _same(person, reader)),
    )


def _same(person: Person, reader: Person) -> bool:
    """By id; a role that was given by name alone is theirs who is called so."""
    return person.id == reader.id if person.id else person.name == reader.name


def _to_do(incident: Incident, reader: Person) -> list[ToDo]:
    mine = {reader.id, reader.name} - {""}
    return [
        ToDo(incident=incident.id, id=item.id, text=item.text, due=item.due)
        for item in incident.action_items
        if item.state == "open" and item.owner in mine
    ]
