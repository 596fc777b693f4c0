"""The life of an incident, top to bottom.

    alert ─▶ open:    channel → card → invitations → topic → announcement
          ─▶ check:   runbook checks on the affected server → causes → offer
    click ─▶ approve: may they? → repair: restore → test → reload → verify, or put back
    close ─▶ close:   draft → files → channel

Each flow is a short list of steps. A step reads the record, makes one idempotent call, and records what came of
it; a step that fails is named on the card and tried again later, and never blocks the next. Nothing waits here
for a human.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot import log
from bot.engine import step, step_key
from bot.facts import (
    Announced,
    CardShown,
    ChannelOpened,
    DraftPosted,
    DraftWritten,
    Fact,
    Invited,
    MonitorLookedUp,
    NotChecked,
    NotOffered,
    RepairApproved,
    RepairMoved,
    RepairOffered,
    StepDone,
    StepFailed,
    TopicSet,
    What,
)
from bot.incident import Incident, Person, Repair, RepairState, Source
from bot.policy import Policy
from bot.ports import Chat, GaveUp, Metrics, NotAllowed, TryAgain
from bot.postmortem.drafts import Drafts
from bot.runbook.approval import Click, may_approve
from bot.runbook.desk import Desk
from bot.store import Store

Step = Callable[[int, Mapping[str, Any]], Awaitable[Any]]
PATIENCE = (2.0, 5.0, 15.0, 30.0, 60.0, 300.0)  # seconds between tries of a failed step


class Lifecycle:
    """The flows by name. `wake` is called after every change, so that the card is brought up to date."""

    def __init__(
        self,
        *,
        store: Store,
        chat: Chat,
        metrics: Metrics,
        desk: Desk,
        drafts: Drafts,
        policy: Policy,
        now: Callable[[], datetime],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._chat = chat
        self._metrics = metrics
        self._desk = desk
        self._drafts = drafts
        self._policy = policy
        self._now = now
        self._wake = wake
        self._flows = {
            "open": self.open,
            "check": self.check,
            "approve": self.approve,
            "close": self.close,
            "draft": self.close,
            "retry": self.retry,
        }
        self._steps: dict[str, Step] = {
            "channel": self._open_channel,
            "card": self._show_card,
            "invitations": self._invite,
            "topic": self._set_topic,
            "announcement": self._announce,
            "checks": self._check,
            "offer": self._offer,
            "repair": self._repair,
            "draft": self._draft,
            "handing out the draft": self._hand_out,
        }

    async def run(self, flow: str, incident: int, args: Mapping[str, Any]) -> None:
        """Run the flow of this name."""
        log.incident.set(f"INC-{incident}")
        await self._flows[flow](incident, args)

    # ------------------------------------------------------------------ the story

    async def open(self, incident: int, args: Mapping[str, Any]) -> None:
        """Give people a place to meet, with what is known so far."""
        await self._try("channel", incident, args)
        await self._try("card", incident, args)
        await self._try("invitations", incident, args)
        await self._try("topic", incident, args)
        await self._try("announcement", incident, args)
        await self._tell("answer", args, lambda: self._where(incident))
        await step("monitor", lambda: self._look_up(incident))

    async def check(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask the affected server, read the answers, offer what would repair it."""
        answered = await self._try("checks", incident, args)
        if answered:
            await self._try("offer", incident, {**args, **answered})

    async def approve(self, incident: int, args: Mapping[str, Any]) -> None:
        """Decide about a click; carry the repair out when enough people have approved; look again."""
        decided = await step("approval", lambda: self._decide(incident, args))
        if decided["refused"]:
            await self._tell("refusal", args, lambda: _said(decided["refused"]))
        elif decided["enough"]:
            await self._try("repair", incident, args)
            await self._try("checks", incident, {"host": decided["host"], "runbook": decided["runbook"]})

    async def close(self, incident: int, args: Mapping[str, Any]) -> None:
        """Write the postmortem from the record and hand it out."""
        await self._try("draft", incident, args)
        await self._try("handing out the draft", incident, args)

    async def retry(self, incident: int, args: Mapping[str, Any]) -> None:
        """Try a failed step again."""
        await self._try(args["step"], incident, args)

    # ------------------------------------------------------------------ how a step is tried

    async def _try(self, name: str, incident: int, args: Mapping[str, Any]) -> Any:
        return await step(name, lambda: self._attempt(name, incident, args))

    async def _attempt(self, name: str, number: int, args: Mapping[str, Any]) -> Any:
        """Do it; when the neighbour fails, say so on the card and come back later."""
        try:
            result = await self._steps[name](number, args)
        except (TryAgain, GaveUp) as problem:
            await self._failed(name, number, args, problem)
            return None
        incident = await self._incident(number)
        if name in incident.troubles:
            await self._record(number, StepDone(step=name), part="done")
        return result

    async def _failed(self, name: str, number: int, args: Mapping[str, Any], problem: TryAgain | GaveUp) -> None:
        log.event("step.failed", level=logging.WARNING, step=name, reason=problem.reason, text=str(problem))
        attempt = int(args.get("attempt", 0))
        fix = problem.fix if isinstance(problem, GaveUp) else "It is tried again by itself."
        told = StepFailed(step=name, text=str(problem), fix=fix)
        wait = PATIENCE[min(attempt, len(PATIENCE) - 1)]
        if isinstance(problem, TryAgain) and problem.after:
            wait = max(wait, problem.after)
        later = {**args, "step": name, "attempt": attempt + 1, "not_before": self._in(wait)}
        key = step_key()

        def write() -> None:
            with self._store.transaction(incident=number) as tx:
                tx.append(number, [self._fact(told, f"{key}/failed")])
                tx.due(f"{key}/retry", "retry", number, later)

        await asyncio.to_thread(write)
        self._wake()

    def _in(self, seconds: float) -> str:
        return (self._now() + timedelta(seconds=seconds)).isoformat()

    async def _tell(self, name: str, args: Mapping[str, Any], text: Callable[[], Awaitable[str]]) -> None:
        """Answer whoever started the flow, if a person did. An answer that cannot be delivered is only logged."""

        async def answer() -> None:
            if reply_to := args.get("reply_to"):
                try:
                    await self._chat.reply(reply_to, await text())
                except (TryAgain, GaveUp) as problem:
                    log.event("reply.lost", level=logging.WARNING, reason=problem.reason)

        await step(name, answer)

    # ------------------------------------------------------------------ the steps

    async def _open_channel(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._incident(number)
        if not incident.view.channel:
            channel = await self._chat.open_channel(incident)
            await self._record(number, ChannelOpened(channel=channel))

    async def _show_card(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._with_channel(number)
        if not incident.view.card:
            head = await asyncio.to_thread(self._store.head, number)
            message = await self._chat.show_card(incident, now=self._now())
            await self._record(number, CardShown(message=message))
            await asyncio.to_thread(self._store.shown, number, head)

    async def _invite(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._with_channel(number)
        people = [p for rule in self._policy.invite if rule.service in {"", incident.service} for p in rule.people]
        if wanted := [p for p in dict.fromkeys(people) if p not in incident.view.invited]:
            await self._record(number, Invited(people=await self._chat.invite(incident, wanted)))

    async def _set_topic(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._with_channel(number)
        await self._record(number, TopicSet(topic=await self._chat.set_topic(incident)))

    async def _announce(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._incident(number)
        if not incident.view.announcement and not incident.private:
            channel, message = await self._chat.announce(incident, now=self._now())
            await self._record(number, Announced(channel=channel, message=message))

    async def _look_up(self, number: int) -> None:
        """The monitor's state and link, if Datadog tells; the card is complete without them."""
        incident = await self._incident(number)
        monitor = next((a.monitor_id for a in incident.alerts if a.monitor_id), "")
        if not monitor:
            return
        try:
            found = await self._metrics.monitor(monitor)
        except (TryAgain, GaveUp) as problem:
            log.event("monitor.not-looked-up", reason=problem.reason)
            return
        told = MonitorLookedUp(monitor_id=monitor, state=found.state, link=found.link, name=found.name)
        await self._record(number, told)

    async def _check(self, number: int, args: Mapping[str, Any]) -> Mapping[str, Any] | None:
        incident = await self._incident(number)
        if args.get("recovery") and any(r.state in {RepairState.APPROVED, RepairState.RUNNING} for r in incident.repairs):
            return None  # the repair looks itself when it is done
        asked = self._desk.questions(incident, host=args.get("host", ""), runbook=args.get("runbook", ""))
        if asked.host is None or not asked.runbooks:
            await self._record(number, NotChecked(host=asked.host.name if asked.host else "", reason=asked.reason))
            return None
        for runbook in asked.runbooks:
            answered = await self._desk.diagnose(runbook, asked.host, run=f"{step_key()}/{runbook.name}")
            await self._record(number, answered, part=runbook.name, source=Source(type="check"))
        return {"host": asked.host.name, "run": step_key()}

    async def _offer(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._incident(number)
        offers = await self._desk.offers(incident, run=args["run"], by_person=bool(args.get("reply_to")))
        for n, offer in enumerate(offers):
            told = NotOffered(reason=offer) if isinstance(offer, str) else RepairOffered(repair=offer)
            await self._record(number, told, part=str(n))

    async def _decide(self, number: int, args: Mapping[str, Any]) -> Mapping[str, Any]:
        """Whether the click counts. Who belongs to a group is asked now, not when the offer was made."""
        click = Click(
            plan=args["plan"],
            person=Person(id=args["user"], name=args["name"]),
            channel=args["channel"],
            message=args["message"],
        )
        no = {"refused": "", "enough": False, "host": "", "runbook": ""}
        try:
            members = await self._members((await self._incident(number)).repair(click.plan))
            return {**no, **await asyncio.to_thread(self._write_approval, number, click, members, step_key())}
        except NotAllowed as refusal:
            return {**no, "refused": str(refusal)}
        except (TryAgain, GaveUp) as problem:
            return {**no, "refused": f"Nothing was approved: {problem} Press the button again."}

    async def _members(self, repair: Repair | None) -> frozenset[str]:
        found = [await self._chat.members(word) for word in (repair.approvers if repair else ())]
        return frozenset().union(*found)

    def _write_approval(self, number: int, click: Click, members: frozenset[str], key: str) -> Mapping[str, Any]:
        """Decide and record in one transaction: two clicks in one millisecond are one after the other."""
        with self._store.transaction(incident=number) as tx:
            incident = _there(tx.incident(number), number)
            repair = incident.repair(click.plan)
            if repair and repair.state is RepairState.APPROVED and click.person in repair.approved_by:
                return _enough(repair)  # this very click, recorded before a crash
            repair = may_approve(incident, click, members=members, now=self._now())
            told = self._fact(RepairApproved(plan=click.plan), key)
            tx.append(number, [replace(told, author=click.person, source=Source(type="action"))])
            after = _there(tx.incident(number), number).repair(click.plan)
        self._wake()
        return _enough(after or repair)

    async def _repair(self, number: int, args: Mapping[str, Any]) -> None:
        """Carry out an approved plan, or after a crash find out what became of it."""
        repair = (await self._incident(number)).repair(args["plan"])
        if repair is None or repair.state in {RepairState.VERIFIED, RepairState.PUT_BACK, RepairState.FAILED}:
            return

        async def reached(state: RepairState, text: str, details: Mapping[str, Any]) -> None:
            told = RepairMoved(plan=args["plan"], state=state, text=text, details=details)
            await self._record(number, told, part=state, source=Source(type="action"))

        await self._desk.carry_out(repair, reached)

    async def _draft(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._incident(number)
        path = await asyncio.to_thread(self._drafts.write, incident)
        if path != incident.draft_path:
            await self._record(number, DraftWritten(path=path))

    async def _hand_out(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._with_channel(number)
        files = await asyncio.to_thread(self._drafts.files, incident)
        await self._record(number, DraftPosted(message=await self._chat.post_draft(incident, files)))

    async def _where(self, number: int) -> str:
        incident = await self._incident(number)
        channel = incident.view.channel
        place = (
            f"<#{channel.id}|{channel.name}>" if channel else "its channel could not be opened yet and is tried again"
        )
        return f"{incident.id} opened: {incident.title}: {place}"

    # ------------------------------------------------------------------ the view

    async def sync(self, number: int) -> None:
        """Bring card, announcement and topic up to what the record says now. Called again until it succeeds."""
        head = await asyncio.to_thread(self._store.head, number)
        incident = await self._incident(number)
        if incident.view.card:
            await self._edit("card", incident, self._edit_card)
        if incident.view.announcement:
            await self._edit("announcement", incident, self._edit_announcement)
        await asyncio.to_thread(self._store.shown, number, head)

    async def _edit(self, name: str, incident: Incident, edit: Callable[[Incident], Awaitable[None]]) -> None:
        """What the chat refuses for good is said once; what may work later is raised, so that it is done again."""
        try:
            await edit(incident)
        except GaveUp as problem:
            known = incident.troubles.get(name)
            if known is None or known.text != str(problem):
                told = StepFailed(step=name, text=str(problem), fix=problem.fix)
                key = f"{incident.id}/{name}/{len(incident.entries)}/{problem.reason}"
                await asyncio.to_thread(self._append, incident.number, [self._fact(told, key)])

    async def _edit_card(self, incident: Incident) -> None:
        try:
            await self._chat.edit_card(incident, now=self._now())
        except GaveUp as problem:
            if problem.reason != "message_not_found":
                raise
            message = await self._chat.show_card(incident, now=self._now())
            told = self._fact(CardShown(message=message), f"{incident.id}/card/{message}")
            await asyncio.to_thread(self._append, incident.number, [told])

    async def _edit_announcement(self, incident: Incident) -> None:
        await self._chat.edit_announcement(incident, now=self._now())

    # ------------------------------------------------------------------ the record

    async def _incident(self, number: int) -> Incident:
        return _there(await asyncio.to_thread(self._store.incident, number), number)

    async def _with_channel(self, number: int) -> Incident:
        """The incident, once it has a channel; without one the step comes back later."""
        incident = await self._incident(number)
        if not incident.view.channel:
            raise TryAgain("The incident has no channel yet.", reason="no_channel")
        return incident

    async def _record(self, number: int, what: What, *, part: str = "", source: Source | None = None) -> None:
        fact = self._fact(what, f"{step_key()}/{part}" if part else step_key())
        if source:
            fact = replace(fact, source=source)
        await asyncio.to_thread(self._append, number, [fact])
        self._wake()

    def _append(self, number: int, facts: Iterable[Fact]) -> None:
        with self._store.transaction(incident=number) as tx:
            tx.append(number, facts)

    def _fact(self, what: What, key: str) -> Fact:
        now = self._now()
        return Fact(key=key, what=what, occurred_at=now, recorded_at=now)


async def _said(text: str) -> str:
    return text


def _there(incident: Incident | None, number: int) -> Incident:
    if incident is None:
        raise LookupError(f"INC-{number} is not in the record")
    return incident


def _enough(repair: Repair) -> Mapping[str, Any]:
    return {"enough": repair.state is RepairState.APPROVED, "host": repair.host, "runbook": repair.runbook}
