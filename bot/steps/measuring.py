"""Which line belongs to an alert, and which of its points are kept. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from bot.incident import Incident, Measurement
from bot.ports import Series

MOST_LINES = 3
"""Lines of one query that are kept: those that go farthest."""
MOST_POINTS = 60
"""Points of one line: as many as a table can repeat."""
BEFORE, AFTER = timedelta(minutes=15), timedelta(minutes=5)
_MONITOR = re.compile(
    r"\w+\(last_\w+\):\s*(?P<query>.+?)\s*(?P<sign>[<>])=?\s*(?P<threshold>-?\d+(?:\.\d+)?(?:e-?\d+)?)\s*", re.DOTALL
)


def measured_by(incident: Incident) -> tuple[str, str]:
    """The query of the line that the first alert watched, and its threshold; empty where that is no line."""
    for alert in incident.alerts:
        if found := _MONITOR.fullmatch(alert.query):
            return found["query"], found["threshold"]
    return "", ""


def span_of(incident: Incident, now: datetime) -> tuple[datetime, datetime]:
    """From when to when it is worth looking."""
    begins = [at for at in (incident.impact_started_at, incident.detected_at) if at]
    return min(begins, default=incident.opened_at) - BEFORE, (incident.resolved_at or now) + AFTER


def kept(found: Sequence[Series], *, query: str, threshold: str) -> tuple[Measurement, ...]:
    """What is kept of an answer."""
    farthest = sorted((line for line in found if line.points), key=lambda s: -max(abs(v) for _, v in s.points))
    return tuple(_line(line, query, threshold) for line in farthest[:MOST_LINES])


def _line(line: Series, query: str, threshold: str) -> Measurement:
    points = list(_thinned(line.points))
    return Measurement(
        query=query,
        about=line.about,
        unit=line.unit,
        threshold=threshold,
        times=tuple(at for at, _ in points),
        values=tuple(f"{value:.6g}" for _, value in points),
    )


def _thinned(points: Sequence[tuple[datetime, float]]) -> Iterable[tuple[datetime, float]]:
    """Of each stretch the point that lies farthest from zero: peaks are never lost."""
    size = -(-len(points) // MOST_POINTS) or 1
    for at in range(0, len(points), size):
        yield max(points[at : at + size], key=lambda point: abs(point[1]))
