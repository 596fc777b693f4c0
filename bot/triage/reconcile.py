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
from bot.triage.known import Problem

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
NAMED = 3  # problems in one message
QUESTION = "Is it over? “check” looks at the server, “resolve” says so."


# ------------------------------------------------------------------ decisions, pure


def missed(
    groups: Sequence[GroupState], heard: Mapping[str, datetime], problems: Sequence[Problem], *, now: datetime
) -> list[GroupState]:
    """The groups that alert and of which we never heard. `heard`: the last word on each problem by its name.

    A monitor may list itself as a whole beside its parts, as tests from several places do: its webhook speaks of the
    whole.
    """
    whole = {group.monitor_id for group in groups if not group.tags}
    found: dict[str, GroupState] = {}
    for group in groups:
        if not group.bad or group.muted or not group.monitor_id.isdigit() or group.triggered_at is None:
            continue
        last = heard.get(name_of(group))
        under_way = now - group.triggered_at < UNDER_WAY
        if under_way or (last is not None and last >= group.triggered_at - SLACK):
            continue
        part = bool(group.tags) and group.monitor_id in whole
        if not part and not any(p.open and p.firing and is_about(p.fingerprint, group) for p in problems):
            found.setdefault(name_of(group), group)
    return list(found.values())


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
    return f"{told} {QUESTION}"


def in_one(texts: Sequence[str], problems: Sequence[Problem]) -> str:
    """One message about all of an incident's problems that went silent."""
    if len(texts) == 1:
        return texts[0]
    named = [scope[:100] for p in problems if (scope := p.fingerprint.split("|", 2)[2])]
    more = f" and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    about = f" ({'; '.join(named[:NAMED])}{more})" if named else ""
    told = f"{len(problems)} alerts of this incident{about} are silent at Datadog, but their recoveries never came."
    return f"{told} The timeline has each. {QUESTION}"


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
        self._looked: dict[str, datetime] = {}
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
        named = [name_of(g) for g in told.groups if g.bad and g.triggered_at is not None]
        heard, problems = await asyncio.to_thread(self._known, named, now)
        self._told &= {(p.fingerprint, p.last_at) for p in problems}
        lost = missed(told.groups, heard, problems, now=now)[:AT_ONCE]
        for group in lost:
            await asyncio.to_thread(self._receive, SOURCE, delivery_of(group, link=self._link(group, now)))
        asked = await self._ask_all(self._to_ask(told.groups, problems, now)) if told.complete else 0
        if lost or asked:
            event("reconcile.found", missed=len(lost), silent=asked)
        return bool(lost) or bool(asked)

    def _due(self) -> bool:
        with self._store.transaction() as tx:
            return tx.once_every("reconcile", EVERY, self._now())

    def _known(self, named: Sequence[str], now: datetime) -> tuple[Mapping[str, datetime], Sequence[Problem]]:
        with self._store.transaction() as tx:
            return tx.rulings.last_words(named), tx.problems(now)

    def _link(self, group: GroupState, now: datetime) -> str:
        start = group.triggered_at or now
        return self._metrics.links(monitor_id=group.monitor_id, host="", start=start, end=now).get("Monitor", "")

    def _to_ask(
        self, groups: Sequence[GroupState], problems: Sequence[Problem], now: datetime
    ) -> Mapping[str, list[Problem]]:
        """What went silent and was not asked about yet, of few monitors: those that were looked at longest ago."""
        found: dict[str, list[Problem]] = {}
        for one in silent(groups, problems, now=now):
            if (one.fingerprint, one.last_at) not in self._told:
                found.setdefault(monitor_of(one.fingerprint), []).append(one)
        self._looked = {monitor: at for monitor, at in self._looked.items() if monitor in found}
        turn = sorted(found, key=lambda monitor: (monitor in self._looked, self._looked.get(monitor, now)))[:LOOKS]
        self._looked |= dict.fromkeys(turn, now)
        return {monitor: found[monitor] for monitor in turn}

    async def _ask_all(self, silent_ones: Mapping[str, list[Problem]]) -> int:
        """Look at each monitor itself, and ask people what it means that it is silent; about how many problems.

        Raises the first TryAgain or GaveUp, when all others are done.
        """
        failed: TryAgain | GaveUp | None = None
        texts: dict[int, list[tuple[Problem, str]]] = {}
        for monitor, problems in silent_ones.items():
            try:
                state = await self._state(monitor)
            except (TryAgain, GaveUp) as problem:
                failed = failed or problem
                continue
            for one in problems:
                if text := what_became(one, state):
                    texts.setdefault(one.incident, []).append((one, text))
        asked = [await asyncio.to_thread(self._record, number, told) for number, told in texts.items()]
        if failed:
            raise failed
        return sum(asked)

    async def _state(self, monitor: str) -> MonitorState | None:
        try:
            return await self._metrics.monitor(monitor)
        except GaveUp as gone:
            if gone.reason != "not-found":
                raise
            return None

    def _record(self, number: int, told: Sequence[tuple[Problem, str]]) -> int:
        """A note on each, and one message about all that nobody was told of yet; how many these are."""
        now = self._now()
        with self._store.transaction(incident=number) as tx:
            new = [(problem, text) for problem, text in told if tx.append(number, [_fact(problem, text, now)])]
            if new:
                key = _key(new[0][0])
                text = in_one([text for _, text in new], [problem for problem, _ in new])
                tx.due(f"{key}/report", "report", number, {"key": key, "text": text})
        self._told |= {(problem.fingerprint, problem.last_at) for problem, _ in told}
        return len(new)


def _key(problem: Problem) -> str:
    digest = hashlib.sha256(problem.fingerprint.encode("utf-8", "replace")).hexdigest()[:12]
    return f"reconcile/{problem.incident}/{digest}/{problem.last_at.isoformat()}"


def _fact(problem: Problem, text: str, now: datetime) -> Fact:
    told = RecoveryMissed(problem=problem.fingerprint, text=text)
    return Fact(key=_key(problem), what=told, occurred_at=now, recorded_at=now, source=Source(type="bot"))
