"""Steps that say something to people: answers to whoever started a flow, and reports."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import Any

from bot import log
from bot.incident import Channel
from bot.ports import Chat, GaveUp, TryAgain
from bot.steps.recorder import Recorder
from bot.steps.trying import PATIENCE, TRIES, pause
from bot.store import NO_INCIDENT

WAITS = 5
"""So often the way to a channel that is not there yet is waited for."""


class Telling:
    """Says what is to be said. `troubles` is the channel for Muster's own, empty for none."""

    def __init__(self, recorder: Recorder, chat: Chat, *, troubles: str) -> None:
        self._recorder = recorder
        self._chat = chat
        self._troubles = troubles

    async def answer(self, args: Mapping[str, Any], text: str) -> None:
        """Answer whoever started the flow, if a person did. What cannot be delivered is only logged."""
        if reply_to := args.get("reply_to"):
            try:
                await self._chat.reply(reply_to, text)
            except (TryAgain, GaveUp) as problem:
                log.event("reply.lost", level=logging.WARNING, reason=problem.reason)

    async def answer_where(self, number: int, args: Mapping[str, Any]) -> None:
        """Tell whoever declared the incident the way to its channel."""
        if not args.get("reply_to"):
            return
        incident = await self._recorder.incident(number)
        channel = incident.view.channel
        place = (
            f"<#{channel.id}|{channel.name}>" if channel else "its channel could not be opened yet and is tried again"
        )
        opened = "opened, a drill" if incident.drill else "opened"
        told = "private" if incident.private else f"{opened}: {incident.title}"
        await self.answer(args, f"{incident.id} {told}: {place}")

    async def answer_again(self, number: int, args: Mapping[str, Any]) -> None:
        """Tell whoever declared it twice the way to its channel; while there is none, a little later."""
        incident = await self._recorder.incident(number)
        channel, attempt = incident.view.channel, int(args.get("attempt", 0)) + 1
        if channel is None and attempt <= WAITS:
            wait = self._recorder.after(PATIENCE[min(attempt, len(PATIENCE)) - 1])
            later = {**args, "attempt": attempt, "not_before": wait}
            await self._recorder.make_due(incident, f"{self._recorder.key()}/{attempt}", "where", later)
        else:
            place = f"Its channel: <#{channel.id}|{channel.name}>" if channel else "Its channel is tried again."
            await self.answer(args, f"{args['text']} {place}")

    async def report(self, number: int, args: Mapping[str, Any]) -> None:
        """What cannot be delivered is said later; what the chat refuses for good stays in the log."""
        try:
            where = self._troubles if number == NO_INCIDENT else await self._channel_of(number)
            await self._chat.report(where, args["text"], args["key"])
        except GaveUp as problem:
            log.event("report.lost", level=logging.WARNING, reason=problem.reason, key=args["key"])
        except TryAgain as problem:
            if problem.reason == "database":
                raise
            await asyncio.to_thread(self._report_later, number, args, problem)

    def _report_later(self, number: int, args: Mapping[str, Any], problem: TryAgain) -> None:
        attempt = int(args.get("attempt", 0)) + 1
        later = {**args, "attempt": attempt, "not_before": self._recorder.after(pause(attempt, problem))}
        if attempt <= TRIES:
            with self._recorder.store.transaction() as tx:
                tx.due(f"{args['key']}/report/{attempt}", "report", number, later)

    async def _channel_of(self, number: int) -> str:
        channel = (await self._recorder.with_channel(number)).view.channel
        return channel.id if channel else ""

    async def withdraw(self, number: int, args: Mapping[str, Any]) -> None:
        """Take what shows of the incident out of the channel that it has left."""
        if left := args.get("left"):
            old = Channel(id=left["id"], name=left["name"])
            await self._chat.withdraw(await self._recorder.incident(number), old, left["card"])
