"""Steps of the postmortem: keep what was measured, write the draft, hand it out, push it."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from bot import log
from bot.facts import ChannelSeen, DraftPosted, DraftPushed, DraftWritten, Measured
from bot.incident import Incident, Room
from bot.ports import Chat, GaveUp, Metrics, TryAgain
from bot.postmortem.drafts import Drafts
from bot.steps.measuring import kept, measured_by, span_of
from bot.steps.recorder import Recorder


class Drafting:
    """Makes the draft from the record and brings it where people look for it."""

    def __init__(self, recorder: Recorder, *, chat: Chat, metrics: Metrics, drafts: Drafts) -> None:
        self._recorder = recorder
        self._chat = chat
        self._metrics = metrics
        self._drafts = drafts

    async def measure(self, number: int) -> None:
        """Keep the line that the alert watched, if it can be had; the draft is complete without it."""
        incident = await self._recorder.incident(number)
        query, threshold = measured_by(incident)
        if not query or incident.measurements:
            return
        start, end = span_of(incident, self._recorder.now())
        try:
            found = await self._metrics.series(query, start=start, end=end)
        except (TryAgain, GaveUp) as problem:
            log.event("measurements.not-kept", reason=problem.reason)
            return
        if lines := kept(found, query=query, threshold=threshold):
            await self._recorder.record(number, Measured(lines=lines))

    async def write(self, number: int, args: Mapping[str, Any]) -> None:
        """Write the draft's files."""
        incident = await self._recorder.incident(number)
        path = await asyncio.to_thread(self._drafts.write, incident)
        if path != incident.draft_path:
            await self._recorder.record(number, DraftWritten(path=path))

    async def hand_out(self, number: int, args: Mapping[str, Any]) -> bool:
        """Post the draft in the channel, after the card."""
        incident = await self._recorder.incident(number)
        if incident.entries and incident.entries[0].source.type == "import" and not incident.view.channel:
            return True  # it was brought in from a file: nobody meets about it
        incident = await self._recorder.with_channel(number)
        if not incident.view.card:  # after an outage everything comes at once, and the card is to be the first
            raise TryAgain("The card is not there yet.", reason="no_card")
        files = await asyncio.to_thread(self._drafts.files, incident)
        message = await self._post(incident, files)
        if message != incident.view.draft_posted:
            await self._recorder.record(number, DraftPosted(message=message))
        return True

    async def _post(self, incident: Incident, files: Mapping[str, bytes]) -> str:
        """People may have archived the channel before they closed: it comes back, so that the draft reaches them."""
        try:
            return await self._chat.post_draft(incident, files)
        except GaveUp as refused:
            if refused.reason != "is_archived" or incident.view.channel is None:
                raise
        await self._chat.unarchive(incident)
        back = ChannelSeen(name=incident.view.channel.name, room=Room.OPEN)
        await self._recorder.record(incident.number, back, part="open")
        return await self._chat.post_draft(incident, files)

    async def push(self, number: int, args: Mapping[str, Any]) -> None:
        """Bring the draft to the git repository, if the policy names one. A private incident stays here."""
        incident = await self._recorder.incident(number)
        if not self._drafts.pushes or incident.private:
            return
        pushed = await asyncio.to_thread(self._drafts.push, incident)
        if pushed.commit == incident.view.draft_pushed:
            return
        if incident.view.channel:
            where = f"Postmortem draft of {incident.id} is on branch {pushed.branch}. {pushed.link}".rstrip()
            await self._chat.report(incident.view.channel.id, where, f"pushed:{incident.id}:{incident.closings}")
        told = DraftPushed(branch=pushed.branch, commit=pushed.commit, link=pushed.link)
        await self._recorder.record(number, told)
