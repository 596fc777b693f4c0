"""Pages of Datadog for people, already set to a monitor, a host and a time. Pure; asks nobody."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlencode


def address(site: str) -> str:
    """Where people open Datadog: us3.datadoghq.com has no app. before it."""
    return f"https://{site}" if site.count(".") > 1 else f"https://app.{site}"


def monitor(app: str, monitor_id: str) -> str:
    """The page of a monitor."""
    return f"{app}/monitors/{monitor_id}"


def around(app: str, *, monitor_id: str, host: str, start: datetime, end: datetime) -> Mapping[str, str]:
    """The pages by name; without a host, the monitor's alone."""
    when = {"from_ts": str(_ms(start)), "to_ts": str(_ms(end)), "live": "false"}
    found = {}
    if monitor_id:
        group = {"group": f"host:{host}"} if host else {}
        found["Monitor"] = f"{monitor(app, monitor_id)}?{urlencode({**group, **when})}"
    if host:
        of_host = f"host:{host}"
        dashboard = urlencode({"tpl_var_scope": of_host, **when})
        found["Dashboard"] = f"{app}/dash/integration/system_overview?{dashboard}"
        found["Logs"] = f"{app}/logs?{urlencode({'query': of_host, **when})}"
        found["Events"] = f"{app}/event/explorer?{urlencode({'query': of_host, **when})}"
        found["Host"] = f"{app}/infrastructure?{urlencode({'filter': of_host, **when})}"
    return found


def _ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)
