"""Which groups a merged delivery stood for: Datadog puts what comes within 20 seconds into one message, and the
message need not name them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from bot import log
from bot.alert import Alert
from bot.alerts import SOURCES
from bot.ports import NO_KEYS, GaveUp, GroupState, Metrics, TryAgain
from bot.store import NO_INCIDENT, Store

TOGETHER = timedelta(minutes=1)
"""Groups that changed within this time around a delivery may be in it."""


class MergedGroups:
    """Asks the source, and hands what it names to the same judging. `take` tells how many alerts were new."""

    def __init__(self, *, store: Store, metrics: Metrics, take: Callable[[Sequence[Alert]], int] | None) -> None:
        self._store = store
        self._metrics = metrics
        self._take = take

    async def ask(self, number: int, args: Mapping[str, Any]) -> int:
        """Judge the groups that the delivery does not name; how many. Raises TryAgain, or GaveUp with what to do."""
        delivery = await asyncio.to_thread(self._store.delivery, args["delivery"])
        if delivery is None or self._take is None:
            return 0
        alerts = SOURCES[delivery.source](delivery.body, delivery.id, delivery.received_at).alerts
        if not alerts or not alerts[0].condition.bad:
            return 0
        try:
            state = await self._metrics.monitor(alerts[0].monitor_id)
        except GaveUp as off:
            if off.reason == NO_KEYS:
                return 0
            raise
        found = more_groups(alerts, state.groups)
        return await asyncio.to_thread(self._take, found) if found else 0

    async def ask_for_proposal(self, args: Mapping[str, Any]) -> None:
        """The same for what is only proposed so far. What cannot be had is logged: people are asked all the same."""
        try:
            await self.ask(NO_INCIDENT, args)
        except (TryAgain, GaveUp) as problem:
            if problem.reason == "database":
                raise
            log.event("groups.unknown", reason=problem.reason, delivery=args["delivery"])


def more_groups(alerts: Sequence[Alert], groups: Iterable[GroupState]) -> list[Alert]:
    """The groups that a merged delivery stands for and does not name, as alerts of the same delivery."""
    first = alerts[0]
    if not first.condition.bad:
        return []
    known = {alert.fingerprint for alert in alerts if len(alerts) > 1 or not alert.merged}
    found = [_as_alert(first, g) for g in groups if g.bad and g.tags and _together(g, first)]
    return [alert for alert in found if alert.fingerprint not in known]


def _as_alert(first: Alert, group: GroupState) -> Alert:
    scope = tuple(sorted(group.tags))
    own = {tag.partition(":")[0] for tag in scope}
    others = (tag for tag in first.tags if tag.partition(":")[0] not in own)
    host = next((tag.removeprefix("host:") for tag in scope if tag.startswith("host:")), "")
    return replace(first, scope=scope, tags=tuple(sorted({*scope, *others})), hostname=host, merged=True)


def _together(group: GroupState, first: Alert) -> bool:
    return group.triggered_at is not None and abs(group.triggered_at - first.at) <= TOGETHER
