"""The incident's channel as a place where people meet: what becomes of it, and what is said there later.

People may rename, archive or delete it, or take us out of it: that is followed, and where there is something to say
we come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from bot import reminders
from bot.facts import ChannelSeen, ReminderGiven, StepFailed
from bot.incident import Incident, Person, Room
from bot.policy import Policy
from bot.ports import Chat, GaveUp
from bot.steps.recorder import Recorder


class Keeping:
    """The steps that keep the channel right."""

    def __init__(self, recorder: Recorder, *, chat: Chat, policy: Policy) -> None:
        self._recorder = recorder
        self._chat = chat
        self._policy = policy

    async def look(self, number: int, args: Mapping[str, Any]) -> str:
        """See what became of the channel, and come back into it if we may; what it is then.

        `deleted`: the chat told that it is gone; `entries`: how many there were when it told of a change. `failed`:
        what went wrong there; still true if the channel is there. `known`: what the record knew of it when that went
        wrong; where it knows better by now, somebody has looked since, and there is nothing left to do.
        """
        incident = await self._recorder.with_channel(number)
        if args.get("known", known_of(incident)) != known_of(incident):
            return ""
        now = await self._chat.channel_now(incident)
        room = Room.GONE if args.get("deleted") and now.room is Room.LEFT else now.room
        known = incident.view.channel.name if incident.view.channel else ""
        if (now.name or known, room) != (known, incident.view.room):
            seen = ChannelSeen(name=now.name, room=room, entries=args.get("entries"))
            await self._recorder.record(number, seen, part="seen")
        elif room is Room.OPEN and (failed := args.get("failed")):
            await self._recorder.record(number, StepFailed(**failed), part="failed")
        if room is Room.LEFT and incident.open:
            await self._chat.join(incident)
            await self._recorder.record(number, ChannelSeen(name=now.name, room=Room.OPEN), part="joined")
            return Room.OPEN
        return room if incident.open else ""

    async def bring_back(self, number: int, args: Mapping[str, Any]) -> None:
        """Unarchive the channel of an incident that is open: there is something to say in it."""
        incident = await self._recorder.with_channel(number)
        if incident.open and incident.view.room is Room.ARCHIVED and incident.view.channel:
            await self._chat.unarchive(incident)
            await self._recorder.record(number, ChannelSeen(name=incident.view.channel.name, room=Room.OPEN))

    async def put_away(self, number: int, args: Mapping[str, Any]) -> None:
        """Archive the channel when its time has come."""
        incident = await self._recorder.with_channel(number)
        if reminders.ARCHIVE in await self.due(number, args) and incident.view.channel:
            await self._chat.archive(incident)
            await self._recorder.record(number, ChannelSeen(name=incident.view.channel.name, room=Room.ARCHIVED))

    async def due(self, number: int, args: Mapping[str, Any]) -> list[str]:
        """What people are to be reminded of by now, and whether the channel is to be put away."""
        incident = await self._recorder.incident(number)
        return [str(one.about) for one in reminders.due(incident, self._policy, now=self._recorder.now())]

    async def remind(self, number: int, args: Mapping[str, Any]) -> None:
        """Remind people of it (`about`), if it is still missing and nobody had enough of that."""
        if args["about"] in await self.due(number, args):
            incident = await self._recorder.with_channel(number)
            message = await self._chat.remind(incident, args["about"])
            await self._recorder.record(number, ReminderGiven(about=args["about"], message=message))

    async def hand_over(self, number: int, args: Mapping[str, Any]) -> None:
        """Tell the channel who had a role and who has it now."""
        incident = await self._recorder.with_channel(number)
        people = (Person(**args["giver"]), Person(**args["taker"]))
        by = Person(**args.get("by") or {})
        giver, taker = (Person(name=p.name or p.id) if p.id == by.id else p for p in people)  # who says it knows it
        await self._chat.hand_over(incident, role=args["role"], giver=giver, taker=taker, key=self._recorder.key())

    async def notice(self, incident: Incident) -> None:
        """Make a look due where the channel is no longer what the record says. Raises TryAgain."""
        known = incident.view.channel
        if known is None:
            return
        try:
            now = await self._chat.channel_now(incident)
        except GaveUp:
            return  # where we may not look, what fails tells
        if (now.name or known.name, now.room) != (known.name, incident.view.room):
            await self._recorder.make_due(incident, f"look/{uuid4().hex}", "look", {"entries": len(incident.entries)})


def known_of(incident: Incident) -> list[str | int]:
    """What the record knows of the channel; another one as soon as somebody saw that it changed."""
    return [incident.view.room.value, incident.view.quiet_since]
