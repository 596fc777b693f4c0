"""The record of an incident as users take it out and bring it in again: format muster/1."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bot.incident import (
    ActionItem,
    AlertSeen,
    CauseSeen,
    Channel,
    CheckSeen,
    Entry,
    Incident,
    Person,
    Repair,
    Status,
    Trouble,
    View,
)
from bot.journal import from_json, instant, stamp, to_json
from bot.ports import NotAllowed

FORMAT = "muster/1"
TIMES = ("impact_started_at", "detected_at", "acknowledged_at", "mitigated_at", "resolved_at", "closed_at")
NAMES = dict(zip(TIMES, ("began", "detected", "acknowledged", "mitigated", "resolved", "closed"), strict=True))
LISTS: Mapping[str, tuple[str, type[Any]]] = {
    "alerts": ("alerts", AlertSeen),
    "timeline": ("entries", Entry),
    "checks": ("checks", CheckSeen),
    "causes": ("causes", CauseSeen),
    "actions": ("action_items", ActionItem),
    "remediations": ("repairs", Repair),
}


def to_record(incident: Incident) -> dict[str, Any]:
    """Everything that is known of an incident, as JSON values. Entries are in order of happening."""
    return {
        "format": FORMAT,
        "id": incident.id,
        "title": incident.title,
        "severity": incident.severity,
        "status": incident.status.value,
        "service": incident.service,
        "private": incident.private,
        "drill": incident.drill,
        "opened_at": stamp(incident.opened_at),
        **{name: _stamp(getattr(incident, name)) for name in TIMES},
        "channel": to_json(incident.view.channel) or {"id": "", "name": ""},
        "roles": to_json(incident.roles),
        "alerts": to_json(incident.alerts),
        "timeline": to_json(incident.timeline),
        "checks": to_json(incident.checks),
        "causes": to_json(incident.causes),
        "actions": to_json(incident.action_items),
        "remediations": to_json(incident.repairs),
        "held": incident.held,
        "closings": incident.closings,
        "draft_path": incident.draft_path,
        "stated_times": {name: stamp(at) for name, at in incident.times.items()},
        "troubles": to_json(incident.troubles),
        "view": to_json(incident.view),
        "recorded_order": [e.id for e in incident.entries],
        **incident.extra,
    }


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at else None


OURS = frozenset(
    {"format", "id", "title", "severity", "status", "service", "private", "drill", "opened_at", "channel", "roles"}
    | {"held", "closings", "draft_path", "stated_times", "troubles", "view", "recorded_order"}
    | set(TIMES)
    | set(LISTS)
)


def from_record(data: Mapping[str, Any]) -> Incident:
    """The incident that `to_record` wrote. Raises NotAllowed, naming the field, for what is not such a record."""
    if data.get("format") != FORMAT:
        raise NotAllowed(f"This is not a record of format {FORMAT}; its format is {data.get('format')!r}.")
    try:
        return _incident(data)
    except (KeyError, ValueError, TypeError, AttributeError) as problem:
        raise NotAllowed(f"The record {data.get('id', '?')} cannot be read: {problem}.") from problem


def _incident(data: Mapping[str, Any]) -> Incident:
    incident = Incident(
        number=int(str(data["id"]).removeprefix("INC-")),
        title=data["title"],
        severity=data["severity"],
        status=Status(data["status"]),
        service=data.get("service", ""),
        private=data.get("private", False),
        drill=data.get("drill", False),
        held=data.get("held", False),
        opened_at=instant(data["opened_at"]),
        times=_times(data),
        roles={role: from_json(Person, who) for role, who in data.get("roles", {}).items()},
        troubles={step: from_json(Trouble, trouble) for step, trouble in data.get("troubles", {}).items()},
        view=_view(data),
        closings=data.get("closings", 0),
        draft_path=data.get("draft_path", ""),
        extra={name: value for name, value in data.items() if name not in OURS},
    )
    for name, (attribute, kind) in LISTS.items():
        setattr(incident, attribute, [from_json(kind, item) for item in data.get(name, [])])
    _as_recorded(incident, data.get("recorded_order", []))
    return incident


def _as_recorded(incident: Incident, order: list[str]) -> None:
    place = {id: n for n, id in enumerate(order)}
    incident.entries.sort(key=lambda e: place.get(e.id, len(place)))


def _times(data: Mapping[str, Any]) -> dict[str, datetime]:
    if "stated_times" in data:
        return {name: instant(at) for name, at in data["stated_times"].items()}
    return {NAMES[name]: instant(data[name]) for name in TIMES if data.get(name)}


def _view(data: Mapping[str, Any]) -> View:
    if "view" in data:
        return from_json(View, data["view"])
    channel = data.get("channel") or {}
    return View(channel=from_json(Channel, channel) if channel.get("id") else None)
