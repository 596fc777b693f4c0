"""Each person's own page in the chat, shown when they open it and kept up to date while they may be looking."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

from bot import log
from bot.incident import Incident, Person
from bot.overview import overview
from bot.ports import Chat, GaveUp, TryAgain
from bot.store import Store

LATELY = timedelta(hours=1)
"""Whoever opened the page within this time has it kept up to date."""
READERS = 50
"""For so many at most; the others see it anew when they open it."""
CLOSED = 20
"""So many of the last closed incidents are looked through for what is left to do."""
AGAIN = timedelta(seconds=30)
"""A page that could not be shown, or not all of it, is tried again after this time."""


class FrontPage:
    """Shows people their pages."""

    def __init__(self, *, store: Store, chat: Chat, now: Callable[[], datetime]) -> None:
        self._store = store
        self._chat = chat
        self._now = now
        self._readers: OrderedDict[str, datetime] = OrderedDict()
        self._shown = 0
        self._late: dict[str, datetime] = {}

    async def opened(self, user: str) -> None:
        """This person looks at it now."""
        self._readers[user] = self._now()
        self._readers.move_to_end(user)
        if len(self._readers) > READERS:
            self._late.pop(self._readers.popitem(last=False)[0], None)
        await self._show([user])

    async def refresh(self) -> None:
        """Bring the pages of those who opened theirs lately up to date, if anything has changed since or is late."""
        now = self._now()
        readers = [user for user, at in self._readers.items() if now - at < LATELY]
        if not readers:
            return
        latest = await asyncio.to_thread(self._store.latest)
        if latest == self._shown:
            readers = [user for user in readers if now >= self._late.get(user, now + AGAIN)]
        self._shown = latest
        if readers:
            await self._show(readers)

    async def _show(self, readers: list[str]) -> None:
        incidents = await asyncio.to_thread(self._incidents)
        for user in readers:
            self._late.pop(user, None)
            sees = [i.number for i in incidents if i.private and await self._inside(i, user)]
            page = overview(incidents, Person(id=user, name=await self._name(user)), sees=sees)
            try:
                await self._chat.show_overview(user, page)
            except (TryAgain, GaveUp) as problem:
                self._later(user, problem)

    def _later(self, user: str, problem: TryAgain | GaveUp) -> None:
        log.event("page.not-shown", level=logging.WARNING, reason=problem.reason, user=user)
        self._late[user] = self._now() + AGAIN

    async def _name(self, user: str) -> str:
        """What this person is called; the page is right without it, too."""
        try:
            return (await self._chat.person(user)).name
        except (TryAgain, GaveUp) as problem:
            self._later(user, problem)
            return user

    def _incidents(self) -> list[Incident]:
        """What is open, and what was closed last."""
        listed = self._store.summaries()
        open_ones = [s.number for s in listed if s.closed_at is None]
        closed = sorted((s for s in listed if s.closed_at), key=lambda s: s.closed_at or s.opened_at)[-CLOSED:]
        found = (self._store.incident(number) for number in [*open_ones, *(s.number for s in closed)])
        return [incident for incident in found if incident]

    async def _inside(self, incident: Incident, user: str) -> bool:
        """Whether this person is in the channel of a private incident; who cannot be asked about is not."""
        if incident.view.channel is None:
            return False
        try:
            return user in await self._chat.in_channel(incident.view.channel.id)
        except (TryAgain, GaveUp) as problem:
            self._later(user, problem)
            return False
