"""What the monitoring system is told about an incident: events beside its graphs, silence while people repair, and
the incident in its own list. Each is a wish of the policy, optional, and comes after everything that people wait for.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.facts import MirrorShown, Silenced, SilenceEnded, WrittenBack
from bot.incident import AlertSeen, Incident, RepairState, Status
from bot.policy import Datadog as Wishes
from bot.ports import NO_KEYS, GaveUp, GroupState, Marker, Metrics, Mirrored, Silence
from bot.steps.recorder import Recorder

QUIET = timedelta(hours=2)
"""The longest silence: a bot that died must not keep a monitor quiet."""
TAG = re.compile(r"[a-z0-9_./-]{1,100}")
STATES = {Status.MONITORING: "stable", Status.RESOLVED: "resolved", Status.CLOSED: "resolved"}


class WriteBack:
    """Tells what the policy wants told. Each step may be done again: nothing is told twice."""

    def __init__(self, recorder: Recorder, *, metrics: Metrics, wishes: Wishes) -> None:
        self._recorder = recorder
        self._metrics = metrics
        self._wishes = wishes

    async def tell(self, number: int, args: Mapping[str, Any]) -> None:
        """Bring events and mirror up to what the record says. Nothing of a private incident leaves it."""
        incident = await self._recorder.incident(number)
        if incident.private:
            return
        if self._wishes.write_back:
            for marker in milestones(incident, now=self._recorder.now()):
                if marker.key not in incident.watched.markers:
                    await self._optional(self._mark(number, marker))
        if self._wishes.mirror_incident and not incident.drill:
            await self._optional(self._mirror(incident))

    async def quiet(self, number: int, args: Mapping[str, Any]) -> None:
        """Begin the silences that are wanted now, and end those of a closed incident."""
        incident = await self._recorder.incident(number)
        for id in () if incident.open else tuple(incident.watched.silences):
            await self._optional(self._end(number, id))
        if self._wishes.downtime:
            for alert in to_silence(incident):
                await self._optional(self._silence(incident, alert))

    async def _mark(self, number: int, marker: Marker) -> None:
        if await self._first(f"marker:{marker.key}") or not await self._marked(marker):
            await self._metrics.mark(marker)
        await self._recorder.record(number, WrittenBack(marker=marker.key), part=marker.key)

    async def _marked(self, marker: Marker) -> bool:
        """Whether an earlier try came through. Where we may not look, an event too many does less harm than none."""
        try:
            return await self._metrics.marked(marker)
        except GaveUp:
            return False

    async def _silence(self, incident: Incident, alert: AlertSeen) -> None:
        state = await self._metrics.monitor(alert.monitor_id)
        group = named_by(alert, state.groups)
        if group is None or (alert.monitor_id, group.name) in incident.watched.silences.values():
            return
        until = self._recorder.now() + QUIET
        text = f"Muster {key_of(incident)}: until it is closed"
        wish = Silence(monitor_id=alert.monitor_id, group=group, until=until, text=text)
        first = await self._first(f"silence:{key_of(incident)}:{alert.monitor_id}:{group.name}")
        id = "" if first else await self._metrics.silenced(wish)
        id = id or await self._metrics.silence(wish)
        told = Silenced(id=id, monitor_id=alert.monitor_id, group=group.name, until=until)
        await self._recorder.record(incident.number, told, part=f"silence/{id}")

    async def _end(self, number: int, id: str) -> None:
        await self._metrics.end_silence(id)
        await self._recorder.record(number, SilenceEnded(id=id), part=f"end/{id}")

    async def _mirror(self, incident: Incident) -> None:
        shown = mirror_of(incident)
        words = (shown.title, shown.state, shown.severity)
        id = incident.watched.mirror
        if id and words == incident.watched.mirrored:
            return
        if not id and not await self._first(f"mirror:{shown.key}"):
            id = await self._metrics.mirrored(shown.key)
        if id:
            await self._metrics.update_mirror(id, shown)
        else:
            id = await self._metrics.mirror(shown)
        await self._recorder.record(incident.number, MirrorShown(id=id, words=words), part="mirror")

    async def _optional(self, told: Awaitable[None]) -> None:
        """Without keys nothing is told, and nobody needs to hear of that."""
        try:
            await told
        except GaveUp as off:
            if off.reason != NO_KEYS:
                raise

    async def _first(self, key: str) -> bool:
        return await asyncio.to_thread(self._recorder.store.first, key)


def key_of(incident: Incident) -> str:
    """Its name for ever, also where several Musters write to one account. Small letters: tags have no others."""
    return f"{incident.id.lower()}-{incident.opened_at:%Y%m%dt%H%M%Sz}"


def milestones(incident: Incident, *, now: datetime) -> list[Marker]:
    """What of its course is worth a mark beside the graphs, so far."""
    cause = incident.proved[0].text if incident.proved else ""
    repaired = next((r for r in incident.repairs if r.state is RepairState.VERIFIED), None)
    told = {"opened": (f"{incident.id} opened: {incident.title}", f"Severity {incident.severity}", "error")}
    if cause:
        told["cause"] = (f"{incident.id}: cause proved by checks", cause, "warning")
    if repaired:
        told["repaired"] = (f"{incident.id}: repaired", repaired.title, "success")
    if not incident.open:
        told[f"closed-{incident.closings}"] = (f"{incident.id} closed", cause or incident.title, "success")
    key = key_of(incident)
    service = incident.service.lower()
    tags = ("source:muster", *([f"service:{service}"] if TAG.fullmatch(service) else ()))
    tags += ("drill:true",) if incident.drill else ()
    return [
        Marker(key=f"{key}/{name}", together=f"muster-{key}", title=title, text=text, at=now, mood=mood, tags=tags)
        for name, (title, text, mood) in told.items()
    ]


def to_silence(incident: Incident) -> list[AlertSeen]:
    """The alerts about which people need to hear no more: they took the incident on, or approved a repair."""
    taken = any(e.source.human for e in incident.entries[:1]) or any(r.approved_by for r in incident.repairs)
    if not (incident.open and taken):
        return []
    return [alert for alert in incident.firing if alert.source == "datadog" and alert.monitor_id.isdigit()]


def named_by(alert: AlertSeen, groups: tuple[GroupState, ...]) -> GroupState | None:
    """The group that the alert is about, in the monitor's own words; the alert's words go into no request."""
    scope = {word.lower() for word in alert.scope}
    fitting = [g for g in groups if g.tags and {tag.lower() for tag in g.tags} <= scope]
    return max(fitting, key=lambda g: len(g.tags), default=None)


def mirror_of(incident: Incident) -> Mirrored:
    """The incident in the words of the other list."""
    return Mirrored(
        key=f"Muster {key_of(incident)}",
        title=incident.title,
        state=STATES.get(incident.status, "active"),
        severity=incident.severity,
        declared_at=incident.opened_at,
        detected_at=incident.detected_at,
        resolved_at=incident.resolved_at,
    )
