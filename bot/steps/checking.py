"""Steps that ask servers: checks, what they let us offer, and rehearsals."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot import log
from bot.facts import ChecksComing, Fact, NotChecked, NotOffered, RepairOffered
from bot.incident import Incident, Person, Repair, RepairState, Source
from bot.ports import GaveUp
from bot.runbook.desk import Desk
from bot.runbook.progress import Coming
from bot.steps.recorder import Recorder
from bot.store import NO_INCIDENT


class Checking:
    """Asks the servers, and offers what would repair them. Rehearsals are due so often."""

    def __init__(self, recorder: Recorder, desk: Desk, *, every: timedelta) -> None:
        self._every = every
        self._recorder = recorder
        self._desk = desk

    async def check(self, number: int, args: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """Ask what the runbooks ask, as a person said or the newest alert selects; None where nobody was asked."""
        incident = await self._recorder.incident(number)
        if _looked_at_anyway(incident, args):
            return None
        asked = self._desk.questions(incident, host=args.get("host", ""), runbook=args.get("runbook", ""))
        if asked.host is None or not asked.runbooks:
            why = NotChecked(host=asked.host.name if asked.host else "", reason=asked.reason)
            await self._recorder.record(number, why)
            return None
        for runbook in asked.runbooks:
            run = f"{self._recorder.key()}/{runbook.name}"
            answered = await self._desk.diagnose(runbook, asked.host, run=run, coming=self._coming(number, run))
            await self._recorder.record(number, answered, part=runbook.name, source=Source(type="check"))
        return {"host": asked.host.name, "run": self._recorder.key()}

    def _coming(self, number: int, run: str) -> Coming:
        """Record how far a run is. A second attempt after a crash counts anew, and what it repeats is passed over."""

        async def tell(far: ChecksComing) -> None:
            fact = self._recorder.fact(far, f"{run}/{far.answered}")
            await asyncio.to_thread(self._recorder.append, number, [fact])
            self._recorder.wake()

        return tell

    async def offer(self, number: int, args: Mapping[str, Any]) -> None:
        """Offer what would repair what this run has proved, or say why that is not offered."""
        incident = await self._recorder.incident(number)
        by = Person(**args["by"]) if args.get("by") else Person()
        offers = await self._desk.offers(incident, run=args["run"], by_person=by != Person())
        for n, offer in enumerate(offers):
            if isinstance(offer, str):
                await self._recorder.record(number, NotOffered(reason=offer), part=str(n))
            else:
                told = self._recorder.fact(RepairOffered(repair=offer), f"{self._recorder.key()}/{n}")
                await asyncio.to_thread(self._write, number, offer, replace(told, author=by))
        self._recorder.wake()

    def _write(self, number: int, offer: Repair, told: Fact) -> None:
        with self._recorder.store.transaction(incident=number) as tx:
            tx.append(number, [told])
            if offer.expires_at:
                until = {"plan": offer.plan, "not_before": offer.expires_at.isoformat()}
                tx.due(f"INC-{number}/expire/{offer.plan}", "expire", number, until)

    async def rehearse(self) -> None:
        """Ask all runbooks, host by host; one that cannot be asked at all leaves the others alone."""
        for runbook, host in self._desk.rehearsals():
            try:
                states = await self._desk.rehearse(runbook, host)
            except GaveUp as problem:
                log.event("rehearsal.not-done", level=logging.WARNING, host=host.name, reason=problem.reason)
                continue
            await asyncio.to_thread(self._rehearsed, runbook.name, host.name, states)

    def _rehearsed(self, runbook: str, host: str, states: dict[str, str]) -> None:
        with self._recorder.store.transaction() as tx:
            tx.rehearsed(runbook, host, states, self._recorder.now())

    def rehearse_in_time(self) -> None:
        """Make the next rehearsal due when its time has come; one of all replicas does. Blocks."""
        now = self._recorder.now()
        with self._recorder.store.transaction() as tx:
            if tx.once_every("rehearsal", self._every, now):
                tx.due(f"rehearse/{now.isoformat()}", "rehearse", NO_INCIDENT)


def _looked_at_anyway(incident: Incident, args: Mapping[str, Any]) -> bool:
    """Whether somebody else looks: a repair when it is done, and of what comes and goes only the last word counts."""
    repairing = any(r.state in {RepairState.APPROVED, RepairState.RUNNING} for r in incident.repairs)
    if args.get("recovery") and repairing:
        return True
    if last := args.get("last_word"):
        at = datetime.fromisoformat(last["at"])
        return not incident.open or any(a.fingerprint == last["problem"] and a.at > at for a in incident.alerts)
    return False
