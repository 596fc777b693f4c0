"""Bringing a message of the chat into a timeline, or taking it out again, as its marks in the chat say now.

The chat is asked what is true, whatever event came first, twice or late; then the record follows.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC
from typing import Any

from bot import log
from bot.facts import Captured, Dropped, Fact, MessageChanged, Restored, What
from bot.incident import Entry, Incident, Person, Source
from bot.journal import from_json
from bot.ports import Chat, GaveUp, TryAgain
from bot.said import Quote
from bot.steps.recorder import Recorder
from bot.store import capture_keys

GONE = frozenset({"message_not_found", "no_item_specified", "bad_timestamp"})
"""The chat's words for a message that is not there any more."""

FULL = "This message is in the timelines of five incidents already."


def follow(
    entry: Entry | None, quote: Quote | None, *, name: str, by: Person, pointed: bool, added: bool
) -> What | None:
    """What is to be recorded so that the timeline says what the chat does; None when it does already.

    `pointed`: somebody asked for this very message; then marks do not matter. `added`: this began with a new mark.
    """
    if quote is None or not (pointed or quote.pinned_by):
        marked = entry is not None and not entry.dropped and entry.source.type == "reaction"
        return Dropped(entry=entry.id) if entry and marked else None
    if entry is None:
        return Captured(message=name, text=quote.words, by=by)
    if entry.dropped:
        return Restored(entry=entry.id) if pointed or added else None
    return MessageChanged(message=name, text=quote.words) if not entry.by_hand and entry.text != quote.words else None


class Capture:
    """Lets the timeline follow messages."""

    def __init__(self, recorder: Recorder, chat: Chat) -> None:
        self._recorder = recorder
        self._chat = chat

    async def capture(self, number: int, args: Mapping[str, Any]) -> str:
        """Let the timeline follow one message; what is to be said about it. Raises TryAgain and GaveUp of the chat."""
        quote = await self._quote(args)
        entry = await asyncio.to_thread(self._keep, number, args, quote, self._recorder.key())
        self._recorder.wake()
        if entry is None:
            return ""
        if quote:
            await self._mark(quote, on=not entry.dropped)
        when = f" at {entry.occurred_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC" if entry.occurred_at else ""
        return f"{entry.id}{when} is in the timeline of INC-{number}: {entry.text[:80]}"

    async def _quote(self, args: Mapping[str, Any]) -> Quote | None:
        """The message as it is now; None when it is gone."""
        if args.get("quote"):
            return await self._chat.completed(from_json(Quote, args["quote"]))
        channel, _, message = args["message"].partition("/")
        try:
            return await self._chat.look(channel, message)
        except GaveUp as problem:
            if problem.reason not in GONE:
                raise
            return None

    def _keep(self, number: int, args: Mapping[str, Any], quote: Quote | None, key: str) -> Entry | None:
        """Record what is new about it, in one transaction with the look at the record; its entry, if it has one."""
        name = quote.name if quote else args["message"]
        by = Person(**args["by"]) if args.get("by") else Person()
        pointed = bool(args.get("quote"))
        with self._recorder.store.transaction(incident=number) as tx:
            before = tx.incident(number)
            entry = before.captured(name) if before else None
            what = follow(entry, quote, name=name, by=by, pointed=pointed, added=bool(args.get("added")))
            if isinstance(what, Captured) and quote:
                told = self._told(what, quote, "shortcut" if pointed else "reaction")
                if not any(tx.append(number, [replace(told, key=free)]) for free in capture_keys(name)):
                    raise GaveUp(FULL, reason="captured", fix="Say it there: note TEXT")
            elif what:
                tx.append(number, [replace(self._recorder.fact(what, f"{key}/follow"), author=by)])
            after: Incident | None = tx.incident(number)
            return after.captured(name) if after else None

    def _told(self, what: What, quote: Quote, how: str) -> Fact:
        source = Source(type=how, url=quote.url)
        return Fact(
            key="",
            what=what,
            occurred_at=quote.at,
            recorded_at=self._recorder.now(),
            author=quote.author,
            source=source,
        )

    async def _mark(self, quote: Quote, *, on: bool) -> None:
        """Show at the message that it is in the timeline. Only decoration: without it nothing is missing."""
        try:
            await self._chat.mark(quote, on=on)
        except (TryAgain, GaveUp) as problem:
            log.event("capture.not-marked", level=logging.DEBUG, reason=problem.reason)
