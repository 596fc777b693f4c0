"""Taking in a delivery: what it says, which incident it belongs to, and all of it on disk before we say yes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from bot.alert import Alert
from bot.alerts import SOURCES, Parsed
from bot.facts import AlertAttached, Fact, Opened
from bot.incident import AlertSeen, Source
from bot.judge import Decision, Ruling, judge
from bot.policy import Policy
from bot.rules import rule_for
from bot.runbook.inventory import Inventory
from bot.store import Delivery, Store, Transaction
from bot.target import place, target

LARGEST = 1_000_000
"""Bytes of a body that are kept; what is longer is stored cut."""


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

    def receive(self, source: str, body: bytes) -> Receipt:
        """Store and judge one delivery. Raises TryAgain when it cannot be stored; never for what it says."""
        now = self._now()
        id = f"D{uuid4().hex[:12]}"
        parsed = SOURCES[source](body, id, now)
        with self._store.transaction(intake=True) as tx:
            first = tx.deliver(
                Delivery(
                    id=id,
                    source=source,
                    dedupe=f"{source} {parsed.same}",
                    received_at=now,
                    body=body[:LARGEST],
                    cut=len(body) > LARGEST,
                )
            )
            if first.id != id:
                return Receipt(delivery=first.id, duplicate=True)
            self._judge_all(tx, parsed, now)
            if parsed.problem:
                tx.ruled(id, incident=None, ruling="not-understood", reason=parsed.problem)
        return Receipt(delivery=id, duplicate=False, problem=parsed.problem)

    def _judge_all(self, tx: Transaction, parsed: Parsed, now: datetime) -> None:
        for n, alert in enumerate(parsed.alerts):
            where = self._place(alert)
            decision = self._decide(tx, alert, where, now)
            incident = decision.incident
            if decision.ruling is Ruling.OPEN:
                incident = self._open(tx, alert, now)
            if incident is not None:
                self._attach(tx, incident, alert, where, decision, f"{alert.delivery}/{n}", now)
            tx.ruled(alert.delivery, incident=incident, ruling=decision.ruling, reason=decision.reason)

    def _decide(self, tx: Transaction, alert: Alert, where: str, now: datetime) -> Decision:
        grouping = self._policy.grouping
        problems = tx.problems(now - grouping.cool_off)
        decision = judge(alert, problems, place=where, window=grouping.window)
        rule, named = rule_for(alert, self._policy.rules)
        if decision.ruling is Ruling.OPEN and rule.do == "ignore":
            return Decision(ruling=Ruling.IGNORE, reason=named)
        return decision

    def _place(self, alert: Alert) -> str:
        found = target(seen(alert, "", ""), self._inventory)
        return place(alert.tag("service"), alert.tag("env"), found.host)

    def _open(self, tx: Transaction, alert: Alert, now: datetime) -> int:
        number = tx.new_incident()
        opened = Opened(title=alert.title, severity=self._severity(alert), service=self._service(alert))
        tx.append(number, [_fact(opened, f"{alert.delivery}/opened", alert.at, now, alert)])
        tx.due(f"{alert.delivery}/open", "open", number)
        tx.due(f"{alert.delivery}/check", "check", number)
        return number

    def _severity(self, alert: Alert) -> str:
        """P1 is the policy's worst severity, P2 the next, and so on."""
        levels = self._policy.severities
        rank = int(alert.priority[1:]) - 1 if alert.priority in {"P1", "P2", "P3", "P4", "P5"} else -1
        return levels[min(rank, len(levels) - 1)] if rank >= 0 else self._policy.default_severity

    def _service(self, alert: Alert) -> str:
        if service := alert.tag("service"):
            return service
        found = target(seen(alert, "", ""), self._inventory)
        return self._inventory.group_of(found.host).service if found.host else ""

    def _attach(
        self, tx: Transaction, number: int, alert: Alert, where: str, decision: Decision, key: str, now: datetime
    ) -> None:
        told = AlertAttached(alert=seen(alert, decision.reason, where))
        tx.append(number, [_fact(told, key, alert.at, now, alert)])
        if not alert.condition.bad and decision.ruling is Ruling.ATTACH:
            tx.due(f"{key}/check", "check", number, {"recovery": True})


def seen(alert: Alert, reason: str, where: str) -> AlertSeen:
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
    )


def _fact(what: Opened | AlertAttached, key: str, at: datetime, now: datetime, alert: Alert) -> Fact:
    source = Source(type="alert", url=alert.link)
    return Fact(key=key, what=what, occurred_at=at, recorded_at=now, source=source)
