"""Datadog's webhook: the payload that `muster setup datadog` installs, in whatever state it arrives.

Every value is a string; a variable that Datadog does not know may arrive empty, missing, or as its own name
(`$HOSTNAME`). https://docs.datadoghq.com/integrations/webhooks/
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
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
NOT_FILLED = re.compile(r"\$[A-Z][A-Z0-9_]*(\[[^\]]*\])?")
STATE_PREFIX = re.compile(
    r"^(\[(P[1-5]|TEST|(Re-)?(Triggered|Warn|No Data|Recovered|Renotify)[^\]]*)\]\s*)+", re.IGNORECASE
)
LONGEST_TITLE = 300
FUTURE = timedelta(days=1)


@source("datadog")
def datadog(body: bytes, delivery: str, now: datetime) -> Parsed:
    """Alerts of one delivery. A retry has the same event id and transition; without one, the same body."""
    digest = hashlib.sha256(body).hexdigest()
    payload = _json(body)
    if payload is None:
        return Parsed(alerts=(), same=f"body {digest}", problem="the body is not a JSON object")
    event = _field(payload, "event_id")
    same = f"event {event} {_field(payload, 'alert_transition')}" if event else f"body {digest}"
    alert = _alert(payload, delivery, now)
    if not (alert.monitor_id or _field(payload, "event_title") or _field(payload, "alert_title")):
        return Parsed(alerts=(), same=same, problem="neither a monitor id nor a title is in it")
    return Parsed(alerts=(alert,), same=same)


def _json(body: bytes) -> Mapping[str, Any] | None:
    try:
        payload = json.loads(body.decode("utf-8", "replace"), strict=False)
    except (ValueError, RecursionError):
        return None
    return payload if isinstance(payload, dict) else None


def _field(payload: Mapping[str, Any], name: str) -> str:
    """The value as text; empty for what is missing, empty, null, or a variable that was not filled."""
    value = payload.get(name)
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return ""
    text = str(value).replace("\x00", "").strip()
    return "" if text in {"null", "None"} or NOT_FILLED.fullmatch(text) else text


def _alert(payload: Mapping[str, Any], delivery: str, now: datetime) -> Alert:
    transition = _field(payload, "alert_transition")
    raw_title = _field(payload, "alert_title") or _field(payload, "event_title")
    title = STATE_PREFIX.sub("", raw_title).strip()[:LONGEST_TITLE]
    monitor = _field(payload, "alert_id")
    return Alert(
        delivery=delivery,
        source="datadog",
        title=title or (f"Monitor {monitor}" if monitor else "Untitled alert"),
        heading=raw_title[:LONGEST_TITLE],
        at=_time(_field(payload, "date_ms") or _field(payload, "last_updated_ms"), now),
        condition=_condition(transition, _field(payload, "alert_type")),
        transition=transition or "Unknown",
        event_id=_field(payload, "event_id"),
        monitor_id=monitor,
        cycle_key=_field(payload, "alert_cycle_key"),
        scope=_words(_field(payload, "alert_scope")),
        tags=_words(_field(payload, "tags")),
        hostname=_field(payload, "hostname"),
        priority=_field(payload, "alert_priority").upper(),
        status=_field(payload, "alert_status")[:1000],
        query=_field(payload, "alert_query")[:1000],
        link=_field(payload, "link"),
        test="[TEST]" in raw_title.upper(),
    )


def _condition(transition: str, alert_type: str) -> Condition:
    if known := CONDITIONS.get(transition.lower()):
        return known
    if transition:
        return Condition.OTHER
    return {"error": Condition.FIRING, "warning": Condition.WARNING, "success": Condition.RECOVERED}.get(
        alert_type.lower(), Condition.OTHER
    )


def _words(text: str) -> tuple[str, ...]:
    return tuple(sorted({word.strip() for word in text.split(",") if word.strip() not in {"", "*"}}))


def _time(millis: str, now: datetime) -> datetime:
    """The event's time; the time of arrival for what is no time or lies more than a day ahead."""
    try:
        at = datetime.fromtimestamp(int(millis) / 1000, UTC)
    except (ValueError, OverflowError, OSError):
        return now
    return at if at < now + FUTURE else now
