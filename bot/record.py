"""The record of an incident as users take it out and bring it in again: format muster/1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from bot.incident import (
    ActionItem,
    AlertSeen,
    CauseSeen,
    Channel,
    CheckSeen,
    Entry,
    Incident,
    Measurement,
    Person,
    Repair,
    Review,
    Status,
    Trouble,
    View,
    Watched,
)
from bot.journal import from_json, instant, stamp, to_json
from bot.ports import NotAllowed

T = TypeVar("T")
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
    "measurements": ("measurements", Measurement),
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
        "remediations": [_without_plan(to_json(r)) for r in incident.repairs],
        "monitors": to_json(incident.monitors),
        "measurements": to_json(incident.measurements),
        "held": incident.held,
        "closings": incident.closings,
        "storm": incident.storm,
        "merged_into": incident.merged_into,
        "draft_path": incident.draft_path,
        "review": incident.review.value,
        "stated_times": {name: stamp(at) for name, at in incident.times.items()},
        "troubles": to_json(incident.troubles),
        "watched": to_json(incident.watched),
        "view": to_json(incident.view),
        "recorded_order": [e.id for e in incident.entries],
        **incident.extra,
    }


def _without_plan(repair: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in repair.items() if name != "stored"}


def _stamp(at: datetime | None) -> str | None:
    return stamp(at) if at else None


OURS = frozenset(
    {"format", "id", "title", "severity", "status", "service", "private", "drill", "opened_at", "channel", "roles"}
    | {
        "monitors",
        "held",
        "closings",
        "draft_path",
        "stated_times",
        "troubles",
        "storm",
        "merged_into",
        "view",
        "watched",
        "recorded_order",
        "review",
    }
    | set(TIMES)
    | set(LISTS)
)


def from_record(data: Mapping[str, Any]) -> Incident:
    """The incident that `to_record` wrote. Raises NotAllowed, naming the field, for what is not such a record."""
    if not isinstance(data, Mapping):
        raise NotAllowed(f"Nothing was imported: this is not a record of format {FORMAT}; a record is a JSON object.")
    if data.get("format") != FORMAT:
        named = f"its format is {data['format']!r}" if "format" in data else "it names no format"
        raise NotAllowed(f"Nothing was imported: this is not a record of format {FORMAT}; {named}.")
    try:
        return _incident(data)
    except (KeyError, ValueError, TypeError, AttributeError, OverflowError) as problem:
        why = f"{problem} is missing" if isinstance(problem, KeyError) else problem
        named = data.get("id", "?")
        raise NotAllowed(f"Nothing was imported: the record {named} cannot be read: {why}.") from problem


def _incident(data: Mapping[str, Any]) -> Incident:
    incident = Incident(
        number=_number(data["id"]),
        title=_of(str, data, "title"),
        severity=_of(str, data, "severity"),
        status=Status(data["status"]),
        service=_of(str, data, "service", ""),
        private=_of(bool, data, "private", False),
        drill=_of(bool, data, "drill", False),
        held=_of(bool, data, "held", False),
        monitors={id: dict(monitor) for id, monitor in data.get("monitors", {}).items()},
        opened_at=instant(data["opened_at"]),
        times=_times(data),
        roles={role: from_json(Person, who, strict=True) for role, who in data.get("roles", {}).items()},
        troubles={step: from_json(Trouble, trouble, strict=True) for step, trouble in data.get("troubles", {}).items()},
        watched=from_json(Watched, data.get("watched", {}), strict=True),
        view=_view(data),
        closings=_of(int, data, "closings", 0),
        storm=_of(bool, data, "storm", False),
        merged_into=_of(int, data, "merged_into", 0),
        draft_path=_of(str, data, "draft_path", ""),
        review=Review(data.get("review", Review.DRAFT)),
        extra={name: value for name, value in data.items() if name not in OURS},
    )
    for name, (attribute, kind) in LISTS.items():
        setattr(incident, attribute, [from_json(kind, item, strict=True) for item in data.get(name, [])])
    _as_recorded(incident, data.get("recorded_order", []))
    return incident


def _number(id: Any) -> int:
    if not (isinstance(id, str) and (found := re.fullmatch(r"INC-([1-9][0-9]{0,8})", id))):
        raise ValueError(f"its id is {id!r}, not INC- and a number")
    return int(found[1])


def _of(kind: type[T], data: Mapping[str, Any], name: str, default: T | None = None) -> T:
    value = data[name] if default is None else data.get(name, default)
    if type(value) is not kind:
        raise TypeError(f"{name} is {value!r}")
    return value


def _as_recorded(incident: Incident, order: list[str]) -> None:
    place = {id: n for n, id in enumerate(order)}
    incident.entries.sort(key=lambda e: place.get(e.id, len(place)))


def _times(data: Mapping[str, Any]) -> dict[str, datetime]:
    if "stated_times" in data:
        return {name: instant(at) for name, at in data["stated_times"].items()}
    return {NAMES[name]: instant(data[name]) for name in TIMES if data.get(name)}


def _view(data: Mapping[str, Any]) -> View:
    if "view" in data:
        return from_json(View, data["view"], strict=True)
    channel = data.get("channel") or {}
    return View(channel=from_json(Channel, channel, strict=True) if channel.get("id") else None)
