"""From what somebody said to the reply: kept on disk first, then answered in the order of speaking."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import datetime, timedelta
from weakref import WeakValueDictionary

from bot.forms import asks_for_form
from bot.hear import Hearing
from bot.log import event
from bot.loops import Tasks
from bot.metrics import HEARD
from bot.ports import Chat, ChatPerson, GaveUp, PersonKind, TryAgain
from bot.said import Form, Reply, Said
from bot.store import Due, Store

MENTIONED = re.compile(r"<@([UW][A-Z0-9]+)>")  # in a mention Slack sends ids only
LATE = timedelta(seconds=5)  # what was heard longer ago and has no answer was left by a crash
MISTAKE = "Muster made a mistake of its own, so nothing was recorded; its log says which. Try other words."


class Answering:
    """Answers people. `start` starts a flow, `woke` is told that there may be something new to do and to show."""

    def __init__(
        self,
        *,
        store: Store,
        chat: Chat,
        hearing: Hearing,
        tasks: Tasks,
        start: Callable[[Due], Awaitable[None]],
        woke: Callable[[], None],
    ) -> None:
        self._store = store
        self._chat = chat
        self._hearing = hearing
        self._tasks = tasks
        self._start = start
        self._woke = woke
        self._channels: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._in_flight: set[str] = set()

    async def hear(self, said: Said) -> None:
        """Keep what was said on disk, then answer it. Raises TryAgain when it cannot be kept."""
        said = await asyncio.to_thread(self._keep, said)
        HEARD.labels(said.source.type).inc()
        self._tasks.spawn(self._answer(said))

    def _keep(self, said: Said) -> Said:
        with self._store.transaction(intake=bool(said.twins)) as tx:
            said = replace(said, key=tx.twin(said))
            tx.heard(said)
        return said

    async def concerns(self, said: Said) -> bool:
        """Whether a message to which something happened belongs to a timeline, or is marked for one."""
        return await asyncio.to_thread(self._store.concerns, said)

    async def catch_up(self, now: datetime) -> None:
        """Answer what a crash left unanswered."""
        for said in await asyncio.to_thread(self._store.unanswered):
            if now - said.at > LATE:
                self._tasks.spawn(self._answer(said))

    async def _answer(self, said: Said) -> None:
        """Answer in the order of speaking, channel by channel."""
        if said.key in self._in_flight:
            return
        self._in_flight.add(said.key)
        try:
            if asks_for_form(said):
                reply = await self._decided(said)
            else:
                async with self._channels.setdefault(said.channel, asyncio.Lock()):
                    reply = await self._decided(await self._with_person(said))
            if reply.form and await self._opened(said, reply.form):
                return
            told = reply.incident is not None and await self._started(said)
            self._woke()
            if reply.text and not told:
                where = {k: v for k, v in said.reply_to.items() if k != "thread" or not reply.private}
                await self._chat.reply(where, reply.text)
        except (TryAgain, GaveUp) as problem:
            event("reply.failed", level=logging.WARNING, reason=problem.reason, key=said.key)
        finally:
            self._in_flight.discard(said.key)

    async def _decided(self, said: Said) -> Reply:
        """What was said, done and answered. A mistake of ours is answered, too, and once: it would happen again."""
        try:
            return await asyncio.to_thread(self._hearing.answer, said)
        except TryAgain:
            raise
        except Exception as mistake:  # the boundary of a command
            logging.getLogger("muster").error("answer.broken", exc_info=mistake, extra={"fields": {"key": said.key}})
            sorry = Reply(text=MISTAKE, ok=False)
            await asyncio.to_thread(self._keep_answer, said, sorry)
            return sorry

    def _keep_answer(self, said: Said, reply: Reply) -> None:
        with self._store.transaction() as tx:
            tx.answer(said.key, reply)

    async def _opened(self, said: Said, form: Form) -> bool:
        """Whether the form stands before whoever asked for it; else there are words that say the same."""
        try:
            await self._chat.open_form(said.trigger, form)
        except GaveUp as refused:
            return refused.reason in {"exchanged_trigger_id", "trigger_exchanged"}  # it was opened before a crash
        except TryAgain:
            return False
        return True

    async def _started(self, said: Said) -> bool:
        """Start at once what it made due. Whoever declares is answered by a flow, with the way to the channel: True."""
        dues = await asyncio.to_thread(self._store.dues)
        mine = [due for due in dues if due.key == f"{said.key}/{due.flow}" and not due.args.get("not_before")]
        for due in mine:
            await self._start(due)
        return any(due.flow in {"open", "where"} for due in mine)

    async def _with_person(self, said: Said) -> Said:
        """What was said, with the author's name and zone and the names of who is mentioned, as far as Slack tells."""
        for id in dict.fromkeys(MENTIONED.findall(said.text)):
            if person := await self._person(id):
                said = replace(said, text=said.text.replace(f"<@{id}>", f"<@{id}|{person.name}>"))
        if said.zone or not said.author.id:
            return said
        author = await self._person(said.author.id)
        return (
            said.by(name=author.name, zone=author.zone, kind=_kind(said, author))
            if author
            else replace(said, kind=PersonKind.UNKNOWN)
        )

    async def _person(self, id: str) -> ChatPerson | None:
        try:
            return await self._chat.person(id)
        except (TryAgain, GaveUp):
            return None


def _kind(said: Said, author: ChatPerson) -> PersonKind:
    """What the author is. Who clicks in another workspace acts as one of that, even if also at home in ours."""
    return said.kind if said.kind is PersonKind.STRANGER else author.kind
