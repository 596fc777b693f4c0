"""Metric queries: points with their unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isfinite
from typing import Any

from datadog_api_client.v1.api.metrics_api import MetricsApi

from bot.datadog.answers import items, mapping, since_epoch, text
from bot.datadog.api import Api, odd_answer
from bot.ports import GaveUp, Series


class Queries:
    """Lines drawn by queries."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._metrics: Any = MetricsApi(api.client)  # type: ignore[no-untyped-call]  # partly typed upstream

    async def series(self, query: str, *, start: datetime, end: datetime) -> Sequence[Series]:
        """The lines of this query. Raises GaveUp with Datadog's own words for a query that it does not understand."""
        since, until = int(start.timestamp()), int(end.timestamp())
        told = await self._api.ask(
            "query", lambda: self._metrics.query_metrics(since, until, query), scope="timeseries_query"
        )
        if problem := text(told, "error"):
            raise GaveUp(f"Datadog refuses the query: {problem[:200]}", reason="error", fix="Correct the query.")
        if not isinstance(told, Mapping) or not isinstance(told.get("series"), list):
            raise odd_answer()
        return [_series(one) for one in items(told, "series") if isinstance(one, Mapping)]


def _series(told: Mapping[str, Any]) -> Series:
    """A line without its gaps. The unit is a pair: of what, and per what."""
    units = [text(unit, "short_name") or text(unit, "name") for unit in items(told, "unit")]
    return Series(
        points=tuple(point for pair in items(told, "pointlist") if (point := _point(pair))),
        about=text(told, "scope") or text(mapping(told), "metric"),
        unit="/".join(filter(None, units)),
    )


def _point(pair: Any) -> tuple[datetime, float] | None:
    """Milliseconds and a value; no value where nothing was measured."""
    if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(n, (int, float)) for n in pair):
        return None
    at = since_epoch(pair[0] / 1000)
    return (at, float(pair[1])) if at and isfinite(pair[1]) else None
