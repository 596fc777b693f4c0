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

from bot import reminders
from bot.facts import (
    Announced,
    Bookmarked,
    CardPinned,
    CardShown,
    ChannelOpened,
    Invited,
    ReminderSettled,
    StepDone,
    StepFailed,
    TopicSet,
)
from bot.incident import Incident, Room
from bot.policy import Policy
from bot.ports import Chat, GaveUp, TryAgain
from bot.ports.chat import card_key
from bot.steps.recorder import Recorder, there
from bot.steps.room import Keeping, known_of
from bot.store import Store

LATER = timedelta(seconds=15)
"""How long after the card the pin and the bookmarks come: what is urgent goes first."""
SELDOM = timedelta(minutes=5)
"""How often we look whether what we showed of an open incident is still there."""
SOON = timedelta(seconds=30)
"""The same, while something of it cannot be shown."""
TOLD = timedelta(seconds=3)
"""How long we wait to be told when people archived a channel; who waits knows what was said before and what after."""
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
        self._wake = wake
        self._recorder = Recorder(store, now=now, key=key, wake=wake)
        self.room = Keeping(self._recorder, chat=chat, policy=policy)
        self._planned: dict[int, frozenset[str]] = {}
        self._look_at: dict[int, datetime] = {}
        self._cards: dict[int, asyncio.Task[str]] = {}

    # ------------------------------------------------------------------ steps that open

    async def open_channel(self, number: int, args: Mapping[str, Any]) -> bool:  # noqa: ARG002 - a step
        """Give the incident a channel, and another one where people deleted it."""
        incident = await self._recorder.incident(number)
        if not incident.view.channel or incident.view.room is Room.GONE:
            channel = await self._chat.open_channel(incident)
            key = self._recorder.key()
            incident, fresh = await asyncio.to_thread(self._opened, number, ChannelOpened(channel=channel), key)
            card = self._chat.show_card(incident, now=self._now(), fresh=fresh)
            self._cards[number] = asyncio.create_task(card)  # everybody waits for it; its own step sees what came of it
            self._wake()
        return True

    def _opened(self, number: int, told: ChannelOpened, key: str) -> tuple[Incident, bool]:
        """Record it, and with it that the card is about to be posted; whether that is for the first time."""
        with self._store.transaction(incident=number) as tx:
            tx.append(number, [self._recorder.fact(told, key)])
            incident = there(tx.incident(number), number)
            return incident, tx.intend(card_key(incident))

    async def show_card(self, number: int, args: Mapping[str, Any]) -> None:
        """Post the one card; where somebody deleted it (`lost`), once more."""
        incident = await self._recorder.with_channel(number)
        if incident.view.card in {"", args.get("lost")}:
            begun = self._cards.pop(number, None)
            message = await (begun or self._chat.show_card(incident, now=self._now()))
            await self._recorder.record(number, CardShown(message=message))

    async def invite(self, number: int, args: Mapping[str, Any]) -> None:
        """Ask in who is responsible for the service, whoever declared the incident, and whoever has a role.

        Into a private one nobody comes because of the service.
        """
        incident = await self._recorder.with_channel(number)
        rules = () if incident.private else self._policy.invite
        people = [p for rule in rules if rule.service in {"", incident.service} for p in rule.people]
        people += args.get("invite", ())
        people += [e.author.id for e in incident.entries[:1] if e.source.human and e.author.id]  # who declared it
        people += [p.id for p in incident.roles.values() if p.id]
        if wanted := [p for p in dict.fromkeys(people) if p not in incident.view.invited]:
            await self._recorder.record(number, Invited(people=await self._chat.invite(incident, wanted)))

    async def set_topic(self, number: int, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - a step
        """Say the state in the channel's topic."""
        incident = await self._recorder.with_channel(number)
        await self._recorder.record(number, TopicSet(topic=await self._chat.set_topic(incident)))

    async def announce(self, number: int, args: Mapping[str, Any]) -> None:
        """Tell every channel of the policy once, and once more where somebody deleted it; not of a private incident."""
        incident = await self._recorder.incident(number)
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
                await self._recorder.record(
                    number, Announced(channel=channel, message=message, where=where), part=where
                )
        if refused:
            raise refused

    async def pin(self, number: int, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - a step
        """Pin the card."""
        incident = await self._recorder.with_channel(number)
        if incident.view.pinned != incident.view.card:
            await self._chat.pin_card(incident)
            await self._recorder.record(number, CardPinned(message=incident.view.card))

    async def bookmark(self, number: int, args: Mapping[str, Any]) -> None:  # noqa: ARG002 - a step
        """Put the monitor's address on the channel's bar."""
        incident = await self._recorder.with_channel(number)
        if (link := _monitor(incident)) and link not in incident.view.bookmarks:
            await self._chat.bookmark(incident, title=MONITOR, link=link)
            await self._recorder.record(number, Bookmarked(link=link))

    # ------------------------------------------------------------------ what follows every change

    async def sync(self, number: int) -> None:
        """Bring all that is shown up to what the record says now. Raises TryAgain: call it again."""
        head = await asyncio.to_thread(self._store.head, number)
        incident = await self._recorder.incident(number)
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
        now = self._now()
        open_ones = [s.number for s in await asyncio.to_thread(self._store.summaries, open_only=True)]
        self._look_at = {number: self._look_at.get(number, now + SELDOM) for number in open_ones}
        found = [number for number, at in self._look_at.items() if now >= at]
        for number in found:
            self._look_at[number] = now + SELDOM
            await self.room.notice(await self._recorder.incident(number))
        return found

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
        before = self._planned.pop(incident.number, frozenset())
        if (keys := frozenset(plan)) != before:
            for key, (flow, args) in plan.items():
                await self._recorder.make_due(incident, key, flow, args)
        if keys:
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
                await self._recorder.note(incident.number, StepDone(step=name))
        return None

    async def _refused(self, incident: Incident, told: StepFailed, problem: GaveUp) -> None:
        """Say it, or where something may have become of our channel, look first."""
        if problem.reason in NOT_THERE and not told.step.startswith("announcement"):
            failed = {"step": told.step, "text": told.text, "fix": told.fix}
            args = {"speak": True, "failed": failed, "known": known_of(incident)}
            if problem.reason == "is_archived":
                args["not_before"] = (self._now() + TOLD).isoformat()
            key = f"look/{problem.reason}/{len(incident.entries)}"
            await self._recorder.make_due(incident, key, "look", args)
        else:
            await self._recorder.note(incident.number, told)

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
            await self._recorder.note(incident.number, TopicSet(topic=topic))

    def _settled(self, incident: Incident, there: bool) -> Sequence[str]:
        """What people were reminded of and is done by now."""
        given = {about: seen for about, seen in incident.view.reminders.items() if not seen.settled} if there else {}
        return [about for about in given if reminders.missing_since(incident, self._policy, about) is None]

    def _settle(self, about: str) -> Callable[[Incident], Awaitable[None]]:
        async def edit(incident: Incident) -> None:
            await self._recorder.note(incident.number, ReminderSettled(about=about))
            await self._chat.remind(await self._recorder.incident(incident.number), about)

        return edit

    async def _post_again(self, incident: Incident, flow: str, lost: str) -> None:
        """A flow posts it: of several replicas that miss it only one does."""
        await self._recorder.make_due(incident, f"{flow}/{lost}", flow, {"lost": lost})
        self._wake()


def _monitor(incident: Incident) -> str:
    """The address of the monitor that alerts, as its source gave it."""
    known = (incident.monitors.get(alert.monitor_id, {}).get("link") or alert.link for alert in incident.alerts)
    return next(filter(None, known), "")
