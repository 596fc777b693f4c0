"""Steps of a repair: a click is judged, an approved plan is carried out, an offer that nobody took is withdrawn."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot.facts import Fact, RepairApproved, RepairMoved
from bot.incident import Incident, Person, Repair, RepairState, Source
from bot.ports import Chat, GaveUp, NotAllowed, TryAgain
from bot.runbook.approval import Click, may_approve
from bot.runbook.desk import Desk
from bot.runbook.limits import LOOK_BACK, Begun
from bot.steps.recorder import Recorder, there
from bot.store import Transaction

FRESH = timedelta(minutes=10)
"""An approval older than this starts nothing any more: whoever gave it looks no longer."""


class Mending:
    """Lets people approve repairs, and carries them out."""

    def __init__(self, recorder: Recorder, chat: Chat, desk: Desk) -> None:
        self._recorder = recorder
        self._chat = chat
        self._desk = desk

    async def decide(self, number: int, args: Mapping[str, Any]) -> str:
        """Whether the click counts; if not, why. Who belongs to a group is asked now, not when the offer was made."""
        click = Click(
            plan=args["plan"],
            person=Person(id=args["user"], name=args["name"]),
            channel=args["channel"],
            message=args["message"],
        )
        try:
            members = await self._members((await self._recorder.incident(number)).repair(click.plan))
        except (TryAgain, GaveUp) as problem:
            if problem.reason == "database":
                raise
            return f"Nothing was approved: {problem} Press the button again."
        try:
            key = self._recorder.key()
            await asyncio.to_thread(self._approve, number, click, members, key, args.get("reply_to"))
        except NotAllowed as refusal:
            return str(refusal)
        self._recorder.wake()
        return ""

    async def _members(self, repair: Repair | None) -> frozenset[str]:
        found = [await self._chat.members(word) for word in (repair.approvers if repair else ())]
        return frozenset().union(*found)

    def _approve(self, number: int, click: Click, members: frozenset[str], key: str, reply_to: Any) -> None:
        """Record and decide in one transaction: two clicks in one millisecond are one after the other.

        A refusal takes the record back. One plan has one repair, however many flows decide about it.
        """
        told = self._recorder.fact(RepairApproved(plan=click.plan), key)
        with self._recorder.store.transaction(incident=number) as tx:
            incident = there(tx.incident(number), number)
            if not tx.append(number, [replace(told, author=click.person, source=Source(type="action"))]):
                return  # this very click, recorded before a crash
            may_approve(incident, click, members=members, now=self._recorder.now())
            repair = there(tx.incident(number), number).repair(click.plan)
            if repair and repair.state is RepairState.APPROVED:
                work = {"plan": repair.plan, "host": repair.details.get("affected", repair.host)}
                work |= {"runbook": repair.runbook, "reply_to": reply_to}
                tx.due(f"INC-{number}/mend/{repair.plan}", "mend", number, work)
                tx.due(f"INC-{number}/quiet/{repair.plan}", "quiet", number)

    async def repair(self, number: int, args: Mapping[str, Any]) -> str:
        """Carry out an approved plan, or after a crash find out what became of it."""
        incident = await self._recorder.incident(number)
        repair = incident.repair(args["plan"])
        if repair is None or repair.state not in {RepairState.APPROVED, RepairState.RUNNING}:
            return "done"
        key = self._recorder.key()

        async def reached(state: RepairState, text: str, details: Mapping[str, Any], plan: str) -> None:
            told = RepairMoved(plan=repair.plan, state=state, text=text, details=details)
            fact = self._recorder.fact(told, "/".join(filter(None, (key, state, details.get("stage")))))
            await asyncio.to_thread(self._move, number, replace(fact, source=Source(type="action")), told, plan)
            self._recorder.wake()

        if no := _too_late(incident, repair, self._recorder.now()):
            await reached(RepairState.FAILED, no, {}, "")
            return "refused"
        underway = await asyncio.to_thread(self._recorder.store.underway, _name(number, repair.plan))
        return "done" if await self._desk.carry_out(repair, reached, underway=underway) else "outdated"

    def _move(self, number: int, fact: Fact, told: RepairMoved, plan: str) -> None:
        """Record the stage before it begins. The first one begins only what is still approved: NotAllowed else.

        The plan is kept from then on until the repair has ended, and no longer: it holds the bytes of files.
        """
        begins = told.state is RepairState.RUNNING
        with self._recorder.store.transaction(incident=number, intake=begins) as tx:
            incident = there(tx.incident(number), number)
            repair = incident.repair(told.plan)
            if repair and begins:
                self._begin(tx, incident, repair)
            tx.append(number, [fact])
            if plan:
                tx.underway(_name(number, told.plan), plan)
            if not begins:
                tx.ended(_name(number, told.plan))

    def _begin(self, tx: Transaction, incident: Incident, repair: Repair) -> None:
        """Refuse what may not begin any more, by NotAllowed; what has begun goes on."""
        now = self._recorder.now()
        if no := _too_late(incident, repair, now):
            raise NotAllowed(no)
        if repair.state is RepairState.APPROVED:
            if soon := self._desk.may_begin(repair, tx.begun_since(now - LOOK_BACK)):
                raise NotAllowed(f"Nothing was done: {soon}")
            host = str(repair.details.get("affected", repair.host))
            tx.begun(Begun(plan=_name(incident.number, repair.plan), name=repair.name, host=host, at=now))

    def withdraw(self, number: int, plan: str = "") -> None:
        """The offer of this plan has expired; with the closing of an incident all of its offers do. Blocks."""
        key = self._recorder.key()
        with self._recorder.store.transaction(incident=number) as tx:
            incident = there(tx.incident(number), number)
            offered = [r.plan for r in incident.repairs if r.state is RepairState.OFFERED]
            gone = [p for p in offered if p == plan] if plan else ([] if incident.open else offered)
            why = "Nobody took it in time" if plan else "The incident was closed"
            moved = [RepairMoved(plan=p, state=RepairState.EXPIRED, text=why) for p in gone]
            tx.append(number, [self._recorder.fact(told, f"{key}/{told.plan}") for told in moved])
        self._recorder.wake()


def _name(number: int, plan: str) -> str:
    """One plan may be offered in several incidents."""
    return f"INC-{number}/{plan}"


def _too_late(incident: Incident, repair: Repair, now: datetime) -> str:
    """Why an approved repair may not begin any more. One that has begun goes on: it is verified or put back."""
    if repair.state is RepairState.RUNNING:
        return ""
    if repair.state is not RepairState.APPROVED:
        return f"Nothing was done: this repair is {repair.state} already."
    if not incident.open:
        return f"Nothing was done: {incident.id} was closed meanwhile."
    if incident.held:
        return "Nothing was done: actions were put on hold. “release”, then “check”, makes a new offer."
    if now - repair.at > FRESH:
        return "Nothing was done: it could not begin within ten minutes of the approval. “check” makes a new offer."
    return ""
