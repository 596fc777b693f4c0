"""Messages that must be posted once: each carries its key in its metadata, by which it is found again."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from typing import Any

from bot.ports import GaveUp, Intents
from bot.slack.blocks import TEXT, cut
from bot.slack.pace import Answer, First, Pace
from bot.slack.render import Message

EVENT = "muster"
LOOK_BACK = 200
"""So many messages back a lost one is looked for; Slack may give less."""
PAGES = 20
_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
_BLIND = frozenset({"missing_scope", "not_in_channel", "channel_not_found"})
"""Refusals that mean that we cannot look; then one message too many is better than none."""


def is_id(word: str) -> bool:
    """Whether it is the id of a channel, not its name."""
    return _ID.fullmatch(word) is not None


def address(name: str) -> str:
    """How chat.postMessage wants a channel: its id, or # and its name."""
    return name if is_id(name) else "#" + name.removeprefix("#")


class Messages:
    """Posts, finds and edits messages of ours."""

    def __init__(self, pace: Pace, intents: Intents) -> None:
        self._pace = pace
        self._intents = intents

    async def post_once(
        self, key: str, channel: str, message: Message, *, first: First, thread: str = "", fresh: bool = False
    ) -> tuple[str, str]:
        """Post the message with this key, or find it again; its channel and message ids.

        `fresh`: the intent is on disk, and nobody can have acted on it yet.
        """
        if not (fresh or await self._intents.first(key)) and (found := await self._find(key, channel, thread)):
            return found
        words: dict[str, Any] = {"blocks": message.blocks} if message.blocks else {}
        words |= {"thread_ts": thread} if thread else {}
        answer = await self._pace.call(
            "chat.postMessage",
            first=first,
            channel=channel,
            text=message.text,
            metadata={"event_type": EVENT, "event_payload": {"key": key}},
            unfurl_links=False,
            unfurl_media=False,
            **words,
        )
        return str(answer["channel"]), str(answer["ts"])

    async def edit(self, channel: str, ts: str, message: Message, *, first: First) -> None:
        """Give a message of ours new content. Raises GaveUp `message_not_found` when somebody deleted it."""
        text = cut(message.text, TEXT)
        await self._pace.call("chat.update", first=first, channel=channel, ts=ts, text=text, blocks=message.blocks)

    async def recent(self, channel: str, *, thread: str = "") -> list[Answer]:
        """The last messages of a channel or thread with their metadata; none where we may not look."""
        method, more = ("conversations.replies", {"ts": thread}) if thread else ("conversations.history", {})
        try:
            answer = await self._pace.call(
                method, first=First.OPEN, channel=channel, limit=LOOK_BACK, include_all_metadata=True, **more
            )
        except GaveUp as refused:
            if refused.reason in _BLIND:
                return []
            raise
        return list(answer.get("messages", ()))

    async def joined_channels(self, *, private: bool) -> AsyncIterator[Answer]:
        """The channels that we are in."""
        cursor = ""
        for _ in range(PAGES):
            answer = await self._pace.call(
                "users.conversations",
                first=First.OPEN,
                types="private_channel" if private else "public_channel",
                exclude_archived=True,
                limit=999,
                **({"cursor": cursor} if cursor else {}),
            )
            for channel in answer.get("channels", ()):
                yield channel
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return

    async def _find(self, key: str, channel: str, thread: str) -> tuple[str, str] | None:
        if channel.startswith("#"):
            channel = await self._id_of(channel)
        for message in await self.recent(channel, thread=thread) if channel else []:
            metadata = message.get("metadata") or {}
            ours = metadata.get("event_type") == EVENT and "bot_id" in message
            if ours and (metadata.get("event_payload") or {}).get("key") == key:
                return channel, str(message["ts"])
        return None

    async def _id_of(self, name: str) -> str:
        """The id of a channel that we are in; empty when we are in none of this name."""
        for private in (False, True):
            try:
                async for channel in self.joined_channels(private=private):
                    if channel.get("name") == name.removeprefix("#"):
                        return str(channel["id"])
            except GaveUp as refused:
                if refused.reason not in _BLIND:
                    raise
        return ""
