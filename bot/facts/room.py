"""What became of the incident's channel, and what hangs on it."""

from __future__ import annotations

from dataclasses import dataclass

from bot.facts.fact import Fact, What
from bot.incident import Channel, Incident, Room


@dataclass(frozen=True, kw_only=True)
class ChannelSeen(What):
    """Somebody looked at the channel: it is called so, and it is open, archived, gone, or we are not in it.

    `entries`: how many there were when people changed it; what was said after that is still to be shown there.
    """

    name: str
    room: Room
    entries: int | None = None

    def add_to(self, incident: Incident, fact: Fact) -> None:
        view = incident.view
        if view.channel:
            view.channel = Channel(id=view.channel.id, name=self.name or view.channel.name)
        view.room = self.room
        view.quiet_since = len(incident.entries) if self.entries is None else self.entries


@dataclass(frozen=True, kw_only=True)
class CardPinned(What):
    """The card with this message id is pinned."""

    message: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.pinned = self.message


@dataclass(frozen=True, kw_only=True)
class Bookmarked(What):
    """The channel's bar carries this link."""

    link: str

    def add_to(self, incident: Incident, fact: Fact) -> None:
        incident.view.bookmarks = (*incident.view.bookmarks, self.link)
