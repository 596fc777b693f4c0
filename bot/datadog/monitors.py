"""Monitors: what they say now, which groups alert, and those that we ship."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from datadog_api_client.v1.api.monitors_api import MonitorsApi

from bot.datadog import links
from bot.datadog.answers import items, mapping, since_epoch, text, texts
from bot.datadog.api import Api, odd_answer
from bot.ports import GaveUp, Groups, GroupState, MonitorState

MONITOR = re.compile(r"[0-9]{1,19}")
BAD = 'group_status:(alert OR warn OR "no data")'
A_PAGE, PAGES = 200, 10
NONE_SUCH = "Datadog knows no such monitor."


class Monitors:
    """The monitors of the account; `app` is where people open Datadog."""

    def __init__(self, api: Api, *, app: str) -> None:
        self._api = api
        self._app = app
        self._monitors: Any = MonitorsApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def monitor(self, monitor_id: str) -> MonitorState:
        """The monitor's state and link, and its groups that are not well."""
        number = _number(monitor_id)
        found = await self._api.ask(
            "monitor",
            lambda: self._monitors.get_monitor(number, group_states="alert,warn,no data"),
            scope="monitors_read",
            missing=NONE_SUCH,
        )
        if not text(found, "id"):
            raise odd_answer()
        name = text(found, "name")
        groups = mapping(found, "state", "groups").values()
        return MonitorState(
            state=text(found, "overall_state") or "unknown",
            name=name,
            link=links.monitor(self._app, monitor_id),
            groups=tuple(_group(one, monitor_id, name) for one in groups if isinstance(one, Mapping)),
        )

    async def groups(self, query: str, *, bad: bool) -> Groups:
        """The groups that this search finds, in the order of Datadog; `bad`: only those that are not well."""
        wanted = " ".join(filter(None, (BAD if bad else "", query)))
        found: list[GroupState] = []
        for page in range(PAGES):
            told = await self._api.ask("groups", partial(self._page, wanted, page), scope="monitors_read")
            if not isinstance(told, Mapping) or not isinstance(told.get("groups"), list):
                raise odd_answer()
            here = [_searched(one) for one in items(told, "groups") if isinstance(one, Mapping)]
            found += here
            # Their pages may be shorter than we asked for, and their page_count counts what is on this one.
            all_told = len(found) >= _number_in(told, "metadata", "total_count")
            if all_told or not here:
                return Groups(groups=tuple(found), complete=all_told)
        return Groups(groups=tuple(found), complete=False)

    def _page(self, query: str, page: int) -> Any:
        return self._monitors.search_monitor_groups(query=query, page=page, per_page=A_PAGE)

    async def tagged(self, tag: str) -> Sequence[Mapping[str, Any]]:
        """The monitors with this tag, as Datadog describes them."""
        found = await self._api.ask(
            "monitors",
            lambda: self._monitors.list_monitors(monitor_tags=tag, page=0, page_size=100),
            scope="monitors_read",
        )
        if not isinstance(found, list):
            raise odd_answer()
        return [one for one in found if isinstance(one, Mapping)]

    async def create(self, monitor: Mapping[str, Any]) -> str:
        """Make a monitor; its id."""
        made = await self._api.ask(
            "write monitor", lambda: self._monitors.create_monitor(dict(monitor)), scope="monitors_write"
        )
        return text(made, "id")


def _number(monitor_id: str) -> int:
    """The number of a monitor. What is none never reaches a URL."""
    if not MONITOR.fullmatch(monitor_id):
        raise GaveUp(f"{monitor_id[:100]!r} is no monitor of Datadog.", reason="not-found")
    return int(monitor_id)


def _group(told: Mapping[str, Any], monitor_id: str, monitor: str) -> GroupState:
    """A group as the monitor's own description has it."""
    name = text(told, "name")
    return GroupState(
        monitor_id=monitor_id,
        name=name,
        status=text(told, "status").lower(),
        tags=tags_of(name),
        monitor=monitor,
        triggered_at=_began(told),
    )


def _searched(told: Mapping[str, Any]) -> GroupState:
    """A group as the search has it."""
    name, priority = text(told, "group"), text(told, "priority")
    return GroupState(
        monitor_id=text(told, "monitor_id"),
        name=name,
        status=text(told, "status").lower(),
        tags=tuple(tag for tag in texts(told, "group_tags") if ":" in tag) or tags_of(name),
        monitor=text(told, "monitor_name"),
        triggered_at=_began(told),
        muted=told.get("muted") is True,
        priority=f"P{priority}" if priority else "",
        monitor_tags=texts(told, "all_tags"),
    )


def _began(told: Mapping[str, Any]) -> datetime | None:
    """When the group came into its state. One that went silent may have triggered once, long before."""
    stamps = ("last_triggered_ts", "last_nodata_ts")
    silent = text(told, "status").lower() == "no data"
    first, other = (since_epoch(told.get(name)) for name in (reversed(stamps) if silent else stamps))
    return first or other


def _number_in(told: Any, *path: str) -> int:
    found = text(told, *path)
    return int(found) if found.isdecimal() else 0


def tags_of(group: str) -> tuple[str, ...]:
    """The tags of a group's name: `host:web-02,service:shop`. A simple monitor's `*` or `total` has none."""
    return tuple(tag.strip() for tag in group.split(",") if ":" in tag)
