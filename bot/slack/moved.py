"""A channel that its incident has left, because it became private: nothing of ours in it tells any more what it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from bot.incident import Channel, Incident
from bot.ports import GaveUp
from bot.slack.blocks import section
from bot.slack.messages import Messages
from bot.slack.pace import First, Pace
from bot.slack.render import Message

GONE = frozenset({"message_not_found", "is_archived", "channel_not_found"})
"""Refusals that mean that there is nothing to be seen any more."""


def moved(incident: Incident) -> Message:
    """What stands where the card was."""
    told = f"{incident.id} goes on elsewhere, in private."
    return Message(text=told, blocks=[section(told)])


async def withdraw(pace: Pace, messages: Messages, incident: Incident, channel: Channel, card: str) -> None:
    """Empty the card, the topic and the name. Raises TryAgain or GaveUp: call it again."""
    name = f"moved-{incident.number}-{channel.id.lower()[-6:]}"
    todo: list[Callable[[], Awaitable[object]]] = [
        lambda: pace.call("conversations.setTopic", first=First.RESULTS, channel=channel.id, topic="Moved"),
        lambda: pace.call("conversations.rename", first=First.RESULTS, channel=channel.id, name=name),
    ]
    if card:
        todo.insert(0, lambda: messages.edit(channel.id, card, moved(incident), first=First.CARD))
    for call in todo:
        try:
            await call()
        except GaveUp as refused:
            if refused.reason not in GONE:
                raise
