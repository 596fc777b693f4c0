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
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from bot import log
from bot.alert import Alert
from bot.capture import Capture
from bot.engine import step, step_key
from bot.enrichment import Enrichment
from bot.facts import (
    ChecksComing,
    DraftPosted,
    DraftPushed,
    DraftWritten,
    Fact,
    Measured,
    NotChecked,
    NotOffered,
    RepairApproved,
    RepairMoved,
    RepairOffered,
    StepDone,
    StepFailed,
    What,
)
from bot.incident import Channel, Incident, Person, Repair, RepairState, Room, Source
from bot.measuring import kept, measured_by, span_of
from bot.merged_groups import MergedGroups
from bot.policy import Policy
from bot.ports import Chat, GaveUp, Metrics, NotAllowed, TryAgain
from bot.postmortem.drafts import Drafts
from bot.proposing import Proposing
from bot.reminders import ARCHIVE
from bot.runbook.approval import Click, may_approve
from bot.runbook.desk import Desk
from bot.runbook.inventory import Inventory
from bot.runbook.limits import LOOK_BACK, Begun
from bot.runbook.progress import Coming
from bot.store import NO_INCIDENT, Store, Transaction
from bot.view import Projection
from bot.view import there as _there
from bot.write_back import WriteBack

Step = Callable[[int, Mapping[str, Any]], Awaitable[Any]]
PATIENCE = (2.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0, 3600.0)  # seconds between tries of a failed step
TRIES = 60  # of one step, over about two days
FRESH = timedelta(minutes=10)
"""An approval older than this starts nothing any more: whoever gave it looks no longer."""
MISTAKE = "Muster made a mistake of its own."
GROUPS = "groups of the alert"
AGAIN = "It is tried again by itself."
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
        inventory: Inventory | None = None,
        take: Callable[[Sequence[Alert]], int] | None = None,
    ) -> None:
        self._store = store
        self._chat = chat
        self._desk = desk
        self._metrics = metrics
        self._drafts = drafts
        self._policy = policy
        self._now = now
        self._wake = wake
        self.view = Projection(store=store, chat=chat, policy=policy, now=now, key=step_key, wake=wake)
        self._enrichment = Enrichment(
            store=store, metrics=metrics, inventory=inventory or Inventory(), now=now, key=step_key, wake=wake
        )
        self._groups = MergedGroups(store=store, metrics=metrics, take=take)
        self._write_back = WriteBack(store=store, metrics=metrics, wishes=policy.datadog, now=now, key=step_key)
        self._proposing = Proposing(store=store, chat=chat, policy=policy, now=now)
        self._capture = Capture(store=store, chat=chat, now=now, key=step_key, wake=wake)
        self._flows = {
            "open": self.open,
            "check": self.check,
            "approve": self.approve,
            "mend": self.mend,
            "quiet": self.quiet,
            "expand": self.expand,
            "expire": self.expire,
            "card": self.card,
            "announce": self.announce,
            "look": self.look,
            "tend": self.tend,
            "decorate": self.decorate,
            "role": self.role,
            "close": self.close,
            "draft": self.close,
            "retry": self.retry,
            "capture": self.capture,
            "hide": self.hide,
            "rehearse": self.rehearse,
            "report": self.report,
            "propose": self.propose,
        }
        self._steps: dict[str, Step] = {
            "channel": self.view.open_channel,
            "card": self.view.show_card,
            "invitations": self.view.invite,
            "topic": self.view.set_topic,
            "announcement": self.view.announce,
            "pin": self.view.pin,
            "bookmark": self.view.bookmark,
            "keeping the channel": self.view.look,
            "unarchiving the channel": self.view.bring_back,
            "archiving the channel": self.view.put_away,
            "reminder": self.view.remind,
            "hand-over": self.view.hand_over,
            "checks": self._check,
            "offer": self._offer,
            "repair": self._repair,
            "Datadog look-up": self._enrichment.look_up,
            GROUPS: self._groups.ask,
            "write-back": self._write_back.tell,
            "downtime": self._write_back.quiet,
            "draft": self._draft,
            "capture": self._capture.capture,
            "hiding": self._hide,
            "handing out the draft": self._hand_out,
            "pushing the draft": self._push,
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
        await self._try("Datadog look-up", incident, args)
        await self._try("write-back", incident, args)
        await self._try("downtime", incident, args)

    async def gather(self, incident: int, args: Mapping[str, Any]) -> None:
        """Open the channel and furnish it. Without one there is nothing to furnish until a retry opens it.

        Whoever declared gets the way there as soon as there is something to see; while it is retried, no answer.
        """
        if await self._try("channel", incident, args):
            await self._try("card", incident, args)
            await self._tell("answer", args, lambda: self._where(incident))
            await self._try("invitations", incident, args)
            await self._try("topic", incident, args)
        elif "retry" not in args:
            await self._tell("answer", args, lambda: self._where(incident))

    async def check(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask the affected server, read the answers, offer what would repair it."""
        answered = await self._try("checks", incident, args)
        if answered:
            await self._try("offer", incident, {**args, **answered})
            await self._try("write-back", incident, args)

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
        await self._try("write-back", incident, args)

    async def quiet(self, incident: int, args: Mapping[str, Any]) -> None:
        """Let the monitor be silent about what people are repairing, as far as the policy wants it."""
        await self._try("downtime", incident, args)

    async def expire(self, incident: int, args: Mapping[str, Any]) -> None:
        """Withdraw an offer that nobody took in time."""
        await step("expiry", lambda: asyncio.to_thread(self._withdraw, incident, args["plan"]))

    async def close(self, incident: int, args: Mapping[str, Any]) -> None:
        """Write the postmortem from the record and hand it out."""
        await step("offers", lambda: asyncio.to_thread(self._withdraw, incident))
        await step("measurements", lambda: self._measure(incident))
        await self._try("draft", incident, args)
        await self._try("handing out the draft", incident, args)
        await self._try("pushing the draft", incident, args)
        await self._try("write-back", incident, args)
        await self._try("downtime", incident, args)

    async def card(self, incident: int, args: Mapping[str, Any]) -> None:
        """Post the card once more, where somebody deleted it."""
        await self._try("card", incident, args)

    async def announce(self, incident: int, args: Mapping[str, Any]) -> None:
        """Announce it once more, where somebody deleted that."""
        await self._try("announcement", incident, args)

    async def look(self, incident: int, args: Mapping[str, Any]) -> None:
        """See what became of the channel: follow its name, come back into it, or go on in another one."""
        room = await self._try("keeping the channel", incident, args)
        if room == Room.GONE:
            await self.gather(incident, args)
        elif room == Room.ARCHIVED and args.get("speak"):
            await self._try("unarchiving the channel", incident, args)

    async def tend(self, incident: int, args: Mapping[str, Any]) -> None:
        """Remind people of what is missing; when all is done and quiet, put the channel away."""
        for about in await step("due", lambda: self.view.due(incident, args)):
            if about == ARCHIVE:
                await self._try("archiving the channel", incident, args)
            else:
                await self._try("reminder", incident, {**args, "about": about})

    async def decorate(self, incident: int, args: Mapping[str, Any]) -> None:
        """Pin the card and put links on the channel's bar, when all that is urgent is done."""
        await self._try("pin", incident, args)
        await self._try("bookmark", incident, args)

    async def role(self, incident: int, args: Mapping[str, Any]) -> None:
        """Invite whoever got a role, and where somebody had it before, say so."""
        await self._try("invitations", incident, args)
        if args.get("giver"):
            await self._try("hand-over", incident, args)

    async def retry(self, incident: int, args: Mapping[str, Any]) -> None:
        """Try a failed step again, and go on from there with what could not be done without it."""
        failed = args["retry"]["step"]
        again = {"channel": self.gather, "capture": self.capture, "checks": self.check, "repair": self.mend}.get(failed)
        await (again(incident, args) if again else self._try(failed, incident, args))

    async def capture(self, incident: int, args: Mapping[str, Any]) -> None:
        """Let the timeline follow a message that somebody marked, or pointed at."""
        told = await self._try("capture", incident, args)
        if told:
            await self._tell("answer", args, lambda: _said(told))

    async def hide(self, incident: int, args: Mapping[str, Any]) -> None:
        """Go on where only those who are invited can read; what shows of it in the old channel is taken out."""
        await self._try("hiding", incident, args)
        await self.gather(incident, args)

    async def rehearse(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask all runbooks while all is well, so that a check that has rotted is known before it is needed."""
        await step("rehearsal", self._rehearse)

    async def expand(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask which groups a merged delivery stood for, and judge those that it does not name."""
        await self._try(GROUPS, incident, args)

    async def report(self, incident: int, args: Mapping[str, Any]) -> None:
        """Tell people about a delivery that was not understood."""
        await step("report", lambda: self._report(incident, args))

    async def propose(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask people whether some alerts are an incident, or show what became of the question."""
        await step("proposal", lambda: self._proposing.show(args))

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
            run = f"{step_key()}/{runbook.name}"
            answered = await self._desk.diagnose(runbook, asked.host, run=run, coming=self._coming(number, run))
            await self._record(number, answered, part=runbook.name, source=Source(type="check"))
        return {"host": asked.host.name, "run": step_key()}

    def _coming(self, number: int, run: str) -> Coming:
        """Record how far a run is. A second attempt after a crash counts anew, and what it repeats is passed over."""

        async def tell(far: ChecksComing) -> None:
            await asyncio.to_thread(self._append, number, [self._fact(far, f"{run}/{far.answered}")])
            self._wake()

        return tell

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
                tx.due(f"INC-{number}/quiet/{repair.plan}", "quiet", number)

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
        begins = told.state is RepairState.RUNNING
        with self._store.transaction(incident=number, intake=begins) as tx:
            incident = _there(tx.incident(number), number)
            repair = incident.repair(told.plan)
            if repair and begins:
                self._begin(tx, incident, repair)
            tx.append(number, [fact])

    def _begin(self, tx: Transaction, incident: Incident, repair: Repair) -> None:
        """Refuse what may not begin any more, by NotAllowed; what has begun goes on."""
        now = self._now()
        if no := _too_late(incident, repair, now):
            raise NotAllowed(no)
        if repair.state is RepairState.APPROVED:
            if soon := self._desk.may_begin(repair, tx.begun_since(now - LOOK_BACK)):
                raise NotAllowed(f"Nothing was done: {soon}")
            host = str(repair.details.get("affected", repair.host))
            tx.begun(Begun(plan=f"{incident.id}/{repair.plan}", name=repair.name, host=host, at=now))

    async def _rehearse(self) -> None:
        """Host by host; one that cannot be asked at all leaves the others alone."""
        for runbook, host in self._desk.rehearsals():
            try:
                states = await self._desk.rehearse(runbook, host)
            except GaveUp as problem:
                log.event("rehearsal.not-done", level=logging.WARNING, host=host.name, reason=problem.reason)
                continue
            await asyncio.to_thread(self._rehearsed, runbook.name, host.name, states)

    def _rehearsed(self, runbook: str, host: str, states: dict[str, str]) -> None:
        with self._store.transaction() as tx:
            tx.rehearsed(runbook, host, states, self._now())

    def rehearse_in_time(self) -> None:
        """Make the next rehearsal due when its time has come; one of all replicas does."""
        now = self._now()
        with self._store.transaction() as tx:
            if tx.once_every("rehearsal", self._policy.rehearsal.every, now):
                tx.due(f"rehearse/{now.isoformat()}", "rehearse", NO_INCIDENT)

    async def _measure(self, number: int) -> None:
        """Keep the line that the alert watched, if it can be had; the draft is complete without it."""
        incident = await self._incident(number)
        query, threshold = measured_by(incident)
        if not query or incident.measurements:
            return
        start, end = span_of(incident, self._now())
        try:
            found = await self._metrics.series(query, start=start, end=end)
        except (TryAgain, GaveUp) as problem:
            log.event("measurements.not-kept", reason=problem.reason)
            return
        if lines := kept(found, query=query, threshold=threshold):
            await self._record(number, Measured(lines=lines))

    async def _draft(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._incident(number)
        path = await asyncio.to_thread(self._drafts.write, incident)
        if path != incident.draft_path:
            await self._record(number, DraftWritten(path=path))

    async def _hand_out(self, number: int, args: Mapping[str, Any]) -> None:
        incident = await self._incident(number)
        if incident.entries and incident.entries[0].source.type == "import" and not incident.view.channel:
            return  # it was brought in from a file: nobody meets about it
        incident = await self.view.with_channel(number)
        if not incident.view.card:  # after an outage everything comes at once, and the card is to be the first
            raise TryAgain("The card is not there yet.", reason="no_card")
        files = await asyncio.to_thread(self._drafts.files, incident)
        message = await self._chat.post_draft(incident, files)
        if message != incident.view.draft_posted:
            await self._record(number, DraftPosted(message=message))

    async def _push(self, number: int, args: Mapping[str, Any]) -> None:
        """Bring the draft to the git repository, if the policy names one. A private incident stays here."""
        incident = await self._incident(number)
        if not self._drafts.pushes or incident.private:
            return
        pushed = await asyncio.to_thread(self._drafts.push, incident)
        if pushed.commit == incident.view.draft_pushed:
            return
        if incident.view.channel:
            where = f"Postmortem draft of {incident.id} is on branch {pushed.branch}. {pushed.link}".rstrip()
            await self._chat.report(incident.view.channel.id, where, f"pushed:{incident.id}:{incident.closings}")
        await self._record(number, DraftPushed(branch=pushed.branch, commit=pushed.commit, link=pushed.link))

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
        channel = (await self.view.with_channel(number)).view.channel
        return channel.id if channel else ""

    async def _where(self, number: int) -> str:
        incident = await self._incident(number)
        channel = incident.view.channel
        place = (
            f"<#{channel.id}|{channel.name}>" if channel else "its channel could not be opened yet and is tried again"
        )
        told = "private" if incident.private else f"opened: {incident.title}"
        return f"{incident.id} {told}: {place}"

    async def _hide(self, number: int, args: Mapping[str, Any]) -> None:
        left = args.get("left") or {}
        if left:
            old = Channel(id=left["id"], name=left["name"])
            await self._chat.withdraw(await self._incident(number), old, left["card"])

    # ------------------------------------------------------------------ the record

    async def _incident(self, number: int) -> Incident:
        return await self.view.incident(number)

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


def _fix(problem: TryAgain | GaveUp, *, again: bool) -> str:
    if isinstance(problem, GaveUp):
        return f"{problem.fix} {AGAIN}".strip() if again else problem.fix
    return AGAIN if again else "It is not tried again: do this step by hand."


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
