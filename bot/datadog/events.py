"""Events: deployments and changes around a time, and ours, shown beside the graphs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from datadog_api_client.v1.api.events_api import EventsApi as OldEventsApi
from datadog_api_client.v2.api.events_api import EventsApi

from bot.datadog.answers import items, mapping, text, texts, written
from bot.datadog.api import Api, odd_answer
from bot.incident import Change
from bot.ports import Marker

LONGEST_TITLE, LONGEST_TEXT, LONGEST_KEY = 100, 4000, 100  # what Datadog takes
OURS = "muster:"
AROUND = timedelta(days=1)  # where an event of ours is looked for


class Events:
    """The account's events; `app` is where people open Datadog."""

    def __init__(self, api: Api, *, app: str) -> None:
        self._api = api
        self._app = app
        self._events: Any = EventsApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream
        self._old: Any = OldEventsApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def changes(self, query: str, *, start: datetime, end: datetime, most: int) -> Sequence[Change]:
        """What this search finds, newest first, without what we said ourselves."""
        found = await self._search(query, start, end, most)
        return [self._change(one) for one in found if not any(t.startswith(OURS) for t in texts(one, "tags"))]

    async def mark(self, marker: Marker) -> None:
        """Show this beside the graphs. An API key is enough; the event's time is the time of the call."""
        body = {
            "title": marker.title[:LONGEST_TITLE],
            "text": f"%%%\n{marker.text[: LONGEST_TEXT - 10]}\n%%%",
            "alert_type": marker.mood,
            "aggregation_key": marker.together[:LONGEST_KEY],
            "tags": [*marker.tags, f"{OURS}{marker.key}"],
        }
        await self._api.ask("event", lambda: self._old.create_event(body), scope="")

    async def marked(self, marker: Marker) -> bool:
        """Whether this is shown already."""
        name = f"{OURS}{marker.key}"
        found = await self._search(f'tags:"{name}"', marker.at - AROUND, marker.at + AROUND, 10)
        return any(name in texts(one, "tags") for one in found)

    async def _search(self, query: str, start: datetime, end: datetime, most: int) -> Sequence[Mapping[str, Any]]:
        body = {
            "filter": {"query": query, "from": start.isoformat(), "to": end.isoformat()},
            "page": {"limit": most},
            "sort": "-timestamp",
        }
        told = await self._api.ask("events", lambda: self._events.search_events(body=body), scope="events_read")
        if not isinstance(told, Mapping) or not isinstance(told.get("data", []), list):
            raise odd_answer()
        return [{**mapping(one, "attributes"), "id": text(one, "id")} for one in items(told, "data")]

    def _change(self, told: Mapping[str, Any]) -> Change:
        inner = mapping(told, "attributes")
        tags = texts(told, "tags")
        source = next((tag.removeprefix("source:") for tag in tags if tag.startswith("source:")), "")
        at = written(text(told, "timestamp"))
        if at is None:
            raise odd_answer()
        title = text(inner, "title") or text(told, "title") or text(told, "message")
        return Change(
            at=at,
            title=" ".join(title.split())[:200],
            kind=source or text(inner, "sourcecategory"),
            link=f"{self._app}/event/event?id={id}" if (id := text(inner, "evt", "id")).isdigit() else "",
        )
