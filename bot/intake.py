"""Taking in a delivery: what it says, which incident it belongs to, and all of it on disk before we say yes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from bot.alert import Alert, Condition
from bot.alerts import SOURCES, Parsed
from bot.facts import AlertAttached, Closed, Opened, Reopened, Resolved, What
from bot.incident import AlertSeen, Source, Status
from bot.policy import Policy
from bot.runbook.inventory import Inventory
from bot.store import NO_INCIDENT, Delivery, Store, Transaction
from bot.triage import regroup
from bot.triage.judge import Decision, Ruling, judge
from bot.triage.known import Limits, Wanted
from bot.triage.proposal import Proposal, ProposalState
from bot.triage.reasons import Why
from bot.triage.regroup import Act
from bot.triage.rules import rule_for
from bot.triage.target import Place, Target, place, target

LARGEST = 1_000_000
"""Bytes of a body that are kept; what is longer is stored cut."""
MOST_LOOKS = 5
"""So many servers of one delivery are looked at; more at once say that it is none of theirs."""

Sent = tuple[str, bytes]
"""Who sent it, and the body."""


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What the sender is told, and what could not be understood (for the operators)."""

    delivery: str
    duplicate: bool
    problem: str = ""


class Intake:
    """Deliveries in, facts and due flows out, in one transaction each."""

    def __init__(self, store: Store, *, policy: Policy, inventory: Inventory, now: Callable[[], datetime]) -> None:
        self._store = store
        self._policy = policy
        self._inventory = inventory
        self._now = now
        grouping = policy.grouping
        self._limits = Limits(
            window=grouping.window,
            cool_off=grouping.cool_off,
            cycles=grouping.flapping.cycles,
            within=grouping.flapping.within,
            per_hour=grouping.per_hour,
        )

    def receive(self, source: str, body: bytes) -> Receipt:
        """Store and judge one delivery. Raises TryAgain when it cannot be stored; never for what it says."""
        return self.receive_all([(source, body)])[0]

    def receive_all(self, sent: Sequence[Sent]) -> list[Receipt]:
        """Like `receive`, for several in the order of arrival: all of them or none."""
        now = self._now()
        read = [_read(source, body, now) for source, body in sent]
        with self._store.transaction(intake=True, first=True) as tx:
            firsts = tx.deliver(*(delivery for delivery, _ in read))
            alerts = [
                a for (_, parsed), first in zip(read, firsts, strict=True) if not first.duplicate for a in parsed.alerts
            ]
            tx.rulings.look_ahead(alerts, now=now, limits=self._limits)
            return [
                Receipt(delivery=first.id, duplicate=True) if first.duplicate else self._receive(tx, *one)
                for one, first in zip(read, firsts, strict=True)
            ]

    def _receive(self, tx: Transaction, delivery: Delivery, parsed: Parsed) -> Receipt:
        """Judge what a delivery says that is on disk."""
        id, source, problem = delivery.id, delivery.source, parsed.problem
        self._judge_all(tx, parsed.alerts, delivery.received_at)
        if parsed.merged and (ruled := [r for r in tx.rulings.of_delivery(id) if r.incident or r.proposal]):
            home = next((r.incident for r in ruled if r.incident), NO_INCIDENT)
            tx.due(f"{id}/expand", "expand", home, {"delivery": id})
        if problem:
            tx.ruled(id, incident=None, ruling="not-understood", reason=problem)
            tx.due(f"{id}/report", "report", NO_INCIDENT, {"key": id, "text": _report(source, id, problem)})
        return Receipt(delivery=id, duplicate=False, problem=problem)

    def add(self, alerts: Sequence[Alert]) -> int:
        """Judge more alerts of a delivery that was merged, once somebody tells which groups it stood for; how many
        were new. Raises TryAgain when they cannot be stored."""
        now = self._now()
        with self._store.transaction(intake=True) as tx:
            known = {
                (r.delivery, r.fingerprint) for d in {a.delivery for a in alerts} for r in tx.rulings.of_delivery(d)
            }
            new = [a for a in alerts if (a.delivery, a.fingerprint) not in known]
            self._judge_all(tx, new, now, first=len(known))
        return len(new)

    def _judge_all(self, tx: Transaction, alerts: Sequence[Alert], now: datetime, *, first: int = 0) -> None:
        looks: Counter[int] = Counter()
        for n, alert in enumerate(alerts, first):
            taken = _Taken(alert=alert, n=n, now=now, found=target(seen(alert, "", ""), self._inventory))
            self._take(tx, taken, looks)

    def _take(self, tx: Transaction, taken: _Taken, looks: Counter[int]) -> None:
        """Judge one alert, and put on record what that means."""
        alert, found = taken.alert, taken.found
        where = place(alert.tag("service"), alert.tag("env"), found, self._inventory)
        rule, named = rule_for(alert, self._policy.rules)
        decision = self._decide(tx, alert, where, Wanted(do=rule.do, named=named), taken.now)
        kept = seen(alert, decision.reason, str(where), decision.why.value)
        number, asked = decision.incident, decision.proposal
        if decision.ruling is Ruling.PROPOSE:
            asked = self._propose(tx, taken, kept, asked)
        elif decision.ruling is Ruling.OPEN:
            number = self._open(tx, taken, storm=decision.why is Why.STORM)
        elif decision.ruling is Ruling.REOPEN and number is not None:
            self._reopen(tx, taken, number, decision)
        if number is not None:
            self._attach(tx, taken, number, kept, decision, looks)
            if alert.condition is Condition.RECOVERED and rule.on_recovery == "close":
                _close(tx, taken, number, named)
        tx.rulings.keep(alert, taken.n, decision, incident=number, proposal=asked, now=taken.now)
        tx.ruled(alert.delivery, incident=number, ruling=decision.ruling, reason=decision.reason)

    def _decide(self, tx: Transaction, alert: Alert, where: Place, wanted: Wanted, now: datetime) -> Decision:
        limits = self._limits
        known = tx.rulings.known(alert, place=str(where), env=where.env, now=now, limits=limits, wanted=wanted)
        return judge(alert, known, place=str(where), limits=limits, wanted=wanted)

    def _propose(self, tx: Transaction, taken: _Taken, kept: AlertSeen, id: str) -> str:
        """Ask people, or add to what they are asked; the proposal's id."""
        alert = taken.alert
        proposal = tx.proposal(id) if id else None
        if proposal is None:
            proposal = Proposal(
                id=f"P{alert.delivery.removeprefix('D')}" + (f"-{taken.n}" if taken.n else ""),
                title=alert.title,
                state=ProposalState.WAITING,
                at=taken.now,
                changed_at=taken.now,
                alerts=(),
                severity=self._severity(alert),
                service=self._service(taken),
            )
        regroup.add(tx, proposal, kept, taken.now)
        return proposal.id

    def _open(self, tx: Transaction, taken: _Taken, *, storm: bool) -> int:
        number = tx.new_incident()
        alert = taken.alert
        title = f"Alert storm, {alert.title} and others" if storm else alert.title
        service = "" if storm else self._service(taken)
        opened = Opened(title=title, severity=self._severity(alert), service=service, storm=storm)
        tx.append(number, [taken.act.fact(opened, "opened", at=alert.at)])
        tx.due(f"{taken.key}/open", "open", number)
        return number

    def _service(self, taken: _Taken) -> str:
        group = self._inventory.groups.get(taken.found.group)
        return taken.alert.tag("service") or (group.service if group else "")

    def _reopen(self, tx: Transaction, taken: _Taken, number: int, decision: Decision) -> None:
        """The same incident goes on, and people hear of it: an edited card rings for nobody."""
        reopened = Reopened(text=f"Reopened: {decision.reason}")
        tx.append(number, [taken.act.fact(reopened, "reopened", at=taken.alert.at)])
        text = f"INC-{number} is open again, {decision.reason}: {taken.alert.title}"
        tx.due(f"{taken.key}/report", "report", number, {"key": taken.key, "text": text})

    def _attach(
        self, tx: Transaction, taken: _Taken, number: int, kept: AlertSeen, decision: Decision, looks: Counter[int]
    ) -> None:
        """Add the alert, and what people were asked about it; look at its server, but not at hundreds at once."""
        tx.attach(number, taken.act.fact(AlertAttached(alert=kept), "alert", at=kept.at))
        if proposal := tx.proposal(decision.proposal) if decision.proposal else None:
            regroup.accept(tx, Act(key=f"{taken.key}/proposed", now=taken.now), proposal, number)
        if decision.news and looks[number] < MOST_LOOKS:
            looks[number] += 1
            tx.due(f"{taken.key}/check", "check", number, _what_to_check(taken, decision))
        elif decision.why is Why.FLAPPING:
            tx.due(f"{taken.key}/calm", "check", number, self._when_calm(taken, decision))

    def _when_calm(self, taken: _Taken, decision: Decision) -> dict[str, Any]:
        """Of what comes and goes only the last word is worth a look, and which one that is shows later."""
        calm = taken.now + self._policy.grouping.flapping.within
        last = {"problem": taken.alert.fingerprint, "at": taken.alert.at.isoformat()}
        return {**_what_to_check(taken, decision), "last_word": last, "not_before": calm.isoformat()}

    def _severity(self, alert: Alert) -> str:
        """P1 is the policy's worst severity, P2 the next, and so on."""
        levels = self._policy.severities
        rank = int(alert.priority[1:]) - 1 if alert.priority in {"P1", "P2", "P3", "P4", "P5"} else -1
        return levels[min(rank, len(levels) - 1)] if rank >= 0 else self._policy.default_severity


@dataclass(frozen=True, kw_only=True)
class _Taken:
    """One alert that is being taken in: the `n`th of its delivery, and the server that it names."""

    alert: Alert
    n: int
    now: datetime
    found: Target

    @property
    def key(self) -> str:
        """What it is called in the record."""
        return f"{self.alert.delivery}/{self.n}"

    @property
    def act(self) -> Act:
        """What the alert does, as its own doing."""
        return Act(key=self.key, now=self.now, source=Source(type="alert", url=self.alert.link))


def _read(source: str, body: bytes, now: datetime) -> tuple[Delivery, Parsed]:
    """A delivery under a name of its own, and what it says."""
    id = f"D{uuid4().hex[:12]}"
    cut = len(body) > LARGEST
    parsed = SOURCES[source](body[:LARGEST], id, now)
    delivery = Delivery(
        id=id,
        source=source,
        dedupe=f"{source} {parsed.same}",
        received_at=now,
        body=body[:LARGEST],
        cut=cut,
        merged=parsed.merged,
    )
    if cut and parsed.problem:
        parsed = replace(parsed, problem=f"it is longer than {LARGEST} bytes and was cut")
    return delivery, parsed


def _close(tx: Transaction, taken: _Taken, number: int, named: str) -> None:
    """As a rule wants it: over when all that belongs to it has recovered."""
    incident = tx.incident(number)
    if incident is None or not incident.open or incident.firing:
        return
    over = [] if incident.status is Status.RESOLVED else [Resolved(text=f"All alerts recovered, {named}")]
    whats: list[What] = [*over, Closed()]
    tx.append(number, [taken.act.fact(what, f"over/{n}", at=taken.alert.at) for n, what in enumerate(whats)])
    tx.due(f"{taken.key}/close", "close", number)


def _report(source: str, delivery: str, problem: str) -> str:
    return (
        f"An alert from {source.capitalize()} was kept as {delivery} but not understood: {problem}. "
        f"No incident was opened for it. Look at the webhook's payload in {source.capitalize()}."
    )


def _what_to_check(taken: _Taken, decision: Decision) -> dict[str, Any]:
    """The server, whether it is to be well again, and the monitor where it is perhaps another one than the first."""
    asked: dict[str, Any] = {"host": taken.found.host.name} if taken.found.host else {}
    if not taken.alert.condition.bad:
        asked["recovery"] = True
    if decision.why is Why.SAME_PLACE and taken.alert.monitor_id:
        asked["monitor"] = taken.alert.monitor_id
    return asked


def seen(alert: Alert, reason: str, where: str, why: str = "") -> AlertSeen:
    """The alert as the incident keeps it."""
    return AlertSeen(
        delivery=alert.delivery,
        source=alert.source,
        transition=alert.transition,
        at=alert.at,
        reason=reason,
        monitor_id=alert.monitor_id,
        cycle_key=alert.cycle_key,
        scope=alert.scope,
        title=alert.title,
        hostname=alert.hostname,
        status=alert.status,
        query=alert.query,
        link=alert.link,
        fingerprint=alert.fingerprint,
        place=where,
        tags=alert.tags,
        bad=alert.condition.bad,
        why=why,
    )
