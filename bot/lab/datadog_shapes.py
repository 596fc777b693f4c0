"""The shapes of Datadog's answers, and the little of its search languages that the stand-in needs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any


def rule(id: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A notification rule as the API shows it."""
    return {"type": "monitor-notification-rule", "id": id, "attributes": dict(attributes)}


def downtime(id: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """A downtime as the API shows it."""
    return {"type": "downtime", "id": id, "attributes": {**attributes, "status": "active", "canceled": None}}


def incident(id: str, attributes: Mapping[str, Any]) -> dict[str, Any]:
    """An incident as the API shows it."""
    return {"type": "incidents", "id": id, "attributes": dict(attributes), "relationships": {}}


def event(event: Mapping[str, Any]) -> dict[str, Any]:
    """An event as the search shows it."""
    inner = {"title": event["title"], "evt": {"id": str(event.get("id", ""))}}
    told = {"timestamp": iso(event["at"]), "tags": event.get("tags", []), "message": event["text"]}
    return {"type": "event", "id": f"AAAA{event.get('id', '')}", "attributes": {**told, "attributes": inner}}


def log(line: Mapping[str, Any]) -> dict[str, Any]:
    """A log line as the search shows it."""
    told = {"timestamp": iso(line["at"]), "host": line["host"], "message": line["message"], "tags": []}
    return {"type": "log", "id": "AQAAAY", "attributes": {**told, "status": line.get("status", "info")}}


def found_groups(monitor: Mapping[str, Any], query: str) -> list[dict[str, Any]]:
    """The groups of a monitor as the search words them, if the query finds them."""
    asked = re.search(r"notification:([\w-]+)", query)
    if asked and f"@{asked[1]}" not in monitor.get("message", ""):
        return []
    bad = "group_status:" in query
    return [
        {
            "monitor_id": monitor["id"],
            "monitor_name": monitor["name"],
            "group": group["name"],
            "group_tags": group["name"].split(","),
            "status": group["status"],
            "last_triggered_ts": group.get("last_triggered_ts", 0),
            "last_nodata_ts": group.get("last_nodata_ts", 0),
            "all_tags": monitor.get("tags", []),
            "muted": group.get("muted", False),
            "priority": None,
            "downtimes": [],
        }
        for group in monitor["state"]["groups"].values()
        if not bad or group["status"] != "OK"
    ]


def window(body: Mapping[str, Any]) -> tuple[str, float, float]:
    """Query, begin and end (seconds since 1970) of a search."""
    asked = body["filter"]
    since, until = (datetime.fromisoformat(asked[end]).timestamp() for end in ("from", "to"))
    return str(asked["query"]), since, until


def matches(query: str, tags: list[str]) -> bool:
    """The little of the search syntax that is asked here: one of the words with a colon, and none with a minus."""
    plain = query.replace('tags:"', " ").replace('"', " ").replace("(", " ").replace(")", " ").lower()
    words = [word for word in plain.split() if ":" in word]
    wanted, unwanted = [w for w in words if w[0] != "-"], [w[1:] for w in words if w[0] == "-"]
    return any(word in tags for word in wanted) and not any(word in tags for word in unwanted)


def iso(at: float) -> str:
    """A time as the second version of the API writes it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
