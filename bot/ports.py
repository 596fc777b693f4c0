"""The neighbours in our own words, and the few ways in which they may fail.

    Exception
    ├── NotAllowed   a person asked for what cannot be: the text is the reply
    ├── TryAgain     a neighbour is busy or away: asking again later makes sense
    ├── GaveUp       a neighbour said no for good: record it, say it, go on with the rest
    └── …            anything else is our own mistake and is caught only at named boundaries

Adapters translate their library's errors into these; nobody else sees a library's error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.incident import Channel, Incident


class NotAllowed(Exception):
    """A person asked for what cannot be. The text says what was not done, why, and what to do next."""


class TryAgain(Exception):
    """A neighbour is busy, away or too slow; `after` is the number of seconds it asked us to wait."""

    def __init__(self, text: str, *, reason: str = "unavailable", after: float | None = None) -> None:
        super().__init__(text)
        self.reason = reason
        self.after = after


class GaveUp(Exception):
    """A neighbour said no for good. `reason` is its own short word, `fix` what a person can do about it."""

    def __init__(self, text: str, *, reason: str = "refused", fix: str = "") -> None:
        super().__init__(text)
        self.reason = reason
        self.fix = fix


class Intents(Protocol):
    """Remembers that a call which must not happen twice is about to be made."""

    async def first(self, key: str) -> bool:
        """True the first time. False afterwards: then its outcome is unknown and must be looked up first."""


class Chat(Protocol):
    """The workspace where people talk. Every method may be called again: nothing is ever made twice.

    All raise TryAgain (later makes sense) or GaveUp (reason: the chat's own word, fix: what a person can do).
    """

    async def open_channel(self, incident: Incident) -> Channel:
        """The incident's channel, created or found again."""

    async def show_card(self, incident: Incident, *, now: datetime) -> str:
        """Post the one card into the channel, or find it again; its message id."""

    async def edit_card(self, incident: Incident, *, now: datetime) -> None:
        """Bring the card up to date."""

    async def announce(self, incident: Incident, *, now: datetime) -> tuple[str, str]:
        """Tell the announce channel, or find the announcement again; its channel and message ids."""

    async def edit_announcement(self, incident: Incident, *, now: datetime) -> None:
        """Bring the announcement up to date."""

    async def invite(self, incident: Incident, people: Sequence[str]) -> Mapping[str, str]:
        """Invite people (@group, e-mail or id); per person "invited" or the reason why not."""

    async def set_topic(self, incident: Incident) -> str:
        """Set the channel's topic to what the incident says now; the topic."""

    async def post_draft(self, incident: Incident, files: Mapping[str, bytes]) -> str:
        """Hand out the postmortem draft (name → bytes) in the channel, once per closing; its message id."""

    async def reply(self, reply_to: Mapping[str, str], text: str) -> None:
        """Answer one person privately where they spoke."""

    async def report(self, channel: str, text: str, key: str) -> None:
        """Post one plain message into a channel (name or id), once per key."""

    async def person(self, id: str) -> ChatPerson:
        """Who this is; cached."""

    async def members(self, word: str) -> frozenset[str]:
        """The ids that `@group`, an e-mail address or an id stands for, now."""


@dataclass(frozen=True, kw_only=True)
class ChatPerson:
    """A member of the workspace: `zone` is an IANA name, `guest` and `active` decide what they may do."""

    id: str
    name: str
    zone: str = "UTC"
    guest: bool = False
    active: bool = True


@dataclass(frozen=True, kw_only=True)
class MonitorState:
    """What the alert's source says of its monitor now."""

    state: str
    link: str
    name: str = ""


class Metrics(Protocol):
    """The system that raised the alert, asked for more. Optional: everything works without it."""

    async def monitor(self, monitor_id: str) -> MonitorState:
        """The monitor's state and link. Raises TryAgain or GaveUp within its own time limit."""
