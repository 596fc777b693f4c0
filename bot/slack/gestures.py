"""What people do besides talking: emoji, shortcuts, forms, the Home tab; each told to whoever listens.

Before the ack nothing is called but our own record.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine
from datetime import datetime
from typing import Any

from bot.said import Said
from bot.slack import home
from bot.slack.capture import from_message, from_reaction, from_shortcut
from bot.slack.hearing import Payload
from bot.slack.listeners import Heard, Listeners
from bot.slack.modals import FORMS, from_submission, wrong
from bot.slack.room import CHANNEL_EVENTS, from_change

SHORTCUTS = {"declare_incident": "Declare an incident"}
"""The shortcuts that can be used anywhere, and how they are called."""
MESSAGE_SHORTCUTS = {"add_to_timeline": "Add to timeline", "declare_from_message": "Declare from message"}
"""The shortcuts on messages."""


class Gestures:
    """Reads what people do. `concerns` says whether something that happened to a message is about a timeline of ours;
    `looks` is called after somebody has opened the Home tab."""

    def __init__(
        self,
        *,
        concerns: Callable[[Said], Awaitable[bool]],
        looks: Callable[[str], Coroutine[Any, Any, None]],
        whoami: Callable[[], tuple[str, str]],
        now: Callable[[], datetime],
    ) -> None:
        self._concerns = concerns
        self._looks = looks
        self._whoami = whoami
        self._now = now

    def listen(self, listeners: Listeners) -> None:
        """Register a reader for each kind of payload."""
        listeners.on("reaction_added", self._on_reaction)
        listeners.on("reaction_removed", self._on_reaction)
        listeners.on("message", self._on_message)
        listeners.on("app_home_opened", self._on_home)
        for kind in CHANNEL_EVENTS:
            listeners.on(kind, self._on_channel)
        for name in SHORTCUTS:
            listeners.on(f"shortcut:{name}", self._on_shortcut)
        for name in MESSAGE_SHORTCUTS:
            listeners.on(f"message_action:{name}", self._on_shortcut)
        for name in FORMS:
            listeners.on(f"view_submission:{name}", self._on_submission)

    async def _on_reaction(self, body: Payload) -> Heard:
        return await self._if_ours(from_reaction(body))

    async def _on_message(self, body: Payload) -> Heard:
        """Edits and deletions; those of our own messages come from ourselves."""
        event = body["event"]
        shown = event.get("message") or event.get("previous_message") or {}
        ours = {id for id in self._whoami() if id} & {shown.get("bot_id"), shown.get("user")}
        return Heard() if ours else await self._if_ours(from_message(body))

    async def _on_channel(self, body: Payload) -> Heard:
        return await self._if_ours(from_change(body, now=self._now()))

    async def _if_ours(self, said: Said | None) -> Heard:
        """What is about no timeline is nobody's business, and is not kept."""
        return Heard(said=said if said and await self._concerns(said) else None)

    async def _on_shortcut(self, body: Payload) -> Heard:
        return Heard(said=from_shortcut(body))

    async def _on_submission(self, body: Payload) -> Heard:
        """A form with a mistake stays open and says so; nothing of it is kept, because it is all still there."""
        if errors := wrong(body):
            return Heard(ack={"response_action": "errors", "errors": errors})
        return Heard(said=from_submission(body, now=self._now()))

    async def _on_home(self, body: Payload) -> Heard:
        user = home.opened(body)
        return Heard(then=(lambda: self._looks(user)) if user else None)
