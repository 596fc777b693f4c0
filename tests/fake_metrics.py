"""A small monitoring system in memory that stands in for Datadog."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bot.incident import Change
from bot.ports import (
    GaveUp,
    Groups,
    Logs,
    Marker,
    Mirrored,
    MonitorState,
    Series,
    Silence,
    TryAgain,
)


@dataclass
class FakeMetrics:
    """`fail[method]` is raised by the next calls of that method.

    `found` holds all groups of all monitors, `lines`, `log` and `deployed` what queries and searches find.
    """

    found: Groups = field(default_factory=lambda: Groups(groups=()))
    lines: Sequence[Series] = ()
    log: Logs = field(default_factory=lambda: Logs(lines=()))
    deployed: Sequence[Change] = ()
    markers: dict[str, Marker] = field(default_factory=dict)
    silences: dict[str, Silence] = field(default_factory=dict)
    mirrors: dict[str, Mirrored] = field(default_factory=dict)
    calls: list[tuple[str, Any]] = field(default_factory=list)
    fail: dict[str, list[TryAgain | GaveUp]] = field(default_factory=dict)

    async def monitor(self, monitor_id: str) -> MonitorState:
        self._called("monitor", monitor_id)
        groups = tuple(g for g in self.found.groups if g.monitor_id == monitor_id)
        link = f"https://monitors.example/{monitor_id}"
        return MonitorState(state="Alert", link=link, name="web", groups=groups)

    async def groups(self, query: str, *, bad: bool = True) -> Groups:
        self._called("groups", query)
        return replace(self.found, groups=tuple(g for g in self.found.groups if g.bad or not bad))

    async def series(self, query: str, *, start: datetime, end: datetime) -> Sequence[Series]:
        self._called("series", query)
        wanted = [tuple(p for p in line.points if start <= p[0] <= end) for line in self.lines]
        return [replace(line, points=points) for line, points in zip(self.lines, wanted, strict=True)]

    async def logs(self, query: str, *, start: datetime, end: datetime, most: int) -> Logs:
        self._called("logs", query)
        lines = [line for line in self.log.lines if start <= line.at <= end]
        return Logs(lines=tuple(lines[:most]), more=len(lines) > most)

    async def changes(self, query: str, *, start: datetime, end: datetime, most: int) -> Sequence[Change]:
        self._called("changes", query)
        return [change for change in self.deployed if start <= change.at <= end][:most]

    def links(self, *, monitor_id: str, host: str, start: datetime, end: datetime) -> Mapping[str, str]:  # noqa: ARG002 - of Metrics
        found = {"Monitor": f"https://monitors.example/{monitor_id}"} if monitor_id else {}
        return found | ({"Logs": f"https://logs.example/{host}"} if host else {})

    async def mark(self, marker: Marker) -> None:
        self._called("mark", marker.key)
        self.markers[marker.key] = marker

    async def marked(self, marker: Marker) -> bool:
        self._called("marked", marker.key)
        return marker.key in self.markers

    async def silence(self, wish: Silence) -> str:
        self._called("silence", wish)
        id = f"S{len(self.silences) + 1}"
        self.silences[id] = wish
        return id

    async def silenced(self, wish: Silence) -> str:
        self._called("silenced", wish)
        same = (wish.group.name, wish.text)
        return next((id for id, known in self.silences.items() if (known.group.name, known.text) == same), "")

    async def end_silence(self, id: str) -> None:
        self._called("end_silence", id)
        self.silences.pop(id, None)

    async def mirror(self, shown: Mirrored) -> str:
        self._called("mirror", shown)
        id = f"M{len(self.mirrors) + 1}"
        self.mirrors[id] = shown
        return id

    async def mirrored(self, key: str) -> str:
        self._called("mirrored", key)
        return next((id for id, known in self.mirrors.items() if known.key == key), "")

    async def update_mirror(self, id: str, shown: Mirrored) -> None:
        self._called("update_mirror", shown)
        self.mirrors[id] = shown

    def asked(self, method: str) -> list[Any]:
        """What this method was called with."""
        return [what for name, what in self.calls if name == method]

    def _called(self, method: str, what: Any) -> None:
        self.calls.append((method, what))
        if waiting := self.fail.get(method):
            raise waiting.pop(0)
