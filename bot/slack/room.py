"""The incident's channel as a place: what became of it, putting it away and bringing it back, what hangs on it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from bot.incident import Channel, Person, Room, Source
from bot.ports import ChannelNow, GaveUp
from bot.said import Said
from bot.slack.hearing import Payload, instant
from bot.slack.pace import First, Pace

CHANNEL_EVENTS = frozenset(
    f"{kind}_{what}" for kind in ("channel", "group") for what in ("archive", "deleted", "left", "rename", "unarchive")
)
"""What Slack tells of channels that we are in."""
_GONE = {"message_not_found", "not_pinnable"}


def from_change(body: Payload, *, now: datetime) -> Said:
    """What people did to a channel: one of CHANNEL_EVENTS, when they did it. Nobody waits for an answer."""
    event = body["event"]
    stamp = event.get("event_ts") or body.get("event_time")
    named = event.get("channel") or ""
    return Said(
        key=f"event:{body['event_id']}",
        text="",
        author=Person(),
        at=min(instant(stamp), now) if stamp else now,
        source=Source(),
        channel=str(named.get("id") or "") if isinstance(named, Mapping) else str(named),
        button="channel_changed",
        value=str(event["type"]),
    )


class Rooms:
    """Channels as places."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace

    async def now(self, channel: Channel, *, private: bool) -> ChannelNow:
        """What became of it. A private channel that we do not see may be gone, or we were taken out of it."""
        try:
            answer = await self._pace.call("conversations.info", first=First.DECORATION, channel=channel.id)
        except GaveUp as refused:
            if refused.reason != "channel_not_found":
                raise
            return ChannelNow(name=channel.name, room=Room.LEFT if private else Room.GONE)
        seen = answer["channel"]
        room = Room.OPEN if seen.get("is_member") else Room.LEFT
        return ChannelNow(name=str(seen["name"]), room=Room.ARCHIVED if seen.get("is_archived") else room)

    async def archive(self, channel: str) -> None:
        """Put it away; its history stays."""
        await self._done("conversations.archive", channel, already="already_archived")

    async def unarchive(self, channel: str) -> None:
        """Bring it back."""
        await self._done("conversations.unarchive", channel, already="not_archived")

    async def join(self, channel: str) -> None:
        """Come back into a public channel."""
        try:
            await self._pace.call("conversations.join", first=First.OPEN, channel=channel)
        except GaveUp as refused:
            if refused.reason not in {"method_not_supported_for_channel_type", "channel_not_found"}:
                raise
            fix = "/invite the bot into its channel; until then nothing is shown there."
            raise GaveUp("Muster was taken out of the private channel.", reason=refused.reason, fix=fix) from refused

    async def pin(self, channel: str, message: str) -> None:
        """Pin a message, if it is still there."""
        try:
            await self._pace.call("pins.add", first=First.DECORATION, channel=channel, timestamp=message)
        except GaveUp as refused:
            if refused.reason not in {"already_pinned", *_GONE}:
                raise

    async def bookmarked(self, channel: str, link: str) -> bool:
        """Whether the channel's bar carries this link; where we may not look we believe it."""
        try:
            listed = await self._pace.call("bookmarks.list", first=First.DECORATION, channel_id=channel)
        except GaveUp as refused:
            if refused.reason != "missing_scope":
                raise
            return True
        return any(mark.get("link") == link for mark in listed.get("bookmarks") or ())

    async def bookmark(self, channel: str, *, title: str, link: str) -> None:
        """Put a link on the channel's bar."""
        words = {"channel_id": channel, "title": title, "type": "link", "link": link}
        await self._pace.call("bookmarks.add", first=First.DECORATION, **words)

    async def _done(self, method: str, channel: str, *, already: str) -> None:
        try:
            await self._pace.call(method, first=First.OPEN, channel=channel)
        except GaveUp as refused:
            if refused.reason != already:
                raise
