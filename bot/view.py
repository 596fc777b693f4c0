"""What people see of an incident: its channel, card, invitations, topic and announcements, made from the record.

The record is the truth; everything in here may be done again at any time, and brings the chat up to what the record
says. The steps are done by the flows of the story, `sync` by whoever notices that the record has changed. People may
rename, archive or delete what is shown: that is followed, or shown once more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from bot import reminders
from bot.facts import (
    Announced,
    Bookmarked,
    CardPinned,
    CardShown,
    ChannelOpened,
    ChannelSeen,
    Fact,
    Invited,
    ReminderGiven,
    ReminderSettled,
    StepDone,
    StepFailed,
    TopicSet,
    What,
)
from bot.incident import Incident, Person, Room
from bot.policy import Policy
from bot.ports import Chat, GaveUp, TryAgain
from bot.store import Store

LATER = timedelta(seconds=15)
"""How long after the card the pin and the bookmarks come: what is urgent goes first."""
SELDOM = timedelta(minutes=5)
"""How often we look whether what we showed of an open incident is still there."""
SOON = timedelta(seconds=30)
"""The same, while something of it cannot be shown."""
NOT_THERE = frozenset({"is_archived", "channel_not_found", "not_in_channel"})
"""Refusals that mean that something has become of the channel."""
MONITOR = "Monitor in Datadog"


class Projection:
    """Shows incidents in the chat. `key` names the running step; `wake` is called after every change."""

    def __init__(
        self,
        *,
        store: Store,
        chat: Chat,
        policy: Policy,
        now: Callable[[], datetime],
        key: Callable[[], str],
        wake: Callable[[], None],
    ) -> None:
        self._store = store
        self._chat = chat
        self._policy = policy
        self._now = now
        self._key = key
        self._wake = wake
        self._planned: dict[int, frozenset[str]] = {}
        self._look_at: dict[int, datetime] = {}

    # ------------------------------------------------------------------ steps that open

    async def open_channel(self, number: int, args: Mapping[str, Any]) -> bool:  # noqa: ARG002 - a step
        """Give the incident a channel, and another one where people deleted it."""
        incident = await self.incident(number)
        if not incident.view.channel or incident.view.room is Room.GONE:
            channel = await self._chat.open_channel(incident)
            await self._record(number, ChannelOpened(channel=channel))
        return True

    async def show_card(self, number: int, args: Mapping[str, Any]) -> None:
        """Post the one card; where somebody deleted it (`lost`), once more."""
        incident = await self.with_channel(number)
        if incident.view.card in {"", args.get("lost")}:
            await self._record(number, CardShown(message=await self._chat.show_card(incident, now=self._now())))

    async def invite(self, number: int, args: Mapping[str, Any]) -> None:
        """Ask in who is responsible for the service, whoever declared the incident, and whoever has a role.

        Into a private one nobody comes because of the service.
        """
        incident = await self.with_channel(number)
        rules = () if incident.private else self._policy.invite
        people = [p for rule in rules if rule.service in {"", incident.service} for p in rule.people]
        people += args.get("invite", ())
        people += [e.author.id for e in incident.entries[:1] if e.source.human and e.author.id]  # who declared it
        people += [p.id for p in incident.roles.values() if p.id]
        if wanted := [p for p in dict.fromkeys(people) if p not in incident.view.invited]:
            await self._record(number, Invited(people=await self._chat.invite(incident, wanted)))

    async def set_topic(self, number: int, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - a step
        """Say the state in the channel's topic."""
        incident = await self.with_channel(number)
        await self._record(number, TopicSet(topic=await self._chat.set_topic(incident)))

    async def announce(self, number: int, args: Mapping[str, Any]) -> None:
        """Tell every channel of the policy once, and once more where somebody deleted it; not of a private incident."""
        incident = await self.incident(number)
        refused: TryAgain | GaveUp | None = None
        for where in () if incident.private else self._policy.announced_in:
            known = incident.view.announcements.get(where)
            if known and known[1] != args.get("lost"):
                continue
            try:
                channel, message = await self._chat.announce(incident, where, now=self._now())
            except (TryAgain, GaveUp) as problem:
                refused = problem
            else:
                await self._record(number, Announced(channel=channel, message=message, where=where), part=where)
        if refused:
            raise refused

    async def pin(self, number: int, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - a step
        """Pin the card."""
        incident = await self.with_channel(number)
        if incident.view.pinned != incident.view.card:
            await self._chat.pin_card(incident)
            await self._record(number, CardPinned(message=incident.view.card))

    async def bookmark(self, number: int, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - a step
        """Put the monitor's address on the channel's bar."""
        incident = await self.with_channel(number)
        if (link := _monitor(incident)) and link not in incident.view.bookmarks:
            await self._chat.bookmark(incident, title=MONITOR, link=link)
            await self._record(number, Bookmarked(link=link))

    # ------------------------------------------------------------------ steps that keep it right

    async def look(self, number: int, args: Mapping[str, Any]) -> str:
        """See what became of the channel, and come back into it if we may; what it is then.

        `deleted`: the chat told that it is gone. `failed`: what went wrong there; still true if the channel is there.
        """
        incident = await self.with_channel(number)
        now = await self._chat.channel_now(incident)
        room = Room.GONE if args.get("deleted") and now.room is Room.LEFT else now.room
        known = incident.view.channel.name if incident.view.channel else ""
        if (now.name or known, room) != (known, incident.view.room):
            await self._record(number, ChannelSeen(name=now.name, room=room), part="seen")
        elif room is Room.OPEN and (failed := args.get("failed")):
            await self._record(number, StepFailed(**failed), part="failed")
        if room is Room.LEFT and incident.open:
            await self._chat.join(incident)
            await self._record(number, ChannelSeen(name=now.name, room=Room.OPEN), part="joined")
            return Room.OPEN
        return room if incident.open else ""

    async def bring_back(self, number: int, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - a step
        """Unarchive the channel of an incident that is open: there is something to say in it."""
        incident = await self.with_channel(number)
        if incident.open and incident.view.room is Room.ARCHIVED and incident.view.channel:
            await self._chat.unarchive(incident)
            await self._record(number, ChannelSeen(name=incident.view.channel.name, room=Room.OPEN))

    async def put_away(self, number: int, args: Mapping[str, Any]) -> None:
        """Archive the channel when its time has come."""
        incident = await self.with_channel(number)
        if reminders.ARCHIVE in await self.due(number, args) and incident.view.channel:
            await self._chat.archive(incident)
            await self._record(number, ChannelSeen(name=incident.view.channel.name, room=Room.ARCHIVED))

    async def due(self, number: int, args: Mapping[str, Any]) -> list[str]:  # noqa: ARG002 - a step
        """What people are to be reminded of by now, and whether the channel is to be put away."""
        incident = await self.incident(number)
        return [str(one.about) for one in reminders.due(incident, self._policy, now=self._now())]

    async def remind(self, number: int, args: Mapping[str, Any]) -> None:
        """Remind people of it (`about`), if it is still missing and nobody had enough of that."""
        if args["about"] in await self.due(number, args):
            incident = await self.with_channel(number)
            message = await self._chat.remind(incident, args["about"])
            await self._record(number, ReminderGiven(about=args["about"], message=message))

    async def hand_over(self, number: int, args: Mapping[str, Any]) -> None:
        """Tell the channel who had a role and who has it now."""
        incident = await self.with_channel(number)
        people = (Person(**args["giver"]), Person(**args["taker"]))
        by = Person(**args.get("by") or {})
        giver, taker = (Person(name=p.name or p.id) if p.id == by.id else p for p in people)  # who says it knows it
        await self._chat.hand_over(incident, role=args["role"], giver=giver, taker=taker, key=self._key())

    # ------------------------------------------------------------------ what follows every change

    async def sync(self, number: int) -> None:
        """Bring all that is shown up to what the record says now. Raises TryAgain: call it again."""
        head = await asyncio.to_thread(self._store.head, number)
        incident = await self.incident(number)
        await self._plan(incident)
        view = incident.view
        there = view.channel is not None and view.room is Room.OPEN
        late = [
            await self._edit("card", incident, self._edit_card) if there and view.card else None,
            *[
                await self._edit(f"announcement in {where}", incident, self._edit_announcement(where))
                for where in view.announcements
            ],
            await self._edit("topic", incident, self._edit_topic) if there and view.topic else None,
            *[await self._edit("reminder", incident, self._settle(about)) for about in self._settled(incident, there)],
        ]
        if problem := next(filter(None, late), None):
            raise problem
        await asyncio.to_thread(self._store.shown, number, head)

    async def to_heal(self) -> list[int]:
        """The open incidents that are to be shown again now, whether or not all is still there as it was shown.

        Nobody tells us when a message is deleted, and what is told of channels may be lost. Raises TryAgain.
        """
        now, found = self._now(), []
        for summary in await asyncio.to_thread(self._store.summaries, open_only=True):
            if now >= self._look_at.setdefault(summary.number, now + SELDOM):
                self._look_at[summary.number] = now + SELDOM
                await self._look_after(await self.incident(summary.number))
                found.append(summary.number)
        return found

    async def _look_after(self, incident: Incident) -> None:
        known = incident.view.channel
        if known is None:
            return
        try:
            now = await self._chat.channel_now(incident)
        except GaveUp:
            return  # where we may not look, what fails tells
        if (now.name or known.name, now.room) != (known.name, incident.view.room):
            await self._make_due(incident, f"look/{uuid4().hex}", "look", {})

    async def _plan(self, incident: Incident) -> None:
        """Make due what is to come: reminders, pin and bookmarks, and the way back into a channel that was lost."""
        view = incident.view
        plan: dict[str, tuple[str, dict[str, Any]]] = {}
        if at := reminders.next_at(incident, self._policy):
            plan[f"tend/{at.isoformat()}"] = ("tend", {"not_before": at.isoformat()})
        if view.card and view.room is Room.OPEN and incident.open and view.pinned != view.card:
            plan[f"decorate/{view.card}"] = ("decorate", {"not_before": (self._now() + LATER).isoformat()})
        if incident.open and view.room is not Room.OPEN and len(incident.entries) > view.quiet_since:
            plan[f"look/{len(incident.entries)}"] = ("look", {"speak": True})
        if (keys := frozenset(plan)) != self._planned.get(incident.number):
            for key, (flow, args) in plan.items():
                await self._make_due(incident, key, flow, args)
            self._planned[incident.number] = keys

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
            self._look_at[incident.number] = self._now() + SOON
            if known is None or known.text != str(problem):
                await self._refused(incident, StepFailed(step=name, text=str(problem), fix=problem.fix), problem)
        else:
            if known:
                await self._note(incident, StepDone(step=name))
        return None

    async def _refused(self, incident: Incident, told: StepFailed, problem: GaveUp) -> None:
        """Say it, or where something may have become of our channel, look first."""
        if problem.reason in NOT_THERE and not told.step.startswith("announcement"):
            failed = {"step": told.step, "text": told.text, "fix": told.fix}
            key = f"look/{problem.reason}/{len(incident.entries)}"
            await self._make_due(incident, key, "look", {"speak": True, "failed": failed})
        else:
            await self._note(incident, told)

    async def _edit_card(self, incident: Incident) -> None:
        try:
            await self._chat.edit_card(incident, now=self._now())
        except GaveUp as problem:
            if problem.reason != "message_not_found":
                raise
            await self._post_again(incident, "card", incident.view.card)

    def _edit_announcement(self, where: str) -> Callable[[Incident], Awaitable[None]]:
        async def edit(incident: Incident) -> None:
            at = incident.view.announcements[where]
            try:
                await self._chat.edit_announcement(incident, at, now=self._now())
            except GaveUp as problem:
                if problem.reason != "message_not_found":
                    raise
                if incident.open and not incident.private:
                    await self._post_again(incident, "announce", at[1])

        return edit

    async def _edit_topic(self, incident: Incident) -> None:
        if (topic := await self._chat.set_topic(incident)) != incident.view.topic:
            await self._note(incident, TopicSet(topic=topic))

    def _settled(self, incident: Incident, there: bool) -> Sequence[str]:
        """What people were reminded of and is done by now."""
        given = {about: seen for about, seen in incident.view.reminders.items() if not seen.settled} if there else {}
        return [about for about in given if reminders.missing_since(incident, self._policy, about) is None]

    def _settle(self, about: str) -> Callable[[Incident], Awaitable[None]]:
        async def edit(incident: Incident) -> None:
            await self._note(incident, ReminderSettled(about=about))
            await self._chat.remind(await self.incident(incident.number), about)

        return edit

    async def _post_again(self, incident: Incident, flow: str, lost: str) -> None:
        """A flow posts it: of several replicas that miss it only one does."""
        await self._make_due(incident, f"{flow}/{lost}", flow, {"lost": lost})
        self._wake()

    async def _make_due(self, incident: Incident, key: str, flow: str, args: Mapping[str, Any]) -> None:
        def write() -> None:
            with self._store.transaction(incident=incident.number) as tx:
                tx.due(f"{incident.id}/{key}", flow, incident.number, args)

        await asyncio.to_thread(write)

    # ------------------------------------------------------------------ the record

    async def incident(self, number: int) -> Incident:
        """The incident as it stands."""
        return there(await asyncio.to_thread(self._store.incident, number), number)

    async def with_channel(self, number: int) -> Incident:
        """The incident, once it has a channel; without one the step comes back later."""
        incident = await self.incident(number)
        if not incident.view.channel:
            raise TryAgain("The incident has no channel yet.", reason="no_channel")
        return incident

    async def _record(self, number: int, what: What, *, part: str = "") -> None:
        """Record what a step of a flow did."""
        await asyncio.to_thread(self._append, number, what, f"{self._key()}/{part}" if part else self._key())
        self._wake()

    async def _note(self, incident: Incident, what: What) -> None:
        """Record something about the view. Outside a flow there is no step to name it after."""
        await asyncio.to_thread(self._append, incident.number, what, f"view/{uuid4().hex}")

    def _append(self, number: int, what: What, key: str) -> None:
        now = self._now()
        with self._store.transaction(incident=number) as tx:
            tx.append(number, [Fact(key=key, what=what, occurred_at=now, recorded_at=now)])


def there(incident: Incident | None, number: int) -> Incident:
    """The incident that a flow is about: there is none without."""
    if incident is None:
        raise LookupError(f"INC-{number} is not in the record")
    return incident


def _monitor(incident: Incident) -> str:
    """The address of the monitor that alerts, as its source gave it."""
    known = (incident.monitors.get(alert.monitor_id, {}).get("link") or alert.link for alert in incident.alerts)
    return next(filter(None, known), "")
