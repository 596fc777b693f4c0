"""Log searches: the newest lines, and whether there are more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from datadog_api_client.v2.api.logs_api import LogsApi

from bot.datadog.answers import items, mapping, text, written
from bot.datadog.api import Api, odd_answer
from bot.ports import LogLine, Logs

LONGEST = 2_000
"""Characters of one line."""


class Searches:
    """Lines found by searches."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._logs: Any = LogsApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def logs(self, query: str, *, start: datetime, end: datetime, most: int) -> Logs:
        """The newest lines of this search, at most 1000."""
        body = {
            "filter": {"query": query, "from": start.isoformat(), "to": end.isoformat()},
            "page": {"limit": max(1, min(most, 1000))},
            "sort": "-timestamp",
        }
        told = await self._api.ask("logs", lambda: self._logs.list_logs(body=body), scope="logs_read_data")
        if not isinstance(told, Mapping) or not isinstance(told.get("data", []), list):
            raise odd_answer()
        lines = tuple(_line(mapping(one, "attributes"), start) for one in items(told, "data"))
        return Logs(lines=lines, more=bool(text(told, "meta", "page", "after")))


def _line(told: Mapping[str, Any], start: datetime) -> LogLine:
    return LogLine(
        at=written(text(told, "timestamp")) or start,
        text=text(told, "message")[:LONGEST],
        host=text(told, "host"),
        status=text(told, "status"),
    )
