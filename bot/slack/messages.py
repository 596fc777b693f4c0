"""Messages that must be posted once: each carries its key in its metadata, by which it is found again."""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

from bot.ports import GaveUp, Intents, TryAgain
from bot.slack.blocks import TEXT, cut
from bot.slack.doublets import Doublets
from bot.slack.errors import fix_for
from bot.slack.pace import Answer, First, Pace
from bot.slack.render import Message

EVENT = "muster"
LOOK_BACK = 200
"""So many messages back a lost one is looked for; Slack may give less."""
PAGES = 20
_ID = re.compile(r"[CGD][A-Z0-9]{6,}")
_BLIND = frozenset({"missing_scope", "not_in_channel", "channel_not_found"})
"""Refusals that mean that we cannot look."""
_NOTHING_DONE = frozenset({"paced", "ratelimited"})
"""Why a call was not made, or certainly did nothing."""


def is_id(word: str) -> bool:
    """Whether it is the id of a channel, not its name."""
    return _ID.fullmatch(word) is not None


def address(name: str) -> str:
    """How chat.postMessage wants a channel: its id, or # and its name."""
    return name if is_id(name) else "#" + name.removeprefix("#")


class Messages:
    """Posts, finds and edits messages of ours."""

    def __init__(self, pace: Pace, intents: Intents, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._pace = pace
        self._intents = intents
        self._undone: set[str] = set()
        self.doublets = Doublets(pace, recent=self.recent, key_of=_key_of, clock=clock)

    async def post_once(
        self,
        key: str,
        channel: str,
        message: Message,
        *,
        first: First,
        thread: str = "",
        fresh: bool = False,
        certain: bool = False,
    ) -> tuple[str, str]:
        """Post the message with this key, or find it again; its channel and message ids.

        `fresh`: the intent is on disk, and nobody can have acted on it yet. Where we may not look for what an earlier
        attempt made, one message too many is better than none; a `certain` one is rather not posted: GaveUp.
        """
        again = not (fresh or await self._intents.first(key))
        sure = certain and key not in self._undone
        if again and (found := await self._find(key, channel, thread, certain=sure)):
            self.doublets.found(key, found[1])
            return found
        at, ts = await self._post(key, channel, message, first=first, thread=thread)
        if again:
            self.doublets.posted_again(key, at, ts, thread)
        return at, ts

    async def _post(self, key: str, channel: str, message: Message, *, first: First, thread: str) -> tuple[str, str]:
        """Post it; where that certainly did nothing, remember it."""
        self._undone.discard(key)
        try:
            return await self._call(key, channel, message, first=first, thread=thread)
        except (TryAgain, GaveUp) as problem:
            if isinstance(problem, GaveUp) or problem.reason in _NOTHING_DONE:
                self._undone.add(key)
            raise

    async def _call(self, key: str, channel: str, message: Message, *, first: First, thread: str) -> tuple[str, str]:
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

    async def recent(self, channel: str, thread: str = "", *, certain: bool = False) -> list[Answer]:
        """The last messages of a channel or thread with their metadata; none where we may not look, or GaveUp where
        we must be `certain`."""
        method, more = ("conversations.replies", {"ts": thread}) if thread else ("conversations.history", {})
        try:
            answer = await self._pace.call(
                method, first=First.OPEN, channel=channel, limit=LOOK_BACK, include_all_metadata=True, **more
            )
        except GaveUp as refused:
            if refused.reason in _BLIND and not certain:
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

    async def _find(self, key: str, channel: str, thread: str, *, certain: bool) -> tuple[str, str] | None:
        if channel.startswith("#"):
            channel = await self._id_of(channel)
        if certain and not channel:
            text = "It is not known whether this was posted already: Muster is not in the channel."
            raise GaveUp(text, reason="not_in_channel", fix=fix_for("not_in_channel", {}))
        for message in await self.recent(channel, thread, certain=certain) if channel else []:
            if _key_of(message) == key:
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


def _key_of(message: Answer) -> str:
    """The key of a message of ours; empty for all others."""
    metadata = message.get("metadata") or {}
    if metadata.get("event_type") != EVENT or "bot_id" not in message:
        return ""
    return str((metadata.get("event_payload") or {}).get("key") or "")
