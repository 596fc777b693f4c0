"""Downtimes: silence for one group of one monitor, which ends by itself."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from typing import Any

from datadog_api_client.v2.api.downtimes_api import DowntimesApi

from bot.datadog.answers import items, mapping, text
from bot.datadog.api import Api, odd_answer
from bot.ports import GaveUp, Silence

TAG = re.compile(r"[a-zA-Z][\w./-]*:[\w./:@-]+")
"""What may stand in a scope unquoted."""
A_PAGE, PAGES = 100, 5


class Downtimes:
    """The account's downtimes."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._downtimes: Any = DowntimesApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def silence(self, wish: Silence) -> str:
        """Begin it now, with an end; its id."""
        attributes = {
            "message": wish.text,
            "monitor_identifier": {"monitor_id": int(wish.monitor_id)},
            "scope": scope_of(wish),
            "schedule": {"start": None, "end": wish.until.isoformat()},
            "mute_first_recovery_notification": False,
            "notify_end_states": ["alert", "warn", "no data"],
            "notify_end_types": ["canceled", "expired"],
        }
        body = {"data": {"type": "downtime", "attributes": attributes}}
        made = await self._api.ask("downtime", lambda: self._downtimes.create_downtime(body), scope="monitors_downtime")
        if not (id := text(made, "data", "id")):
            raise odd_answer()
        return id

    async def silenced(self, wish: Silence) -> str:
        """The id of the running downtime that says the same about the same group, else nothing."""
        for page in range(PAGES):
            begin = page * A_PAGE
            call = partial(self._downtimes.list_downtimes, current_only=True, page_offset=begin, page_limit=A_PAGE)
            told = await self._api.ask("downtimes", call, scope="monitors_downtime")
            found = items(told, "data")
            for one in found:
                if _same(mapping(one, "attributes"), wish):
                    return text(one, "id")
            if len(found) < A_PAGE:
                break
        return ""

    async def end_silence(self, id: str) -> None:
        """Cancel it; one that is over or gone is as good."""
        try:
            await self._api.ask(
                "downtime", lambda: self._downtimes.cancel_downtime(id), scope="monitors_downtime", missing="gone"
            )
        except GaveUp as gone:
            if gone.reason != "not-found":
                raise


def scope_of(wish: Silence) -> str:
    """The group and nothing wider. Raises GaveUp for a group that cannot be named safely, or the whole monitor."""
    tags = wish.group.tags
    if not tags or not all(TAG.fullmatch(tag) for tag in tags):
        text = f"Monitor {wish.monitor_id} cannot be silenced for {wish.group.name[:100] or 'one group'} alone."
        raise GaveUp(text, reason="no-scope", fix="Set the downtime in Datadog if it is wanted.")
    return " AND ".join(tags)


def _same(told: Mapping[str, Any], wish: Silence) -> bool:
    about = text(told, "monitor_identifier", "monitor_id")
    return (about, text(told, "scope"), text(told, "message")) == (wish.monitor_id, scope_of(wish), wish.text)
