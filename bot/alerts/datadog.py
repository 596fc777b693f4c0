"""Datadog's webhook: the payload of datadog_webhook_payload.json, in whatever state it arrives.

Every value is a string; a variable that Datadog does not know may arrive empty, missing, or as its own name
(`$HOSTNAME`). https://docs.datadoghq.com/integrations/webhooks/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from bot.alert import Alert, Condition
from bot.alerts import Parsed, source

CONDITIONS: Mapping[str, Condition] = {
    "triggered": Condition.FIRING,
    "re-triggered": Condition.FIRING,
    "warn": Condition.WARNING,
    "re-warn": Condition.WARNING,
    "no data": Condition.NO_DATA,
    "re-no data": Condition.NO_DATA,
    "renotify": Condition.REMINDER,
    "recovered": Condition.RECOVERED,
}
TYPES: Mapping[str, Condition] = {
    "error": Condition.FIRING,
    "warning": Condition.WARNING,
    "success": Condition.RECOVERED,
}
EMPTY = frozenset({"null", "None", "NaN"})
NOT_FILLED = re.compile(r"\$[A-Z][A-Z0-9_]*(\[[^\]]*\])?")
STATE_PREFIX = re.compile(
    r"(\[(P[1-5]|TEST|(Re-)?(Triggered|Warn|No Data|Recovered|Renotify)( on \{[^}]*\})?)\]\s*)+", re.IGNORECASE
)
PRIORITY = re.compile(r"\[(P[1-5])\]", re.IGNORECASE)
TEST = re.compile(r"(\[P[1-5]\]\s*)?\[TEST\]", re.IGNORECASE)  # first in the title: a monitor's own name stands later
HOST = "host"
LONGEST_TITLE = 300
LONGEST_ID = 100
MOST_WORDS = 1000
SECONDS = 10**11  # a smaller number is no count of milliseconds since 1973, but one of seconds
OLDEST = datetime(2010, 1, 1, tzinfo=UTC)  # Datadog is not older


@source("datadog")
def datadog(body: bytes, delivery: str, now: datetime) -> Parsed:
    """Alerts of one delivery. A retry has the same event id and transition; without one, the same body."""
    digest = hashlib.sha256(body).hexdigest()
    payload = _json(body)
    if payload is None:
        return Parsed(alerts=(), same=f"body {digest}", problem="the body is not a JSON object")
    event, transition = _field(payload, "event_id"), _field(payload, "alert_transition")
    usable = event.strip("0") and len(event) + len(transition) <= LONGEST_ID
    same = f"event {event} {transition}" if usable else f"body {digest}"
    alert = _alert(payload, delivery, now)
    if not (alert.monitor_id or alert.heading):
        return Parsed(alerts=(), same=same, problem=_missing(payload))
    several = _several(alert.scope)
    return Parsed(alerts=_groups(alert, several), same=same, merged=bool(several))


def _several(scope: tuple[str, ...]) -> dict[str, list[str]]:
    """The keys that the scope gives several values, where that may mean several groups: Datadog merges what comes
    within 20 seconds into one message. What names one host is about that one, whatever else it is tagged with.
    """
    values: dict[str, list[str]] = {}
    for word in scope:
        key, colon, value = word.partition(":")
        if colon and value:
            values.setdefault(key, []).append(word)
    several = {key: words for key, words in values.items() if len(words) > 1}
    return {} if len(values.get(HOST, ())) == 1 else several


def _groups(alert: Alert, several: Mapping[str, list[str]]) -> tuple[Alert, ...]:
    """An alert for each host that the message names.

    A host has one name, but may have any number of every other tag: several of those may be one group's, and which
    of them belong to which host nobody says. Such a message stays one alert, until Datadog tells its groups.
    """
    if not several:
        return (alert,)
    if several.keys() != {HOST}:
        return (replace(alert, merged=True),)
    return tuple(_of_host(alert, word) for word in several[HOST])


def _of_host(alert: Alert, word: str) -> Alert:
    """One host's group of a merged alert: the scope and the tags without the other hosts."""

    def own(words: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(w for w in words if w == word or not w.startswith(f"{HOST}:"))

    hostname = word.partition(":")[2]
    return replace(alert, scope=own(alert.scope), tags=own(alert.tags), hostname=hostname, merged=True)


def _missing(payload: Mapping[str, Any]) -> str:
    problem = "neither a monitor id nor a title is in it"
    if {"id", "title", "body", "event_type"} <= payload.keys():
        return f"{problem}: this is Datadog's own default payload, put Muster's into the webhook"
    return problem


def _json(body: bytes) -> Mapping[str, Any] | None:
    """The object, its numbers as they were typed (ids are larger than other readers keep exactly)."""
    try:
        payload = json.loads(
            body.decode("utf-8-sig", "replace"), strict=False, parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _field(payload: Mapping[str, Any], name: str) -> str:
    """The value as text; empty for what is missing, empty, null, or a variable that was not filled."""
    value = payload.get(name)
    if not isinstance(value, str):
        return ""
    if not value.isascii():
        value = value.encode("utf-8", "replace").decode()
    text = value.replace("\x00", "").strip()
    return "" if text in EMPTY or (text.startswith("$") and NOT_FILLED.fullmatch(text)) else text


def _alert(payload: Mapping[str, Any], delivery: str, now: datetime) -> Alert:
    transition = _field(payload, "alert_transition")
    raw_title = _field(payload, "alert_title") or _field(payload, "event_title")
    prefix = STATE_PREFIX.match(raw_title)
    title = raw_title[prefix.end() if prefix else 0 :].strip()[:LONGEST_TITLE]
    monitor = _field(payload, "alert_id")[:LONGEST_ID]
    return Alert(
        delivery=delivery,
        source="datadog",
        title=title or (f"Monitor {monitor}" if monitor else "Untitled alert"),
        heading=raw_title[:LONGEST_TITLE],
        at=_time(payload, now),
        condition=_condition(transition, _field(payload, "alert_type")),
        transition=transition[:LONGEST_ID] or "Unknown",
        event_id=_field(payload, "event_id")[:LONGEST_ID],
        monitor_id=monitor,
        cycle_key=_field(payload, "alert_cycle_key")[:LONGEST_ID],
        scope=_words(_field(payload, "alert_scope")),
        tags=_tags(payload),
        hostname=_field(payload, "hostname"),
        priority=(_field(payload, "alert_priority") or _priority(prefix[0] if prefix else "")).upper(),
        status=_field(payload, "alert_status")[:1000],
        query=_field(payload, "alert_query")[:1000],
        link=_field(payload, "link"),
        test=bool(TEST.match(raw_title)),
    )


def _priority(prefix: str) -> str:
    """The priority that Datadog writes before a title, for a payload without the field."""
    found = PRIORITY.search(prefix)
    return found[1] if found else ""


def _condition(transition: str, alert_type: str) -> Condition:
    """By the transition; by the type of the event only where the payload has no transition at all."""
    if transition:
        return CONDITIONS.get(transition.lower(), Condition.OTHER)
    return TYPES.get(alert_type.lower(), Condition.OTHER)


def _words(text: str) -> tuple[str, ...]:
    return tuple(sorted({word.strip() for word in text.split(",") if word.strip() not in {"", "*"}})[:MOST_WORDS])


def _tags(payload: Mapping[str, Any]) -> tuple[str, ...]:
    """`$TAGS`, and each `$TAGS[key]` that is not among them."""
    words = _words(_field(payload, "tags"))
    single = {f"{key}:{_field(payload, f'tag_{key}')}" for key in ("service", "env", "team", "runbook")}
    keys = {word.partition(":")[0] for word in words}
    return tuple(sorted({*words, *(w for w in single if not w.endswith(":") and w.partition(":")[0] not in keys)}))


def _time(payload: Mapping[str, Any], now: datetime) -> datetime:
    """The event's time; the time of arrival for what is no time. Nothing has happened later than it arrived."""
    for name in ("date_ms", "last_updated_ms"):
        try:
            count = int(_field(payload, name))
            at = datetime.fromtimestamp(count / (1 if count < SECONDS else 1000), UTC)
        except (ValueError, OverflowError, OSError):
            continue
        if at >= OLDEST:
            return min(at, now)
    return now
