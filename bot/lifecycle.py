"""The life of an incident, top to bottom.

    alert ─▶ open:    channel → card → invitations → topic → announcement
          ─▶ check:   runbook checks on the affected server → causes → offer
    click ─▶ approve: may they?
          ─▶ mend:    restore → test → reload → verify, or put back → checks
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
from uuid import uuid4

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
from bot.store import NO_INCIDENT, Store

Step = Callable[[int, Mapping[str, Any]], Awaitable[Any]]
PATIENCE = (2.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0)  # seconds between tries of a failed step
TRIES = 60  # of one step, over about two days
FRESH = timedelta(minutes=10)
"""An approval older than this starts nothing any more: whoever gave it looks no longer."""
MISTAKE = "Muster made a mistake of its own."
LOOK = "Its log says which; do this step by hand."


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
            "mend": self.mend,
            "expire": self.expire,
            "card": self.card,
            "close": self.close,
            "draft": self.close,
            "retry": self.retry,
            "report": self.report,
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
        log.incident.set(f"INC-{incident}" if incident != NO_INCIDENT else "")
        await self._flows[flow](incident, args)

    # ------------------------------------------------------------------ the story

    async def open(self, incident: int, args: Mapping[str, Any]) -> None:
        """Give people a place to meet, with what is known so far."""
        await self.gather(incident, args)
        await self._try("announcement", incident, args)
        await self._tell("answer", args, lambda: self._where(incident))
        await step("monitor", lambda: self._look_up(incident))

    async def gather(self, incident: int, args: Mapping[str, Any]) -> None:
        """Open the channel and furnish it. Without one there is nothing to furnish until a retry opens it."""
        if await self._try("channel", incident, args):
            await self._try("card", incident, args)
            await self._try("invitations", incident, args)
            await self._try("topic", incident, args)

    async def check(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask the affected server, read the answers, offer what would repair it."""
        answered = await self._try("checks", incident, args)
        if answered:
            await self._try("offer", incident, {**args, **answered})

    async def approve(self, incident: int, args: Mapping[str, Any]) -> None:
        """Decide about a click. The approval that was still missing makes the repair due with it."""
        refused = await step("approval", lambda: self._decide(incident, args))
        if refused:
            await self._tell("refusal", args, lambda: _said(refused))

    async def mend(self, incident: int, args: Mapping[str, Any]) -> None:
        """Carry out an approved plan, and look again. Where it was outdated, a new one is offered."""
        ended = await self._try("repair", incident, args)
        answered = await self._try("checks", incident, args) if ended else None
        if ended == "outdated" and answered:
            await self._try("offer", incident, {**args, **answered})

    async def expire(self, incident: int, args: Mapping[str, Any]) -> None:
        """Withdraw an offer that nobody took in time."""
        await step("expiry", lambda: asyncio.to_thread(self._withdraw, incident, args["plan"]))

    async def close(self, incident: int, args: Mapping[str, Any]) -> None:
        """Write the postmortem from the record and hand it out."""
        await step("offers", lambda: asyncio.to_thread(self._withdraw, incident))
        await self._try("draft", incident, args)
        await self._try("handing out the draft", incident, args)

    async def card(self, incident: int, args: Mapping[str, Any]) -> None:
        """Post the card once more, where somebody deleted it."""
        await self._try("card", incident, args)

    async def retry(self, incident: int, args: Mapping[str, Any]) -> None:
        """Try a failed step again, and go on from there with what could not be done without it."""
        failed = args["retry"]["step"]
        again = {"channel": self.gather, "checks": self.check, "repair": self.mend}.get(failed)
        await (again(incident, args) if again else self._try(failed, incident, args))

    async def report(self, incident: int, args: Mapping[str, Any]) -> None:
        """Tell people about a delivery that was not understood."""
        await step("report", lambda: self._report(incident, args))

    # ------------------------------------------------------------------ how a step is tried

    async def _try(self, name: str, incident: int, args: Mapping[str, Any]) -> Any:
        return await step(name, lambda: self._attempt(name, incident, args))

    async def _attempt(self, name: str, number: int, args: Mapping[str, Any]) -> Any:
        """Do it; when that fails, say so on the card and come back later. Raises TryAgain for our database only."""
        try:
            result = await self._steps[name](number, args)
        except (TryAgain, GaveUp) as problem:
            if problem.reason == "database":
                raise
            await self._failed(name, number, args, problem)
            return None
        except Exception as mistake:  # the boundary of a step: a mistake of ours in one must not stop the next
            told = {"fields": {"incident": f"INC-{number}", "step": name}}
            logging.getLogger("muster").error("step.broken", exc_info=mistake, extra=told)
            await self._failed(name, number, args, GaveUp(MISTAKE, reason="mistake", fix=LOOK), again=False)
            return None
        incident = await self._incident(number)
        if name in incident.troubles:
            await self._record(number, StepDone(step=name), part="done")
        return result

    async def _failed(
        self, name: str, number: int, args: Mapping[str, Any], problem: TryAgain | GaveUp, *, again: bool = True
    ) -> None:
        """Name it on the card, unless it says the same already, and make a retry due. Tries have an end."""
        before = args.get("retry") or {}
        tried: Mapping[str, Any] = (
            before if before.get("step") == name else {"step": name, "attempt": 0, "first": step_key()}
        )
        attempt = tried["attempt"] + 1
        again = again and attempt < TRIES
        log.event("step.failed", level=logging.WARNING, step=name, reason=problem.reason, text=str(problem))
        wait = max(PATIENCE[min(attempt, len(PATIENCE)) - 1], getattr(problem, "after", None) or 0.0)
        later = {**args, "retry": {**tried, "attempt": attempt}, "not_before": self._in(wait)}
        told = StepFailed(step=name, text=str(problem), fix=_fix(problem, again=again))
        key = step_key()

        def write() -> None:
            with self._store.transaction(incident=number) as tx:
                known = _there(tx.incident(number), number).troubles.get(name)
                if known is None or (known.text, known.fix) != (told.text, told.fix):
                    tx.append(number, [self._fact(told, f"{key}/failed")])
                if again:
                    tx.due(f"{tried['first']}/retry/{attempt}", "retry", number, later)

        await asyncio.to_thread(write)
        self._wake()

    async def broke(self, flow: str, incident: int, key: str) -> None:
        """A flow has ended by a mistake of ours: name it on the card. It is not started again."""
        told = StepFailed(step=flow, text=MISTAKE, fix=LOOK)
        await asyncio.to_thread(self._append, incident, [self._fact(told, f"{key}/broke")])
        self._wake()

    def _in(self, seconds: float) -> str:
        return (self._now() + timedelta(seconds=seconds)).isoformat()

    async def _tell(self, name: str, args: Mapping[str, Any], text: Callable[[], Awaitable[str]]) -> None:
        """Answer whoever started the flow, if a person did. An answer that cannot be delivered is only logged."""

        async def answer() -> None:
            if reply_to := args.get("reply_to"):
                words = await text()
                try:
                    await self._chat.reply(reply_to, words)
                except (TryAgain, GaveUp) as problem:
                    log.event("reply.lost", level=logging.WARNING, reason=problem.reason)

        await step(name, answer)

    # ------------------------------------------------------------------ the steps

    async def _open_channel(self, number: int, args: Mapping[str, Any]) -> bool:
        incident = await self._incident(number)
        if not incident.view.channel:
            channel = await self._chat.open_channel(incident)
            await self._record(number, ChannelOpened(channel=channel))
        return True

    async def _show_card(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._with_channel(number)
        if incident.view.card in {"", args.get("lost")}:
            await self._record(number, CardShown(message=await self._chat.show_card(incident, now=self._now())))

    async def _invite(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._with_channel(number)
        people = [p for rule in self._policy.invite if rule.service in {"", incident.service} for p in rule.people]
        people += [e.author.id for e in incident.entries[:1] if e.source.human and e.author.id]  # who declared it
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
        if args.get("recovery") and any(
            r.state in {RepairState.APPROVED, RepairState.RUNNING} for r in incident.repairs
        ):
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
        by = Person(**args["by"]) if args.get("by") else Person()
        offers = await self._desk.offers(incident, run=args["run"], by_person=by != Person())
        for n, offer in enumerate(offers):
            if isinstance(offer, str):
                await self._record(number, NotOffered(reason=offer), part=str(n))
            else:
                told = self._fact(RepairOffered(repair=offer), f"{step_key()}/{n}")
                await asyncio.to_thread(self._write_offer, number, offer, replace(told, author=by))
        self._wake()

    def _write_offer(self, number: int, repair: Repair, told: Fact) -> None:
        with self._store.transaction(incident=number) as tx:
            tx.append(number, [told])
            if repair.expires_at:
                until = {"plan": repair.plan, "not_before": repair.expires_at.isoformat()}
                tx.due(f"INC-{number}/expire/{repair.plan}", "expire", number, until)

    def _withdraw(self, number: int, plan: str = "") -> None:
        """The offer of this plan has expired; with the closing of an incident all of its offers do."""
        key = step_key()
        with self._store.transaction(incident=number) as tx:
            incident = _there(tx.incident(number), number)
            open_ones = [r.plan for r in incident.repairs if r.state is RepairState.OFFERED]
            gone = [p for p in open_ones if p == plan or not (plan or incident.open)]
            moved = [RepairMoved(plan=p, state=RepairState.EXPIRED, text="Nobody took it in time") for p in gone]
            tx.append(number, [self._fact(told, f"{key}/{told.plan}") for told in moved])
        self._wake()

    async def _decide(self, number: int, args: Mapping[str, Any]) -> str:
        """Whether the click counts; if not, why. Who belongs to a group is asked now, not when the offer was made."""
        click = Click(
            plan=args["plan"],
            person=Person(id=args["user"], name=args["name"]),
            channel=args["channel"],
            message=args["message"],
        )
        try:
            members = await self._members((await self._incident(number)).repair(click.plan))
        except (TryAgain, GaveUp) as problem:
            if problem.reason == "database":
                raise
            return f"Nothing was approved: {problem} Press the button again."
        try:
            await asyncio.to_thread(self._approve, number, click, members, step_key(), args.get("reply_to"))
        except NotAllowed as refusal:
            return str(refusal)
        self._wake()
        return ""

    async def _members(self, repair: Repair | None) -> frozenset[str]:
        found = [await self._chat.members(word) for word in (repair.approvers if repair else ())]
        return frozenset().union(*found)

    def _approve(self, number: int, click: Click, members: frozenset[str], key: str, reply_to: Any) -> None:
        """Record and decide in one transaction: two clicks in one millisecond are one after the other.

        A refusal takes the record back. One plan has one repair, however many flows decide about it.
        """
        told = self._fact(RepairApproved(plan=click.plan), key)
        with self._store.transaction(incident=number) as tx:
            incident = _there(tx.incident(number), number)
            if not tx.append(number, [replace(told, author=click.person, source=Source(type="action"))]):
                return  # this very click, recorded before a crash
            may_approve(incident, click, members=members, now=self._now())
            repair = _there(tx.incident(number), number).repair(click.plan)
            if repair and repair.state is RepairState.APPROVED:
                work = {"plan": repair.plan, "host": repair.details.get("affected", repair.host)}
                work |= {"runbook": repair.runbook, "reply_to": reply_to}
                tx.due(f"INC-{number}/mend/{repair.plan}", "mend", number, work)

    async def _repair(self, number: int, args: Mapping[str, Any]) -> str:
        """Carry out an approved plan, or after a crash find out what became of it."""
        incident = await self._incident(number)
        repair = incident.repair(args["plan"])
        if repair is None or repair.state not in {RepairState.APPROVED, RepairState.RUNNING}:
            return "done"
        key = step_key()

        async def reached(state: RepairState, text: str, details: Mapping[str, Any]) -> None:
            told = RepairMoved(plan=repair.plan, state=state, text=text, details=details)
            fact = self._fact(told, "/".join(filter(None, (key, state, details.get("stage")))))
            await asyncio.to_thread(self._move, number, replace(fact, source=Source(type="action")), told)
            self._wake()

        if no := _too_late(incident, repair, self._now()):
            await reached(RepairState.FAILED, no, {})
            return "refused"
        return "done" if await self._desk.carry_out(repair, reached) else "outdated"

    def _move(self, number: int, fact: Fact, told: RepairMoved) -> None:
        """Record the stage before it begins. The first one begins only what is still approved: NotAllowed else."""
        with self._store.transaction(incident=number) as tx:
            incident = _there(tx.incident(number), number)
            repair = incident.repair(told.plan)
            if repair and told.state is RepairState.RUNNING and (no := _too_late(incident, repair, self._now())):
                raise NotAllowed(no)
            tx.append(number, [fact])

    async def _draft(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._incident(number)
        path = await asyncio.to_thread(self._drafts.write, incident)
        if path != incident.draft_path:
            await self._record(number, DraftWritten(path=path))

    async def _hand_out(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._with_channel(number)
        files = await asyncio.to_thread(self._drafts.files, incident)
        await self._record(number, DraftPosted(message=await self._chat.post_draft(incident, files)))

    async def _report(self, number: int, args: Mapping[str, Any]) -> None:
        """What cannot be delivered is said later; what the chat refuses for good stays in the log."""
        attempt = int(args.get("attempt", 0))
        try:
            where = self._policy.troubles if number == NO_INCIDENT else await self._channel_of(number)
            await self._chat.report(where, args["text"], args["key"])
        except GaveUp as problem:
            log.event("report.lost", level=logging.WARNING, reason=problem.reason, key=args["key"])
        except TryAgain as problem:
            if problem.reason == "database":
                raise
            wait = max(PATIENCE[min(attempt, len(PATIENCE) - 1)], problem.after or 0)
            later = {**args, "attempt": attempt + 1, "not_before": self._in(wait)}
            if attempt < TRIES:
                await asyncio.to_thread(self._report_later, f"{args['key']}/report/{attempt + 1}", number, later)

    def _report_later(self, key: str, number: int, args: Mapping[str, Any]) -> None:
        with self._store.transaction() as tx:
            tx.due(key, "report", number, args)

    async def _channel_of(self, number: int) -> str:
        channel = (await self._with_channel(number)).view.channel
        return channel.id if channel else ""

    async def _where(self, number: int) -> str:
        incident = await self._incident(number)
        channel = incident.view.channel
        place = (
            f"<#{channel.id}|{channel.name}>" if channel else "its channel could not be opened yet and is tried again"
        )
        return f"{incident.id} opened: {incident.title}: {place}"

    # ------------------------------------------------------------------ the view

    async def sync(self, number: int) -> None:
        """Bring card, announcement and topic up to what the record says now. Raises TryAgain: call it again."""
        head = await asyncio.to_thread(self._store.head, number)
        incident = await self._incident(number)
        late = [
            await self._edit("card", incident, self._edit_card) if incident.view.card else None,
            await self._edit("announcement", incident, self._edit_announcement) if incident.view.announcement else None,
            await self._edit("topic", incident, self._edit_topic) if incident.view.topic else None,
        ]
        if problem := next(filter(None, late), None):
            raise problem
        await asyncio.to_thread(self._store.shown, number, head)

    async def _edit(
        self, name: str, incident: Incident, edit: Callable[[Incident], Awaitable[None]]
    ) -> TryAgain | None:
        """What the chat refuses for good is said once; what may work later is given back, so that it is done again."""
        known = incident.troubles.get(name)
        try:
            await edit(incident)
        except TryAgain as problem:
            return problem
        except GaveUp as problem:
            if known is None or known.text != str(problem):
                await self._note(incident, StepFailed(step=name, text=str(problem), fix=problem.fix))
        else:
            if known:
                await self._note(incident, StepDone(step=name))
        return None

    async def _edit_card(self, incident: Incident) -> None:
        try:
            await self._chat.edit_card(incident, now=self._now())
        except GaveUp as problem:
            if problem.reason != "message_not_found":
                raise
            await asyncio.to_thread(self._post_again, incident)

    def _post_again(self, incident: Incident) -> None:
        """A flow posts it: of several replicas that miss the card only one does."""
        lost = incident.view.card
        with self._store.transaction(incident=incident.number) as tx:
            tx.due(f"{incident.id}/card/{lost}", "card", incident.number, {"lost": lost})
        self._wake()

    async def _edit_announcement(self, incident: Incident) -> None:
        await self._chat.edit_announcement(incident, now=self._now())

    async def _edit_topic(self, incident: Incident) -> None:
        if (topic := await self._chat.set_topic(incident)) != incident.view.topic:
            await self._note(incident, TopicSet(topic=topic))

    async def _note(self, incident: Incident, what: What) -> None:
        """Record something about the view. Outside a flow there is no step to name it after."""
        await asyncio.to_thread(self._append, incident.number, [self._fact(what, f"view/{uuid4().hex}")])

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


def _fix(problem: TryAgain | GaveUp, *, again: bool) -> str:
    if isinstance(problem, GaveUp):
        return problem.fix
    return "It is tried again by itself." if again else "It is not tried again: do this step by hand."


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
