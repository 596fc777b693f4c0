"""What helps people to see what goes on: the monitor's state, pages set to host and time, what was changed shortly
before, and when the same happened last. All of it is optional and comes after the card.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from bot.facts import ChangesFound, ContextFound, MonitorLookedUp
from bot.incident import AlertSeen, Incident
from bot.ports import NO_KEYS, GaveUp, Metrics, TryAgain
from bot.runbook.inventory import Host, Inventory
from bot.steps.recorder import Recorder
from bot.triage.reasons import Why
from bot.triage.target import target

AROUND = timedelta(minutes=15)
"""What pages show before and after the start."""
BEFORE = timedelta(hours=2)
"""How long before the start a change is of interest."""
CHANGES, EARLIER = 5, 3
MOST_JOINED = 5  # monitors that are looked at in one go
PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./-]*")


class Enrichment:
    """Adds to the record what others know. Only words of our own inventory go into a page's address or a search."""

    def __init__(self, recorder: Recorder, *, metrics: Metrics, inventory: Inventory) -> None:
        self._recorder = recorder
        self._metrics = metrics
        self._inventory = inventory

    async def look_up(self, number: int, args: Mapping[str, Any]) -> None:
        """Record first what we know ourselves, then what the monitoring system tells.

        Raises TryAgain or GaveUp for the first part that is missing; the others are there. Without keys nothing is.
        """
        incident = await self._recorder.incident(number)
        alert = _alert(incident)
        if alert is None:
            return
        host = target(alert, self._inventory).host
        await self._recorder.record(number, await self._context(incident, alert, host), part="context")
        parts = {"monitor": self._monitor(alert), "changes": self._changes(incident, host)}
        found = dict(zip(parts, await asyncio.gather(*parts.values(), return_exceptions=True), strict=True))
        missing: TryAgain | GaveUp | None = None
        for part, told in found.items():
            if isinstance(told, TryAgain | GaveUp):
                missing = missing or (None if told.reason == NO_KEYS else told)
            elif isinstance(told, BaseException):
                raise told
            elif told is not None:
                await self._recorder.record(number, told, part=part)
        if missing:
            raise missing

    async def joined(self, number: int, args: Mapping[str, Any]) -> None:
        """Look at a monitor whose alert came after the opening, and at those that were asked about in vain before:
        none of them hides that another is missing. The first one is looked at anyway. Raises TryAgain or GaveUp.
        """
        incident = await self._recorder.incident(number)
        missing: TryAgain | GaveUp | None = None
        for alert in _joined(incident, args["monitor"]):
            try:
                told = await self._monitor(alert)
            except (TryAgain, GaveUp) as problem:
                missing = missing or (None if problem.reason == NO_KEYS else problem)
                continue
            if told:
                await self._recorder.record(incident.number, told, part=f"monitor/{alert.monitor_id}")
        if missing:
            raise missing

    async def _context(self, incident: Incident, alert: AlertSeen, host: Host | None) -> ContextFound:
        """What nobody needs to be asked for."""
        start = incident.detected_at or incident.opened_at
        links = self._metrics.links(
            monitor_id=alert.monitor_id if alert.monitor_id.isdigit() else "",
            host=host.name if host else "",
            start=start - AROUND,
            end=start + AROUND,
        )
        before = await asyncio.to_thread(
            self._recorder.store.earlier, alert.source, alert.monitor_id, before=incident.number, most=EARLIER
        )
        return ContextFound(links=links, earlier=tuple(f"{one.id} {one.title}" for one in before))

    async def _monitor(self, alert: AlertSeen) -> MonitorLookedUp | None:
        if not alert.monitor_id:
            return None
        found = await self._metrics.monitor(alert.monitor_id)
        return MonitorLookedUp(monitor_id=alert.monitor_id, state=found.state, link=found.link, name=found.name)

    async def _changes(self, incident: Incident, host: Host | None) -> ChangesFound | None:
        """Deployments and changes of the service or the host, without monitors' alerts and our own events."""
        if host is None or not (query := self._search(host)):
            return None
        start = incident.detected_at or incident.opened_at
        found = await self._metrics.changes(query, start=start - BEFORE, end=start + AROUND, most=CHANGES)
        return ChangesFound(changes=tuple(found))

    def _search(self, host: Host) -> str:
        service = self._inventory.group_of(host).service
        words = [f"service:{service}"] if PLAIN.fullmatch(service) else []
        words += [f"host:{host.name}"] if PLAIN.fullmatch(host.name) else []
        return f"({' OR '.join(words)}) -source:alert" if words else ""


def _joined(incident: Incident, asked: str) -> list[AlertSeen]:
    """The first alert of each monitor that is still to be looked at, this one before the others."""
    firsts = {alert.monitor_id: alert for alert in reversed(incident.alerts)}
    wanted = [asked, *(a.monitor_id for a in incident.alerts if a.why == Why.SAME_PLACE)]
    known = {*incident.monitors, *(a.monitor_id for a in incident.alerts[:1])}
    return [firsts[name] for name in dict.fromkeys(wanted) if name in firsts and name not in known][:MOST_JOINED]


def _alert(incident: Incident) -> AlertSeen | None:
    """The alert that speaks for the incident: the newest that fires, else the newest."""
    return max(incident.firing or incident.alerts, key=lambda a: a.at, default=None)
