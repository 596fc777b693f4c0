"""Messages that people mark for the timeline: with an emoji or a shortcut; and what is done to them afterwards.

Above, what Slack sends becomes what somebody did; below, a message is looked at and marked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot import log
from bot.incident import Person, Source
from bot.ports import GaveUp, TryAgain
from bot.said import Quote, Said
from bot.slack.hearing import Payload, as_typed, instant, mentioned
from bot.slack.pace import First, Pace
from bot.slack.people import People

PIN = "pushpin"
"""The emoji that marks a message for the timeline."""
NOTED = "memo"
"""The emoji with which we say that a message is in the timeline."""
FILES = 5
"""So many files of a message are named."""
_EVENTS = {"reaction_added": "pin_added", "reaction_removed": "pin_removed"}


def from_reaction(body: Payload) -> Said | None:
    """Somebody put our emoji on a message or took it off; None for all other emoji, and things that are no messages."""
    event = body["event"]
    item = event.get("item") or {}
    if event.get("reaction") != PIN or item.get("type") != "message" or not event.get("user"):
        return None
    channel = str(item.get("channel") or "")
    return Said(
        key=f"event:{body['event_id']}",
        text="",
        author=Person(id=str(event["user"])),
        at=instant(event.get("event_ts") or body.get("event_time")),
        source=Source(type="reaction"),
        channel=channel,
        button=_EVENTS[str(event["type"])],
        value=f"{channel}/{item.get('ts')}",
    )


def from_message(body: Payload) -> Said | None:
    """A message was edited or deleted; None for new messages, which are nobody's business but their readers'."""
    event = body["event"]
    channel = str(event.get("channel") or "")
    now, before = event.get("message") or {}, event.get("previous_message") or {}
    match event.get("subtype"):
        case "message_changed" if _content(now) != _content(before):
            button, id = "message_changed", str(now.get("ts") or "")
        case "message_deleted":
            button, id = "message_deleted", str(event.get("deleted_ts") or before.get("ts") or "")
        case _:
            return None
    editor = str((now.get("edited") or {}).get("user") or "") if button == "message_changed" else ""
    return Said(
        key=f"event:{body['event_id']}",
        text=_quoted(channel, now).words if button == "message_changed" else "",
        author=Person(id=editor),
        at=instant(event.get("event_ts") or event.get("ts") or body.get("event_time")),
        source=Source(type="reaction"),
        button=button,
        value=f"{channel}/{id}",
    )


def from_shortcut(body: Payload) -> Said:
    """A shortcut, on a message or anywhere. It has no time of its own but that of its trigger."""
    user, channel = body["user"], str((body.get("channel") or {}).get("id") or "")
    message = body.get("message")
    told = {"response_url": body.get("response_url"), "channel": channel, "user": user["id"]}
    return Said(
        key=f"shortcut:{body['trigger_id']}",
        text="",
        author=Person(id=str(user["id"]), name=str(user.get("username") or user.get("name") or "")),
        at=instant(body["action_ts"]),
        source=Source(type="shortcut"),
        channel=channel,
        button=str(body["callback_id"]),
        quote=_quoted(channel, {"ts": body.get("message_ts"), **message}) if message else None,
        trigger=str(body["trigger_id"]),
        reply_to={word: str(value) for word, value in told.items() if value},
    )


def _content(message: Mapping[str, Any]) -> tuple[str, list[str]]:
    """What of a message concerns a timeline; unfurled links and new replies do not."""
    return str(message.get("text") or ""), [str(file.get("id")) for file in message.get("files") or ()]


def _quoted(channel: str, message: Mapping[str, Any]) -> Quote:
    """A message as Slack tells it. Who marked it is known only where its reactions come with it."""
    profile = message.get("bot_profile") or {}
    name = str(message.get("username") or profile.get("name") or "")
    pins = [r for r in message.get("reactions") or () if r.get("name") == PIN]
    return Quote(
        channel=channel,
        id=str(message.get("ts") or ""),
        text=as_typed(str(message.get("text") or "")),
        at=instant(message.get("ts")),
        author=Person(id=str(message.get("user") or message.get("bot_id") or ""), name=name),
        url=str(message.get("permalink") or ""),
        files=tuple(_file(file) for file in (message.get("files") or ())[:FILES]),
        pinned_by=tuple(str(user) for pin in pins for user in pin.get("users") or ()),
    )


def _file(file: Mapping[str, Any]) -> str:
    """An image or another file by its name, with its address."""
    kind = "image" if str(file.get("mimetype") or "").startswith("image/") else "file"
    name = str(file.get("title") or file.get("name") or file.get("id") or "")
    return " ".join(filter(None, (kind, name, str(file.get("permalink") or file.get("url_private") or ""))))


class Quotes:
    """Looks at messages, and marks those that are in a timeline."""

    def __init__(self, pace: Pace, people: People) -> None:
        self._pace = pace
        self._people = people

    async def look(self, channel: str, message: str) -> Quote:
        """A message with who marked it; needs no history scope. Raises TryAgain or GaveUp (message_not_found)."""
        answer = await self._pace.call(
            "reactions.get", first=First.RESULTS, channel=channel, timestamp=message, full=True
        )
        return await self.completed(_quoted(channel, answer["message"]))

    async def completed(self, quote: Quote) -> Quote:
        """The quote with names and address, as far as Slack tells them now."""
        text = quote.text
        for id in mentioned(text):
            text = text.replace(f"<@{id}>", f"<@{id}|{await self._name(id)}>")
        author = quote.author
        if author.id.startswith(("U", "W")):
            author = replace(author, name=await self._name(author.id, author.name))
        return replace(quote, text=text, author=author, url=quote.url or await self._address(quote))

    async def mark(self, quote: Quote, *, on: bool) -> None:
        """Put our emoji on the message, or take it off. Raises TryAgain or GaveUp."""
        method = "reactions.add" if on else "reactions.remove"
        try:
            await self._pace.call(method, first=First.DECORATION, channel=quote.channel, timestamp=quote.id, name=NOTED)
        except GaveUp as refused:
            if refused.reason not in {"already_reacted", "no_reaction"}:
                raise

    async def _name(self, id: str, otherwise: str = "") -> str:
        try:
            return (await self._people.person(id)).name
        except (TryAgain, GaveUp):
            return otherwise or id

    async def _address(self, quote: Quote) -> str:
        try:
            words = {"channel": quote.channel, "message_ts": quote.id}
            return str((await self._pace.call("chat.getPermalink", first=First.RESULTS, **words))["permalink"])
        except (TryAgain, GaveUp) as problem:
            log.event("capture.no-address", level=logging.DEBUG, reason=problem.reason)
            return ""
