"""Taking in a delivery: what it says, which incident it belongs to, and all of it on disk before we say yes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import uuid4

from bot.alert import Alert
from bot.alerts import SOURCES, Parsed
from bot.facts import AlertAttached, Fact, Opened, Reopened, What
from bot.incident import AlertSeen, Source
from bot.judge import Decision, Ruling, judge
from bot.policy import Policy
from bot.rules import rule_for
from bot.runbook.inventory import Inventory
from bot.store import NO_INCIDENT, Delivery, Store, Transaction
from bot.target import Target, place, target

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
        cut = len(body) > LARGEST
        parsed = SOURCES[source](body[:LARGEST], id, now)
        problem = f"it is longer than {LARGEST} bytes and was cut" if cut and parsed.problem else parsed.problem
        delivery = Delivery(
            id=id, source=source, dedupe=f"{source} {parsed.same}", received_at=now, body=body[:LARGEST], cut=cut
        )
        with self._store.transaction(intake=True) as tx:
            first = tx.deliver(delivery)
            if first.id != id:
                return Receipt(delivery=first.id, duplicate=True)
            self._judge_all(tx, parsed, now)
            if problem:
                tx.ruled(id, incident=None, ruling="not-understood", reason=problem)
                tx.due(f"{id}/report", "report", NO_INCIDENT, {"key": id, "text": _report(source, id, problem)})
        return Receipt(delivery=id, duplicate=False, problem=problem)

    def _judge_all(self, tx: Transaction, parsed: Parsed, now: datetime) -> None:
        for n, alert in enumerate(parsed.alerts):
            found = target(seen(alert, "", ""), self._inventory)
            where = place(alert.tag("service"), alert.tag("env"), found)
            decision = self._decide(tx, alert, where, now)
            number = decision.incident
            if decision.ruling is Ruling.OPEN:
                number = self._open(tx, alert, found, now)
            elif decision.ruling is Ruling.REOPEN and number is not None:
                self._reopen(tx, number, alert, decision, now)
            if number is not None:
                self._attach(tx, number, seen(alert, decision.reason, where), f"{alert.delivery}/{n}", now)
            if number is not None and decision.news:
                tx.due(f"{alert.delivery}/{n}/check", "check", number, _what_to_check(alert, found))
            tx.ruled(alert.delivery, incident=number, ruling=decision.ruling, reason=decision.reason)

    def _decide(self, tx: Transaction, alert: Alert, where: str, now: datetime) -> Decision:
        grouping = self._policy.grouping
        rule, named = rule_for(alert, self._policy.rules)
        decision = judge(
            alert,
            tx.problems(now - grouping.cool_off),
            place=where,
            window=grouping.window,
            cool_off=grouping.cool_off,
            unwanted=named if rule.do == "ignore" else "",
        )
        if decision.ruling is not Ruling.OPEN:
            return decision
        proposal = "; opened without asking, as proposals cannot be answered yet" if rule.do == "propose" else ""
        return replace(decision, reason=f"{decision.reason}; {named}{proposal}")

    def _open(self, tx: Transaction, alert: Alert, found: Target, now: datetime) -> int:
        number = tx.new_incident()
        service = alert.tag("service") or (self._inventory.groups[found.group].service if found.group else "")
        opened = Opened(title=alert.title, severity=self._severity(alert), service=service)
        tx.append(number, [_fact(opened, f"{alert.delivery}/opened", alert.at, now, alert.link)])
        tx.due(f"{alert.delivery}/open", "open", number)
        return number

    def _reopen(self, tx: Transaction, number: int, alert: Alert, decision: Decision, now: datetime) -> None:
        """The same incident goes on, and people hear of it: an edited card rings for nobody."""
        reopened = Reopened(text=f"Reopened: {decision.reason}")
        tx.append(number, [_fact(reopened, f"{alert.delivery}/reopened", alert.at, now, alert.link)])
        text = f"INC-{number} is open again, {decision.reason}: {alert.title}"
        tx.due(f"{alert.delivery}/report", "report", number, {"key": alert.delivery, "text": text})

    def _attach(self, tx: Transaction, number: int, alert: AlertSeen, key: str, now: datetime) -> None:
        tx.append(number, [_fact(AlertAttached(alert=alert), key, alert.at, now, alert.link)])

    def _severity(self, alert: Alert) -> str:
        """P1 is the policy's worst severity, P2 the next, and so on."""
        levels = self._policy.severities
        rank = int(alert.priority[1:]) - 1 if alert.priority in {"P1", "P2", "P3", "P4", "P5"} else -1
        return levels[min(rank, len(levels) - 1)] if rank >= 0 else self._policy.default_severity


def _report(source: str, delivery: str, problem: str) -> str:
    return (
        f"An alert from {source.capitalize()} was kept as {delivery} but not understood: {problem}. "
        f"No incident was opened for it. Look at the webhook's payload in {source.capitalize()}."
    )


def _what_to_check(alert: Alert, found: Target) -> dict[str, Any]:
    host = {"host": found.host.name} if found.host else {}
    return host if alert.condition.bad else {**host, "recovery": True}


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


def _fact(what: What, key: str, at: datetime, now: datetime, link: str) -> Fact:
    return Fact(key=key, what=what, occurred_at=at, recorded_at=now, source=Source(type="alert", url=link))
