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
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from bot.incident import Change, Channel, Incident, Person, Room

if TYPE_CHECKING:
    from bot.overview import Overview
    from bot.proposal import Proposal
    from bot.said import Form, Quote


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


@dataclass(frozen=True, kw_only=True)
class GroupState:
    """What one group of a monitor says now: a host, a service. `name` and `tags` are the source's own words.

    `status` is alert, warn, no data, ok, … in small letters; `muted`: somebody asked for silence.
    """

    monitor_id: str
    name: str
    status: str
    tags: tuple[str, ...] = ()
    monitor: str = ""
    triggered_at: datetime | None = None
    muted: bool = False
    priority: str = ""
    monitor_tags: tuple[str, ...] = ()

    @property
    def bad(self) -> bool:
        """Whether something is wrong now."""
        return self.status in {"alert", "warn", "no data"}


@dataclass(frozen=True, kw_only=True)
class MonitorState:
    """What the alert's source says of its monitor now, as a whole and of each group that it names."""

    state: str
    link: str
    name: str = ""
    groups: tuple[GroupState, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Groups of monitors; `complete` says whether the source told all of them."""

    groups: tuple[GroupState, ...]
    complete: bool = True


@dataclass(frozen=True, kw_only=True)
class Series:
    """A measured line: its points in order of time (aware UTC), what it is about, and its unit's short name."""

    points: tuple[tuple[datetime, float], ...]
    about: str = ""
    unit: str = ""


@dataclass(frozen=True, kw_only=True)
class LogLine:
    """One log message that somebody's program wrote."""

    at: datetime
    text: str
    host: str = ""
    status: str = ""


@dataclass(frozen=True, kw_only=True)
class Logs:
    """The newest lines that a search found; `more` says that there are others."""

    lines: tuple[LogLine, ...]
    more: bool = False


@dataclass(frozen=True, kw_only=True)
class Silence:
    """A wish for quiet: one monitor, one group of it, until then. `text` says whose wish it is."""

    monitor_id: str
    group: GroupState
    until: datetime
    text: str


@dataclass(frozen=True, kw_only=True)
class Marker:
    """Something that the source is to show beside its graphs. `key` names this one alone.

    `mood` is error, warning, success or info. `together` names what belongs together.
    """

    key: str
    together: str
    title: str
    text: str
    at: datetime
    mood: str = "info"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Mirrored:
    """An incident as the source's own incident list shows it; `key` makes it the same one for ever."""

    key: str
    title: str
    state: str
    severity: str
    declared_at: datetime
    detected_at: datetime | None = None
    resolved_at: datetime | None = None


class Metrics(Protocol):
    """The system that raised the alert, asked for more. Optional: everything works without it.

    All raise TryAgain or GaveUp within their own time limit; `fix` says what a person can do, such as which scope
    is missing. Times are aware UTC.
    """

    async def monitor(self, monitor_id: str) -> MonitorState:
        """The monitor's state and link, and the groups of it that are not well."""

    async def groups(self, query: str, *, bad: bool = True) -> Groups:
        """The groups of monitors that this search finds, in few pages; `bad`: only those that are not well."""

    async def series(self, query: str, *, start: datetime, end: datetime) -> Sequence[Series]:
        """The lines that this query draws."""

    async def logs(self, query: str, *, start: datetime, end: datetime, most: int) -> Logs:
        """The newest log messages that this search finds."""

    async def changes(self, query: str, *, start: datetime, end: datetime, most: int) -> Sequence[Change]:
        """Deployments and changes that this search of events finds, newest first."""

    def links(self, *, monitor_id: str, host: str, start: datetime, end: datetime) -> Mapping[str, str]:
        """Pages for people, by name, already set to this monitor, host and time; asks nobody."""

    async def mark(self, marker: Marker) -> None:
        """Show this beside the graphs."""

    async def marked(self, marker: Marker) -> bool:
        """Whether this is shown already."""

    async def silence(self, wish: Silence) -> str:
        """Be quiet about this group; the id under which it ends."""

    async def silenced(self, wish: Silence) -> str:
        """The id of this very silence where it began already, else nothing."""

    async def end_silence(self, id: str) -> None:
        """Be no longer quiet. Ending what has ended is no mistake."""

    async def mirror(self, shown: Mirrored) -> str:
        """Put the incident into the source's own list; its id there. Never twice for one key after `mirrored`."""

    async def mirrored(self, key: str) -> str:
        """The id of the incident with this key in the source's own list, else nothing."""

    async def update_mirror(self, id: str, shown: Mirrored) -> None:
        """Bring the incident in the source's own list up to date."""
