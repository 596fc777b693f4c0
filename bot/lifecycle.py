"""The life of an incident, top to bottom.

    alert ─▶ open:    channel → card → invitations → topic → announcement
          ─▶ check:   runbook checks on the affected server → causes → offer
    click ─▶ approve: may they?
          ─▶ mend:    restore → test → reload → verify, or put back → checks
    close ─▶ close:   draft → files → channel

Each flow is a short list of steps. A step reads the record, makes one idempotent call, and records what came of
it; a step that fails is named on the card and tried again later, and never blocks the next. Nothing waits here
for a human. The steps are in bot/steps/, and those that people see in bot/view.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from bot import log
from bot.alert import Alert
from bot.engine import step, step_key
from bot.incident import Room
from bot.policy import Policy
from bot.ports import Chat, Metrics
from bot.postmortem.drafts import Drafts
from bot.reminders import ARCHIVE
from bot.runbook.desk import Desk
from bot.runbook.inventory import Inventory
from bot.steps.capture import Capture
from bot.steps.checking import Checking
from bot.steps.drafting import Drafting
from bot.steps.enrichment import Enrichment
from bot.steps.mending import Mending
from bot.steps.merged_groups import MergedGroups
from bot.steps.proposing import Proposing
from bot.steps.recorder import Recorder
from bot.steps.telling import Telling
from bot.steps.trying import Step, Trying
from bot.steps.write_back import WriteBack
from bot.store import NO_INCIDENT, Store
from bot.view import Projection

GROUPS = "groups of the alert"
JOINED = "Datadog look-up of what joined"
NOT_HANDED_OUT = "The postmortem is written, but it could not be posted in the channel yet; the card says why."


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
        recorder = Recorder(store, now=now, key=step_key, wake=wake)
        self.view = Projection(store=store, chat=chat, policy=policy, now=now, key=step_key, wake=wake)
        self._enrichment = Enrichment(recorder, metrics=metrics, inventory=inventory or Inventory())
        self._groups = MergedGroups(store=store, metrics=metrics, take=take)
        self._write_back = WriteBack(recorder, metrics=metrics, wishes=policy.datadog)
        self._proposing = Proposing(recorder, chat, where=policy.announce)
        self._capture = Capture(recorder, chat)
        self._checking = Checking(recorder, desk, every=policy.rehearsal.every)
        self._mending = Mending(recorder, chat, desk)
        self._drafting = Drafting(recorder, chat=chat, metrics=metrics, drafts=drafts)
        self._telling = Telling(recorder, chat, troubles=policy.troubles)
        self._trying = Trying(recorder, self._named())
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
            "where": self.where,
            "propose": self.propose,
        }

    def _named(self) -> dict[str, Step]:
        """The steps that are tried again until they are done, by the name that the card gives them."""
        return {
            "channel": self.view.open_channel,
            "card": self.view.show_card,
            "invitations": self.view.invite,
            "topic": self.view.set_topic,
            "announcement": self.view.announce,
            "pin": self.view.pin,
            "bookmark": self.view.bookmark,
            "keeping the channel": self.view.room.look,
            "unarchiving the channel": self.view.room.bring_back,
            "archiving the channel": self.view.room.put_away,
            "reminder": self.view.room.remind,
            "hand-over": self.view.room.hand_over,
            "checks": self._checking.check,
            "offer": self._checking.offer,
            "repair": self._mending.repair,
            "Datadog look-up": self._enrichment.look_up,
            JOINED: self._enrichment.joined,
            GROUPS: self._groups.ask,
            "write-back": self._write_back.tell,
            "downtime": self._write_back.quiet,
            "draft": self._drafting.write,
            "capture": self._capture.capture,
            "hiding": self._telling.withdraw,
            "handing out the draft": self._drafting.hand_out,
            "pushing the draft": self._drafting.push,
        }

    async def run(self, flow: str, incident: int, args: Mapping[str, Any]) -> None:
        """Run the flow of this name."""
        log.incident.set(f"INC-{incident}" if incident != NO_INCIDENT else "")
        await self._flows[flow](incident, args)

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
            await step("answer", lambda: self._telling.answer_where(incident, args))
            await self._try("invitations", incident, args)
            await self._try("topic", incident, args)
        elif "retry" not in args:
            await step("answer", lambda: self._telling.answer_where(incident, args))

    async def check(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask the affected server, read the answers, offer what would repair it."""
        answered = await self._try("checks", incident, args)
        if answered:
            await self._try("offer", incident, {**args, **answered})
            await self._try("write-back", incident, args)
        if "monitor" in args:
            await self._try(JOINED, incident, args)

    async def approve(self, incident: int, args: Mapping[str, Any]) -> None:
        """Decide about a click. The approval that was still missing makes the repair due with it."""
        refused = await step("approval", lambda: self._mending.decide(incident, args))
        if refused:
            await step("refusal", lambda: self._telling.answer(args, refused))

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
        await step("expiry", lambda: asyncio.to_thread(self._mending.withdraw, incident, args["plan"]))

    async def close(self, incident: int, args: Mapping[str, Any]) -> None:
        """Write the postmortem from the record and hand it out."""
        await step("offers", lambda: asyncio.to_thread(self._mending.withdraw, incident))
        await step("measurements", lambda: self._drafting.measure(incident))
        await self._try("draft", incident, args)
        if not await self._try("handing out the draft", incident, args):
            await step("answer", lambda: self._telling.answer(args, NOT_HANDED_OUT))
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
        for about in await step("due", lambda: self.view.room.due(incident, args)):
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
            await step("answer", lambda: self._telling.answer(args, told))

    async def hide(self, incident: int, args: Mapping[str, Any]) -> None:
        """Go on where only those who are invited can read; what shows of it in the old channel is taken out."""
        await self._try("hiding", incident, args)
        await self.gather(incident, args)

    async def rehearse(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask all runbooks while all is well, so that a check that has rotted is known before it is needed."""
        await step("rehearsal", self._checking.rehearse)

    async def expand(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask which groups a merged delivery stood for, and judge those that it does not name."""
        if incident == NO_INCIDENT:  # of a proposal: there is no card yet to name a failure on
            await step(GROUPS, lambda: self._groups.ask_for_proposal(args))
        else:
            await self._try(GROUPS, incident, args)

    async def report(self, incident: int, args: Mapping[str, Any]) -> None:
        """Tell people about a delivery that was not understood."""
        await step("report", lambda: self._telling.report(incident, args))

    async def where(self, incident: int, args: Mapping[str, Any]) -> None:
        """Tell whoever declared the same twice the way to what they opened first."""
        await step("answer", lambda: self._telling.answer_again(incident, args))

    async def propose(self, incident: int, args: Mapping[str, Any]) -> None:
        """Ask people whether some alerts are an incident, or show what became of the question."""
        await step("proposal", lambda: self._proposing.show(args))

    async def _try(self, name: str, incident: int, args: Mapping[str, Any]) -> Any:
        return await step(name, lambda: self._trying.attempt(name, incident, args))

    async def broke(self, flow: str, incident: int, key: str) -> None:
        """A flow has ended by a mistake of ours: name it on the card. It is not started again."""
        await self._trying.broke(flow, incident, key)

    def rehearse_in_time(self) -> None:
        """Make the next rehearsal due when its time has come. Blocks."""
        self._checking.rehearse_in_time()
