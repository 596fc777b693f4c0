"""Datadog's own incident list: ours is shown there by import, which starts no rules and opens no second channel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from datadog_api_client.v2.api.incidents_api import IncidentsApi

from bot.datadog.answers import items, mapping, text
from bot.datadog.api import Api, odd_answer
from bot.ports import Mirrored

SCOPES = "incident_write"
TITLE = 180  # characters besides the key
RESOLVED = "resolved"


class Incidents:
    """The account's incidents."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._incidents: Any = IncidentsApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def mirror(self, shown: Mirrored) -> str:
        """Bring it into the list; its id there."""
        attributes: dict[str, Any] = {
            "title": _title(shown),
            "visibility": "organization",
            "declared": shown.declared_at.isoformat(),
            "fields": {name: {"value": value} for name, value in _words(shown).items()},
        }
        if shown.detected_at:
            attributes["detected"] = shown.detected_at.isoformat()
        if shown.resolved_at and shown.state == RESOLVED:  # refused with any other state
            attributes["resolved"] = shown.resolved_at.isoformat()
        body = {"data": {"type": "incidents", "attributes": attributes}}
        made = await self._api.ask("incident", lambda: self._incidents.import_incident(body), scope=SCOPES)
        if not (id := text(made, "data", "id")):
            raise odd_answer()
        return id

    async def mirrored(self, key: str) -> str:
        """The id of the incident whose title begins with this key, else nothing."""
        told = await self._api.ask(
            "incidents",
            lambda: self._incidents.search_incidents(f'title:"[{key}]"', page_size=25),
            scope="incident_read",
        )
        found = (mapping(one, "data") for one in items(told, "data", "attributes", "incidents"))
        ours = (one for one in found if text(one, "attributes", "title").startswith(f"[{key}]"))
        return next((text(one, "id") for one in ours), "")

    async def update_mirror(self, id: str, shown: Mirrored) -> None:
        """Bring title, state and severity up to date."""
        fields = {name: {"type": "dropdown", "value": value} for name, value in _words(shown).items()}
        attributes = {"title": _title(shown), "fields": fields}
        body = {"data": {"type": "incidents", "id": id, "attributes": attributes}}
        await self._api.ask("incident", lambda: self._incidents.update_incident(id, body), scope=SCOPES)


def _title(shown: Mirrored) -> str:
    return f"[{shown.key}] {shown.title[:TITLE]}"


def _words(shown: Mirrored) -> Mapping[str, str]:
    """The fields that we fill. An update names their kind; an import takes nothing but the value."""
    return {"state": shown.state, "severity": _severity(shown.severity)}


def _severity(severity: str) -> str:
    """Datadog writes SEV-1 to SEV-5; what is called otherwise is unknown to it."""
    number = re.fullmatch(r"[A-Za-z]{1,4}-?([1-5])", severity)
    return f"SEV-{number[1]}" if number else "UNKNOWN"
