"""Comparing what alerts at Datadog with what is on record: a delivery may be lost, and so may a recovery.

What was missed is taken in like any delivery, marked as found by us. A recovery that never came is told and asked
about; nothing is closed for it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from bot.alerts.datadog import datadog as parse
from bot.facts import Fact, RecoveryMissed
from bot.incident import Source
from bot.log import event
from bot.ports import GaveUp, GroupState, Metrics, MonitorState, TryAgain
from bot.store import Store
from bot.triage.judge import Problem

EVERY = timedelta(minutes=3)
UNDER_WAY = timedelta(minutes=2)
"""A younger alert may still be on its way to us."""
SLACK = timedelta(minutes=1)
"""How far the clocks of a group and of its notification may be apart."""
AT_ONCE = 50  # deliveries of one round
LOOKS = 5  # monitors of one round that are looked at one by one
SOURCE = "datadog"
TRANSITIONS = {"alert": "Triggered", "warn": "Warn", "no data": "No Data"}
OFF = "off"


# ------------------------------------------------------------------ decisions, pure


def missed(
    groups: Iterable[GroupState], heard: Mapping[str, datetime], problems: Sequence[Problem], *, now: datetime
) -> list[GroupState]:
    """The groups that alert and of which we never heard. `heard`: the last word on each problem by its name."""
    found = []
    for group in groups:
        if not group.bad or group.muted or not group.monitor_id.isdigit() or group.triggered_at is None:
            continue
        last = heard.get(name_of(group))
        under_way = now - group.triggered_at < UNDER_WAY
        if under_way or (last is not None and last >= group.triggered_at - SLACK):
            continue
        if not any(p.open and p.firing and is_about(p.fingerprint, group) for p in problems):
            found.append(group)
    return found


def silent(groups: Sequence[GroupState], problems: Iterable[Problem], *, now: datetime) -> list[Problem]:
    """Our firing problems of which no group alerts any more. `groups` must be all that alert."""
    ours = [p for p in problems if p.open and p.firing and p.incident and now - p.last_at >= UNDER_WAY]
    return [p for p in ours if monitor_of(p.fingerprint) and not any(is_about(p.fingerprint, g) for g in groups)]


def delivery_of(group: GroupState, *, link: str = "") -> bytes:
    """The delivery that should have come, in the words of our own payload. One trigger gives the same one always."""
    at = group.triggered_at
    assert at is not None  # noqa: S101 - what never triggered is never missed
    digest = hashlib.sha256(group.name.encode("utf-8", "replace")).hexdigest()[:12]
    tags = dict.fromkeys((*group.tags, *group.monitor_tags))
    fields = {
        "schema": "muster/datadog/1",
        "found_by": "reconcile",
        "event_id": f"reconcile-{group.monitor_id}-{digest}-{int(at.timestamp())}",
        "alert_id": group.monitor_id,
        "alert_transition": TRANSITIONS[group.status],
        "alert_title": group.monitor or f"Monitor {group.monitor_id}",
        "alert_status": f"Its webhook never came; Datadog says that it is in the state {group.status}.",
        "alert_priority": group.priority,
        "alert_scope": ",".join(group.tags),
        "tags": ",".join(tags),
        "hostname": next((tag.removeprefix("host:") for tag in group.tags if tag.startswith("host:")), ""),
        "date_ms": str(int(at.timestamp() * 1000)),
        "link": link,
    }
    return json.dumps(fields).encode()


def name_of(group: GroupState) -> str:
    """The name of the problem, as its delivery would give it."""
    at = group.triggered_at
    assert at is not None  # noqa: S101 - see delivery_of
    (alert,) = parse(delivery_of(group), "", at).alerts[:1]
    return replace(alert, scope=tuple(sorted(group.tags))).fingerprint


def monitor_of(fingerprint: str) -> str:
    """The monitor that a problem is of; empty where its name does not say."""
    source, _, rest = fingerprint.partition("|")
    monitor, bar, _ = rest.partition("|")
    return monitor if source == SOURCE and bar and monitor.isdigit() else ""


def is_about(fingerprint: str, group: GroupState) -> bool:
    """Whether problem and group are of one monitor, and one names all that the other names."""
    if monitor_of(fingerprint) != group.monitor_id:
        return False
    scope = {word.lower() for word in fingerprint.split("|", 2)[2].split(",") if word}
    tags = {tag.lower() for tag in group.tags}
    return scope <= tags or tags <= scope


def what_became(problem: Problem, state: MonitorState | None) -> str:
    """In words why no recovery may have come; empty when it still alerts. No state: there is no such monitor."""
    monitor, scope = monitor_of(problem.fingerprint), problem.fingerprint.split("|", 2)[2]
    where = f" about {scope[:200]}" if scope else ""
    if state is None:
        told = f"Datadog's monitor {monitor} is not there any more, so no recovery{where} will come."
    elif _still(problem, state, simple=not scope):
        return ""
    else:
        named = f" ({' '.join(state.name.split())[:100]})" if state.name else ""
        told = f"Datadog's monitor {monitor}{named} no longer alerts{where}, but its recovery never came."
    return f"{told} Is it over? “check” looks at the server, “resolve” says so."


def _still(problem: Problem, state: MonitorState, *, simple: bool) -> bool:
    """Whether it alerts; a monitor without groups says so as a whole."""
    groups = any(group.bad and is_about(problem.fingerprint, group) for group in state.groups)
    return groups or (simple and state.state.lower() in TRANSITIONS)


# ------------------------------------------------------------------ one round


class Reconcile:
    """Makes rounds. `receive` takes a delivery in, as the web does; `query` narrows the search of monitors."""

    def __init__(
        self,
        *,
        store: Store,
        metrics: Metrics,
        receive: Callable[[str, bytes], object],
        query: str,
        now: Callable[[], datetime],
    ) -> None:
        self._store = store
        self._metrics = metrics
        self._receive = receive
        self._query = query
        self._now = now
        self._told: set[tuple[str, datetime]] = set()
        self._failing = ""

    async def in_time(self) -> bool:
        """Make a round when its time has come; of all replicas one does. Whether something was recorded."""
        if self._query == OFF or not await asyncio.to_thread(self._due):
            return False
        try:
            changed = await self.round()
        except (TryAgain, GaveUp) as problem:
            if problem.reason == "database":
                raise
            if self._failing != problem.reason:
                event("reconcile.failing", reason=problem.reason, text=str(problem), fix=getattr(problem, "fix", ""))
            self._failing = problem.reason
            return False
        if self._failing:
            event("reconcile.back")
        self._failing = ""
        return changed

    async def round(self) -> bool:
        """One search; deliveries for what was missed, questions about what went silent. Raises TryAgain or GaveUp."""
        told = await self._metrics.groups(self._query)
        now = self._now()
        named = [name_of(g) for g in told.groups if g.triggered_at is not None]
        heard, problems = await asyncio.to_thread(self._known, named, now)
        lost = missed(told.groups, heard, problems, now=now)[:AT_ONCE]
        for group in lost:
            await asyncio.to_thread(self._receive, SOURCE, delivery_of(group, link=self._link(group, now)))
        asked = [await self._ask(p) for p in self._to_ask(told.groups, problems, now)] if told.complete else []
        if lost or any(asked):
            event("reconcile.found", missed=len(lost), silent=sum(asked))
        return bool(lost) or any(asked)

    def _due(self) -> bool:
        with self._store.transaction() as tx:
            return tx.once_every("reconcile", EVERY, self._now())

    def _known(self, named: Sequence[str], now: datetime) -> tuple[Mapping[str, datetime], Sequence[Problem]]:
        with self._store.transaction() as tx:
            return tx.rulings.last_words(named), tx.problems(now)

    def _link(self, group: GroupState, now: datetime) -> str:
        start = group.triggered_at or now
        return self._metrics.links(monitor_id=group.monitor_id, host="", start=start, end=now).get("Monitor", "")

    def _to_ask(self, groups: Sequence[GroupState], problems: Sequence[Problem], now: datetime) -> list[Problem]:
        """What went silent and was not asked about yet, of few monitors."""
        found = [p for p in silent(groups, problems, now=now) if (p.fingerprint, p.last_at) not in self._told]
        monitors = list(dict.fromkeys(monitor_of(p.fingerprint) for p in found))[:LOOKS]
        return [p for p in found if monitor_of(p.fingerprint) in monitors]

    async def _ask(self, problem: Problem) -> bool:
        """Look at the monitor itself, and ask people what it means that it is silent. Whether they are asked."""
        try:
            state = await self._metrics.monitor(monitor_of(problem.fingerprint))
        except GaveUp as gone:
            if gone.reason != "not-found":
                raise
            state = None
        text = what_became(problem, state)
        if text:
            self._told.add((problem.fingerprint, problem.last_at))
            return await asyncio.to_thread(self._record, problem, text)
        return False

    def _record(self, problem: Problem, text: str) -> bool:
        digest = hashlib.sha256(problem.fingerprint.encode("utf-8", "replace")).hexdigest()[:12]
        key = f"reconcile/{problem.incident}/{digest}/{problem.last_at.isoformat()}"
        now = self._now()
        told = RecoveryMissed(problem=problem.fingerprint, text=text)
        fact = Fact(key=key, what=told, occurred_at=now, recorded_at=now, source=Source(type="bot"))
        with self._store.transaction(incident=problem.incident) as tx:
            if not tx.append(problem.incident, [fact]):
                return False
            tx.due(f"{key}/report", "report", problem.incident, {"key": key, "text": text})
        return True
