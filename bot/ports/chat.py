"""The workspace where people talk, in our words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bot.incident import Channel, Incident, Person, Room

if TYPE_CHECKING:
    from bot.overview import Overview
    from bot.said import Form, Quote
    from bot.triage.proposal import Proposal


class Intents(Protocol):
    """Remembers that a call which must not happen twice is about to be made."""

    async def first(self, key: str) -> bool:
        """True the first time. False afterwards: then its outcome is unknown and must be looked up first."""


def card_key(incident: Incident) -> str:
    """The intent to post the card of this incident."""
    return f"card:{incident.id}"


class Chat(Protocol):
    """The workspace where people talk. Every method may be called again: nothing is ever made twice.

    All raise TryAgain (later makes sense) or GaveUp (reason: the chat's own word, fix: what a person can do).
    """

    async def open_channel(self, incident: Incident) -> Channel:
        """The incident's channel, created or found again."""

    async def show_card(self, incident: Incident, *, now: datetime, fresh: bool = False) -> str:
        """Post the one card into the channel, or find it again; its message id.

        `fresh`: the intent of this name (`card_key`) was just written down, and nobody can have posted it before.
        """

    async def edit_card(self, incident: Incident, *, now: datetime) -> None:
        """Bring the card up to date."""

    async def announce(self, incident: Incident, where: str, *, now: datetime) -> tuple[str, str]:
        """Tell a channel (name or id), or find the announcement again; its channel and message ids."""

    async def edit_announcement(self, incident: Incident, at: tuple[str, str], *, now: datetime) -> None:
        """Bring one announcement up to date."""

    async def invite(self, incident: Incident, people: Sequence[str]) -> Mapping[str, str]:
        """Invite people (@group, e-mail or id); per person "invited" or the reason why not."""

    async def set_topic(self, incident: Incident) -> str:
        """Set the channel's topic to what the incident says now; the topic."""

    async def channel_now(self, incident: Incident) -> ChannelNow:
        """What became of the incident's channel."""

    async def archive(self, incident: Incident) -> None:
        """Put the incident's channel away."""

    async def unarchive(self, incident: Incident) -> None:
        """Bring the incident's channel back."""

    async def join(self, incident: Incident) -> None:
        """Come back into the incident's channel. GaveUp where only people can invite us."""

    async def pin_card(self, incident: Incident) -> None:
        """Pin the card."""

    async def bookmark(self, incident: Incident, *, title: str, link: str) -> None:
        """Put a link on the channel's bar."""

    async def remind(self, incident: Incident, about: str) -> str:
        """Say what is missing, in the message of before if there is one; its message id."""

    async def hand_over(self, incident: Incident, *, role: str, giver: Person, taker: Person, key: str) -> None:
        """Tell the channel, the giver and the taker of a role who has it now, once per key."""

    async def post_draft(self, incident: Incident, files: Mapping[str, bytes]) -> str:
        """Hand out the postmortem draft (name → bytes) in the channel, once per closing; its message id."""

    async def reply(self, reply_to: Mapping[str, str], text: str) -> None:
        """Answer one person privately where they spoke."""

    async def report(self, channel: str, text: str, key: str) -> None:
        """Post one plain message into a channel (name or id), once per key."""

    async def propose(self, proposal: Proposal, where: str) -> tuple[str, str]:
        """Ask in a channel (name or id) whether this is an incident, or find the question again; its channel and
        message ids."""

    async def edit_proposal(self, proposal: Proposal) -> None:
        """Bring the card of a proposal up to date."""

    async def look(self, channel: str, message: str) -> Quote:
        """A message as it is now, with who has marked it for the timeline. GaveUp `message_not_found`: it is gone."""

    async def completed(self, quote: Quote) -> Quote:
        """The quote with names and address, as far as they can be found."""

    async def mark(self, quote: Quote, *, on: bool) -> None:
        """Show at the message that it is in the timeline, or take that away."""

    async def open_form(self, trigger: str, form: Form) -> None:
        """Open a form for whoever pulled the trigger. GaveUp `expired_trigger_id` after three seconds."""

    async def show_overview(self, user: str, overview: Overview) -> None:
        """Bring a person's own page up to date."""

    async def in_channel(self, channel: str) -> frozenset[str]:
        """The ids of those who are in the channel."""

    async def withdraw(self, incident: Incident, channel: Channel, card: str) -> None:
        """Take what shows of an incident out of a channel that it has left: card, topic, name."""

    async def person(self, id: str) -> ChatPerson:
        """Who this is; cached."""

    async def members(self, word: str) -> frozenset[str]:
        """The ids that `@group`, an e-mail address or an id stands for, now."""


@dataclass(frozen=True, kw_only=True)
class ChannelNow:
    """What a channel is called and whether it can be written in."""

    name: str
    room: Room


class PersonKind(StrEnum):
    """What somebody is in the workspace. `unknown`: the chat could not be asked."""

    MEMBER = "member"
    GUEST = "guest"
    SINGLE_CHANNEL_GUEST = "single-channel guest"
    STRANGER = "stranger"
    BOT = "bot"
    DEACTIVATED = "deactivated"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class ChatPerson:
    """Somebody in the workspace: `zone` is an IANA name, `kind` decides what they may do."""

    id: str
    name: str
    zone: str = "UTC"
    kind: PersonKind = PersonKind.MEMBER

    @property
    def active(self) -> bool:
        """Whether they can be reached at all."""
        return self.kind is not PersonKind.DEACTIVATED
